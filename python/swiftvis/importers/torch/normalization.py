"""Rows for normalizations at inference, and softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value
from swiftvis.importers.torch.convolution import numbers


def _batch_norm(
    p: Program,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    mean: Value,
    variance: Value,
    _momentum: float,
    epsilon: float,
) -> list[Value]:
    arrays = [numbers(v) for v in (weight, bias, mean, variance)]
    return [p.batch_normalization(x, *arrays, epsilon)]  # type: ignore[arg-type]


def _batch_statistics(p: Program, *_: Any) -> Value:
    raise Refusal("it normalizes with the statistics of the batch (track_running_stats=False or training)")


def _layer_norm(
    p: Program,
    x: Value,
    shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    epsilon: float = 1e-5,
    *_: Any,
) -> Value:
    return p.layer_normalization(x, len(shape), numbers(weight), numbers(bias), epsilon)


def _group_norm(
    p: Program,
    x: Value,
    groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    epsilon: float = 1e-5,
    *_: Any,
) -> Value:
    return p.group_normalization(x, groups, numbers(weight), numbers(bias), epsilon)


def _native_group_norm(
    p: Program,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    _batch: int,
    _channels: int,
    _positions: int,
    groups: int,
    epsilon: float,
) -> list[Value]:
    return [_group_norm(p, x, groups, weight, bias, epsilon)]


def _instance_norm(
    p: Program,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    mean: Value | None,
    variance: Value | None,
    use_input_stats: bool,
    _momentum: float,
    epsilon: float,
    *_: Any,
) -> Value:
    if not use_input_stats:
        assert mean is not None and variance is not None
        return _batch_norm(p, x, weight, bias, mean, variance, 0, epsilon)[0]
    return p.group_normalization(x, p.sizes(x, [1])[0], numbers(weight), numbers(bias), epsilon)


def _rms_norm(
    p: Program, x: Value, shape: Sequence[int], weight: Value | None = None, epsilon: float | None = None
) -> Value:
    axes = list(range(x.rank - len(shape), x.rank))
    return p.rms_normalization(x, axes, weight, np.finfo(np.float32).eps if epsilon is None else epsilon)


def _softmax(log: bool) -> Any:
    return lambda p, x, axis, *_: p.softmax(x, axis, log)


ROWS: dict[str, Any] = {
    "aten._native_batch_norm_legit_no_training": _batch_norm,
    "aten._native_batch_norm_legit": _batch_statistics,
    "aten.layer_norm": _layer_norm,
    "aten.native_layer_norm": lambda p, *given: [_layer_norm(p, *given)],
    "aten.group_norm": _group_norm,
    "aten.native_group_norm": _native_group_norm,
    "aten.instance_norm": _instance_norm,
    "aten.rms_norm": _rms_norm,
    "aten.softmax": _softmax(False),
    "aten._softmax": _softmax(False),
    "aten.log_softmax": _softmax(True),
    "aten._log_softmax": _softmax(True),
}
