"""Where each layer's arrays are: by order in a group with the layer's name (HDF5), or by path (`.keras`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras.hdf5 import Node
from swiftvis.importers.keras.topology import LayerConfig
from swiftvis.importers.stored import StoredArray

Arrays = dict[LayerConfig, list[StoredArray]]
Roles = Callable[[LayerConfig], tuple[int, int]]

# Layers whose arrays are those of layers in them, by the names these have in a `.keras` archive.
_PROJECTIONS = ("query_dense", "key_dense", "value_dense", "output_dense")
_PARTS = dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"), _PROJECTIONS)
# The archive goes by the Python class, the configuration by its public name.
_FILE_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}


class LegacyWeights:
    """`model_weights`: a group for each layer of the outermost model, nested models' arrays flattened into theirs."""

    def __init__(self, group: Node) -> None:
        self._group = group

    def assign(self, model: LayerConfig, roles: Roles) -> Arrays:
        """The arrays of every layer; `roles` tells how many trainable and other arrays a layer has."""
        names = set(attribute_list(self._group, "layer_names"))
        arrays: Arrays = {}
        for layer in model.children:
            if layer.name not in names:
                if any(sum(roles(leaf)) for leaf in layer.leaves()):
                    raise ModelError(f"the file has no weights for layer '{layer.name}'")
                continue
            group = child(self._group, layer.name)
            stored = [child(group, name) for name in attribute_list(group, "weight_names")]
            self._distribute(layer, stored, roles, arrays)
        return arrays

    @staticmethod
    def _distribute(layer: LayerConfig, stored: list[Any], roles: Roles, arrays: Arrays) -> None:
        """Keras writes all trainable arrays of a nested model first, then all others; a frozen layer's are others."""
        trainable: list[LayerConfig] = []
        others: list[LayerConfig] = []
        for leaf in layer.leaves():
            first, second = roles(leaf)
            (trainable if leaf.trainable else others).extend([leaf] * first)
            others.extend([leaf] * second)
        order = trainable + others
        if len(order) != len(stored):
            if layer.children or order:
                raise ModelError(
                    f"layer '{layer.name}' should have {len(order)} weights, the file has {len(stored)}"
                )
            return
        for leaf, dataset in zip(order, stored):
            arrays.setdefault(leaf, []).append(_array(dataset, leaf.name))


class ArchiveWeights:
    """`model.weights.h5`: `layers/<class name>_<n>/vars/<i>`, numbered within each model."""

    def __init__(self, file: Node) -> None:
        self._file = file

    def assign(self, model: LayerConfig, roles: Roles) -> Arrays:
        arrays: Arrays = {}
        self._visit(model, self._file, roles, arrays)
        return arrays

    def _visit(self, model: LayerConfig, group: Node | None, roles: Roles, arrays: Arrays) -> None:
        layers = None
        # Keras 2.12 to 2.15 wrote `.keras` files too, with this name in them.
        for name in ("layers", "_layer_checkpoint_dependencies"):
            if group is not None and layers is None and name in (group.children or ()):
                layers = child(group, name)
        used: dict[str, int] = {}
        for layer in model.children:
            if layer.is_operation:
                continue
            name = _snake_case(_FILE_CLASSES.get(layer.class_name, layer.class_name))
            used[name] = used.get(name, -1) + 1
            name = f"{name}_{used[name]}" if used[name] else name
            if layer.twin:
                pairs = zip(layer.twin.leaves(), layer.leaves())
                arrays.update({leaf: arrays[first] for first, leaf in pairs if first in arrays})
                continue
            own = (layers.children or {}).get(name) if layers is not None else None
            if layer.is_wrapper:
                self._wrapped(layer.children[0], own, roles, arrays)
            elif layer.children:
                self._visit(layer, own, roles, arrays)
            elif count := sum(roles(layer)):
                arrays[layer] = self._variables(layer, own, count)

    def _wrapped(self, inner: LayerConfig, group: Node | None, roles: Roles, arrays: Arrays) -> None:
        own = (group.children or {}).get("layer") if group is not None else None
        if inner.is_wrapper:
            self._wrapped(inner.children[0], own, roles, arrays)
        elif inner.children:
            self._visit(inner, own, roles, arrays)
        elif count := sum(roles(inner)):
            arrays[inner] = self._variables(inner, own, count)

    @classmethod
    def _variables(cls, layer: LayerConfig, group: Node | None, count: int) -> list[StoredArray]:
        if parts := _PARTS.get(layer.class_name):
            share = count // len(parts)
            groups = [cls._part(group, name) for name in parts]
            return [array for part in groups for array in cls._own(layer, part, share)]
        return cls._own(layer, group, count)

    @staticmethod
    def _part(group: Node | None, name: str) -> Node | None:
        children = (group.children or {}) if group is not None else {}
        return children.get(name) or children.get(f"_{name}")

    @staticmethod
    def _own(layer: LayerConfig, group: Node | None, count: int) -> list[StoredArray]:
        stored = (group.children or {}).get("vars") if group is not None else None
        present = len(stored.children or ()) if stored is not None else 0
        if stored is None or present < count:
            raise ModelError(f"layer '{layer.name}' should have {count} weights, the file has {present}")
        return [_array(child(stored, str(index)), layer.name) for index in range(count)]


def attribute_text(attributes: Mapping[str, Any], name: str) -> str | None:
    """An attribute that old h5py wrote as bytes and new h5py writes as text."""
    value = attributes.get(name)
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8")
    return None if value is None else str(value)


def attribute_list(group: Node, name: str) -> list[str]:
    """A list of names; a long one is cut into `name0`, `name1`, ..."""
    attributes = group.attributes
    if name in attributes:
        values = list(attributes[name])
    else:
        values, chunk = [], 0
        while f"{name}{chunk}" in attributes:
            values.extend(attributes[f"{name}{chunk}"])
            chunk += 1
    return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]


def child(group: Node, path: str) -> Node:
    current = group
    for part in path.split("/"):
        if current.children is None or part not in current.children:
            raise ModelError(f"the file is damaged: it has no '{path}'")
        current = current.children[part]
    return current


def _array(node: Node, layer: str) -> StoredArray:
    values = node.array
    if values is None:
        raise ModelError(f"the file is damaged: a weight of layer '{layer}' is not an array")
    bfloat16 = values.dtype.kind == "V" and values.dtype.itemsize == 2
    if values.dtype.kind not in "fiu" and not bfloat16:
        raise UnsupportedModelError(
            f"layer '{layer}' has weights of type {values.dtype}, which are not supported"
        )
    return values


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
