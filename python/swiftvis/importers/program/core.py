"""Values of a traced program, the nodes they become, and the rule by which a batch axis is put under all of them.

The program is a function of one sample, traced with batch size 1, and the engine's batch axis maps over samples. A
source tensor of shape (1, d1, ...) is the engine's (N, d1, ...); one whose first axis is not 1, say a transformer's windows
(64, 49, 96), is the engine's (N, 64, 49, 96). So the engine's shape follows from the source's alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from swiftvis.errors import UnsupportedModelError
from swiftvis.importers.graph import GraphBuilder, Shape
from swiftvis.importers.stored import StoredArray

# What a folded constant may hold: a hostile file's tensors must not take the memory.
LARGEST_CONSTANT = 1 << 27
# And all of them together, in bytes.
_MOST_FOLDED = 1 << 31


class Refusal(Exception):
    """Why an operation of the source cannot be computed."""


class Undetermined(Exception):
    """An operation has nothing to work on, because an earlier one was refused."""


@dataclasses.dataclass(eq=False)
class Node:
    """A node of the engine's graph, or an input (no op). `shape` is without the batch."""

    name: str
    shape: Shape
    op: str | None = None
    inputs: Sequence[Node] = ()
    attributes: dict[str, Any] | None = None
    weights: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    named: bool = False


@dataclasses.dataclass(eq=False)
class Value:
    """A tensor of the source program.

    Attributes:
        shape: the source's, for a batch of 1; None where a size is open.
        node: what computes it in the engine; None for a constant that no node has needed yet.
        array: a constant's values, in the source's dtype; None for what depends on the inputs.
        channels: the axis of the channels, as far as it is known.
        kind: "f" for numbers, "i" for integers and "b" for truth values of the source; a node's are float32 all the same.
    """

    shape: Shape
    node: Node | None = None
    array: np.ndarray | None = None
    channels: int | None = None
    kind: str = "f"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_constant(self) -> bool:
        return self.array is not None


def hidden(shape: Shape) -> bool:
    """Whether the first axis of a source tensor is the engine's batch."""
    return bool(shape) and shape[0] == 1


def engine_shape(shape: Shape) -> Shape:
    """The engine's shape, without the batch, of a source tensor of that shape."""
    return tuple(shape[1:]) if hidden(shape) else tuple(shape)


class Core:
    """Nodes, names, layers and refusals of a program under construction."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.layers: list[dict[str, Any]] = []
        self._scope = ""
        self._folded = 0
        self._refusals: dict[str, str] = {}

    # ---- Values ----

    def input(self, name: str, shape: Shape, channels: int | None = None, whole: bool = False) -> Value:
        """An input of the program, whose first axis is the batch, whatever its size; with `whole` only where that size
        is 1 or open, and else all of it is one sample."""
        if shape and (not whole or shape[0] is None):
            shape = (1, *shape[1:])
        if len(engine_shape(shape)) > 7:
            raise Refusal(f"an input of {len(shape)} axes is not supported")
        node = Node(name, engine_shape(shape), named=True)
        self.inputs.append(node)
        return Value(tuple(shape), node, channels=channels)

    def constant(self, array: Any) -> Value:
        array = np.asarray(array)
        return Value(array.shape, array=array)

    def emit(
        self,
        op: str,
        inputs: Sequence[Node],
        shape: Shape,
        attributes: dict[str, Any] | None = None,
        weights: dict[str, np.ndarray | None] | None = None,
    ) -> Node:
        """Adds an engine node, whose attributes are the engine's. `shape` is the result's, without the batch."""
        if any(size is not None and size < 1 for size in shape):
            raise Refusal(f"its result would be empty: {list(shape)}")
        if len(shape) > 7:
            raise Refusal(f"it needs {len(shape) + 1} axes; the engine has 8")
        kept = {role: array for role, array in (weights or {}).items() if array is not None}
        name = f"{self._scope}/{op}" if self._scope else op
        self.nodes.append(Node(name, tuple(shape), op, tuple(inputs), attributes, kept))
        return self.nodes[-1]

    def value(self, node: Node, shape: Sequence[int | None], channels: int | None = None) -> Value:
        """The source tensor of that shape which a node holds, brought into the one form that such a tensor has."""
        shape = tuple(shape)
        return Value(shape, self.reshaped(node, engine_shape(shape)), channels=channels)

    def node(self, value: Value, shape: Shape | None = None) -> Node:
        """The node of a value; `shape` is another engine shape of the same elements. Constants become nodes here."""
        if value.node is None:
            if value.array is None:
                raise Undetermined
            if value.array.dtype == object:
                raise undetermined_sizes(value.array.reshape(-1).tolist())
            if value.array.dtype.kind not in "fiub":
                raise Refusal(f"a constant of type {value.array.dtype} is not supported")
            array = value.array.reshape(engine_shape(value.shape))
            value.node = self.emit("constant", (), array.shape, None, {"value": array})
        return value.node if shape is None else self.reshaped(value.node, shape)

    def explicit(self, value: Value) -> Node:
        """The node with the source's first axis as an axis of its own, after the engine's batch."""
        return self.node(value, tuple(value.shape))

    def along(self, value: Value, axis: int) -> tuple[Node, int]:
        """A node and its axis (counted with the batch) that is the source's `axis`, none of which is the batch."""
        axis = self.axis(value, axis)
        if axis == 0 or not hidden(value.shape):
            return self.explicit(value), axis + 1
        return self.node(value), axis

    def axis(self, value: Value, axis: int) -> int:
        if not -value.rank <= axis < value.rank:
            raise Refusal(f"axis {axis} is outside the {value.rank} axes of its input")
        return axis % value.rank

    def reshaped(self, node: Node, shape: Shape) -> Node:
        if node.shape == tuple(shape):
            return node
        return self.emit("reshape", [node], shape, {"shape": open_sizes(node.shape, shape)})

    def permuted(self, node: Node, axes: Sequence[int]) -> Node:
        """Axes are counted with the batch, which stays first."""
        if list(axes) == list(range(len(axes))):
            return node
        shape = tuple(node.shape[axis - 1] for axis in axes[1:])
        return self.emit("permute", [node], shape, {"axes": list(axes)})

    def over_last(self, value: Value, axis: int, function: Callable[[Node], Node]) -> Value:
        """Applies what works on the engine's last axis, and may change its size, to an axis of the source's."""
        node, at = self.along(value, axis)
        rank = len(node.shape) + 1
        order = [*(i for i in range(rank) if i != at), at]
        result = function(self.permuted(node, order))
        back = [order.index(i) for i in range(rank)]
        shape = list(value.shape)
        shape[self.axis(value, axis)] = result.shape[-1]
        return self.value(self.permuted(result, back), shape, value.channels)

    def sizes(self, value: Value, axes: Sequence[int] | None = None) -> tuple[int, ...]:
        """Sizes that must be known."""
        return known(value.shape if axes is None else [value.shape[axis] for axis in axes])

    def folded(self, array: Any) -> Value:
        """The constant that was computed of constants."""
        array = np.asarray(array)
        if array.size > LARGEST_CONSTANT:
            raise Refusal(f"its constant result would have {array.size} elements")
        if array.base is None:
            self._folded += array.nbytes
        if self._folded > _MOST_FOLDED:
            raise Refusal("the constants that the model computes are too large together")
        return self.constant(array)

    # ---- Names and layers ----

    @contextlib.contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes made inside are named after a layer of the source."""
        outer, self._scope = self._scope, name
        try:
            yield
        finally:
            self._scope = outer

    def named(self, value: Value, name: str) -> Value:
        """The value under a name that users find it by; where it has one already (nothing was computed) it is looked
        through, as Keras's Dropout is."""
        node = self.node(value)
        if node.named or node.op is None:
            node = self.emit("linear", [node], node.shape)
            value = dataclasses.replace(value, node=node)
        node.name, node.named = name, True
        return value

    def layer(
        self, name: str, class_name: str, outputs: Sequence[Value], activations: Sequence[Node] = ()
    ) -> None:
        """Records a layer of the source. Called again with the same name, its further calls."""
        entry = next((entry for entry in self.layers if entry["name"] == name), None)
        if entry is None:
            entry = {"name": name, "class_name": class_name, "outputs": [], "activations": []}
            self.layers.append(entry)
        for value in outputs:
            entry["outputs"].append(self.node(value))
            first = value.channels == 1 if value.channels is not None else value.rank >= 4
            entry["data_format"] = "channels_first" if first and value.rank >= 3 else "channels_last"
        entry["activations"] += activations

    # ---- Refusals ----

    def attempt(self, name: str, op: str, version: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """The function's result; None where it was refused, which is noted, or could not be told."""
        try:
            return function(*arguments)
        except Refusal as refusal:
            self.refuse(name, op, version, str(refusal))
        except Undetermined:
            pass
        return None

    def refuse(self, name: str, op: str, version: str, why: str) -> None:
        self._refusals.setdefault(f"{name} ({op}, {version})" if version else f"{name} ({op})", why)

    def raise_refusals(self) -> None:
        if self._refusals:
            count = len(self._refusals)
            listed = "\n".join(f"  {node}: {why}" for node, why in self._refusals.items())
            raise UnsupportedModelError(
                f"{'one operation' if count == 1 else f'{count} operations'} of this model cannot be computed:\n{listed}"
            )

    # ---- The description ----

    def description(
        self, name: str, source: str, outputs: Sequence[Value], data_format: str = "channels_first"
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The graph description and its weights. Raises what was refused."""
        self.raise_refusals()
        ends = [self.node(value) for value in outputs]
        graph = GraphBuilder()
        # Names that users know come first, so that helping nodes give way.
        for node in [*self.inputs, *(node for node in self.nodes if node.named)]:
            node.name = graph.unique(node.name)
        for node in self.inputs:
            graph.inputs.append({"name": node.name, "shape": [None, *node.shape]})
        for node in self.nodes:
            if not node.named:
                node.name = graph.unique(node.name)
            weights = {
                role: graph.weight(_identity(array), f"{node.name}/{role}", _unread(array))
                for role, array in node.weights.items()
            }
            entry = {"name": node.name, "op": node.op, "inputs": [source.name for source in node.inputs]}
            graph.nodes.append(
                entry
                | ({"attributes": node.attributes} if node.attributes else {})
                | ({"weights": weights} if weights else {})
            )
        description = {
            "format": "swiftvis",
            "version": 1,
            "name": name,
            "source": source,
            "data_format": data_format,
            "inputs": graph.inputs,
            "nodes": graph.nodes,
            "outputs": [node.name for node in ends],
            "layers": [_layer(entry) for entry in self.layers],
        }
        return description, graph.weights


def _layer(entry: dict[str, Any]) -> dict[str, Any]:
    found = dict(entry, outputs=[node.name for node in entry["outputs"]])
    activations = [node.name for node in found.pop("activations")]
    # One for each call or none: a dropout called behind an activation and elsewhere is not one.
    return found | ({"activations": activations} if len(activations) == len(found["outputs"]) else {})


def _identity(array: np.ndarray) -> tuple[Any, ...]:
    """The same for two views of the same memory: shared weights are stored once."""
    return (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)


def _unread(array: np.ndarray) -> StoredArray:
    """The engine takes values, turned as they should lie, right from the source's memory."""

    def read_into(destination: np.ndarray) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            np.copyto(destination.reshape(array.shape), array, casting="unsafe")

    return StoredArray(array.dtype, array.shape, read_into)


def open_sizes(before: Shape, after: Shape) -> list[int]:
    """The attribute of a `reshape`, in which one size may be open."""
    if list(after).count(None) > 1:
        raise undetermined_sizes(after)
    if None in before and None not in after:
        # The engine checks at run time that the sizes fit.
        return [int(size) for size in after if size is not None]
    return [-1 if size is None else int(size) for size in after]


def known(sizes: Sequence[int | None]) -> tuple[int, ...]:
    if None in sizes:
        raise undetermined_sizes(sizes)
    return tuple(int(size) for size in sizes if size is not None)


def undetermined_sizes(sizes: Sequence[int | None]) -> Refusal:
    text = ", ".join("?" if size is None else str(size) for size in sizes)
    return Refusal(f"it needs sizes that the model leaves open, here ({text}): give input_shape=")


def count(sizes: Sequence[int | None]) -> int:
    return math.prod(known(sizes))
