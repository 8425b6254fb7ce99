"""The description under construction: nodes, weights, and what is known of each tensor's shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from swiftvis.importers.keras.stored import StoredArray

Shape = tuple["int | None", ...]
Weight = np.ndarray | StoredArray


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


class GraphBuilder:
    def __init__(self) -> None:
        self.inputs: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.weights: dict[str, Weight] = {}
        self._names: dict[str, int] = {}
        self._owned: dict[Hashable, str] = {}

    def unique(self, name: str) -> str:
        count = self._names.get(name)
        if count is None:
            self._names[name] = 0
            return name
        self._names[name] = count + 1
        return self.unique(f"{name}_{count + 1}")

    def input(self, name: str, shape: Shape) -> Tensor:
        name = self.unique(name)
        self.inputs.append({"name": name, "shape": list(shape)})
        return Tensor(name, shape)

    def weight(self, owner: Hashable, name: str, array: Weight) -> str:
        """The name of a layer's array, the same at each of its calls."""
        if owner not in self._owned:
            while name in self.weights:
                name += "_"
            self._owned[owner] = name
            if isinstance(array, np.ndarray):
                array = np.require(array, np.float32, ["C", "A"])
            self.weights[name] = array
        return self._owned[owner]

    def node(
        self,
        name: str,
        op: str,
        inputs: list[Tensor],
        shape: Shape,
        attributes: dict[str, Any] | None = None,
        weights: dict[str, str] | None = None,
    ) -> Tensor:
        node: dict[str, Any] = {
            "name": self.unique(name),
            "op": op,
            "inputs": [tensor.name for tensor in inputs],
        }
        if attributes:
            node["attributes"] = attributes
        if weights:
            node["weights"] = weights
        self.nodes.append(node)
        return Tensor(node["name"], shape, inputs[0].channels_first)
