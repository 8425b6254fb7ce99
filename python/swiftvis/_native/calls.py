"""How a function of the library is called: exceptions for status codes, and what its structs are in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ModelError, SwiftvisError, UnsupportedModelError

try:
    from .._abi import ffi, lib
except ImportError as error:
    raise ImportError(
        f"swiftvis's native library could not be loaded ({error}). It is missing or of another version: reinstall "
        "the package, and import it from outside its source folder."
    ) from error

Shape = tuple["int | None", ...]

_EXCEPTIONS = {
    lib.SV_INVALID_ARGUMENT: ValueError,
    lib.SV_INVALID_MODEL: ModelError,
    lib.SV_UNSUPPORTED: UnsupportedModelError,
    lib.SV_IO: OSError,
    lib.SV_OUT_OF_MEMORY: MemoryError,
}

VERSION = f"{lib.SV_VERSION_MAJOR}.{lib.SV_VERSION_MINOR}.{lib.SV_VERSION_PATCH}"


def check_version() -> None:
    """Raises ImportError where the library beside the extension is of another version."""
    number = lib.sv_version()
    found = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    if found != VERSION:
        raise ImportError(
            f"swiftvis {VERSION} found a native library of version {found} beside it: reinstall the package"
        )


def call(function: Any, *arguments: Any) -> None:
    """Calls a fallible function of the ABI and raises what its status says."""
    error = ffi.new("sv_error *")
    status = function(*arguments, error)
    if status != lib.SV_OK:
        raise exception(status, error)


def exception(status: int, error: Any) -> Exception:
    return _EXCEPTIONS.get(status, SwiftvisError)(ffi.string(error.message).decode("utf-8", "replace"))


def text(function: Any, handle: Any) -> str:
    length = ffi.new("size_t *")
    call(function, handle, ffi.NULL, 0, length)
    buffer = ffi.new("char[]", length[0] + 1)
    call(function, handle, buffer, length[0] + 1, length)
    return ffi.buffer(buffer, length[0])[:].decode()


def node_shape_of(function: Any, handle: Any, node: str) -> Shape:
    shape = ffi.new("sv_shape *")
    call(function, handle, node.encode(), shape)
    return tuple(None if size < 0 else size for size in shape.dims[0 : shape.rank])


def fill_shape(target: Any, dims: Sequence[int]) -> None:
    if len(dims) > lib.SV_MAX_RANK:
        raise ValueError(f"expected at most {lib.SV_MAX_RANK} axes, got {len(dims)}")
    target.rank = len(dims)
    target.dims[0 : len(dims)] = list(dims)


def shape_of(dims: Sequence[int]) -> Any:
    shape = ffi.new("sv_shape *")
    fill_shape(shape, dims)
    return shape


def float_pointer(array: np.ndarray) -> Any:
    return ffi.from_buffer("float[]", array)
