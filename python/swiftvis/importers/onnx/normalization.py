"""Normalizations at inference."""

from __future__ import annotations

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.program import Refusal, Value


def _batch_normalization(call: Call) -> Value:
    if call.flag("training_mode"):
        raise Refusal("training_mode is not supported")
    if call.opset < 9 and not call.flag("spatial", True):
        raise Refusal("spatial=0 is not supported")
    call.attribute("momentum", None)
    call.check_only_first_output()
    names = ("the scale", "the offset", "the mean", "the variance")
    scale, offset, mean, variance = (call.constant(index, name) for index, name in enumerate(names, 1))
    return call.program.batch_normalization(
        call.input(), scale, offset, mean, variance, call.number("epsilon", 1e-5)
    )


def _instance_normalization(call: Call) -> Value:
    x = call.input()
    scale, offset = call.constant(1, "the scale"), call.constant(2, "the offset")
    if x.rank < 2 or x.shape[1] is None:
        raise Refusal(f"an input of shape {x.shape} is not supported")
    return call.program.group_normalization(x, x.shape[1], scale, offset, call.number("epsilon", 1e-5))


def _group_normalization(call: Call) -> Value:
    x, groups = call.input(), call.integer("num_groups")
    call.attribute("stash_type", None)
    scale, offset = call.constant(1, "the scale"), call.constant(2, "the offset")
    if call.opset < 21 and x.rank > 1 and x.shape[1] and groups > 0:
        # Until opset 21 they are one number a group.
        scale, offset = (np.repeat(v, x.shape[1] // groups) for v in (scale, offset))
    return call.program.group_normalization(x, groups, scale, offset, call.number("epsilon", 1e-5))


def _layer_normalization(call: Call) -> list[Value]:
    call.attribute("stash_type", None)
    x, program = call.input(), call.program
    axis, epsilon = program.axis(x, call.integer("axis", -1)), call.number("epsilon", 1e-5)
    scale, offset = call.input(1), call.optional(2)
    vectors = [v for v in (scale, offset) if v is not None]
    sizes = tuple(x.shape[axis:])
    statistics = []
    if any(call.outputs[1:]):
        axes = range(axis, x.rank)
        mean = program.reduce("mean", x, axes, True)
        variance = program.reduce("mean", program.square(program.merge("subtract", x, mean)), axes, True)
        deviation = program.unary("sqrt", program.affine(variance, 1.0, epsilon))
        statistics = [mean, program.unary("reciprocal", deviation)]
    if all(v.array is not None and v.rank <= len(sizes) for v in vectors):
        arrays = [None if v is None else v.array for v in (scale, offset)]
        return [program.layer_normalization(x, len(sizes), *arrays, epsilon), *statistics]
    result = program.merge("multiply", program.layer_normalization(x, len(sizes), None, None, epsilon), scale)
    result = result if offset is None else program.merge("add", result, offset)
    return [result, *statistics]


def _rms_normalization(call: Call) -> Value:
    call.attribute("stash_type", None)
    x = call.input()
    axis = call.program.axis(x, call.integer("axis", -1))
    return call.program.rms_normalization(
        x, range(axis, x.rank), call.optional(1), call.number("epsilon", 1e-5)
    )


def _lrn(call: Call) -> Value:
    return call.program.local_response(
        call.input(),
        call.integer("size"),
        call.number("alpha", 1e-4),
        call.number("beta", 0.75),
        call.number("bias", 1.0),
    )


def _lp_normalization(call: Call) -> Value:
    p = call.integer("p", 2)
    if p not in (1, 2):
        raise Refusal(f"p {p} is not supported")
    return call.program.lp_normalization(call.input(), p, call.integer("axis", -1))


def _mean_variance(call: Call) -> Value:
    return call.program.standardized(call.input(), call.integers("axes", [0, 2, 3]), 1e-9)


OPERATORS = {
    "BatchNormalization": _batch_normalization,
    "InstanceNormalization": _instance_normalization,
    "GroupNormalization": _group_normalization,
    "LayerNormalization": _layer_normalization,
    "RMSNormalization": _rms_normalization,
    "LRN": _lrn,
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
}
