"""Tensors of an ONNX file as NumPy arrays, their sizes checked before memory is taken."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.program import Refusal

_DTYPES: dict[int, Any] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
    16: np.uint16,  # bfloat16: the upper half of a float32
}
_BFLOAT16 = 16


def numpy_type(code: int) -> Any:
    """What values of an ONNX type are here; None for those that are not read."""
    return np.float32 if code == _BFLOAT16 else _DTYPES.get(code)


def array(tensor: Any, folder: Path | None) -> np.ndarray:
    """The values of a TensorProto; bfloat16 as float32.

    Raises:
        Refusal: a type that holds no plain numbers.
        ModelError: the data does not fit the shape, or lies outside the model's folder.
    """
    name, shape = tensor.name, tuple(tensor.dims)
    dtype = _DTYPES.get(tensor.data_type)
    if dtype is None:
        raise Refusal(f"tensor '{name}' is of type {tensor.data_type}, which is not supported")
    if tensor.HasField("segment"):
        raise Refusal(f"tensor '{name}' is stored in segments, which is not supported")
    if len(shape) > 16 or any(not 0 <= size < 1 << 40 for size in shape):
        raise ModelError(f"tensor '{name}' has the shape {shape}")
    count, width = math.prod(shape), np.dtype(dtype).itemsize
    if tensor.data_location == 1:
        values = _external(tensor, folder, count * width, dtype)
    elif tensor.HasField("raw_data"):
        data = tensor.raw_data
        if len(data) != count * width:
            raise ModelError(f"tensor '{name}' of shape {shape} has {len(data)} bytes")
        values = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
    else:
        values = _listed(tensor, dtype, count)
    if tensor.data_type == _BFLOAT16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.reshape(shape)


def _listed(tensor: Any, dtype: Any, count: int) -> np.ndarray:
    """Values that are stored as numbers, in the field that their type goes to."""
    code = tensor.data_type
    field = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
    numbers = getattr(tensor, field.get(code, "int32_data"))
    if len(numbers) != count:
        raise ModelError(f"tensor '{tensor.name}' of {count} elements has {len(numbers)}")
    if code in (10, _BFLOAT16):
        halves = np.array(numbers, np.int64).astype(np.uint16)
        return halves.view(np.float16) if code == 10 else halves
    return np.array(numbers, np.int64 if code == 9 else None).astype(dtype)


def _external(tensor: Any, folder: Path | None, size: int, dtype: Any) -> np.ndarray:
    """Values in a file beside the model."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if folder is None:
        raise ModelError(f"tensor '{tensor.name}' lies in another file")
    path = folder / location
    inside = os.path.realpath(folder)
    if (
        not location
        or "\0" in location
        or os.path.isabs(location)
        or os.path.commonpath([inside, os.path.realpath(path)]) != inside
    ):
        raise ModelError(f"tensor '{tensor.name}' lies in '{location:.100}', outside the model's folder")
    try:
        start, length = int(entries.get("offset") or 0), int(entries.get("length") or size)
    except ValueError:
        raise ModelError(f"tensor '{tensor.name}' has no valid place in '{location:.100}'") from None
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: the model keeps tensor '{tensor.name}' in this file, which is missing"
        )
    if length != size or start < 0 or start + length > path.stat().st_size:
        raise ModelError(f"tensor '{tensor.name}' does not fit into '{location:.100}'")
    return np.fromfile(
        path, np.dtype(dtype).newbyteorder("<"), size // np.dtype(dtype).itemsize, offset=start
    )
