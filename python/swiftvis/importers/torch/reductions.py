"""Rows for reductions and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from swiftvis.importers.program import Program, Refusal, Value
from swiftvis.importers.torch.convolution import spread

Axes = int | Sequence[int] | None


def _listed(axes: Axes) -> list[int] | None:
    """The axes; none given means all."""
    if axes is None or isinstance(axes, int):
        return None if axes is None else [axes]
    return list(axes) or None


def _reduce(kind: str) -> Any:
    def row(p: Program, x: Value, axes: Axes = None, keepdims: bool = False, *_: Any) -> Value:
        return p.reduce(kind, x, _listed(axes), keepdims)

    return row


def _first(kind: str) -> Any:
    """max and min: over everything, or along an axis, where they also tell at which index."""

    def row(p: Program, x: Value, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None:
            return p.reduce(kind, x)
        if isinstance(axis, Value):
            return p.merge(f"{kind}imum", x, axis)
        return [p.reduce(kind, x, [axis], keepdims)]

    return row


def _variance(
    p: Program, x: Value, axes: Axes = None, correction: float | None = None, keepdim: bool = False
) -> Value:
    correction = 1 if correction is None else correction
    chosen = _listed(axes)
    centred = p.merge("subtract", x, p.reduce("mean", x, chosen, True))
    count = math.prod(p.sizes(x, range(x.rank) if chosen is None else chosen))
    mean = p.reduce("mean", p.square(centred), chosen, keepdim)
    return mean if not correction else p.affine(mean, count / max(count - correction, 0))


def _variance_and_mean(
    p: Program, x: Value, axes: Axes = None, correction: float | None = None, keepdim: bool = False
) -> list[Value]:
    return [_variance(p, x, axes, correction, keepdim), p.reduce("mean", x, _listed(axes), keepdim)]


def _norm(
    p: Program, x: Value, order: float = 2, axes: Axes = None, keepdims: bool = False, *_: Any
) -> Value:
    chosen = _listed(axes)
    if order in (1, 2):
        return p.reduce(f"l{int(order)}", x, chosen, keepdims)
    if abs(order) == math.inf:
        return p.reduce("max" if order > 0 else "min", p.unary("abs", x), chosen, keepdims)
    if order == 0:
        raise Refusal("a norm of order 0 is not supported")
    total = p.reduce("sum", p.unary("power", p.unary("abs", x), exponent=order), chosen, keepdims)
    return p.unary("power", total, exponent=1 / order)


def _pool(kind: str, count: int) -> Any:
    def pooled(
        p: Program,
        x: Value,
        window: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> Value:
        window = spread(window, count)
        single = x.rank == count + 1
        result = p.pool(
            kind,
            p.reshape(x, (1, *x.shape)) if single else x,
            window,
            strides=window if stride in (None, []) else spread(stride, count),
            padding=[(size, size) for size in spread(padding, count)],
            dilations=spread(dilation, count),
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )
        return p.reshape(result, result.shape[1:]) if single else result

    def maximum(
        p: Program,
        x: Value,
        window: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil: bool = False,
    ) -> Value:
        return pooled(p, x, window, stride, padding, dilation, ceil, False)

    def average(
        p: Program,
        x: Value,
        window: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil: bool = False,
        include: bool = True,
        divisor: int | None = None,
    ) -> Value:
        if divisor is None:
            return pooled(p, x, window, stride, padding, 1, ceil, include)
        total = pooled(p, x, window, stride, padding, 1, ceil, True)
        return p.affine(total, math.prod(spread(window, count)) / divisor)

    return maximum if kind == "max" else average


def _listing(row: Any) -> Any:
    """For operations that also tell indices."""
    return lambda p, *given: [row(p, *given)]


def _adaptive(kind: str) -> Any:
    return lambda p, x, sizes: p.adaptive_pool(kind, x, sizes)


ROWS: dict[str, Any] = {
    "aten.mean": _reduce("mean"),
    "aten.sum": _reduce("sum"),
    "aten.amax": _reduce("max"),
    "aten.amin": _reduce("min"),
    "aten.prod": _reduce("prod"),
    "aten.logsumexp": _reduce("log_sum_exp"),
    "aten.max": _first("max"),
    "aten.min": _first("min"),
    "aten.var": _variance,
    "aten.var_mean": _variance_and_mean,
    "aten.linalg_vector_norm": _norm,
    "aten.cumsum": lambda p, x, axis, *_: p.cumulative_sum(x, axis),
    **{f"aten.max_pool{n}d": _pool("max", n) for n in (1, 2, 3)},
    **{f"aten.max_pool{n}d_with_indices": _listing(_pool("max", n)) for n in (2, 3)},
    **{f"aten.avg_pool{n}d": _pool("average", n) for n in (1, 2, 3)},
    **{f"aten.adaptive_avg_pool{n}d": _adaptive("average") for n in (1, 2, 3)},
    **{f"aten._adaptive_avg_pool{n}d": _adaptive("average") for n in (2, 3)},
    **{f"aten.adaptive_max_pool{n}d": _listing(_adaptive("max")) for n in (1, 2, 3)},
}
