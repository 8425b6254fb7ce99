"""Activation functions, and the layers that are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers.formulas import ACTIVATIONS
from swiftvis.importers.program import Value

Node = tuple[str, dict[str, Any]]

# Names as Keras writes them; 'relu6' was MobileNet's own function before it was Keras's.
FUNCTIONS: dict[str, Node] = {
    "linear": ("linear", {}),
    "relu": ("relu", {}),
    "relu6": ("relu", {"max_value": 6.0}),
    "leaky_relu": ("relu", {"negative_slope": 0.2}),
    "elu": ("elu", {}),
    "selu": ("selu", {}),
    "sigmoid": ("sigmoid", {}),
    "tanh": ("tanh", {}),
    "softplus": ("softplus", {}),
    "softsign": ("softsign", {}),
    "swish": ("silu", {}),
    "silu": ("silu", {}),
    "hard_swish": ("hard_swish", {}),
    "hard_silu": ("hard_swish", {}),
    "gelu": ("gelu", {}),
    "mish": ("mish", {}),
    "celu": ("celu", {}),
    "exponential": ("exponential", {}),
    "softmax": ("softmax", {}),
}


def function(call: LayerCall) -> Node:
    """The `activation` option as a node."""
    value = call.options.get("activation")
    if isinstance(value, dict):
        name, config = value.get("class_name"), value.get("config")
        if name == "function":
            custom = value.get("module") not in (None, "builtins", "keras.activations") or ">" in str(
                value.get("registered_name")
            )
            if custom or not isinstance(config, str):
                raise Refusal(
                    f"its activation {value.get('registered_name') or config!r} is a custom function"
                )
            value = config
        elif name in POINTWISE and isinstance(config, dict):
            return POINTWISE[name](call, config)
        else:
            raise Refusal(f"its activation {name!r} is not supported")
    if value is None:
        return "linear", {}
    if value == "hard_sigmoid":
        return "hard_sigmoid", {"slope": 0.2 if call.dialect.version < (3, 0) else 1 / 6}
    if value not in FUNCTIONS and value not in ACTIVATIONS:
        raise Refusal(f"its activation {value!r} is not supported")
    return FUNCTIONS.get(value, (value, {}))


def activate(call: LayerCall, node: Node, x: Tensor, suffix: str = "activation") -> Tensor:
    """`x` through an activation that users may replace."""
    op, attributes = node
    if op in ACTIVATIONS:
        return call.composed(ACTIVATIONS[op], x, channels_first=x.channels_first, suffix=suffix)
    if op == "softmax":
        y, inner = softmax(call, x, -1, suffix)
    else:
        source = x.image or x
        inner = call.emit(op, [source], source.shape, attributes, suffix=suffix)
        y = call.beside(x, inner)
    call.activation_node = inner.name
    return y


def activation(call: LayerCall) -> Tensor:
    return activate(call, function(call), call.input, suffix="")


def softmax(call: LayerCall, x: Tensor, axis: int, suffix: str = "") -> tuple[Tensor, Tensor]:
    """The op works on the last axis; others are brought there. Returns the layer's value and the op's own."""
    if not -x.rank <= axis < x.rank or axis % x.rank == 0:
        raise Refusal(f"softmax over axis {axis} is not supported")
    axis %= x.rank
    if x.image and x.image_axis(axis) == 3:
        y = call.emit("softmax", [x.image], x.image.shape, suffix=suffix)
        return call.leave(y, x.rank, x.channels_first), y
    if axis == x.rank - 1:
        y = call.emit("softmax", [x], x.shape, suffix=suffix)
        return y, y
    axes = list(range(x.rank))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    turned = call.permute(x, axes)
    y = call.emit("softmax", [turned], turned.shape, suffix=suffix)
    return call.permute(y, axes), y


def softmax_layer(call: LayerCall) -> Tensor:
    axis = call.options.get("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, list):
        return _softmax_over(call, axis)
    if type(axis) is not int:
        raise Refusal(f"softmax over axis {axis!r} is not supported")
    return softmax(call, call.input, axis)[0]


def _softmax_over(call: LayerCall, over: list[Any]) -> Tensor:
    """Over several axes together."""
    x = call.input
    if any(type(axis) is not int or not -x.rank <= axis < x.rank or axis % x.rank == 0 for axis in over):
        raise Refusal(f"softmax over axis {over!r} is not supported")
    axes = sorted({axis % x.rank for axis in over})

    def flat(p: Composition, y: Value) -> Value:
        kept = y.shape[: y.rank - len(axes)]
        return p.reshape(p.softmax(p.reshape(y, (*kept, -1)), len(kept)), y.shape)

    def compute(p: Composition, value: Value) -> Value:
        return p.trailing(value, axes, lambda y: flat(p, y))

    return call.composed(compute, x, channels_first=x.channels_first)


def _relu(call: LayerCall, options: dict[str, Any]) -> Node:
    attributes = {}
    if options.get("max_value") is not None:
        attributes["max_value"] = call.finite(options["max_value"], "max_value")
    for key in ("negative_slope", "threshold"):
        if options.get(key) is not None:
            attributes[key] = call.finite(options[key], key)
    return "relu", attributes


def _leaky_relu(call: LayerCall, options: dict[str, Any]) -> Node:
    slope = options.get("negative_slope", options.get("alpha", 0.3))
    return "relu", {"negative_slope": call.finite(slope, "alpha")}


def _thresholded_relu(call: LayerCall, options: dict[str, Any]) -> Node:
    return "relu", {"threshold": call.finite(options.get("theta", 1.0), "theta")}


def _elu(call: LayerCall, options: dict[str, Any]) -> Node:
    return "elu", {"alpha": call.finite(options.get("alpha", 1.0), "alpha")}


# Layers that can also be another layer's `activation`.
POINTWISE: dict[str, Callable[[LayerCall, dict[str, Any]], Node]] = {
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ThresholdedReLU": _thresholded_relu,
    "ELU": _elu,
}


def pointwise(call: LayerCall) -> Tensor:
    op, attributes = POINTWISE[call.layer.class_name](call, call.options)
    return call.elementwise(op, attributes)


def prelu(call: LayerCall) -> Tensor:
    x = call.input
    return call.emit("prelu", [x], x.shape, weights={"alpha": call.stored[0]})


def identity(call: LayerCall) -> Tensor:
    """Dropout, noise and augmentation, which do nothing to a picture that is explained."""
    if call.trains:
        raise Refusal("it is called with training=True, so its output is random")
    return call.elementwise("linear")
