"""What is known of each tensor of a Keras model: its shape and how its values lie."""

from __future__ import annotations

import dataclasses
from typing import Any

from swiftvis.importers import graph
from swiftvis.importers.graph import Shape, Weight

__all__ = ["GraphBuilder", "Shape", "Tensor", "Weight"]


@dataclasses.dataclass(frozen=True, eq=False)
class Tensor:
    """A node's or an input's value.

    `image` is the same values as (N, H, W, C) where this one is channels-first or one-dimensional: the engine looks
    through what lies between layers that follow each other.
    """

    name: str
    shape: Shape
    channels_first: bool = False
    image: Tensor | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)

    def image_axis(self, axis: int) -> int:
        """The axis of `image` that is this tensor's `axis` (not the batch)."""
        if self.rank == 4:
            return (0, 3, 1, 2)[axis] if self.channels_first else axis
        return (0, 3, 2)[axis] if self.channels_first else axis + 1


class GraphBuilder(graph.GraphBuilder):
    def input(self, name: str, shape: Shape) -> Tensor:
        return Tensor(self.add_input(name, shape), shape)

    def node(
        self,
        name: str,
        op: str,
        inputs: list[Tensor],
        shape: Shape,
        attributes: dict[str, Any] | None = None,
        weights: dict[str, str] | None = None,
    ) -> Tensor:
        name = self.add_node(name, op, [tensor.name for tensor in inputs], attributes, weights)
        return Tensor(name, shape, bool(inputs) and inputs[0].channels_first)
