"""The rare files that are not as Keras writes them (repacked, compressed), through the HDF5 library."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.keras.hdf5 import Node
from swiftvis.importers.stored import ByteRange, StoredArray, float32

# Trained arrays hardly shrink; more than this many times their stored size is a bomb.
_MAX_EXPANSION = 64


@contextlib.contextmanager
def parsed(source: ByteRange) -> Iterator[Node]:
    """The whole tree, whose arrays can be read while the context lasts."""
    import h5py

    with h5py.File(_File(source), "r") as file:
        yield _node(h5py, file)


class _File(io.RawIOBase):
    """A range of a file as the library reads it."""

    def __init__(self, source: ByteRange) -> None:
        self._source, self._at = source, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._source.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = np.frombuffer(buffer, np.uint8)[: max(self._source.size - self._at, 0)]
        self._source.read_into(self._at, view)
        self._at += view.size
        return view.size


def _node(h5py: Any, source: Any) -> Node:
    node = Node()
    node.attributes = {name: _plain(source.attrs, name) for name in source.attrs}
    if isinstance(source, h5py.Group):
        node.children = {}
        for name in source:
            if not isinstance(source.get(name, getlink=True), h5py.HardLink):
                raise ModelError(f"'{name}' in '{source.name}' is a link, which a Keras model never has")
            if name != "optimizer_weights":
                node.children[name] = _node(h5py, source[name])
    elif isinstance(source, h5py.Dataset):
        if source.is_virtual or source.external or source.shape is None:
            raise ModelError(f"the file is damaged: '{source.name}' is not an array")
        if source.size * source.dtype.itemsize > _MAX_EXPANSION * source.id.get_storage_size():
            raise ModelError(f"the file is damaged: '{source.name}' claims the shape {source.shape}")
        node.array = _array(source)
    return node


def _array(dataset: Any) -> StoredArray:
    def read_into(destination: np.ndarray) -> None:
        if dataset.dtype == np.float32 and dataset.shape:
            dataset.read_direct(destination.reshape(dataset.shape))
        else:
            destination[:] = float32(dataset[()]).reshape(-1)

    return StoredArray(dataset.dtype, dataset.shape, read_into)


def _plain(attributes: Any, name: str) -> Any:
    value = attributes[name]
    return value.tolist() if hasattr(value, "tolist") else value
