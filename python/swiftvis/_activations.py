"""The activations of a network: which layers they belong to, and how their values are laid out for users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .layers import Layer, Network

# What an activation's name means in the model format: the op and its attributes.
_PLAIN = "linear relu elu selu celu sigmoid hard_sigmoid tanh softplus softsign silu mish hard_swish gelu exponential"
FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in (*_PLAIN.split(), "softmax")},
    "relu6": ("relu", {"max_value": 6.0}),
    "leaky_relu": ("relu", {"negative_slope": 0.2}),
    "swish": ("silu", {}),
    "hard_silu": ("hard_swish", {}),
}
_OPS = {op for op, _ in FUNCTIONS.values()} | {"prelu"}
# Names of kinds of activations that can have a backward rule.
KINDS = {*FUNCTIONS, "prelu"} - {"linear"}


def activation_name(node: dict[str, Any]) -> str:
    """What users call the activation that a node of the graph is."""
    op, attributes = node.get("op", "linear"), node.get("attributes") or {}
    if op == "relu" and attributes.get("max_value") == 6:
        return "relu6"
    if op == "relu" and attributes.get("negative_slope"):
        return "leaky_relu"
    return op


def canonical_kind(name: str) -> str:
    """What `activation_name` calls a kind: "silu" for "swish"."""
    op, attributes = FUNCTIONS.get(name, (name, {}))
    return activation_name({"op": op, "attributes": attributes})


class Activation(NamedTuple):
    """A node that is an activation.

    Attributes:
        kind: "relu" for example.
        label: its layer's name, or else the node's.
        shape, axes: how the engine's tensor becomes the layer's output: reshaped (but for the batch), permuted.
    """

    kind: str
    label: str
    shape: tuple[int, ...] | None = None
    axes: tuple[int, ...] | None = None

    def view(self, array: np.ndarray) -> np.ndarray:
        """A contiguous array of the engine's as the layer's output is laid out, without a copy."""
        if self.shape is not None:
            array = array.reshape(len(array), *self.shape)
        return array if self.axes is None else array.transpose(self.axes)


class Activations:
    """All activations of a network. (It holds no layers: they hold the network, and so the weights.)

    Attributes:
        nodes: by name of the node, `linear` ones included.
    """

    def __init__(self, network: Network) -> None:
        self._graph = network.nodes
        self.nodes: dict[str, Activation] = {}
        self._of_layer: dict[tuple[str, ...], list[str]] = {}
        self._of_name: dict[str, list[str]] = {}
        level = network.layers()
        owners = {node: layer for layer in _leaves(level) for node in layer.nodes}
        for layer in _leaves(level):
            found = dict(self._search(layer, owners))
            self._of_layer[tuple(layer.nodes)] = list(found)
            self.nodes.update(found)
        for layer in _containers(level):
            for name in layer.activation_nodes:
                self.nodes.setdefault(name, Activation(activation_name(self._graph[name]), layer.name))
        for name, node in self._graph.items():
            if node["op"] in _OPS:
                self.nodes.setdefault(name, Activation(activation_name(node), name))
        while level:  # a name means the outermost layer that has it
            for layer in level:
                self._of_name.setdefault(layer.name, self.of_layer(layer))
            level = [inner for layer in level for inner in layer.layers]

    def of_kind(self, kind: str) -> list[str]:
        """The nodes of that kind of activation."""
        return [name for name, activation in self.nodes.items() if activation.kind == kind]

    def of_layer(self, layer: Layer) -> list[str]:
        """The nodes of a layer, one for each of its calls; all those inside a nested model, and its own."""
        if layer.layers:
            inside = [name for inner in layer.layers for name in self.of_layer(inner)]
            return [*inside, *(name for name in layer.activation_nodes if name not in inside)]
        return self._of_layer.get(tuple(layer.nodes), [])

    def of_name(self, layer: str) -> list[str] | None:
        """The same by the layer's name, of nested models' layers too. None where no layer has that name."""
        return self._of_name.get(layer)

    def _search(self, layer: Layer, owners: dict[str, Layer]) -> Iterator[tuple[str, Activation]]:
        """Back from a layer's outputs through the movements that give them their layout."""
        known = layer.activation_nodes
        for node in known:
            yield node, Activation(activation_name(self._graph[node]), layer.name)
        for node in layer.nodes:
            shape = axes = None
            while node in self._graph and owners.get(node, layer) is layer:
                op, attributes = self._graph[node]["op"], self._graph[node].get("attributes") or {}
                if op in _OPS and (op != "linear" or node in known):
                    yield node, Activation(activation_name(self._graph[node]), layer.name, shape, axes)
                if op == "permute" and shape is None and axes is None:
                    axes = tuple(attributes["axes"])
                elif op == "reshape" and shape is None:
                    shape = tuple(attributes["shape"])
                else:
                    break
                node = self._graph[node]["inputs"][0]


def _leaves(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if layer.layers:
            yield from _leaves(layer.layers)
        else:
            yield layer


def _containers(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if layer.layers:
            yield layer
            yield from _containers(layer.layers)
