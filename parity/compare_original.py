"""Repeats with swiftvis what original.py did with keras-vis 0.4.1, and prints how far apart the results are.

python compare_original.py FOLDER; the exit code is 1 where a difference is too large.
"""

from __future__ import annotations

import ast
import sys
import warnings
from pathlib import Path

import numpy as np
from report import Report

import swiftvis
from swiftvis.visualization import legacy

# Jet has 256 colors, 4 apart on its slopes: rounding may take the next but one.
PICTURE = 8


def repeated(model: swiftvis.Model, image: np.ndarray, key: str) -> np.ndarray:
    call, *arguments = key.split("|")
    if call == "predict":
        return model.predict(image)
    layer, filters, *modifiers = map(value, arguments)
    if call == "raw":
        return model.gradient(image, layer, filters)
    if call == "saliency":
        modifier, rule = modifiers
        return legacy.visualize_saliency(model, layer, filters, image, rule, modifier)
    if call == "cam":
        return legacy.visualize_cam(model, layer, filters, image)
    return legacy.visualize_activation(
        model, layer, filters, seed_input=image * 255, max_iter=6, tv_weight=1.0, lp_norm_weight=1.0
    )


def value(text: str) -> object:
    if text == "none":
        return None
    return ast.literal_eval(text) if text[0] in "[-0123456789" else text


def main(folder: Path) -> int:
    report = Report("keras-vis 0.4.1")
    for path in sorted(folder.glob("*.npz")):
        model = swiftvis.load_model(path.with_suffix(".h5"))
        with np.load(path) as file:
            wanted = {key: file[key] for key in file}
        image = wanted.pop("input")
        for key, expected in wanted.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = repeated(model, image, key)
            if expected.dtype == np.uint8:
                difference = float(np.abs(found.astype(int) - expected).max())
                report.add(path.stem, key.replace("|", " "), difference, PICTURE, "levels")
            else:
                report.add(path.stem, key.replace("|", " "), relative(found, expected), 1e-4)
    return report.finish()


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
