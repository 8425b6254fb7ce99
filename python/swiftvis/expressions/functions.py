"""What NumPy's functions and Keras's backend functions mean on expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._arguments import index as as_index
from .._native import Shape
from . import Expression, apply, as_expression, elementwise, product
from .operations import Reduction, Reshape, Transpose, axis_of


def reduction(name: str) -> Callable[..., Expression]:
    """The function (a, axis=None, keepdims=False) of "sum", "mean", "max" or "min"."""

    def reduce(a: Any, axis: Any = None, *, keepdims: bool = False) -> Expression:
        operand = as_expression(a, name)
        return apply(Reduction(name, axis, keepdims, operand.ndim), operand)

    reduce.__qualname__ = name  # what a TypeError about its arguments says
    return reduce


total, mean, largest, smallest = map(reduction, ("sum", "mean", "max", "min"))


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Expression:
    low, high = a_min if min is None else min, a_max if max is None else max
    a = as_expression(a, "clip")
    if low is not None:
        a = elementwise("maximum", a, low)
    return a if high is None else elementwise("minimum", a, high)


def variance(a: Any, axis: Any = None, *, keepdims: bool = False) -> Expression:
    a = as_expression(a, "var")
    return mean(elementwise("square", a - mean(a, axis, keepdims=True)), axis, keepdims=keepdims)


def deviation(a: Any, axis: Any = None, *, keepdims: bool = False) -> Expression:
    return elementwise("sqrt", variance(a, axis, keepdims=keepdims))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Expression:
    x = as_expression(x, "norm")
    if (ord is not None and axis is None and x.ndim > 1) or (
        isinstance(axis, (tuple, list)) and len(axis) > 1
    ):
        raise TypeError("matrix norms are not supported; give one axis, or neither ord nor axis")
    if ord in (None, 2):
        return elementwise("sqrt", total(elementwise("square", x), axis, keepdims=keepdims))
    if ord == 1:
        return total(abs(x), axis, keepdims=keepdims)
    if ord == np.inf:
        return largest(abs(x), axis, keepdims=keepdims)
    raise TypeError(f"ord={ord!r} is not supported (known: None, 1, 2 and inf)")


def log_softmax(x: Any, axis: int = -1) -> Expression:
    x = as_expression(x, "softmax")
    shifted = x - largest(x, axis, keepdims=True)  # or else e^x overflows
    return shifted - elementwise("log", total(elementwise("exp", shifted), axis, keepdims=True))


# ---- Shapes ----


def reshape(a: Any, shape: int | Sequence[int]) -> Expression:
    a = as_expression(a, "reshape")
    given = [as_index(size, "a size") for size in (shape if isinstance(shape, (tuple, list)) else (shape,))]
    if given.count(-1) > 1 or any(size < -1 for size in given):
        raise ValueError(f"reshape: one size may be -1, and none less, got {shape}")
    rest, known = math.prod(size for size in given if size != -1), None not in a.shape
    count = math.prod(size for size in a.shape if size is not None)
    if known and (count % rest if -1 in given else count != rest):
        raise ValueError(f"reshape: {a.shape} does not fit into {tuple(given)}")
    open_size = count // rest if known and rest else None
    return _reshaped(a, tuple(open_size if size == -1 else size for size in given))


def _reshaped(a: Expression, target: Shape) -> Expression:
    if sum(size is None for size in target) > 1:
        raise ValueError(f"reshape: at most one size may be open, got {target}")
    return apply(Reshape(target), a)


def ravel(a: Any) -> Expression:
    return reshape(a, (-1,))


def batch_flatten(x: Any) -> Expression:
    x = as_expression(x, "batch_flatten")
    if None in x.shape[1:]:
        raise ValueError(f"batch_flatten: only the first size may be open, got {x.shape}")
    return _reshaped(x, (x.shape[0], math.prod(x.shape[1:])))  # type: ignore[arg-type]


def squeeze(a: Any, axis: int | Sequence[int] | None = None) -> Expression:
    a = as_expression(a, "squeeze")
    if axis is None:
        axes = {i for i, size in enumerate(a.shape) if size == 1}
    else:
        axes = {axis_of(i, a.ndim, "squeeze") for i in (axis if isinstance(axis, (tuple, list)) else (axis,))}
    if any(a.shape[i] not in (1, None) for i in axes):
        raise ValueError(f"squeeze: only axes of size 1 can go, got axis {axis} of {a.shape}")
    return a[tuple(0 if i in axes else slice(None) for i in range(a.ndim))]


def expand_dims(a: Any, axis: int = -1) -> Expression:
    a = as_expression(a, "expand_dims")
    position = axis_of(axis, a.ndim + 1, "expand_dims")
    return a[(*(slice(None),) * position, None)]


def transpose(a: Any, axes: Sequence[int] | None = None) -> Expression:
    a = as_expression(a, "transpose")
    order = range(a.ndim)[::-1] if axes is None else [axis_of(i, a.ndim, "transpose") for i in axes]
    if sorted(order) != list(range(a.ndim)):
        raise ValueError(f"transpose: expected every axis of {a.shape} once, got {axes}")
    return apply(Transpose(order), a)


def moveaxis(a: Any, source: int, destination: int) -> Expression:
    a = as_expression(a, "moveaxis")
    start, end = axis_of(source, a.ndim, "moveaxis"), axis_of(destination, a.ndim, "moveaxis")
    order = [i for i in range(a.ndim) if i != start]
    order.insert(end, start)
    return transpose(a, order)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: total,
    np.mean: mean,
    np.max: largest,
    np.amax: largest,
    np.min: smallest,
    np.amin: smallest,
    np.var: variance,
    np.std: deviation,
    np.clip: clip,
    np.dot: product,
    np.linalg.norm: norm,
    np.reshape: reshape,
    np.ravel: ravel,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.transpose: transpose,
    np.moveaxis: moveaxis,
    np.ndim: lambda a: a.ndim,
    np.shape: lambda a: a.shape,
}
