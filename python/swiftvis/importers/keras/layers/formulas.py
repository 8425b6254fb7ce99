"""Functions of Keras that are several of the engine's operations: as activations, and outside layers."""

from __future__ import annotations

import math
from collections.abc import Callable

from swiftvis.importers.keras.call import Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.program import Value


def _log_sigmoid(p: Composition, x: Value) -> Value:
    return p.affine(p.unary("softplus", p.affine(x, -1.0)), -1.0)


def _soft_shrink(p: Composition, x: Value, threshold: float = 0.5) -> Value:
    return p.merge("subtract", x, p.clip(x, -threshold, threshold))


def _hard_shrink(p: Composition, x: Value, threshold: float = 0.5) -> Value:
    return p.merge("multiply", x, p.merge("greater", p.unary("abs", x), p.number(threshold)))


def _threshold(p: Composition, x: Value, threshold: float = 0.0, default_value: float = 0.0) -> Value:
    return p.where(p.merge("greater", x, p.number(threshold)), x, p.number(default_value))


def _squareplus(p: Composition, x: Value, b: float = 4.0) -> Value:
    return p.affine(p.merge("add", x, p.unary("sqrt", p.affine(p.square(x), 1.0, b))), 0.5)


def _sparse_plus(p: Composition, x: Value) -> Value:
    """0 up to -1, from 1 the identity, and a parabola between."""
    bend = p.affine(p.square(p.affine(p.clip(x, -1.0, 1.0), 1.0, 1.0)), 0.25)
    return p.merge("add", bend, p.clip(p.affine(x, 1.0, -1.0), 0.0, None))


def _glu(p: Composition, x: Value, axis: int = -1) -> Value:
    axis = p.axis(x, axis)
    (size,) = p.sizes(x, [axis])
    if axis == 0 or size % 2:
        raise Refusal(f"the two halves of axis {axis}, of {size} elements, are not supported")
    values, gates = p.split(x, [size // 2] * 2, axis)
    return p.merge("multiply", values, p.unary("sigmoid", gates))


def _trunc(p: Composition, x: Value) -> Value:
    return p.merge("multiply", p.unary("sign", x), p.unary("floor", p.unary("abs", x)))


def _log(base: float) -> Callable[[Composition, Value], Value]:
    return lambda p, x: p.affine(p.unary("log", x), 1 / math.log(base))


ACTIVATIONS: dict[str, Callable[..., Value]] = {
    "hard_tanh": lambda p, x: p.clip(x, -1.0, 1.0),
    "log_sigmoid": _log_sigmoid,
    "log_softmax": lambda p, x: p.softmax(x, x.rank - 1, True),
    "tanh_shrink": lambda p, x: p.merge("subtract", x, p.unary("tanh", x)),
    "soft_shrink": _soft_shrink,
    "hard_shrink": _hard_shrink,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda p, x: p.clip(p.affine(x, 0.5, 0.5), 0.0, 1.0),
    "glu": _glu,
}
FORMULAS: dict[str, Callable[..., Value]] = {
    **{name: row for name, row in ACTIVATIONS.items() if name != "log_softmax"},
    "threshold": _threshold,
    "hard_sigmoid": lambda p, x: p.unary("hard_sigmoid", x, slope=1 / 6),
    "log1p": lambda p, x: p.unary("log", p.affine(x, 1.0, 1.0)),
    "expm1": lambda p, x: p.affine(p.unary("exponential", x), 1.0, -1.0),
    "log2": _log(2.0),
    "log10": _log(10.0),
    "trunc": _trunc,
    "zeros_like": lambda p, x: p.affine(x, 0.0),
    "ones_like": lambda p, x: p.affine(x, 0.0, 1.0),
    "logical_not": lambda p, x: p.affine(x, -1.0, 1.0),
}
