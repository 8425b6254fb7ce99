"""Activations, arithmetic, comparisons and casts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.onnx.tensors import numpy_type
from swiftvis.importers.program import Refusal, Value

Row = Callable[[Call], "Value | list[Value]"]


def _unary(op: str) -> Row:
    return lambda call: call.program.unary(op, call.input())


def _merge(op: str) -> Row:
    def row(call: Call) -> Value:
        _check_broadcast(call)
        return call.program.merge(op, call.input(0), call.input(1))

    return row


def _variadic(op: str) -> Row:
    def row(call: Call) -> Value:
        return functools.reduce(lambda a, b: call.program.merge(op, a, b), call.all_inputs())

    return row


def _check_broadcast(call: Call) -> None:
    if call.input(0).rank > 8 or call.input(1).rank > 8:
        raise Refusal("more than 8 axes are not supported")


def _mean(call: Call) -> Value:
    return call.program.affine(_variadic("add")(call), 1 / len(call.inputs))


def _divide(call: Call) -> Value:
    a, b = call.input(0), call.input(1)
    if a.array is not None and b.array is not None and {a.array.dtype.kind, b.array.dtype.kind} <= set("iu"):
        if not b.array.all():
            raise Refusal("it divides by zero")
        quotient = np.abs(a.array) // np.abs(b.array)
        return call.program.folded(quotient * np.sign(a.array) * np.sign(b.array))
    return call.program.merge("divide", a, b)


def _less(op: str) -> Row:
    return lambda call: call.program.merge(op, call.input(1), call.input(0))


def _power(call: Call) -> Value:
    x, exponent = call.input(0), call.input(1)
    # The result has the base's type, whatever the exponent's.
    if x.array is not None and exponent.array is not None and x.array.dtype.kind in "fiu":
        if x.array.dtype.kind in "iu" and (exponent.array < 0).any():
            raise Refusal("a negative power of integers")
        return call.program.folded(np.power(x.array, exponent.array).astype(x.array.dtype))
    if exponent.array is not None and exponent.array.size == 1 and exponent.array.reshape(()) == 2:
        return call.program.square(x)
    return call.program.merge("power", x, exponent)


def _negative(call: Call) -> Value:
    x = call.input()
    return call.program.folded(-x.array) if x.array is not None else call.program.affine(x, -1.0)


def _same(call: Call) -> Value:
    return call.input()


def _dropout(call: Call) -> list[Value]:
    if call.opset >= 12:
        training = call.optional_constant(2, "training_mode")
        if training is not None and training.any():
            raise Refusal("dropout in training mode is not supported")
        call.attribute("seed", None)
    else:
        call.attribute("ratio", None)
    x = call.input()
    if not any(call.outputs[1:]):
        return [x]
    return [x, call.program.constant(np.broadcast_to(np.True_, call.program.sizes(x)))]


def _clip(call: Call) -> Value:
    if call.opset < 11:
        low, high = call.attribute("min", None), call.attribute("max", None)
        bounds = [None if bound is None else float(bound) for bound in (low, high)]
    else:
        bounds = []
        for index, what in ((1, "the minimum"), (2, "the maximum")):
            array = call.optional_constant(index, what)
            if array is not None and array.size != 1:
                raise Refusal(f"{what} has {array.size} elements instead of one")
            bounds.append(None if array is None else float(array.reshape(())))
    low, high = bounds
    if low is not None and high is not None and low > high:
        low = high
    return call.program.clip(call.input(), low, high)


def _leaky_relu(call: Call) -> Value:
    return call.program.unary("relu", call.input(), negative_slope=call.number("alpha", 0.01))


def _prelu(call: Call) -> Value:
    return call.program.prelu(call.input(), call.input(1))


def _thresholded_relu(call: Call) -> Value:
    x, alpha = call.input(), call.number("alpha", 1.0)
    return call.program.merge(
        "multiply", x, call.program.merge("greater", x, call.program.constant(np.float32(alpha)))
    )


def _elu(call: Call) -> Value:
    return call.program.unary("elu", call.input(), alpha=call.number("alpha", 1.0))


def _selu(call: Call) -> Value:
    alpha, gamma = call.number("alpha", 1.6732632), call.number("gamma", 1.0507010)
    if abs(alpha - 1.6732632) < 1e-4 and abs(gamma - 1.050701) < 1e-4:
        return call.program.unary("selu", call.input())
    return call.program.affine(call.program.unary("elu", call.input(), alpha=alpha), gamma)


def _celu(call: Call) -> Value:
    return call.program.unary("celu", call.input(), alpha=call.number("alpha", 1.0))


def _gelu(call: Call) -> Value:
    tanh = call.one_of("approximate", "none", "none", "tanh") == "tanh"
    return call.program.unary("gelu", call.input(), approximate=tanh)


def _swish(call: Call) -> Value:
    x, alpha = call.input(), call.number("alpha", 1.0)
    if alpha == 1:
        return call.program.unary("silu", x)
    return call.program.merge("multiply", x, call.program.unary("sigmoid", call.program.affine(x, alpha)))


def _hard_sigmoid(call: Call) -> Value:
    x, alpha, beta = call.input(), call.number("alpha", 0.2), call.number("beta", 0.5)
    if beta == 0.5 and alpha > 0:
        return call.program.unary("hard_sigmoid", x, slope=alpha)
    return call.program.clip(call.program.affine(x, alpha, beta), 0.0, 1.0)


def _shrink(call: Call) -> Value:
    x, program = call.input(), call.program
    limit, bias = call.number("lambd", 0.5), call.number("bias", 0.0)
    above = program.merge("greater", x, program.constant(np.float32(limit)))
    below = program.merge("greater", program.constant(np.float32(-limit)), x)
    high, low = (program.affine(x, 1.0, shift) for shift in (-bias, bias))
    return program.where(above, high, program.where(below, low, program.constant(np.float32(0))))


def _where(call: Call) -> Value:
    return call.program.where(call.input(0), call.input(1), call.input(2))


# ---- Truth values are 0 and 1 ----


def _not(call: Call) -> Value:
    return call.program.affine(call.input(), -1.0, 1.0)


def _xor(call: Call) -> Value:
    program = call.program
    return program.affine(program.merge("equal", call.input(0), call.input(1)), -1.0, 1.0)


# ---- Types ----

_KINDS = {"f": "f", "i": "i", "u": "i", "b": "b"}


def type_kind(code: int) -> str:
    """ "f", "i" or "b" of a tensor type; "" for what is none of them."""
    dtype = numpy_type(code)
    return "" if dtype is None else _KINDS[np.dtype(dtype).kind]


def _cast(call: Call) -> Value:
    code = call.integer("to")
    call.attribute("saturate", None)
    call.attribute("round_mode", None)
    return cast(call, call.input(), code)


def cast(call: Call, x: Value, code: int) -> Value:
    kind = type_kind(code)
    if not kind:
        raise Refusal(f"a cast to type {code} is not supported")
    if x.array is not None and x.array.dtype == object:
        if kind != "i":
            raise Refusal("it computes with sizes that the model leaves open: give input_shape=")
        return x
    if x.array is not None:
        dtype: Any = numpy_type(code)
        with np.errstate(all="ignore"):
            return call.program.folded(x.array.astype(dtype, copy=False))
    if kind == "b" and call.kinds[0] != "b":
        is_zero = call.program.merge("equal", x, call.program.constant(np.float32(0)))
        return call.program.affine(is_zero, -1.0, 1.0)
    if kind == "i" and call.kinds[0] == "f":
        raise Refusal("integers that depend on the model's input are not supported")
    return x


OPERATORS: dict[str, Row] = {
    **{
        name: _unary(name.lower())
        for name in "Relu Sigmoid Tanh Softplus Softsign Abs Sqrt Log Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh "
        "Acosh Atanh Floor Ceil Round Sign Reciprocal Mish".split()
    },
    "Exp": _unary("exponential"),
    "HardSwish": _unary("hard_swish"),
    "Neg": _negative,
    "Identity": _same,
    "Dropout": _dropout,
    "Clip": _clip,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "ThresholdedRelu": _thresholded_relu,
    "Elu": _elu,
    "Selu": _selu,
    "Celu": _celu,
    "Gelu": _gelu,
    "Swish": _swish,
    "HardSigmoid": _hard_sigmoid,
    "Shrink": _shrink,
    "Add": _merge("add"),
    "Sub": _merge("subtract"),
    "Mul": _merge("multiply"),
    "Div": _divide,
    "Pow": _power,
    "Max": _variadic("maximum"),
    "Min": _variadic("minimum"),
    "Sum": _variadic("add"),
    "Mean": _mean,
    "Greater": _merge("greater"),
    "GreaterOrEqual": _merge("greater_equal"),
    "Less": _less("greater"),
    "LessOrEqual": _less("greater_equal"),
    "Equal": _merge("equal"),
    "Not": _not,
    "And": _merge("multiply"),
    "Or": _merge("maximum"),
    "Xor": _xor,
    "Where": _where,
    "Cast": _cast,
}
