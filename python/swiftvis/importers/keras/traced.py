"""The network between symbolic tensors of Keras, found through their history: for calls that name tensors and no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swiftvis.importers.keras.builder import Weight
from swiftvis.importers.keras.live import archive, plain
from swiftvis.importers.keras.topology import Call, LayerConfig, Reference, parse
from swiftvis.importers.keras.walk import convert_tree
from swiftvis.live.objects import is_tensor, keras_classes, library
from swiftvis.live.tensors import KerasNode


class Trace:
    """The layers that lead to some tensors.

    A Sequential model that grew by `add` has called its first layers anew each time; calls of one layer with the same
    arguments are one here.

    Attributes:
        layers: Keras's layers and operations, each after those it needs.
    """

    def __init__(self, tensors: Sequence[Any]) -> None:
        self.layers: list[Any] = []
        self._names: dict[int, str] = {}  # by the operations' identities, as everything here
        self._taken: set[str] = set()
        self._calls: dict[int, list[Call]] = {}
        self._found: dict[tuple[int, int], int] = {}
        for tensor in tensors:
            self._follow(KerasNode(tensor))
        self._references = [self._reference(tensor) for tensor in tensors]

    def convert(self) -> tuple[dict[str, Any], dict[str, Weight], list[str]]:
        """The description of the network, its weights, and the node of each tensor. Raises as `read` does."""
        children = [self._config(layer) for layer in self.layers]
        sources = [child.name for child in children if child.class_name == "InputLayer"]
        root = LayerConfig("tensors", "Functional", {"name": "tensors"}, children=children)
        root.inputs = [Reference(name, 0, 0) for name in sources]
        root.outputs = [reference for reference in self._references if reference.layer not in sources]
        layers = {self._names[id(layer)]: layer for layer in self.layers}
        holder = archive({}, self.layers[0], layers)
        description, weights = convert_tree(holder, root)
        if not root.outputs:  # losses on the input alone; a network has an output
            description["nodes"] = [{"name": f"{sources[0]}/output", "op": "linear", "inputs": sources[:1]}]
            description["outputs"] = [f"{sources[0]}/output"]
        nodes = iter(description["outputs"])
        names = [
            reference.layer if reference.layer in sources else next(nodes) for reference in self._references
        ]
        return description, weights, names

    def _follow(self, last: KerasNode) -> None:
        waiting = [last]  # not recursive: networks are hundreds of layers deep
        while waiting:
            node = waiting[-1]
            missing = [before for before in map(KerasNode, node.inputs) if before.key not in self._found]
            waiting += missing
            if not missing:
                waiting.pop()
                if node.key not in self._found:
                    self._place(node)

    def _place(self, node: KerasNode) -> None:
        operation = node.operation
        if id(operation) not in self._names:
            name = operation.name
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._names[id(operation)] = name
            self._calls[id(operation)] = []
            self.layers.append(operation)
        args, kwargs = node.arguments
        is_source = "InputLayer" in keras_classes(operation)
        call = Call([], {}) if is_source else Call(self._argument(args), self._argument(kwargs))
        calls = self._calls[id(operation)]
        same = next((index for index, other in enumerate(calls) if repr(other) == repr(call)), len(calls))
        calls[same:] = calls[same:] or [call]
        self._found[node.key] = same

    def _argument(self, value: Any) -> Any:
        if is_tensor(value):
            return self._reference(value)
        if isinstance(value, dict):
            return {key: self._argument(item) for key, item in value.items()}
        return [self._argument(item) for item in value] if isinstance(value, (list, tuple)) else value

    def _reference(self, tensor: Any) -> Reference:
        node = KerasNode(tensor)
        return Reference(self._names[id(node.operation)], self._found[node.key], node.tensor_index)

    def _config(self, layer: Any) -> LayerConfig:
        holder = archive({}, layer, {})
        entry = plain(library(layer).layers.serialize(layer))
        config = parse(entry, holder.version, holder.is_standalone_keras2)
        config.name, config.calls = self._names[id(layer)], self._calls[id(layer)]
        return config
