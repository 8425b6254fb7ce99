"""Models: a handle lives as long as a Python reference to it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from .._abi import ffi, lib
from .calls import Shape, call, fill_shape, node_shape_of, text


def _owned(out: Any) -> Any:
    return ffi.gc(out[0], lib.sv_model_destroy)


def load(path: str | os.PathLike[str]) -> Any:
    out = ffi.new("sv_model **")
    call(lib.sv_model_load, os.fsencode(path), out)
    return _owned(out)


class Unread(Protocol):
    """A weight that is not in memory."""

    shape: tuple[int, ...]

    def read_into(self, destination: np.ndarray) -> None:
        """Fills a one-dimensional contiguous float32 array with its values."""


class _Reading:
    """Reads weights into the memory that the engine has reserved, and keeps what went wrong."""

    def __init__(self, weights: list[Any]) -> None:
        self._weights = weights
        self.failure: BaseException | None = None

    def read(self, index: int, destination: Any, count: int) -> int:
        try:
            buffer = ffi.buffer(destination, count * ffi.sizeof("float"))
            self._weights[index].read_into(np.frombuffer(buffer, np.float32))
        except BaseException as failure:  # none may pass through the engine
            self.failure = failure
            return 1
        return 0


@ffi.def_extern(error=1)
def swiftvis_read(context: Any, index: int, destination: Any, count: int) -> int:
    return ffi.from_handle(context).read(index, destination, count)


def create(description: dict[str, Any], weights: Mapping[str, np.ndarray | Unread]) -> Any:
    text = json.dumps(description).encode()
    kept: list[Any] = []  # what the structs point to
    tensors = ffi.new("sv_tensor[]", len(weights))
    for tensor, (name, value) in zip(tensors, weights.items(), strict=True):
        tensor.name = c_name = ffi.new("char[]", name.encode())
        kept.append(c_name)
        if hasattr(value, "read_into"):
            shape = value.shape
        else:
            shape = np.shape(value)
            tensor.data = data = ffi.from_buffer("float[]", np.ascontiguousarray(value, np.float32))
            kept.append(data)
        tensor.count = math.prod(shape)
        fill_shape(tensor.shape, shape)
    reading = _Reading(list(weights.values()))
    handle, out = ffi.new_handle(reading), ffi.new("sv_model **")
    try:
        call(
            lib.sv_model_create_reading,
            *(text, len(text), tensors, len(weights)),
            *(lib.swiftvis_read, handle, out),
        )
    except Exception:
        if reading.failure:
            raise reading.failure from None
        raise
    return _owned(out)


def edit(handle: Any, description: dict[str, Any]) -> Any:
    text = json.dumps(description).encode()
    out = ffi.new("sv_model **")
    call(lib.sv_model_with_description, handle, text, len(text), out)
    return _owned(out)


def save(handle: Any, path: str | os.PathLike[str], half: bool) -> None:
    call(lib.sv_model_save, handle, os.fsencode(path), int(half))


def describe(handle: Any) -> dict[str, Any]:
    return json.loads(text(lib.sv_model_describe, handle))


def node_shape(handle: Any, node: str) -> Shape:
    return node_shape_of(lib.sv_model_shape, handle, node)
