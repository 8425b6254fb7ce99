"""What expressions are made of: each operation's shape, its values and its gradient, in float32.

An infinite slope (of a square root at 0, say) counts as 0 here, so that the norm of a black image has a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._arguments import index as as_index
from .._native import Shape

Array = Any  # np.ndarray, or the NumPy scalar that stands for one without axes
Partial = Callable[..., Array]


class Operation:
    """Forward takes the operands' values; backward also the gradient at the result and the result itself, and gives the
    gradients of the operands for which one is needed."""

    name: str

    def shape(self, *shapes: Shape) -> Shape:
        raise NotImplementedError

    def forward(self, *operands: Array) -> Array:
        raise NotImplementedError

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        raise NotImplementedError


class InPlace(Operation):
    """An operation on one tensor whose gradient is added to the operand's in place, not made into an array of that size."""

    def add_gradient(self, total: np.ndarray, gradient: Array, operand: Array) -> None:
        raise NotImplementedError


class Elementwise(Operation):
    """A NumPy function of broadcast operands, and its partial derivatives."""

    def __init__(self, name: str, forward: Callable[..., Array], *partials: Partial) -> None:
        self.name = name
        self.forward = forward  # type: ignore[method-assign]
        self._partials = partials

    def shape(self, *shapes: Shape) -> Shape:
        rank = max(len(shape) for shape in shapes)
        padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
        return tuple(self._common(sizes, shapes) for sizes in zip(*padded, strict=True))

    def _common(self, sizes: tuple[int | None, ...], shapes: tuple[Shape, ...]) -> int | None:
        known = {size for size in sizes if size not in (None, 1)}
        if len(known) > 1:
            raise ValueError(
                f"{self.name}: the shapes {' and '.join(map(str, shapes))} do not fit each other"
            )
        return known.pop() if known else None if None in sizes else 1

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        return [
            _summed_to(partial(gradient, result, *operands), np.shape(operand)) if need else None
            for partial, operand, need in zip(self._partials, operands, needed, strict=True)
        ]


def _summed_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of what was broadcast from that shape."""
    if np.shape(gradient) == shape:
        return gradient
    added = np.ndim(gradient) - len(shape)
    axes = tuple(
        axis
        for axis, size in enumerate(np.shape(gradient))
        if axis < added or (shape[axis - added] == 1 and size != 1)
    )
    return np.sum(gradient, axis=axes).reshape(shape)


def _finite(slope: Array) -> Array:
    return np.where(np.isfinite(slope), slope, np.float32(0))


ELEMENTWISE = {
    operation.name: operation
    for operation in (
        Elementwise("add", np.add, lambda g, y, a, b: g, lambda g, y, a, b: g),
        Elementwise("subtract", np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g),
        Elementwise("multiply", np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
        Elementwise("divide", np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b),
        Elementwise(
            *("power", np.power),
            lambda g, y, a, b: g * _finite(b * np.power(a, b - np.float32(1))),
            lambda g, y, a, b: g * np.where(a > 0, y * np.log(a), np.float32(0)),
        ),
        Elementwise("maximum", np.maximum, lambda g, y, a, b: g * (a >= b), lambda g, y, a, b: g * (a < b)),
        Elementwise("minimum", np.minimum, lambda g, y, a, b: g * (a <= b), lambda g, y, a, b: g * (a > b)),
        Elementwise("positive", np.positive, lambda g, y, x: g),
        Elementwise("negative", np.negative, lambda g, y, x: -g),
        Elementwise("absolute", np.absolute, lambda g, y, x: g * np.sign(x)),
        Elementwise("square", np.square, lambda g, y, x: g * (x + x)),
        Elementwise("sqrt", np.sqrt, lambda g, y, x: g * _finite(np.float32(0.5) / y)),
        Elementwise("reciprocal", np.reciprocal, lambda g, y, x: -g * y * y),
        Elementwise("exp", np.exp, lambda g, y, x: g * y),
        Elementwise("expm1", np.expm1, lambda g, y, x: g * (y + np.float32(1))),
        Elementwise("log", np.log, lambda g, y, x: g / x),
        Elementwise("log1p", np.log1p, lambda g, y, x: g / (x + np.float32(1))),
        Elementwise("tanh", np.tanh, lambda g, y, x: g * (np.float32(1) - y * y)),
        Elementwise("sin", np.sin, lambda g, y, x: g * np.cos(x)),
        Elementwise("cos", np.cos, lambda g, y, x: -g * np.sin(x)),
    )
}


class Power(Elementwise):
    """A constant power; a small whole one by products, many times faster than np.power."""

    def __init__(self, exponent: np.float32) -> None:
        slope = exponent - np.float32(1)
        super().__init__(
            *("power", lambda x: _power(x, exponent)),
            lambda g, y, x: (_power(x, slope) if slope >= 0 else _finite(_power(x, slope))) * exponent * g,
        )


def _power(x: Array, exponent: np.float32) -> Array:
    if not (exponent.is_integer() and 2 <= exponent <= 16):
        return np.power(x, exponent)
    result = x * x
    for position, bit in enumerate(f"{int(exponent):b}"[1:]):
        if position:
            result *= result
        if bit == "1":
            result *= x
    return result


class Reduction(Operation):
    """The sum, mean, maximum or minimum over axes; equal extremes share the gradient, as in TensorFlow."""

    _FORWARD = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}  # noqa: RUF012

    def __init__(self, name: str, axis: Any, keepdims: bool, rank: int) -> None:
        self.name = name
        if axis is None:
            self._axes = tuple(range(rank))
        else:
            given = axis if isinstance(axis, (tuple, list)) else (axis,)
            self._axes = tuple(axis_of(a, rank, name) for a in given)
            if len(set(self._axes)) != len(self._axes):
                raise ValueError(f"{name}: an axis is given twice: {axis}")
        self._keepdims = bool(keepdims)

    def shape(self, operand: Shape) -> Shape:
        if self._keepdims:
            return tuple(1 if axis in self._axes else size for axis, size in enumerate(operand))
        return tuple(size for axis, size in enumerate(operand) if axis not in self._axes)

    def forward(self, operand: Array) -> Array:
        return self._FORWARD[self.name](operand, axis=self._axes, keepdims=self._keepdims)

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        (operand,) = operands
        shape = operand.shape
        kept = tuple(1 if axis in self._axes else size for axis, size in enumerate(shape))
        gradient = np.reshape(gradient, kept)
        if self.name == "mean":
            gradient = gradient / np.float32(math.prod(shape[axis] for axis in self._axes))
        elif self.name != "sum":
            extreme = operand == np.reshape(result, kept)
            shared = np.sum(extreme, axis=self._axes, keepdims=True, dtype=np.float32)
            return [extreme * (gradient / shared)]
        return [np.broadcast_to(gradient, shape)]


class MatrixProduct(Operation):
    """The product of two matrices."""

    name = "matmul"

    def shape(self, *shapes: Shape) -> Shape:
        left, right = shapes
        if len(left) != 2 or len(right) != 2 or (None not in (left[1], right[0]) and left[1] != right[0]):
            raise ValueError(f"matmul: expected matrices that fit each other, got shapes {left} and {right}")
        return (left[0], right[1])

    def forward(self, left: Array, right: Array) -> Array:  # type: ignore[override]
        return np.matmul(left, right)

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        left, right = operands
        return [
            np.matmul(gradient, right.T) if needed[0] else None,
            np.matmul(left.T, gradient) if needed[1] else None,
        ]


class Reshape(Operation):
    """The same values in another shape; its first size may be left open."""

    name = "reshape"

    def __init__(self, target: Shape) -> None:
        self._target = target

    def shape(self, operand: Shape) -> Shape:
        return self._target

    def forward(self, operand: Array) -> Array:
        return np.reshape(operand, tuple(-1 if size is None else size for size in self._target))

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        return [np.reshape(gradient, np.shape(operands[0]))]


class Transpose(Operation):
    """The axes in another order."""

    name = "transpose"

    def __init__(self, order: Sequence[int]) -> None:
        self._order = tuple(order)

    def shape(self, operand: Shape) -> Shape:
        return tuple(operand[axis] for axis in self._order)

    def forward(self, operand: Array) -> Array:
        return np.transpose(operand, self._order)

    def backward(
        self, gradient: Array, result: Array, operands: Sequence[Array], needed: Sequence[bool]
    ) -> Sequence[Array]:
        return [np.transpose(gradient, np.argsort(self._order))]


def axis_of(axis: Any, rank: int, name: str) -> int:
    """The axis counted from the front."""
    position = as_index(axis, f"{name}: an axis")
    if not -rank <= position < rank:
        raise ValueError(f"{name}: axis {position} is out of range for a tensor with {rank} axes")
    return position % rank
