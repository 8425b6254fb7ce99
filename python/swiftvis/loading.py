"""Which reader a model file belongs to, by its content first and its extension second."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _native
from .layers import Network
from .live import models, modules
from .live.objects import is_model
from .live.torch_objects import is_module
from .model import Model
from .replacements import Replacement, checked

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_KERAS = {".h5", ".hdf5", ".keras"}


def load_model(
    path: str | os.PathLike[str] | Any,
    *,
    input_shape: Any = None,
    replace: Mapping[str, Replacement] | None = None,
) -> Model:
    """Loads a trained model. No code from the file is run, and no framework is needed.

    Args:
        path: a Keras model (.h5, .hdf5, .keras) saved whole, an ONNX file (.onnx, with the `onnx` package), or swiftvis's
            own .safetensors; or a live model of Keras 3 or tf.keras, or a PyTorch module, as it is now (other functions
            take live models as they are, and follow their changes).
        input_shape: for ONNX, the input's shape in place of sizes that the file leaves open, batch axis first (1 or
            None); for several inputs a dict by name. For a PyTorch module the shape of its input: `swiftvis.from_torch`
            has more to say.
        replace: for Keras, what stands in for layers whose code is never run (Lambda, custom classes): by the layer's name,
            or "model_1/lambda_1" inside a nested model, a `swiftvis.Rescaling` or `swiftvis.Identity`.
    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, weights without a model, or layers that are not
            supported (each is named); `replace` names a layer that is not there, or that needs no replacement.
        ImportError: an ONNX file without the `onnx` package.
    """
    replace = checked(replace)
    if is_model(path):
        return models.loaded(path, replace)
    if is_module(path):
        if input_shape is None:
            raise ValueError(
                "a PyTorch module does not say the shape of its input: give input_shape=(1, 3, 224, 224)"
            )
        return modules.loaded(path, tuple(input_shape))
    file = Path(path)
    if file.is_dir():
        raise ValueError(f"{file} is a folder (a SavedModel?): save the model as one .keras or .h5 file")
    with file.open("rb") as stream:
        head = stream.read(16)
    from .importers import onnx

    if input_shape is not None and not onnx.is_onnx(head, file.suffix.lower()):
        raise ValueError(f"{file}: input_shape is for ONNX files")
    if why := _of_torch(file, head):
        raise ValueError(f"{file}: {why}")
    is_keras = head.startswith((_HDF5, _ZIP))
    if replace and not is_keras:
        raise ValueError(f"{file}: replace is for Keras models")
    if is_keras:
        from .importers import keras

        with keras.opened(file, replace) as (description, weights):
            return Model.from_graph(description, weights)
    if head[8:9] == b"{" or (file.suffix.lower() == ".safetensors" and head):
        return Model(Network(_native.load(file)))
    if onnx.is_onnx(head, file.suffix.lower()) and head and not head.startswith(b"version https://"):
        return Model.from_graph(*onnx.read(file, input_shape))
    raise ValueError(f"{file}: {_complaint(file.suffix.lower(), head)}")


def _of_torch(file: Path, head: bytes) -> str | None:
    if not head.startswith((_ZIP, b"\x80")):
        return None
    from .importers.torch.files import complaint

    return complaint(file, head)


def _complaint(suffix: str, head: bytes) -> str:
    if not head:
        return "the file is empty"
    if head.startswith(b"version https://"):
        return "this is a Git LFS pointer, not the model: fetch the file with `git lfs pull`"
    if suffix in _KERAS:
        return f"the file does not hold a Keras model: it starts with {head[:8]!r}; was it copied whole?"
    return "not a model that swiftvis knows: expected Keras's .h5, .hdf5 or .keras, ONNX's .onnx, or swiftvis's .safetensors"
