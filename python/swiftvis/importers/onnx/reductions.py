"""Reductions, softmax and matrix products."""

from __future__ import annotations

import math

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.program import Refusal, Value


def _reduce(kind: str, since: int = 18):
    def row(call: Call) -> Value:
        x, keepdims = call.input(), call.flag("keepdims", True)
        axes = call.axes(1, None, since)
        if not axes:
            if call.opset >= since and call.flag("noop_with_empty_axes"):
                return _elements(call, kind, x)
            axes = None
        elif call.opset >= since:
            call.flag("noop_with_empty_axes")
        return call.program.reduce(kind, x, axes, keepdims)

    return row


def _elements(call: Call, kind: str, x: Value) -> Value:
    """Reduced over no axis."""
    program = call.program
    if kind in ("l1", "l2"):
        return program.unary("abs", x)
    if kind == "sum_square":
        return program.square(x)
    return program.unary("log", x) if kind == "log_sum" else x


def _softmax(log: bool):
    def row(call: Call) -> Value:
        x, program = call.input(), call.program
        axis = call.integer("axis", -1 if call.opset >= 13 else 1)
        if call.opset >= 13:
            return program.softmax(x, axis, log)
        if not -x.rank <= axis <= x.rank:
            raise Refusal(f"axis {axis} is outside the {x.rank} axes of its input")
        axis = axis % x.rank if axis < x.rank else axis
        if axis == x.rank - 1 or all(size == 1 for size in x.shape[axis + 1 :]):
            return program.softmax(x, axis, log)
        # Over all axes from that one on.
        flat = program.reshape(x, (*x.shape[:axis], math.prod(program.sizes(x)[axis:])))
        return program.reshape(program.softmax(flat, -1, log), x.shape)

    return row


def _cumulative_sum(call: Call) -> Value:
    axis = call.constant(1, "the axis")
    if axis.size != 1 or axis.dtype.kind not in "iu":
        raise Refusal("its axis should be one integer")
    return call.program.cumulative_sum(
        call.input(), int(axis.reshape(())), call.flag("exclusive"), call.flag("reverse")
    )


def _matmul(call: Call) -> Value:
    return call.program.matmul(call.input(0), call.input(1))


def _gemm(call: Call) -> Value:
    program, a, b, c = call.program, call.input(0), call.input(1), call.optional(2)
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    if a.rank != 2 or b.rank != 2:
        raise Refusal(f"it needs two matrices, and gets shapes {a.shape} and {b.shape}")
    if call.flag("transA"):
        a = program.permute(a, (1, 0))
    if call.flag("transB"):
        b = program.permute(b, (1, 0))
    if b.array is not None and b.array.dtype.kind == "f":
        kernel = b.array if alpha == 1 else b.array * np.float32(alpha)
        is_bias = c is not None and c.array is not None and c.array.size in (1, kernel.shape[1])
        if c is None or (is_bias and c.shape in ((), (1,), (kernel.shape[1],), (1, kernel.shape[1]))):
            bias = None
            if c is not None and c.array is not None:
                bias = np.broadcast_to(c.array.reshape(-1), [kernel.shape[1]])
                bias = bias if beta == 1 else bias * np.float32(beta)
            return program.dense(a, kernel, bias)
        product = program.dense(a, kernel)
    else:
        product = program.matmul(a, b)
        product = product if alpha == 1 else program.affine(product, alpha)
    if c is None:
        return product
    return program.merge(
        "add", product, c if beta == 1 else program.merge("multiply", c, program.constant(np.float32(beta)))
    )


def _einsum(call: Call) -> Value:
    return call.program.einsum(call.text("equation"), call.all_inputs())


OPERATORS = {
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum", 13),
    "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"),
    "ReduceProd": _reduce("prod"),
    "ReduceL1": _reduce("l1"),
    "ReduceL2": _reduce("l2"),
    "ReduceSumSquare": _reduce("sum_square"),
    "ReduceLogSum": _reduce("log_sum"),
    "ReduceLogSumExp": _reduce("log_sum_exp"),
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "CumSum": _cumulative_sum,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
}
