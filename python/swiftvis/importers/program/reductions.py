"""Reductions over any axes, softmax and running sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program.core import Node, Refusal, Value, hidden
from swiftvis.importers.program.elementwise import Elementwise
from swiftvis.importers.program.shaping import Shaping

_FOLDED: dict[str, Any] = {
    "mean": np.mean,
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
}
# A product is as many multiplications as elements.
_LARGEST_PRODUCT = 64


class Reductions(Elementwise, Shaping):
    def reduce(self, kind: str, x: Value, axes: Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """mean, sum, max, min, prod, l1, l2, sum_square, log_sum or log_sum_exp, over some axes or all."""
        chosen = sorted({self.axis(x, axis) for axis in (range(x.rank) if axes is None else axes)})
        if kind == "min":
            return self.affine(self.reduce("max", self.affine(x, -1.0), chosen, keepdims), -1.0)
        if kind in ("l1", "l2", "sum_square", "log_sum"):
            inner = {"l1": "abs", "l2": "square", "sum_square": "square", "log_sum": "linear"}[kind]
            terms = self.square(x) if inner == "square" else self.unary(inner, x)
            total = self.reduce("sum", terms, chosen, keepdims)
            outer = {"l2": "sqrt", "log_sum": "log"}.get(kind)
            return self.unary(outer, total) if outer else total
        if kind == "log_sum_exp":
            peak = self.reduce("max", x, chosen, True)
            total = self.reduce(
                "sum", self.unary("exponential", self.merge("subtract", x, peak)), chosen, True
            )
            return self._dropped(self.merge("add", self.unary("log", total), peak), chosen, keepdims)
        if x.array is not None:
            return self.folded(_FOLDED[kind](x.array, axis=tuple(chosen), keepdims=keepdims))
        if kind == "prod":
            return self._product(x, chosen, keepdims)
        if kind not in ("mean", "sum", "max"):
            raise Refusal(f"a reduction '{kind}' is not supported")
        node, shift = (self.node(x), 0) if hidden(x.shape) else (self.explicit(x), 1)
        # Over the hidden batch there is nothing to reduce: it has one element.
        for run in reversed(_runs([axis + shift for axis in chosen if axis + shift])):
            shape = tuple(1 if at + 1 in run else size for at, size in enumerate(node.shape))
            node = self.emit("reduce", [node], shape, {"kind": kind, "axes": run, "keepdims": True})
        shape = [1 if axis in chosen else size for axis, size in enumerate(x.shape)]
        channels = x.channels if x.channels not in chosen else None
        return self._dropped(self.value(node, shape, channels), chosen, keepdims)

    def square(self, x: Value) -> Value:
        return self.merge("multiply", x, x)

    def _dropped(self, x: Value, axes: Sequence[int], keepdims: bool) -> Value:
        if keepdims:
            return x
        result = self.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in axes])
        if x.channels is not None and x.channels not in axes:
            result.channels = x.channels - sum(axis < x.channels for axis in axes)
        return result

    def _product(self, x: Value, axes: Sequence[int], keepdims: bool) -> Value:
        for axis in axes:
            (size,) = self.sizes(x, [axis])
            if size > _LARGEST_PRODUCT:
                raise Refusal(f"a product of {size} elements is not supported")
            parts = [self.slice(x, axis, i, i + 1) for i in range(size)]
            x = parts[0]
            for part in parts[1:]:
                x = self.merge("multiply", x, part)
        return self._dropped(x, axes, keepdims)

    def softmax(self, x: Value, axis: int = -1, log: bool = False) -> Value:
        if x.rank == 0:
            return self.reshape(self.softmax(self.reshape(x, (1,)), 0, log), ())
        op = "log_softmax" if log else "softmax"
        return self.over_last(x, axis, lambda node: self.emit(op, [node], node.shape))

    def cumulative_sum(self, x: Value, axis: int, exclusive: bool = False, reverse: bool = False) -> Value:
        """Running sums: a product with a triangle of ones."""
        (size,) = self.sizes(x, [self.axis(x, axis)])
        ones = np.triu(np.ones((size, size), np.float32), int(exclusive))
        return self.transformed(x, axis, ones.T if reverse else ones)

    def transformed(self, x: Value, axis: int, matrix: np.ndarray) -> Value:
        """A constant matrix (own size, new size) along an axis."""
        if matrix.size > 1 << 26:
            raise Refusal(f"it needs a matrix of {matrix.shape[0]} x {matrix.shape[1]}")

        def dense(node: Node) -> Node:
            shape = (*node.shape[:-1], matrix.shape[1])
            return self.emit("dense", [node], shape, None, {"kernel": matrix})

        return self.over_last(x, axis, dense)


def _runs(axes: Sequence[int]) -> list[list[int]]:
    """Axes grouped into those next to each other."""
    runs: list[list[int]] = []
    for axis in axes:
        if runs and axis == runs[-1][-1] + 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return runs
