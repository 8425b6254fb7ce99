"""The graph description under construction: unique names, nodes and weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from swiftvis.importers.stored import StoredArray

Shape = tuple["int | None", ...]
Weight = np.ndarray | StoredArray


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

    def add_input(self, name: str, shape: Shape) -> str:
        name = self.unique(name)
        self.inputs.append({"name": name, "shape": list(shape)})
        return name

    def add_node(
        self,
        name: str,
        op: str,
        inputs: Sequence[str],
        attributes: dict[str, Any] | None = None,
        weights: dict[str, str] | None = None,
    ) -> str:
        node: dict[str, Any] = {"name": self.unique(name), "op": op, "inputs": list(inputs)}
        if attributes:
            node["attributes"] = attributes
        if weights:
            node["weights"] = weights
        self.nodes.append(node)
        return node["name"]

    def weight(self, owner: Hashable, name: str, array: Weight) -> str:
        """The name of an owner's array, the same each time it is used."""
        if owner not in self._owned:
            while name in self.weights:
                name += "_"
            self._owned[owner] = name
            if isinstance(array, np.ndarray):
                array = np.require(array, np.float32, ["C", "A"])
            self.weights[name] = array
        return self._owned[owner]
