"""Convolutions, pooling and upsampling in three dimensions, made of those in two."""

from __future__ import annotations

import dataclasses

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers.activation import activate, function
from swiftvis.importers.program import Value
from swiftvis.importers.program.convolution import same_padding


def convolution(call: LayerCall) -> Tensor:
    strides, dilations = call.integers("strides", 1), call.integers("dilation_rate", 1)
    groups = call.integers("groups", 1, dimensions=1)[-1]
    padding, node, first = _padding(call), function(call), call.channels_first
    kernel, bias = _kernel(call), _bias(call)

    def compute(program: Composition, x: Value) -> Value:
        x = program.images_first(x, first)
        windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilations)]
        pairs = same_padding(x.shape[2:], windows, strides) if padding == "same" else [(0, 0)] * 3
        y = program.convolution(
            x, kernel, bias, strides=strides, padding=pairs, dilations=dilations, groups=groups
        )
        return program.images_last(y, first)

    return activate(call, node, call.composed(compute, call.input, channels_first=first))


def transposed_convolution(call: LayerCall) -> Tensor:
    strides, dilations = call.integers("strides", 1), call.integers("dilation_rate", 1)
    extra = call.integers("output_padding", 0, minimum=0)
    given = call.options.get("output_padding") is not None
    padding, node, first = _padding(call), function(call), call.channels_first
    kernel, bias = _kernel(call), _bias(call)
    windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilations)]
    # What the result has less than (input - 1) * stride + window.
    if given:
        lost = [(2 * (k // 2) if padding == "same" else 0) - more for k, more in zip(windows, extra)]
    else:
        lost = [k - s if padding == "same" else min(k - s, 0) for k, s in zip(windows, strides)]
    pairs = [(max(less, 0) // 2, max(less, 0) - max(less, 0) // 2) for less in lost]

    def compute(program: Composition, x: Value) -> Value:
        y = program.transposed_convolution(
            program.images_first(x, first),
            kernel,
            bias,
            strides=strides,
            padding=pairs,
            dilations=dilations,
            output_padding=[max(-less, 0) for less in lost],
        )
        return program.images_last(y, first)

    return activate(call, node, call.composed(compute, call.input, channels_first=first))


def pooling(call: LayerCall) -> Tensor:
    kind = "max" if call.layer.class_name.startswith("Max") else "average"
    window = call.integers("pool_size", 2)
    strides = call.integers("strides", 1) if call.options.get("strides") is not None else window
    padding, first = _padding(call), call.channels_first

    def compute(program: Composition, x: Value) -> Value:
        x = program.images_first(x, first)
        pairs = same_padding(x.shape[2:], window, strides) if padding == "same" else [(0, 0)] * 3
        return program.images_last(program.pool(kind, x, window, strides=strides, padding=pairs), first)

    return call.composed(compute, call.input, channels_first=first)


def upsampling(call: LayerCall) -> Tensor:
    scale, first = call.integers("size", 2), call.channels_first

    def compute(program: Composition, x: Value) -> Value:
        for axis, factor in enumerate(scale, 2 if first else 1):
            if factor > 1:
                (size,) = program.sizes(x, [axis])
                x = program.gather(x, np.repeat(np.arange(size), factor), axis)
        return x

    x = call.input
    if x.rank != 5:
        raise Refusal(f"it needs an input of rank 5, and gets one of rank {x.rank}")
    return dataclasses.replace(call.composed(compute, x), channels_first=first)


def _padding(call: LayerCall) -> str:
    padding = call.options.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise Refusal(f"padding {padding!r} is not supported")
    return padding


def _kernel(call: LayerCall) -> np.ndarray:
    """(filters, channels, ...), and of a transposed convolution (channels, filters, ...), as other sources have it."""
    kernel = call.arrays[0]
    if kernel.ndim != 5:
        raise Refusal(f"its kernel has shape {kernel.shape}")
    if call.dialect.backend == "theano":
        kernel = np.flip(kernel, (0, 1, 2))
    return kernel.transpose(4, 3, 0, 1, 2)


def _bias(call: LayerCall) -> np.ndarray | None:
    return call.arrays[1] if call.options.get("use_bias", True) else None
