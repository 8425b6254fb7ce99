"""Operations outside layers: those of keras.ops, and of TensorFlow in tf.keras 2 (TFOpLambda, SlicingOpLambda)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers.activation import FUNCTIONS
from swiftvis.importers.keras.topology import Reference
from swiftvis.importers.program import Value

_MERGES = "add subtract multiply divide maximum minimum power greater greater_equal equal".split()
_SAME = "abs sqrt log erf sin cos tan sinh cosh floor ceil round sign reciprocal".split()
_ARCS = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
_OTHERS = {"absolute": "abs", "exp": "exponential", "rint": "round"}
UNARIES = (
    {name: (name, {}) for name in _SAME} | {k: (v, {}) for k, v in (_ARCS | _OTHERS).items()} | FUNCTIONS
)
_REDUCTIONS = {
    **{name: name for name in ("mean", "sum", "max", "min", "prod")},
    **{f"reduce_{name}": name for name in ("mean", "sum", "max", "min", "prod")},
    **{"amax": "max", "amin": "min", "logsumexp": "log_sum_exp"},
}
# Names of TensorFlow, NumPy and Python for what Keras names otherwise.
_NAMES = {
    **{"truediv": "divide", "truedivide": "divide", "sub": "subtract", "mul": "multiply", "pow": "power"},
    **{"neg": "negative", "concat": "concatenate", "permute_dims": "transpose", "getitem": "get_item"},
    **{"slicingoplambda": "get_item", "batch_matmul": "matmul", "leakyrelu": "leaky_relu"},
}

Result = Value | list[Value]


class Operands:
    """The arguments of one operation, with a value for each tensor."""

    def __init__(self, call: LayerCall, values: list[Value]) -> None:
        given = iter(values)
        self.options = {key: value for key, value in call.options.items() if key not in ("name", "function")}
        self.items = [_filled(item, given) for item in call.call.arguments]
        self.options |= {
            key: _filled(item, given) for key, item in call.call.options.items() if key != "name"
        }

    def get(self, position: int, *names: str, default: Any = None) -> Any:
        """An argument by its position, or by any of its names."""
        if position < len(self.items):
            return self.items[position]
        return next((self.options[name] for name in names if self.options.get(name) is not None), default)

    def value(self, program: Composition, position: int, *names: str) -> Value:
        item = self.get(position, *names)
        if isinstance(item, Value):
            return item
        array = np.asarray(item, np.float32) if isinstance(item, (int, float, list)) else None
        if array is None or not np.isfinite(array).all():
            raise Refusal(f"an operand {item!r} is not supported")
        return program.constant(array)


def operation(call: LayerCall) -> Tensor | list[Tensor]:
    name = operation_name(call)
    if name not in OPERATIONS:
        raise Refusal(f"the operation '{name}' outside a layer is not supported")
    inputs = call.inputs

    def compute(program: Composition, *values: Value) -> Result:
        result = OPERATIONS[name](program, Operands(call, list(values)))
        for value in result if isinstance(result, list) else [result]:
            if value.rank == 0 or value.shape[0] != 1:
                raise Refusal("it mixes the batch with other axes")
        return result

    first = any(tensor.channels_first for tensor in inputs)
    return call.composed(compute, *inputs, channels_first=first)


def operation_name(call: LayerCall) -> str:
    """In small letters with underscores, whatever wrote the file."""
    name = str(call.options.get("function") or call.layer.class_name).rsplit(".", 1)[-1]
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")
    return next((_NAMES.get(n, n) for n in (snake, name.lower()) if _NAMES.get(n, n) in OPERATIONS), snake)


def _filled(item: Any, values: Any) -> Any:
    if isinstance(item, Reference):
        return next(values)
    if isinstance(item, list):
        return [_filled(part, values) for part in item]
    if isinstance(item, dict):
        if item.get("class_name") == "__slice__":
            item = item["config"]
        if set(item) == {"start", "stop", "step"}:
            return slice(*(_index(item[key]) for key in ("start", "stop", "step")))
        return {key: _filled(part, values) for key, part in item.items()}
    return item


def _index(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise Refusal(f"an index {value!r} is not supported")
    return value


def _axes(operands: Operands, position: int, rank: int) -> list[int]:
    """Of a reduction or the like; the batch is no axis to compute along."""
    axis = operands.get(position, "axis", "axes")
    axes = axis if isinstance(axis, list) else [axis]
    if any(type(one) is not int or not -rank <= one < rank or one % rank == 0 for one in axes):
        raise Refusal(f"axis {axis!r} is not supported, since it takes in the batch")
    return [one % rank for one in axes]


def _reduction(kind: str) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        x = operands.value(program, 0, "x", "input_tensor")
        keepdims = operands.get(2, "keepdims", default=False) is True
        return program.reduce(kind, x, _axes(operands, 1, x.rank), keepdims)

    return compute


def _merge(op: str) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        return program.merge(op, operands.value(program, 0, "x1", "x"), operands.value(program, 1, "x2", "y"))

    return compute


def _unary(op: str, attributes: dict[str, Any]) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        return program.unary(op, operands.value(program, 0, "x", "features"), **attributes)

    return compute


def _softmax(log: bool) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        x = operands.value(program, 0, "x", "logits")
        (axis,) = _axes(operands, 1, x.rank) if operands.get(1, "axis") is not None else [x.rank - 1]
        return program.softmax(x, axis, log)

    return compute


def _reshape(program: Composition, operands: Operands) -> Result:
    x, target = operands.value(program, 0, "x", "tensor"), operands.get(1, "newshape", "shape")
    if not isinstance(target, list) or not target or target[0] not in (-1, None):
        raise Refusal(f"a shape {target!r}, which does not keep the batch first, is not supported")
    sizes = [-1 if size is None else size for size in target[1:]]
    if any(type(size) is not int for size in sizes) or sizes.count(-1) > 1:
        raise Refusal(f"a shape {target!r} is not supported")
    return program.reshape(x, (1, *sizes))


def _transpose(program: Composition, operands: Operands) -> Result:
    x, axes = operands.value(program, 0, "x", "a"), operands.get(1, "axes", "perm")
    if not isinstance(axes, list) or not axes or axes[0] != 0:
        raise Refusal(f"axes {axes!r}, which move the batch, are not supported")
    return program.permute(x, axes)


def _swap(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x")
    order = list(range(x.rank))
    first, second = (operands.get(position, name) for position, name in ((1, "axis1"), (2, "axis2")))
    order[first], order[second] = order[second], order[first]
    return program.permute(x, order)


def _expand_dims(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "input")
    sizes = list(x.shape)
    for axis in sorted(_axes(operands, 1, x.rank + 1)):
        sizes.insert(axis, 1)
    return program.reshape(x, sizes)


def _squeeze(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "input")
    axes = _axes(operands, 1, x.rank)
    return program.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in axes])


def _concatenate(program: Composition, operands: Operands) -> Result:
    values = operands.get(0, "xs", "values")
    if not isinstance(values, list) or not all(isinstance(value, Value) for value in values):
        raise Refusal("joining tensors and numbers is not supported")
    axis = _axes(operands, 1, values[0].rank)[0] if operands.get(1, "axis") is not None else 0
    return program.concatenate(values, axis)


def _stack(program: Composition, operands: Operands) -> Result:
    values = operands.get(0, "x", "values")
    (axis,) = _axes(operands, 1, values[0].rank + 1)
    raised = [program.reshape(x, [*x.shape[:axis], 1, *x.shape[axis:]]) for x in values]
    return program.concatenate(raised, axis)


def _split(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "value")
    parts = operands.get(1, "indices_or_sections", "num_or_size_splits")
    (axis,) = _axes(operands, 2, x.rank)
    (size,) = program.sizes(x, [axis])
    if type(parts) is int:
        if parts < 1 or size % parts:
            raise Refusal(f"{size} elements do not divide into {parts} parts")
        return program.split(x, [size // parts] * parts, axis)
    if "indices_or_sections" not in operands.options:
        return program.split(x, parts, axis)
    edges = [0, *parts, size]
    return program.split(x, [end - start for start, end in itertools.pairwise(edges)], axis)


def _get_item(program: Composition, operands: Operands) -> Result:
    x, index = operands.value(program, 0, "x"), operands.get(1, "key", "slice_spec")
    index = list(index) if isinstance(index, (list, tuple)) else [index]
    if (
        index[:1] == [slice(None)]
        and index.count("Ellipsis") == 0
        and any(not isinstance(one, slice) and type(one) is not int and one is not None for one in index)
    ):
        raise Refusal(f"an index {index!r} is not supported")
    if not isinstance(index[0], slice) or index[0] != slice(None):
        raise Refusal(f"an index {index!r}, which does not take the whole batch, is not supported")
    at = 0
    kept: list[int | None] = []
    for one in index:
        if one is None:
            kept.append(1)
            continue
        if isinstance(one, int):
            one = slice(one, one + 1 or None)
        else:
            kept.append(-1)
        if one != slice(None):
            x = program.slice(x, at, one.start or 0 if (one.step or 1) > 0 else -1, one.stop, one.step or 1)
        at += 1
        if kept and kept[-1] == -1:
            kept[-1] = x.shape[at - 1]
    return program.reshape(x, [*kept, *x.shape[at:]])


def _clip(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "t")
    low, high = operands.get(1, "x_min", "clip_value_min"), operands.get(2, "x_max", "clip_value_max")
    if not all(isinstance(limit, (int, float)) for limit in (low, high)):
        raise Refusal(f"limits {low!r} and {high!r} are not supported")
    return program.clip(x, low, high)


def _einsum(program: Composition, operands: Operands) -> Result:
    equation = operands.options.get("subscripts") or operands.get(0, "equation")
    values = [item for item in operands.items if isinstance(item, Value)]
    if not isinstance(equation, str):
        raise Refusal(f"an equation {equation!r} is not supported")
    return program.einsum(equation, values)


def _normalize(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x")
    if operands.get(2, "order", default=2) != 2:
        raise Refusal("norms other than the second are not supported")
    axes = _axes(operands, 1, x.rank)
    total = program.clip(program.reduce("sum", program.square(x), axes, True), 1e-14, None)
    return program.merge("divide", x, program.unary("sqrt", total))


OPERATIONS: dict[str, Callable[[Composition, Operands], Result]] = {
    **{name: _merge(name) for name in _MERGES},
    **{name: _unary(*node) for name, node in UNARIES.items() if name != "softmax"},
    **{name: _reduction(kind) for name, kind in _REDUCTIONS.items()},
    "softmax": _softmax(False),
    "log_softmax": _softmax(True),
    "negative": lambda program, operands: program.affine(operands.value(program, 0, "x"), -1.0),
    "square": lambda program, operands: program.square(operands.value(program, 0, "x")),
    "rsqrt": lambda program, operands: program.unary("power", operands.value(program, 0, "x"), exponent=-0.5),
    "matmul": lambda program, operands: program.matmul(
        operands.value(program, 0, "x1", "a"), operands.value(program, 1, "x2", "b")
    ),
    "identity": lambda program, operands: operands.value(program, 0, "x"),
    "cast": lambda program, operands: operands.value(program, 0, "x"),
    "reshape": _reshape,
    "transpose": _transpose,
    "swapaxes": _swap,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": _split,
    "get_item": _get_item,
    "clip": _clip,
    "clip_by_value": _clip,
    "einsum": _einsum,
    "normalize": _normalize,
}
