"""Layers and tensors of a model, as users of Keras count and name them."""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Sequence
from typing import Any

from . import _native
from ._activations import FUNCTIONS, Activations, activation_name
from ._arguments import channel_axis
from ._native import Shape
from ._rules import Rule
from ._sessions import SessionPool
from .expressions import Expression
from .expressions.indexing import ChannelsLastIndex
from .live.torch_objects import is_module


class _Native:
    """A native model and its idle sessions, which the networks of all rules share."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.sessions = SessionPool()


class Network:
    """A native model, its description and a backward rule: what `Model`, `Layer` and `Tensor` stand on."""

    def __init__(self, handle: Any, rule: str | Rule = "plain") -> None:
        self._native = _Native(handle)
        self.description = _native.describe(handle)
        self.data_format: str = self.description.get("data_format") or "channels_last"
        self.nodes: dict[str, dict[str, Any]] = {node["name"]: node for node in self.description["nodes"]}
        self.inputs: list[str] = [entry["name"] for entry in self.description["inputs"]]
        self._shapes: dict[str, Shape] = {}
        # Held weakly: tensors hold their network, and a circle would keep the weights until the next collection.
        self._tensors: weakref.WeakValueDictionary[str, Tensor] = weakref.WeakValueDictionary()
        self._formats: dict[str, str] = {}
        self._note_formats(self.description.get("layers") or [], self.data_format)
        self._formats.update(dict.fromkeys(self.inputs, self.data_format))
        # PyTorch's modules, by which users name layers too.
        self.paths: weakref.WeakKeyDictionary[Any, str] | None = None
        self.rule: str | Rule = rule.on(self) if isinstance(rule, Rule) else rule

    @functools.cached_property
    def activations(self) -> Activations:
        return Activations(self)

    def with_rule(self, rule: str | Rule) -> Network:
        """The same native model with another backward rule. Closing one closes all."""
        network = copy.copy(self)
        network.rule = rule
        network._tensors = weakref.WeakValueDictionary()
        return network

    def is_same(self, other: Network) -> bool:
        """Whether both are one native model, whatever their rules."""
        return self._native is other._native

    @property
    def handle(self) -> Any:
        if self._native.handle is None:
            raise ValueError("this model was closed")
        return self._native.handle

    @property
    def sessions(self) -> SessionPool:
        return self._native.sessions

    @property
    def closed(self) -> bool:
        return self._native.handle is None

    def close(self) -> None:
        # The native model goes with its last reference, which another thread's run may still hold.
        self._native.handle = None
        self.sessions.close()

    def __contains__(self, node: str) -> bool:
        return node in self.nodes or node in self.inputs

    def layers(self) -> list[Layer]:
        entries = self.description.get("layers") or []
        return [Layer(self, entry, index) for index, entry in enumerate(entries)]

    @property
    def layer_names(self) -> list[str]:
        """The names of all layers, nested ones too."""
        waiting, found = list(self.description.get("layers") or []), []
        while waiting:
            entry = waiting.pop()
            found.append(entry["name"])
            waiting += entry.get("layers") or []
        return found

    def named(self, layer: Any) -> Any:
        """The layer's name for a PyTorch module that the network was made of; everything else as it is."""
        if not is_module(layer):
            return layer
        if self.paths is None or layer not in self.paths:
            raise ValueError(
                f"this {type(layer).__name__} is not a layer of the model: it is not part of it, is not called, or does "
                "nothing at inference"
            )
        return self.paths[layer]

    def tensor(self, node: str) -> Tensor:
        handle = self.handle  # a closed model is told
        tensor = self._tensors.get(node)
        if tensor is None:
            shape = self._shapes.get(node)
            if shape is None:
                shape = self._shapes[node] = _native.node_shape(handle, node)
            tensor = Tensor(self, node, shape, self._formats.get(node, self.data_format))
            self._tensors[node] = tensor
        return tensor

    def leading_to(self, target: str) -> set[str]:
        """The nodes that `target` is computed from, and itself."""
        pending, found = [target], {target}
        while pending:
            node = pending.pop()
            inputs = self.nodes[node]["inputs"] if node in self.nodes else []
            pending += [name for name in inputs if name not in found]
            found.update(inputs)
        return found

    def _note_formats(self, layers: list[dict[str, Any]], inherited: str) -> None:
        for entry in layers:
            data_format = entry.get("data_format") or inherited
            self._formats.update(dict.fromkeys(entry.get("outputs") or [], data_format))
            self._note_formats(entry.get("layers") or [], data_format)


class Tensor(Expression):
    """A symbolic tensor of a model: its input, or what a layer puts out. It holds no values; arithmetic, indexing and
    NumPy's functions on it make a `swiftvis.expressions.Expression`, of which losses are made.

    Attributes:
        name: the node of the model's graph.
        shape: with the batch axis first, None where a size is open.
        data_format: "channels_last" or "channels_first", for tensors with positions and channels.
        channel_axis: the axis of the channels or units.
        network: the model's native part, and its backward rule.
    """

    def __init__(self, network: Network, name: str, shape: Shape, data_format: str) -> None:
        super().__init__(shape)
        self.network = network
        self.name = name
        self.data_format = data_format
        self.channel_axis = channel_axis(len(shape), data_format)

    def __repr__(self) -> str:
        return f"<swiftvis.Tensor '{self.name}' {self.shape}>"

    def __getitem__(self, item: Any) -> Expression:
        if isinstance(item, ChannelsLastIndex) and self.data_format == "channels_first":
            item = item.channels_first
        return super().__getitem__(item)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tensor) and (self.name, self.shape, self.network.rule) == (
            other.name,
            other.shape,
            other.network.rule,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.shape))


class Layer:
    """A layer of the trained model.

    Attributes:
        name: its name in the model.
        index: its place in `model.layers`.
        class_name: its kind in the source, "Conv2D" for example.
        layers: the layers of a nested model, empty otherwise.
    """

    def __init__(self, network: Network, entry: dict[str, Any], index: int) -> None:
        self._network = network
        self._outputs: list[str] = entry.get("outputs") or []
        self._activations: list[str] = entry.get("activations") or []
        self._new_activation: str | None = None
        self.name: str = entry["name"]
        self.index = index
        self.class_name: str = entry.get("class_name") or "Layer"
        self.layers = [Layer(network, inner, i) for i, inner in enumerate(entry.get("layers") or [])]

    def __repr__(self) -> str:
        return f"<swiftvis.Layer {self.index} '{self.name}' ({self.class_name})>"

    def on(self, network: Network) -> Layer:
        """The same layer of a network with another rule."""
        layer = copy.copy(self)
        layer._network = network
        layer.layers = [inner.on(network) for inner in self.layers]
        return layer

    @property
    def output(self) -> Tensor:
        """The layer's output. ValueError where the layer is called more than once."""
        if len(self._outputs) != 1:
            raise ValueError(
                f"layer '{self.name}' is called {len(self._outputs)} times, so it has no single output: "
                "say which with layer.get_output_at(i)"
            )
        return self._network.tensor(self._outputs[0])

    def get_output_at(self, node_index: int) -> Tensor:
        """The output of one call of the layer, counted from 0."""
        if not 0 <= node_index < len(self._outputs):
            raise ValueError(
                f"layer '{self.name}' is called {len(self._outputs)} times; there is no call {node_index}"
            )
        return self._network.tensor(self._outputs[node_index])

    @property
    def nodes(self) -> list[str]:
        """The names of the outputs, one for each call of the layer."""
        return list(self._outputs)

    @property
    def activation_nodes(self) -> list[str]:
        """The names of the nodes that `activation` stands for, one for each call of the layer."""
        return list(self._activations)

    def makes(self, tensor: Tensor) -> bool:
        """Whether the tensor is an output of this layer."""
        return tensor.name in self._outputs

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, with the batch axis first and None where a size is open."""
        shapes = {self._network.tensor(node).shape for node in self._outputs}
        if len(shapes) != 1:
            raise ValueError(
                f"layer '{self.name}' has {len(shapes)} output shapes: use layer.get_output_at(i).shape"
            )
        return shapes.pop()

    def get_layer(self, name: str) -> Layer:
        """The layer of that name in a nested model."""
        return find_layer(self.layers, name, f"nested model '{self.name}'")

    @property
    def activation(self) -> str:
        """The name of the activation. It may be set, to a name or to a function with such a name; like in
        Keras, that takes effect in the model that `swiftvis.utils.utils.apply_modifications` makes."""
        if self._new_activation is not None:
            return self._new_activation
        return activation_name(self._network.nodes.get(self._activation_nodes()[0], {}))

    @activation.setter
    def activation(self, value: Any) -> None:
        self._activation_nodes()
        name = (
            "linear"
            if value is None
            else value
            if isinstance(value, str)
            else getattr(value, "__name__", None)
        )
        if not isinstance(name, str):
            raise TypeError(f"an activation is set by its name or by a function, got {type(value).__name__}")
        if name not in FUNCTIONS:
            raise ValueError(f"unknown activation '{name}' (known: {', '.join(sorted(FUNCTIONS))})")
        self._new_activation = name

    def _activation_nodes(self) -> list[str]:
        if not self._activations:
            raise AttributeError(f"layer '{self.name}' ({self.class_name}) has no activation")
        return self._activations

    def changed_nodes(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """The op and attributes that setting `activation` gives to nodes, nested layers' included."""
        changes: dict[str, tuple[str, dict[str, Any]]] = {}
        if self._new_activation is not None:
            op, attributes = FUNCTIONS[self._new_activation]
            if op == "hard_sigmoid":
                # Keras 3 changed the slope; the other sources have Keras 2's.
                slope = (
                    1 / 6 if str(self._network.description.get("source", "")).startswith("keras 3") else 0.2
                )
                attributes = {"slope": slope}
            changes.update(dict.fromkeys(self._activations, (op, attributes)))
        for layer in self.layers:
            changes.update(layer.changed_nodes())
        return changes


def find_layer(layers: Sequence[Layer], name: str, where: str = "the model") -> Layer:
    """The first layer of that name; of PyTorch's, whose names are paths, those inside others too. ValueError where there
    is none."""
    for layer in layers:
        if layer.name == name:
            return layer
        if name.startswith(f"{layer.name}."):
            return find_layer(layer.layers, name, where)
    known = ", ".join(layer.name for layer in layers[-8:])
    raise ValueError(f"No layer with name '{name}' within {where} (its last ones: {known})")
