"""Pooling, global pooling and upsampling."""

from __future__ import annotations

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers import resizing
from swiftvis.importers.keras.layers.convolution import window_output
from swiftvis.importers.program import Value


def pooling(call: LayerCall) -> Tensor:
    op = "max_pool2d" if call.layer.class_name.startswith("Max") else "average_pool2d"
    size = call.integers("pool_size", 2)
    strides = call.integers("strides", 1) if call.options.get("strides") is not None else size
    if call.dimensions == 1:
        size, strides = [1, size[1]], [1, strides[1]]
    padding = call.options.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise Refusal(f"padding {padding!r} is not supported")
    x = call.enter(call.input, call.channels_first)
    sizes = [window_output(x.shape[axis + 1], size[axis], strides[axis], padding) for axis in (0, 1)]
    attributes = {"pool_size": size, "strides": strides, "padding": padding}
    y = call.emit(op, [x], (None, *sizes, x.shape[3]), attributes)
    return call.leave(y, call.dimensions + 2, call.channels_first)


def global_pooling(call: LayerCall) -> Tensor:
    kind = "max" if "Max" in call.layer.class_name else "mean"
    keepdims = call.options.get("keepdims") is True
    x, first = call.input, call.channels_first
    if x.rank != call.dimensions + 2:
        raise Refusal(f"it needs an input of rank {call.dimensions + 2}, and gets one of rank {x.rank}")
    if x.image and x.channels_first == first and not keepdims:
        return call.emit("reduce", [x.image], (None, x.image.shape[3]), {"kind": kind, "axes": [1, 2]})
    axes = list(range(2, x.rank)) if first else list(range(1, x.rank - 1))
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape) if keepdims or axis not in axes]
    return call.emit("reduce", [x], tuple(shape), {"kind": kind, "axes": axes, "keepdims": keepdims})


def upsampling(call: LayerCall) -> Tensor:
    scale = call.integers("size", 1 if call.dimensions == 1 else 2)
    interpolation = resizing.interpolation(call, "nearest")
    if call.dimensions == 1:
        scale = [1, scale[1]]
    if interpolation not in ("nearest", "bilinear"):
        return resizing.enlarged(call, interpolation, scale)
    # TensorFlow 1 sampled at the pixels' corners.
    asymmetric = interpolation == "bilinear" and call.dialect.standalone
    x = call.enter(call.input, call.channels_first)
    sizes = [None if size is None else size * factor for size, factor in zip(x.shape[1:3], scale)]
    attributes = {
        "scale": scale,
        "interpolation": interpolation,
        "coordinates": "asymmetric" if asymmetric else "half_pixel",
    }
    y = call.emit("resize", [x], (None, *sizes, x.shape[3]), attributes)
    return call.leave(y, call.dimensions + 2, call.channels_first)


def adaptive_pooling(call: LayerCall) -> Tensor:
    """To a given size, by windows of nearly equal size."""
    kind = "max" if "Max" in call.layer.class_name else "average"
    sizes = call.integers("output_size", 1)[-call.dimensions :]
    first = call.channels_first

    def compute(program: Composition, x: Value) -> Value:
        return program.images_last(program.adaptive_pool(kind, program.images_first(x, first), sizes), first)

    x = call.input
    if x.rank != call.dimensions + 2:
        raise Refusal(f"it needs an input of rank {call.dimensions + 2}, and gets one of rank {x.rank}")
    return call.composed(compute, x, channels_first=first)
