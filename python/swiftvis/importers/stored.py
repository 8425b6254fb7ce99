"""Bytes and arrays that stay in their file until they are asked for: a model is never in memory twice."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from swiftvis.errors import ModelError

# Elements that are converted at once.
_PIECE = 1 << 18
# Bytes around a field that are kept for the next ones.
_WINDOW = 1 << 11


class ByteRange:
    """`size` bytes of a file: all of an `.h5`, or what a zip archive stores uncompressed."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self.size = file, start, size
        self._window, self._window_at = b"", 0

    def read(self, at: int, count: int) -> bytes:
        """As a slice does: fewer bytes at the end, none behind it."""
        offset = at - self._window_at
        if offset >= 0 and offset + count <= len(self._window):
            return self._window[offset : offset + count]
        count = min(count, self.size - at)
        if count <= 0:
            return b""
        self._file.seek(self._start + at)
        return self._file.read(count)

    def unpack(self, layout: str, at: int) -> tuple[Any, ...]:
        """The fields at an offset; struct.error where the file ends before them."""
        offset = at - self._window_at
        if offset < 0 or offset + struct.calcsize(layout) > len(self._window):
            self._window, self._window_at, offset = self.read(at, _WINDOW), at, 0
        return struct.unpack_from(layout, self._window, offset)

    def read_into(self, at: int, destination: np.ndarray) -> None:
        """Fills a one-dimensional contiguous array."""
        view = destination.view(np.uint8)
        if at + view.size <= self.size:
            self._file.seek(self._start + at)
            if self._file.readinto(view) == view.size:  # type: ignore[attr-defined]
                return
        raise ModelError("the file is damaged or cut short")


class StoredArray:
    """An array in a file: the type and the shape are known, the values are read as float32 when they are needed."""

    def __init__(
        self, dtype: np.dtype, shape: tuple[int, ...], read_into: Callable[[np.ndarray], None]
    ) -> None:
        """`read_into` fills a one-dimensional contiguous float32 array with all values."""
        self.dtype, self.shape, self.read_into = dtype, shape, read_into

    @classmethod
    def contiguous(
        cls, source: ByteRange, address: int, dtype: np.dtype, shape: tuple[int, ...]
    ) -> StoredArray:
        """An array whose values lie one after the other from `address` on."""

        def read_into(destination: np.ndarray) -> None:
            if dtype == np.float32:
                source.read_into(address, destination)
                return
            piece = np.empty(min(_PIECE, destination.size), dtype)
            for first in range(0, destination.size, _PIECE):
                part = piece[: destination.size - first]
                source.read_into(address + first * dtype.itemsize, part)
                destination[first : first + part.size] = float32(part)

        return cls(dtype, shape, read_into)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def reshape(self, shape: tuple[int, ...]) -> StoredArray:
        return StoredArray(self.dtype, shape, self.read_into)

    def permuted(self, axes: tuple[int, ...]) -> StoredArray:
        def read_into(destination: np.ndarray) -> None:
            np.copyto(destination.reshape(shape), self.read().transpose(axes))

        shape = tuple(self.shape[axis] for axis in axes)
        return StoredArray(self.dtype, shape, read_into)

    def read(self) -> np.ndarray:
        values = np.empty(self.shape, np.float32)
        self.read_into(values.reshape(-1))
        return values


def float32(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "V":
        # bfloat16 is the upper half of a float32.
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(values, dtype=np.float32)
