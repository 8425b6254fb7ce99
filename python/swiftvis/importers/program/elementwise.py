"""Operations on each element alone, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.graph import Shape
from swiftvis.importers.program.core import Core, Node, Refusal, Value, engine_shape, hidden

_FOLDED_MERGES: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
}
_FOLDED_UNARIES: dict[str, Any] = {
    **{name: getattr(np, name) for name in "abs sqrt log sin cos tan sinh cosh tanh floor ceil sign".split()},
    **{f"a{name}": getattr(np, f"arc{name}") for name in "sin cos tan sinh cosh tanh".split()},
    "exponential": np.exp,
    "round": np.rint,
    "reciprocal": np.reciprocal,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "linear": lambda x: x,
}


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's rule; an open size beside a known one is taken to be the same."""
    rank = max(map(len, shapes))
    result: list[int | None] = []
    for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes)):
        found = {size for size in sizes if size not in (1, None)}
        if len(found) > 1:
            raise Refusal(f"shapes {' and '.join(str(shape) for shape in shapes)} do not broadcast")
        result.append(found.pop() if found else None if None in sizes else 1)
    return tuple(result)


class Elementwise(Core):
    def unary(self, op: str, x: Value, **attributes: Any) -> Value:
        """An engine op of one input that keeps the shape, with the engine's attributes."""
        if x.array is not None and not attributes and op in _FOLDED_UNARIES:
            with np.errstate(all="ignore"):
                return self.folded(_FOLDED_UNARIES[op](x.array))
        node = self.node(x)
        return self.value(self.emit(op, [node], node.shape, attributes), x.shape, x.channels)

    def merge(self, op: str, a: Value, b: Value) -> Value:
        """add, subtract, multiply, divide, power, maximum, minimum, greater, greater_equal or equal."""
        if a.array is not None and b.array is not None:
            broadcast(a.shape, b.shape)
            with np.errstate(all="ignore"):
                return self.folded(_FOLDED_MERGES[op](a.array, b.array))
        scaled = self._by_constant(op, a, b)
        if scaled is not None:
            return scaled
        shape = broadcast(a.shape, b.shape)
        nodes = self.aligned([a, b], shape)
        channels = next((v.channels for v in (a, b) if v.rank == len(shape) and v.channels is not None), None)
        return self.value(self.emit(op, nodes, engine_shape(shape)), shape, channels)

    def where(self, condition: Value, a: Value, b: Value) -> Value:
        if condition.array is not None:
            if a.array is not None and b.array is not None:
                return self.folded(np.where(condition.array, a.array, b.array))
            if condition.array.all() or not condition.array.any():
                chosen = a if condition.array.all() else b
                if broadcast(condition.shape, a.shape, b.shape) == chosen.shape:
                    return chosen
            condition = self.constant(condition.array.astype(np.float32))
        shape = broadcast(condition.shape, a.shape, b.shape)
        nodes = self.aligned([condition, a, b], shape)
        channels = next((v.channels for v in (a, b) if v.rank == len(shape)), None)
        return self.value(self.emit("where", nodes, engine_shape(shape)), shape, channels)

    def affine(self, x: Value, scale: Any, offset: Any = 0.0, axis: int = 1) -> Value:
        """x * scale + offset, with numbers, or with vectors along an axis."""
        scale, offset = (np.atleast_1d(np.asarray(v, np.float64)) for v in (scale, offset))
        size = max(scale.size, offset.size)
        weights = {
            "scale": np.broadcast_to(scale, [size]).astype(np.float32),
            "offset": np.broadcast_to(offset, [size]).astype(np.float32),
        }
        if size == 1:
            node = self.node(x)
            if not node.shape:
                node = self.reshaped(node, (1,))
            return self.value(self.emit("affine", [node], node.shape, None, weights), x.shape, x.channels)
        return self.over_last(x, axis, lambda node: self.emit("affine", [node], node.shape, None, weights))

    def clip(self, x: Value, low: float | None, high: float | None) -> Value:
        """Limits, of which those from 0 upwards are a ReLU, so that backward rules for ReLUs apply."""
        low = None if low is None or low <= -_LARGEST else float(low)
        high = None if high is None or high >= _LARGEST else float(high)
        if x.array is not None:
            return x if low is None and high is None else self.folded(np.clip(x.array, low, high))
        if low is None and high is None:
            return self.unary("linear", x)
        if low == 0 and (high is None or high >= 0):
            return self.unary("relu", x, **({} if high is None else {"max_value": high}))
        return self.unary("clip", x, min=low, max=high)

    def prelu(self, x: Value, alpha: Value) -> Value:
        """`alpha` broadcasts to x."""
        if alpha.array is None:
            below = self.merge("multiply", alpha, self.clip(x, None, 0.0))
            return self.merge("add", self.unary("relu", x), below)
        if alpha.array.size == 1:
            return self.unary("relu", x, negative_slope=float(alpha.array.reshape(())))
        if broadcast(alpha.shape, x.shape) != x.shape:
            raise Refusal(f"slopes of shape {alpha.shape} do not fit an input of {x.shape}")
        node = self.node(x)
        slopes = alpha.array.reshape((1,) * (x.rank - alpha.rank) + alpha.array.shape)
        slopes = slopes[0] if hidden(x.shape) else slopes
        return self.value(
            self.emit("prelu", [node], node.shape, None, {"alpha": slopes}), x.shape, x.channels
        )

    def aligned(self, values: Sequence[Value], shape: Shape) -> list[Node]:
        """Nodes that the engine broadcasts: the axes of a common source shape, with or without the first."""
        nodes = []
        for value in values:
            full = (1,) * (len(shape) - value.rank) + tuple(value.shape)
            if value.array is not None and value.node is None:
                value = self.constant(value.array.reshape(full))
            nodes.append(self.node(value, full[1:] if hidden(shape) else full))
        return nodes

    def _by_constant(self, op: str, a: Value, b: Value) -> Value | None:
        """Arithmetic with a number, or with a vector along one axis, as the op that does it at once."""
        x, other = (b, a) if a.array is not None else (a, b)
        if other.array is None or broadcast(a.shape, b.shape) != x.shape or not x.shape:
            return None
        full = (1,) * (x.rank - other.rank) + other.shape
        axes = [axis for axis, size in enumerate(full) if size != 1]
        if len(axes) > 1 or axes == [0]:
            return None
        vector = other.array.astype(np.float64).reshape(-1)
        axis = axes[0] if axes else 0
        if not np.isfinite(vector).all():
            return None
        if op in ("add", "subtract", "multiply") or (op == "divide" and x is a and vector.all()):
            reverse = op == "subtract" and x is b
            scale, offset = {
                "add": (1, vector),
                "subtract": (-1, vector) if reverse else (1, -vector),
                "multiply": (vector, 0),
                "divide": (1 / vector if op == "divide" else 1, 0),
            }[op]
            return self.affine(x, scale, offset, axis)
        if axes:
            return None
        number = float(vector[0])
        if op == "divide" and x is b:
            return self.affine(self.unary("reciprocal", x), number)
        if op == "maximum":
            return self.clip(x, number, None)
        if op == "minimum":
            return self.clip(x, None, number)
        if op == "power" and x is a:
            if number == 0.5:
                return self.unary("sqrt", x)
            return self.unary("linear", x) if number == 1 else self.unary("power", x, exponent=number)
        return None


_LARGEST = float(np.finfo(np.float32).max)
