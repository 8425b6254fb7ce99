"""One network imported from Keras, from PyTorch and from ONNX: the time of a gradient should not depend on the source.

usage: python benchmarks/imported.py [--networks resnet50 ...] [--turns 10] [--seconds 0.5]

PyTorch's module, and the ONNX file that it exports, have the weights of the Keras file, and images with the channels first.
The goal is a time within 10% of the Keras file's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from networks import CACHE, NETWORKS, ensure, images

import swiftvis

SOURCES = ("Keras", "PyTorch", "ONNX")


def imported(name: str, folder: Path = CACHE) -> dict[str, swiftvis.Model]:
    """The network's model by source."""
    import torch

    module = torch.load(folder / f"{name}.pt", weights_only=False)  # written by torch_network.py
    example = torch.from_numpy(first(images(name)))
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, f"{name}.onnx")
        torch.onnx.export(module, (example,), path, dynamo=True, verbose=False)
        onnx = swiftvis.load_model(path)
    keras = swiftvis.load_model(folder / f"{name}.keras")
    return {"Keras": keras, "PyTorch": swiftvis.from_torch(module, example), "ONNX": onnx}


def first(x: np.ndarray) -> np.ndarray:
    """With the channels first."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def measure(name: str, turns: int, seconds: float) -> dict[str, float]:
    """The fastest call of each source, in turns. The gradients are checked against the Keras file's."""
    ensure([name])
    models, x = imported(name), images(name)
    calls: dict[str, Callable[[], np.ndarray]] = {}
    for source, model in models.items():
        given = x if source == "Keras" else first(x)
        calls[source] = lambda m=model, given=given: m.gradient(given, m.outputs[0], 0)
    expected = first(calls["Keras"]())
    for source in SOURCES[1:]:
        correlation = np.corrcoef(calls[source]().ravel(), expected.ravel())[0, 1]
        if not correlation > 0.99:
            raise RuntimeError(
                f"{name} from {source} has another gradient: the correlation is {correlation:.4f}"
            )
    best = dict.fromkeys(SOURCES, float("inf"))
    for _ in range(turns):
        for source, call in calls.items():
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                start = time.perf_counter()
                call()
                best[source] = min(best[source], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["resnet50"])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    print(
        "| network | Keras ms | PyTorch ms | ONNX ms | PyTorch / Keras | ONNX / Keras |\n|---|" + "---:|" * 5
    )
    for name in options.networks:
        best = measure(name, options.turns, options.seconds)
        cells = [f"{best[source] * 1e3:.2f}" for source in SOURCES]
        cells += [f"{best[source] / best['Keras']:.2f}" for source in SOURCES[1:]]
        print(f"| {NETWORKS[name].title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
