"""Keras's symbolic tensors (`model.input`, `layer.output`, and what Keras computes from them) as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..expressions import CONVERSIONS, Expression, as_expression, elementwise, functions
from ..expressions.indexing import ChannelsLastIndex
from ..layers import Layer, Tensor
from .objects import is_tensor, keras_classes

if TYPE_CHECKING:
    from ..model import Model

# Operations by their names, in small letters: Keras 3's classes and TensorFlow's functions.
_ELEMENTWISE = {
    **{
        name: name
        for name in "add subtract multiply divide negative square sqrt absolute exp log power".split()
    },
    **{name: name for name in "maximum minimum tanh sin cos reciprocal log1p expm1".split()},
    **{"truedivide": "divide", "truediv": "divide", "abs": "absolute", "pow": "power", "neg": "negative"},
}
_REDUCTIONS = {
    "mean": functions.mean,
    "sum": functions.total,
    "max": functions.largest,
    "min": functions.smallest,
    "var": functions.variance,
    "std": functions.deviation,
}


class KerasNode:
    """One call of a layer or operation of Keras."""

    def __init__(self, tensor: Any) -> None:
        self.operation, self.index, self.tensor_index = tensor._keras_history
        self.key = (id(self.operation), self.index)
        self._node = self.operation._inbound_nodes[self.index]

    @property
    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        node = self._node
        if hasattr(node, "arguments"):
            return list(node.arguments.args), dict(node.arguments.kwargs)
        return list(node.call_args), dict(node.call_kwargs)

    @property
    def inputs(self) -> list[Any]:
        """The tensors that it was called with."""
        return list(_tensors(self.arguments))

    @property
    def operation_name(self) -> str | None:
        """What it computes, in small letters; None for a layer."""
        classes = keras_classes(self.operation)
        if "TFOpLambda" in classes or "SlicingOpLambda" in classes:
            name = str(self.operation.get_config()["function"])
            return name.rpartition(".")[2].removeprefix("reduce_")
        return None if "Layer" in classes else type(self.operation).__name__.lower()


def _tensors(value: Any) -> Iterator[Any]:
    if is_tensor(value):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


class LiveTensor(Tensor):
    """A layer's output or an input of a live model: which network that is shows when all tensors of a call are known."""

    def __init__(self, keras_tensor: Any) -> None:
        self.keras_tensor = keras_tensor
        node = KerasNode(keras_tensor)
        super().__init__(None, node.operation.name, tuple(keras_tensor.shape), _data_format(node))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiveTensor) and other.keras_tensor is self.keras_tensor

    def __hash__(self) -> int:
        return id(self.keras_tensor)


def expression(keras_tensor: Any) -> Expression:
    """The expression of a tensor: Keras's plain operations are taken apart as far as layers' outputs."""
    node = KerasNode(keras_tensor)
    args, kwargs = node.arguments
    name = node.operation_name
    if name in _ELEMENTWISE:
        operands = [*args, *(value for key, value in kwargs.items() if key != "name")]
        return elementwise(_ELEMENTWISE[name], *map(_operand, operands))
    if name in _REDUCTIONS:
        options = {
            key: getattr(node.operation, key) for key in ("axis", "keepdims") if hasattr(node.operation, key)
        }
        options |= dict(zip(("axis", "keepdims"), args[1:])) | {
            k: v for k, v in kwargs.items() if k in ("axis", "keepdims")
        }
        return _REDUCTIONS[name](
            expression(node.inputs[0]), options.get("axis"), keepdims=bool(options.get("keepdims"))
        )
    if name == "getitem":
        item = args[1] if len(args) > 1 else next(iter(kwargs.values()))
        return expression(args[0])[_index(item)]
    return LiveTensor(keras_tensor)


CONVERSIONS.append((is_tensor, expression))


def as_tensor(value: Any, what: str) -> Tensor:
    """The tensor that was given: `model.input` or `layer.output`. TypeError for everything else."""
    tensor = LiveTensor(value) if is_tensor(value) else as_expression(value, what)
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"{what}: expected a tensor of a model (layer.output, model.input), got {value!r:.60}"
        )
    return tensor


def tensor_in(model: Model, keras_tensor: Any) -> Tensor:
    """The tensor of a converted model, by the layer's name and, where a layer is called several times, which call it is.

    Raises:
        ValueError: the model has no such layer, or it is not clear which call is meant.
    """
    node = KerasNode(keras_tensor)
    name, network = node.operation.name, model._network
    layer = _find(model.layers, name)
    if layer is None and name in network:
        return network.tensor(name)
    if layer is None:
        raise ValueError(f"tensor '{keras_tensor.name}' of layer '{name}' is not in model '{model.name}'")
    calls = len(node.operation._inbound_nodes)
    # A nested model has a node for its own inputs and outputs before those of its calls.
    index = node.index - (calls - len(layer.nodes)) if layer.layers else node.index
    if len(layer.nodes) > 1 and (index < 0 or (calls != len(layer.nodes) and not layer.layers)):
        raise ValueError(
            f"layer '{name}' is called {len(layer.nodes)} times in model '{model.name}' and elsewhere: say which call "
            "with swiftvis.load_model(model).get_layer(name).get_output_at(i)"
        )
    return layer.get_output_at(index if len(layer.nodes) > 1 else 0)


def _find(layers: Sequence[Layer], name: str) -> Layer | None:
    """The layer of that name, nested ones last."""
    inner = (_find(layer.layers, name) for layer in layers)
    return next((layer for layer in layers if layer.name == name), None) or next(filter(None, inner), None)


def _operand(value: Any) -> Any:
    if is_tensor(value):
        return expression(value)
    return np.asarray(value) if hasattr(value, "__array__") else value


def _index(item: Any) -> Any:
    """TensorFlow keeps slices as dicts."""
    if isinstance(item, dict):
        return slice(item["start"], item["stop"], item["step"])
    if not isinstance(item, tuple):
        return item
    parts = tuple(map(_index, item))
    if not isinstance(item, ChannelsLastIndex):
        return parts
    index = ChannelsLastIndex(parts)
    index.channels_first = (parts[0], parts[-1], *parts[1:-1])
    return index


def _data_format(node: KerasNode) -> str:
    """Of the layer itself, else of the nearest one before it; of an input, that of the nearest one behind."""
    operation = node.operation
    while not (found := _own_format(operation)) and (inputs := node.inputs):
        node = KerasNode(inputs[0])
        operation = node.operation
    waiting, seen = [operation], {id(operation)}
    while not found and waiting:
        operation = waiting.pop(0)
        found = _own_format(operation)
        following = [getattr(after, "operation", None) or after.layer for after in operation._outbound_nodes]
        waiting += [after for after in following if id(after) not in seen]
        seen |= set(map(id, following))
    return found or "channels_last"


def _own_format(operation: Any) -> str | None:
    formats = (_own_format(layer) for layer in getattr(operation, "layers", ()))
    return getattr(operation, "data_format", None) or next(filter(None, formats), None)
