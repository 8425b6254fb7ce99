"""Operations outside layers: those of keras.ops, and of TensorFlow in tf.keras 2 (TFOpLambda, SlicingOpLambda)."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers import movements
from swiftvis.importers.keras.layers.activation import FUNCTIONS
from swiftvis.importers.keras.layers.formulas import FORMULAS
from swiftvis.importers.keras.layers.movements import axes
from swiftvis.importers.keras.layers.operands import Operands
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
    **{
        "r_m_s_norm": "rms_norm",
        "pad_v2": "pad",
        "mirror_pad": "pad",
        "avg_pool": "average_pool",
        "gather": "take",
    },
    **{"reduce_std": "std", "reduce_variance": "var", "select_v2": "where"},
}

# What Keras and TensorFlow call the attributes of the engine's activations.
_OPTIONS = {
    "elu": {"alpha": "alpha"},
    "celu": {"alpha": "alpha"},
    "leaky_relu": {"negative_slope": "negative_slope", "alpha": "negative_slope"},
    "gelu": {"approximate": "approximate"},
    "relu": {"negative_slope": "negative_slope", "max_value": "max_value", "threshold": "threshold"},
}
_EPSILON = 1e-7  # keras.config.epsilon()

Result = Value | list[Value]


def operation(call: LayerCall) -> Tensor | list[Tensor]:
    name = operation_name(call)
    if name not in OPERATIONS:
        raise Refusal(f"the operation '{name}' outside a layer is not supported")
    inputs = call.inputs

    def compute(program: Composition, *values: Value) -> Result:
        operands = Operands(call, list(values))
        result = OPERATIONS[name](program, operands)
        operands.check_all_read()
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


def _reduction(kind: str) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        x = operands.value(program, 0, "x", "input_tensor")
        keepdims = operands.get(2, "keepdims", default=False) is True
        return program.reduce(kind, x, axes(operands, 1, x.rank), keepdims)

    return compute


def _merge(op: str) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        return program.merge(op, operands.value(program, 0, "x1", "x"), operands.value(program, 1, "x2", "y"))

    return compute


def _unary(op: str, attributes: dict[str, Any], options: dict[str, str]) -> Any:
    """`options`: what Keras and TensorFlow call the engine's attributes."""

    def compute(program: Composition, operands: Operands) -> Result:
        found = dict(attributes)
        for key, name in options.items():
            if (given := operands.get(None, key)) is not None:
                found[name] = given
        if not all(isinstance(given, (bool, int, float)) for given in found.values()):
            raise Refusal(f"its arguments {found!r:.80} are not supported")
        return program.unary(op, operands.value(program, 0, "x", "features", "input"), **found)

    return compute


def _formula(function: Callable[..., Value]) -> Callable[[Composition, Operands], Result]:
    names = list(inspect.signature(function).parameters)[2:]

    def compute(program: Composition, operands: Operands) -> Result:
        found = {name: operands.get(at, name) for at, name in enumerate(names, 1)}
        found = {name: given for name, given in found.items() if given is not None}
        if not all(isinstance(given, (int, float)) for given in found.values()):
            raise Refusal(f"its arguments {found!r:.80} are not supported")
        return function(program, operands.value(program, 0, "x"), **found)

    return compute


def _swapped(op: str) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        return program.merge(op, operands.value(program, 1, "x2", "y"), operands.value(program, 0, "x1", "x"))

    return compute


def _not_equal(program: Composition, operands: Operands) -> Result:
    return program.affine(_merge("equal")(program, operands), -1.0, 1.0)


def _where(program: Composition, operands: Operands) -> Result:
    return program.where(
        operands.value(program, 0, "condition"),
        operands.value(program, 1, "x1", "x"),
        operands.value(program, 2, "x2", "y"),
    )


def _cast(program: Composition, operands: Operands) -> Result:
    kind = str(operands.get(1, "dtype", default="float32"))
    if "float" not in kind:
        raise Refusal(f"numbers of type {kind:.40} are not supported")
    return operands.value(program, 0, "x")


def _spread(root: bool) -> Callable[[Composition, Operands], Result]:
    """The variance, or with its root the standard deviation."""

    def compute(program: Composition, operands: Operands) -> Result:
        x = operands.value(program, 0, "x")
        over = axes(operands, 1, x.rank)
        keepdims = operands.get(2, "keepdims", default=False) is True
        centred = program.merge("subtract", x, program.reduce("mean", x, over, True))
        found = program.reduce("mean", program.square(centred), over, keepdims)
        return program.unary("sqrt", found) if root else found

    return compute


def _norm(program: Composition, operands: Operands) -> Result:
    x, order = operands.value(program, 0, "x"), operands.get(1, "ord")
    over = axes(operands, 2, x.rank)
    if order not in (None, 1, 2, "fro") or (len(over) > 1 and order not in (None, "fro")):
        raise Refusal(f"a norm of order {order!r:.40} is not supported")
    return program.reduce("l1" if order == 1 else "l2", x, over, operands.get(3, "keepdims") is True)


def _l2_normalize(program: Composition, operands: Operands) -> Result:
    """TensorFlow's."""
    x, smallest = operands.value(program, 0, "x"), operands.get(2, "epsilon", default=1e-12)
    total = program.reduce("sum", program.square(x), axes(operands, 1, x.rank), True)
    return program.merge("divide", x, program.unary("sqrt", program.clip(total, float(smallest), None)))


def _cumulative_sum(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x")
    return program.cumulative_sum(x, axes(operands, 1, x.rank)[0])


def _layer_norm(program: Composition, operands: Operands) -> Result:
    return _normalized(program, operands, operands.get(None, "rms_scaling", default=False) is True)


def _normalized(program: Composition, operands: Operands, by_squares: bool) -> Result:
    """Over axes whose scale and offset follow after them."""
    x = operands.value(program, 0, "x")
    over = sorted(axes(operands, 4, x.rank))
    epsilon = float(operands.get(None, "epsilon") or _EPSILON)
    y = (
        program.rms_normalization(x, over, None, epsilon)
        if by_squares
        else program.standardized(x, over, epsilon)
    )
    sizes = [size if axis in over else 1 for axis, size in enumerate(x.shape)]
    for op, position, names in (("multiply", 1, ("scale", "gamma")), ("add", 2, ("offset", "beta"))):
        if operands.has(position, *names):
            y = program.merge(
                op,
                y,
                program.reshape(
                    operands.value(program, position, *names), program.sizes(Value(tuple(sizes)))
                ),
            )
    return y


def _softmax(log: bool) -> Callable[[Composition, Operands], Result]:
    def compute(program: Composition, operands: Operands) -> Result:
        x = operands.value(program, 0, "x", "logits")
        (axis,) = axes(operands, 1, x.rank) if operands.get(1, "axis") is not None else [x.rank - 1]
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
    for axis in sorted(axes(operands, 1, x.rank + 1)):
        sizes.insert(axis, 1)
    return program.reshape(x, sizes)


def _squeeze(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "input")
    over = axes(operands, 1, x.rank)
    return program.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in over])


def _concatenate(program: Composition, operands: Operands) -> Result:
    values = operands.get(0, "xs", "values")
    if not isinstance(values, list) or not all(isinstance(value, Value) for value in values):
        raise Refusal("joining tensors and numbers is not supported")
    axis = axes(operands, 1, values[0].rank)[0] if operands.get(1, "axis") is not None else 0
    return program.concatenate(values, axis)


def _stack(program: Composition, operands: Operands) -> Result:
    values = operands.get(0, "x", "values")
    (axis,) = axes(operands, 1, values[0].rank + 1)
    raised = [program.reshape(x, [*x.shape[:axis], 1, *x.shape[axis:]]) for x in values]
    return program.concatenate(raised, axis)


def _split(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x", "value")
    parts = operands.get(1, "indices_or_sections", "num_or_size_splits")
    (axis,) = axes(operands, 2, x.rank)
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
    index = [... if one == "Ellipsis" else one for one in index]
    if index.count(...) == 1:
        at, named = index.index(...), sum(one is not None for one in index) - 1
        index[at : at + 1] = [slice(None)] * (x.rank - named)
    if any(not isinstance(one, slice) and type(one) is not int and one is not None for one in index):
        raise Refusal(f"an index {index!r:.80} is not supported")
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


def _matmul(program: Composition, operands: Operands) -> Result:
    factors = []
    for position, names, flag in ((0, ("x1", "a", "x"), "transpose_a"), (1, ("x2", "b", "y"), "transpose_b")):
        x = operands.value(program, position, *names)
        turned = operands.get(None, flag) is True or operands.get(None, f"adj_{names[2]}") is True
        order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        factors.append(program.permute(x, order) if turned else x)
    return program.matmul(*factors)


def _einsum(program: Composition, operands: Operands) -> Result:
    equation = operands.get(None, "subscripts") or operands.get(0, "equation")
    items = [operands.get(position) for position in range(len(operands.items))]
    values = [item for item in items if isinstance(item, Value)]
    if not isinstance(equation, str):
        raise Refusal(f"an equation {equation!r} is not supported")
    return program.einsum(equation, values)


def _normalize(program: Composition, operands: Operands) -> Result:
    x = operands.value(program, 0, "x")
    if operands.get(2, "order", default=2) != 2:
        raise Refusal("norms other than the second are not supported")
    over, epsilon = axes(operands, 1, x.rank), float(operands.get(3, "epsilon", default=_EPSILON))
    total = program.clip(program.reduce("sum", program.square(x), over, True), epsilon**2, None)
    return program.merge("divide", x, program.unary("sqrt", total))


OPERATIONS: dict[str, Callable[[Composition, Operands], Result]] = {
    **{name: _merge(name) for name in _MERGES},
    **{name: _unary(*node, _OPTIONS.get(name, {})) for name, node in UNARIES.items() if name != "softmax"},
    **{name: _formula(function) for name, function in FORMULAS.items()},
    **movements.ROWS,
    "less": _swapped("greater"),
    "less_equal": _swapped("greater_equal"),
    "not_equal": _not_equal,
    "logical_and": _merge("multiply"),
    "logical_or": _merge("maximum"),
    "where": _where,
    "var": _spread(False),
    "std": _spread(True),
    "norm": _norm,
    "l2_normalize": _l2_normalize,
    "cumsum": _cumulative_sum,
    "layer_norm": _layer_norm,
    "rms_norm": lambda program, operands: _normalized(program, operands, True),
    **{name: _reduction(kind) for name, kind in _REDUCTIONS.items()},
    "softmax": _softmax(False),
    "log_softmax": _softmax(True),
    "negative": lambda program, operands: program.affine(operands.value(program, 0, "x"), -1.0),
    "square": lambda program, operands: program.square(operands.value(program, 0, "x")),
    "rsqrt": lambda program, operands: program.unary("power", operands.value(program, 0, "x"), exponent=-0.5),
    "matmul": _matmul,
    "identity": lambda program, operands: operands.value(program, 0, "x"),
    "cast": _cast,
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
