"""Convolutions in one and two dimensions, and Dense."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftvis.importers.keras.builder import Tensor, Weight
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.layers.activation import activate, function
from swiftvis.importers.stored import StoredArray


def window_output(size: int | None, window: int, stride: int, padding: Any) -> int | None:
    """The length of one axis after a sliding window; `padding` is 'valid', 'same' or a (before, after) pair."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    before, after = (0, 0) if padding == "valid" else padding
    return (size + before + after - window) // stride + 1


def convolution(call: LayerCall) -> Tensor:
    attributes = _geometry(call)
    groups = call.integers("groups", 1, dimensions=2)[0] if "groups" in call.options else 1
    attributes["groups"] = groups
    node, x = function(call), call.enter(call.input, call.channels_first)
    kernel, bias = _kernel(call, 0), _bias(call, 1)
    shape = _output_shape(x, kernel, attributes, kernel.shape[3])
    y = call.emit("conv2d", [x], shape, attributes, {"kernel": kernel, "bias": bias})
    return _finish(call, node, y)


def depthwise_convolution(call: LayerCall) -> Tensor:
    attributes = _geometry(call)
    node, x = function(call), call.enter(call.input, call.channels_first)
    kernel, bias = _kernel(call, 0), _bias(call, 1)
    shape = _output_shape(x, kernel, attributes, kernel.shape[2] * kernel.shape[3])
    y = call.emit("depthwise_conv2d", [x], shape, attributes, {"kernel": kernel, "bias": bias})
    return _finish(call, node, y)


def separable_convolution(call: LayerCall) -> Tensor:
    attributes = _geometry(call)
    node, x = function(call), call.enter(call.input, call.channels_first)
    depthwise, pointwise, bias = _kernel(call, 0), _kernel(call, 1), _bias(call, 2)
    shape = _output_shape(x, depthwise, attributes, depthwise.shape[2] * depthwise.shape[3])
    middle = call.emit("depthwise_conv2d", [x], shape, attributes, {"kernel": depthwise}, suffix="depthwise")
    shape = (*shape[:3], pointwise.shape[3])
    y = call.emit("conv2d", [middle], shape, None, {"kernel": pointwise, "bias": bias})
    return _finish(call, node, y)


def transposed_convolution(call: LayerCall) -> Tensor:
    attributes = _geometry(call)
    extra = None
    if call.options.get("output_padding") is not None:
        extra = call.integers("output_padding", 0, minimum=0)
    attributes["output_padding"] = extra
    node, x = function(call), call.enter(call.input, call.channels_first)
    kernel, bias = _kernel(call, 0), _bias(call, 1)
    if "output_shape" in call.options:
        extra = _stated_extra(call, x, kernel, attributes)
        attributes["output_padding"] = extra
    shape: list[int | None] = [None, None, None, kernel.shape[2]]
    for axis in (1, 2):
        size, stride = x.shape[axis], attributes["strides"][axis - 1]
        window_size = (kernel.shape[axis - 1] - 1) * attributes["dilations"][axis - 1] + 1
        if size is None:
            continue
        if extra is not None:
            lost = 2 * (window_size // 2) if attributes["padding"] == "same" else 0
            shape[axis] = (size - 1) * stride + window_size - lost + extra[axis - 1]
        else:
            shape[axis] = size * stride + (
                0 if attributes["padding"] == "same" else max(window_size - stride, 0)
            )
    y = call.emit("conv2d_transpose", [x], tuple(shape), attributes, {"kernel": kernel, "bias": bias})
    return _finish(call, node, y)


def _stated_extra(call: LayerCall, x: Tensor, kernel: Weight, attributes: dict[str, Any]) -> list[int]:
    """The output padding that gives the size which Keras 1 states."""
    stated = call.options["output_shape"]
    sizes = stated[2:] if call.channels_first else stated[1:3]
    extra = []
    for axis, size in enumerate(sizes):
        window = (kernel.shape[axis] - 1) * attributes["dilations"][axis] + 1
        lost = 2 * (window // 2) if attributes["padding"] == "same" else 0
        least = (call.known(x.shape[axis + 1]) - 1) * attributes["strides"][axis] + window - lost
        if type(size) is not int or not 0 <= size - least < 1 << 31:
            raise Refusal(f"output_shape {stated!r} is not supported")
        extra.append(size - least)
    return extra


def dense(call: LayerCall) -> Tensor:
    node, x = function(call), call.input
    kernel, bias = call.stored[0], _bias(call, 1)
    if kernel.ndim != 2:
        raise Refusal(f"its kernel has shape {kernel.shape}")
    if x.image and not x.channels_first:
        y = call.emit(
            "dense", [x.image], (*x.image.shape[:3], kernel.shape[1]), None, {"kernel": kernel, "bias": bias}
        )
        return call.leave(activate(call, node, y), x.rank, False)
    y = call.emit("dense", [x], (*x.shape[:-1], kernel.shape[1]), None, {"kernel": kernel, "bias": bias})
    return activate(call, node, y)


def _geometry(call: LayerCall) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "strides": call.integers("strides", 1),
        "dilations": call.integers("dilation_rate", 1),
        "padding": call.options.get("padding", "valid"),
    }
    window = call.integers("kernel_size", 1)
    if attributes["padding"] == "causal" and call.dimensions == 1:
        attributes["padding"] = [[0, 0], [(window[1] - 1) * attributes["dilations"][1], 0]]
    elif attributes["padding"] not in ("valid", "same"):
        raise Refusal(f"padding {attributes['padding']!r} is not supported")
    return attributes


def _kernel(call: LayerCall, index: int) -> Weight:
    kernel: Weight = call.stored[index]
    if kernel.ndim != call.dimensions + 2:
        raise Refusal(f"its kernel has shape {kernel.shape}")
    # Theano computes true convolutions: the same kernel, turned half round.
    if call.dialect.backend == "theano" and call.layer.class_name.startswith("Conv"):
        kernel = np.flip(call.arrays[index], axis=tuple(range(call.dimensions)))
    return kernel if call.dimensions == 2 else kernel.reshape((1, *kernel.shape))


def _bias(call: LayerCall, index: int) -> StoredArray | None:
    return call.stored[index] if call.options.get("use_bias", True) else None


def _output_shape(
    x: Tensor, kernel: Weight, attributes: dict[str, Any], channels: int
) -> tuple[int | None, ...]:
    sizes = []
    for axis in (0, 1):
        padding = attributes["padding"]
        window = (kernel.shape[axis] - 1) * attributes["dilations"][axis] + 1
        pair = padding if isinstance(padding, str) else padding[axis]
        sizes.append(window_output(x.shape[axis + 1], window, attributes["strides"][axis], pair))
    return (None, *sizes, channels)


def _finish(call: LayerCall, node: tuple[str, dict[str, Any]], image: Tensor) -> Tensor:
    """Activation and the layer's own layout. Softmax goes over the last axis of that layout, so it comes after."""
    rank = call.dimensions + 2
    if node[0] == "softmax" and call.channels_first:
        return activate(call, node, call.leave(image, rank, True))
    return call.leave(activate(call, node, image), rank, call.channels_first)
