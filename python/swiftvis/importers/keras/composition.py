"""Layers that no single op computes: the builder that importers share, on the tensors of a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from swiftvis.importers.graph import Shape
from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.program import Node, Program, Value

if TYPE_CHECKING:
    from swiftvis.importers.keras.call import LayerCall


class Composition(Program):
    """A program of one layer's call. Its values are Keras's tensors for a batch of 1."""

    def tensor(self, x: Tensor) -> Value:
        return self.input(x.name, x.shape)

    def number(self, value: float) -> Value:
        return self.constant(np.asarray(value, np.float64))

    def images_first(self, x: Value, channels_first: bool) -> Value:
        """A channels-first or channels-last value as channels-first."""
        return x if channels_first else self.permute(x, [0, x.rank - 1, *range(1, x.rank - 1)])

    def images_last(self, x: Value, channels_first: bool) -> Value:
        """The inverse of `images_first`."""
        return x if channels_first else self.permute(x, [0, *range(2, x.rank), 1])

    def trailing(self, x: Value, axes: Sequence[int], function: Callable[[Value], Value]) -> Value:
        """Applies what works on the last axes to any axes, in their order; the result has the same axes."""
        order = [*(axis for axis in range(x.rank) if axis not in axes), *axes]
        y = function(self.permute(x, order))
        return self.permute(y, [order.index(axis) for axis in range(x.rank)])

    def permuted(self, node: Node, axes: Sequence[int]) -> Node:
        """Two permutations one after the other are one, or none."""
        if node.op == "permute" and node.attributes is not None:
            axes = [node.attributes["axes"][axis] for axis in axes]
            (node,) = node.inputs
        return super().permuted(node, axes)

    def reshaped(self, node: Node, shape: Shape) -> Node:
        """Of two changes of shape the last counts."""
        while node.op == "reshape" and None not in node.shape and node.shape != tuple(shape):
            (node,) = node.inputs
        return super().reshaped(node, shape)

    def written(
        self, call: LayerCall, results: Sequence[Value], sources: Sequence[Tensor], suffix: str
    ) -> list[Tensor]:
        """Puts the nodes that lead to the results into the model's graph; the first result has the layer's name."""
        ends: list[Node] = []
        for value in results:
            end = self.node(value)
            ends.append(self.emit("linear", [end], end.shape) if end.op is None or end in ends else end)
        needed = {id(end) for end in ends}
        for node in reversed(self.nodes):
            if id(node) in needed:
                needed.update(id(source) for source in node.inputs)
        names = {id(node): "/".join(filter(None, (suffix, node.op))) for node in self.nodes}
        names |= {id(end): f"output_{index}" if index else suffix for index, end in enumerate(ends)}
        tensors = {id(node): tensor for node, tensor in zip(self.inputs, sources)}
        for node in self.nodes:
            if id(node) in needed:
                inputs = [tensors[id(source)] for source in node.inputs]
                tensors[id(node)] = call.write(node, inputs, names[id(node)])
        return [tensors[id(end)] for end in ends]
