"""The rare files that are not as Keras writes them (repacked, compressed), through the HDF5 library."""

from __future__ import annotations

import io
from typing import Any

from swiftvis.errors import ModelError
from swiftvis.importers.keras.hdf5 import Node

# Trained arrays hardly shrink; more than this many times their stored size is a bomb.
_MAX_EXPANSION = 64


def parse(data: bytes) -> Node:
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        return _node(h5py, file)


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
        node.array = source[()]
    return node


def _plain(attributes: Any, name: str) -> Any:
    value = attributes[name]
    return value.tolist() if hasattr(value, "tolist") else value
