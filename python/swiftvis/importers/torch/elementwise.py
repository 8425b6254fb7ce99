"""Rows for what is done to each element alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value


def value(p: Program, x: Any) -> Value:
    """An operand: a tensor, or the constant of a number."""
    return x if isinstance(x, Value) else p.constant(np.asarray(x, np.float64))


def _unary(op: str, **attributes: Any) -> Any:
    return lambda p, x: p.unary(op, x, **attributes)


def _merge(op: str) -> Any:
    return lambda p, a, b: p.merge(op, value(p, a), value(p, b))


def _swapped(op: str) -> Any:
    return lambda p, a, b: p.merge(op, value(p, b), value(p, a))


def _add(p: Program, a: Any, b: Any, alpha: float = 1) -> Value:
    return p.merge("add", value(p, a), _scaled(p, b, alpha))


def _subtract(p: Program, a: Any, b: Any, alpha: float = 1) -> Value:
    return p.merge("subtract", value(p, a), _scaled(p, b, alpha))


def _scaled(p: Program, x: Any, alpha: float) -> Value:
    return value(p, x) if alpha == 1 else p.merge("multiply", value(p, x), value(p, alpha))


def _divide(p: Program, a: Any, b: Any, rounding_mode: str | None = None) -> Value:
    quotient = p.merge("divide", value(p, a), value(p, b))
    if rounding_mode is None:
        return quotient
    return p.unary("floor", quotient) if rounding_mode == "floor" else _trunc(p, quotient)


def _trunc(p: Program, x: Value) -> Value:
    return p.merge("multiply", p.unary("sign", x), p.unary("floor", p.unary("abs", x)))


def _round(p: Program, x: Value, decimals: int = 0) -> Value:
    if not decimals:
        return p.unary("round", x)
    factor = 10.0**decimals
    return p.affine(p.unary("round", p.affine(x, factor)), 1 / factor)


def _power(p: Program, a: Any, b: Any) -> Value:
    if not isinstance(a, Value):
        if a <= 0:
            raise Refusal(f"{a} to the power of a tensor is not supported")
        return p.unary("exponential", p.affine(b, math.log(a)))
    return p.merge("power", a, value(p, b))


def _clamp(p: Program, x: Value, low: Any = None, high: Any = None) -> Value:
    if isinstance(low, Value) or isinstance(high, Value):
        x = x if low is None else p.merge("maximum", x, value(p, low))
        return x if high is None else p.merge("minimum", x, value(p, high))
    return p.clip(x, low, high)


def _elu(p: Program, x: Value, alpha: float, scale: float, input_scale: float) -> Value:
    if input_scale != 1:
        raise Refusal(f"an input scale of {input_scale} is not supported")
    y = p.unary("elu", x, alpha=alpha)
    return y if scale == 1 else p.affine(y, scale)


def _softplus(p: Program, x: Value, beta: float = 1, _threshold: float = 20) -> Value:
    return p.unary("softplus", x) if beta == 1 else p.affine(p.unary("softplus", p.affine(x, beta)), 1 / beta)


def _gelu(p: Program, x: Value, approximate: str = "none") -> Value:
    return p.unary("gelu", x, **({"approximate": True} if approximate == "tanh" else {}))


def _prelu(p: Program, x: Value, weight: Value) -> Value:
    if weight.array is None:
        raise Refusal("a computed slope is not supported")
    slopes = weight.array.reshape(-1, *(1,) * (x.rank - 2)) if x.rank > 2 else weight.array
    return p.prelu(x, p.constant(slopes))


def _threshold(p: Program, x: Value, threshold: float, otherwise: float) -> Value:
    if otherwise == 0 and threshold >= 0:
        return p.unary("relu", x, **({"threshold": threshold} if threshold else {}))
    return p.where(_greater(p, x, threshold), x, value(p, otherwise))


def _greater(p: Program, a: Any, b: Any) -> Value:
    return p.merge("greater", value(p, a), value(p, b))


def _not(p: Program, x: Value) -> Value:
    return p.affine(x, -1.0, 1.0)


def _not_equal(p: Program, a: Any, b: Any) -> Value:
    return _not(p, p.merge("equal", value(p, a), value(p, b)))


def _truth(p: Program, x: Value) -> Value:
    return x if x.array is not None else _not_equal(p, x, 0)


def _randomized_relu(
    p: Program, x: Value, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *_: Any
) -> Value:
    if training:
        raise Refusal("it is random")
    return p.unary("relu", x, negative_slope=(lower + upper) / 2)


def _and(p: Program, a: Value, b: Value) -> Value:
    return p.merge("multiply", a, b)


def _or(p: Program, a: Value, b: Value) -> Value:
    return p.merge("maximum", a, b)


def _where(p: Program, condition: Value, a: Any, b: Any) -> Value:
    return p.where(condition, value(p, a), value(p, b))


ROWS: dict[str, Any] = {
    **{f"aten.{name}": _unary(name) for name in "relu sigmoid tanh silu mish selu abs sqrt log erf".split()},
    **{f"aten.{name}": _unary(name) for name in "sin cos tan asin acos atan sinh cosh".split()},
    **{f"aten.{name}": _unary(name) for name in "asinh acosh atanh floor ceil sign reciprocal".split()},
    "aten.exp": _unary("exponential"),
    "aten.relu6": _unary("relu", max_value=6.0),
    "aten.hardswish": _unary("hard_swish"),
    "aten.hardsigmoid": _unary("hard_sigmoid", slope=1 / 6),
    "aten.leaky_relu": lambda p, x, slope=0.01: p.unary("relu", x, negative_slope=slope),
    "aten.celu": lambda p, x, alpha=1.0: p.unary("celu", x, alpha=alpha),
    "aten.elu": _elu,
    "aten.gelu": _gelu,
    "aten.softplus": _softplus,
    "aten.log_sigmoid": lambda p, x: p.affine(p.unary("softplus", p.affine(x, -1.0)), -1.0),
    "aten.prelu": _prelu,
    "aten.threshold": _threshold,
    "aten.hardtanh": lambda p, x, low=-1.0, high=1.0: p.clip(x, low, high),
    "aten.clamp": _clamp,
    "aten.clamp_min": _clamp,
    "aten.clamp_max": lambda p, x, high: _clamp(p, x, None, high),
    "aten.neg": lambda p, x: p.affine(x, -1.0),
    "aten.rsqrt": lambda p, x: p.unary("power", x, exponent=-0.5),
    "aten.log2": lambda p, x: p.affine(p.unary("log", x), 1 / math.log(2)),
    "aten.log10": lambda p, x: p.affine(p.unary("log", x), 1 / math.log(10)),
    "aten.log1p": lambda p, x: p.unary("log", p.affine(x, 1.0, 1.0)),
    "aten.expm1": lambda p, x: p.affine(p.unary("exponential", x), 1.0, -1.0),
    "aten.exp2": lambda p, x: _power(p, 2.0, x),
    "aten.trunc": _trunc,
    "aten.round": _round,
    "aten.add": _add,
    "aten.sub": _subtract,
    "aten.rsub": lambda p, a, b, alpha=1: _subtract(p, b, a, alpha),
    "aten.mul": _merge("multiply"),
    "aten.div": _divide,
    "aten.pow": _power,
    "aten.maximum": _merge("maximum"),
    "aten.minimum": _merge("minimum"),
    "aten.gt": _greater,
    "aten.ge": _merge("greater_equal"),
    "aten.lt": _swapped("greater"),
    "aten.le": _swapped("greater_equal"),
    "aten.eq": _merge("equal"),
    "aten.ne": _not_equal,
    "aten.rrelu": _randomized_relu,
    "aten.rrelu_with_noise_functional": lambda p, x, _noise, *given: [_randomized_relu(p, x, *given)],
    "aten.logical_not": lambda p, x: _not(p, _truth(p, x)),
    "aten.logical_and": lambda p, a, b: _and(p, _truth(p, a), _truth(p, b)),
    "aten.logical_or": lambda p, a, b: _or(p, _truth(p, a), _truth(p, b)),
    "aten.logical_xor": lambda p, a, b: _not_equal(p, _truth(p, a), _truth(p, b)),
    # Integers do not get this far, so the bits are truth values.
    "aten.bitwise_not": _not,
    "aten.bitwise_and": _and,
    "aten.bitwise_or": _or,
    "aten.bitwise_xor": _not_equal,
    "aten.where": _where,
    "aten.masked_fill": lambda p, x, mask, number: _where(p, mask, number, x),
}
