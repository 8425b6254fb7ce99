"""Layers that only Keras 1 had."""

from __future__ import annotations

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers.activation import function
from swiftvis.importers.program import Value


def maxout(call: LayerCall) -> Tensor:
    """The largest of several linear functions."""
    kernel = call.arrays[0]
    features, channels, units = kernel.shape
    bias = call.arrays[1].reshape(-1) if call.options.get("use_bias", True) else None
    kernel = kernel.transpose(1, 0, 2).reshape(channels, -1)

    def compute(program: Composition, x: Value) -> Value:
        y = program.dense(x, kernel, bias)
        return program.reduce("max", program.reshape(y, (1, features, units)), [1])

    return call.composed(compute, call.input)


def highway(call: LayerCall) -> Tensor:
    """A gate between a dense layer and its input."""
    (op, attributes), arrays = function(call), call.arrays
    biases: list[np.ndarray | None] = list(arrays[2:]) if call.options.get("use_bias", True) else [None, None]

    def compute(program: Composition, x: Value) -> Value:
        gate = program.unary("sigmoid", program.dense(x, arrays[1], biases[1]))
        y = program.unary(op, program.dense(x, arrays[0], biases[0]), **attributes)
        return program.merge("add", x, program.merge("multiply", gate, program.merge("subtract", y, x)))

    return call.composed(compute, call.input)
