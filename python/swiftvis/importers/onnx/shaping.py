"""Movements of elements, and what computes their sizes."""

from __future__ import annotations

import math

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.onnx.elementwise import cast
from swiftvis.importers.program import Refusal, Value

# Elements of a gather whose indices follow no axis: they are listed in the model's description.
_LARGEST_LIST = 1 << 19


def _reshape(call: Call) -> Value:
    x, sizes = call.input(), call.sizes(1, "the shape")
    if not call.flag("allowzero"):
        if any(size == 0 and axis >= x.rank for axis, size in enumerate(sizes)):
            raise Refusal(f"shape {sizes} repeats an axis that its input {x.shape} does not have")
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    if sizes.count(None) == 1 and -1 not in sizes and x.shape.count(None) > 1:
        sizes[sizes.index(None)] = -1
    return call.program.reshape(x, sizes)


def _flatten(call: Call) -> Value:
    x, axis = call.input(), call.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise Refusal(f"axis {axis} is outside the {x.rank} axes of its input")
    axis = axis % x.rank if axis < 0 else axis
    before = x.shape[:axis]
    if None not in before:
        return call.program.reshape(x, (math.prod(before), -1))  # type: ignore[arg-type]
    return call.program.reshape(x, (-1, math.prod(call.program.sizes(x, range(axis, x.rank)))))


def _squeeze(call: Call) -> Value:
    x = call.input()
    axes = call.axes(1)
    chosen = {call.program.axis(x, axis) for axis in axes or ()}
    if axes is None:
        if None in x.shape:
            raise Refusal(f"an input of shape {x.shape} has open sizes: give input_shape=")
        chosen = {axis for axis, size in enumerate(x.shape) if size == 1}
    if any(x.shape[axis] != 1 for axis in chosen):
        raise Refusal(f"axes {sorted(chosen)} of {x.shape} are not all of size 1")
    return call.program.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in chosen])


def _unsqueeze(call: Call) -> Value:
    x, axes = call.input(), call.axes(1)
    if axes is None:
        raise Refusal("its axes are missing")
    rank = x.rank + len(axes)
    if any(not -rank <= axis < rank for axis in axes) or len({axis % rank for axis in axes}) != len(axes):
        raise Refusal(f"axes {axes} do not fit an input of {x.rank} axes")
    places, sizes = {axis % rank for axis in axes}, iter(x.shape)
    return call.program.reshape(x, [1 if axis in places else next(sizes) for axis in range(rank)])


def _transpose(call: Call) -> Value:
    x = call.input()
    return call.program.permute(x, call.integers("perm", list(range(x.rank))[::-1], x.rank))


def _concat(call: Call) -> Value:
    return call.program.concatenate(call.all_inputs(), call.integer("axis"))


def _split(call: Call) -> list[Value]:
    x, program = call.input(), call.program
    axis, parts = program.axis(x, call.integer("axis", 0)), len(call.outputs)
    sizes = call.integers("split", None) if call.opset < 13 else None
    if call.opset >= 13 and call.optional(1) is not None:
        sizes = call.sizes(1, "the sizes")
    if sizes is None:
        wanted = call.integer("num_outputs", parts) if call.opset >= 18 else parts
        (size,) = program.sizes(x, [axis])
        each = -(-size // max(wanted, 1))
        sizes = [each] * (wanted - 1) + [size - each * (wanted - 1)]
    if len(sizes) != parts or None in sizes:
        raise Refusal(f"parts of {sizes} for {parts} outputs are not supported")
    return program.split(x, sizes, axis)


def _slice(call: Call) -> Value:
    x = call.input()
    if call.opset < 10:
        starts, ends = call.integers("starts"), call.integers("ends")
        axes, steps = call.integers("axes", list(range(len(starts)))), [1] * len(starts)
    else:
        starts, ends = call.sizes(1, "the starts"), call.sizes(2, "the ends")
        axes = list(range(len(starts))) if call.optional(3) is None else call.sizes(3, "the axes")
        steps = [1] * len(starts) if call.optional(4) is None else call.sizes(4, "the steps")
    if (
        not len(starts) == len(ends) == len(axes) == len(steps)
        or None in [*starts, *axes, *steps]
        or 0 in steps
    ):
        raise Refusal(f"starts {starts}, ends {ends}, axes {axes} and steps {steps} are not supported")
    for start, end, axis, step in zip(starts, ends, axes, steps):
        size = x.shape[call.program.axis(x, axis)]
        if end is None and size is not None:
            raise Refusal("an end that depends on open sizes is not supported: give input_shape=")
        # "To the end" is written as a number beyond any size.
        if end is not None and (end >= 1 << 31 or (step > 0 and size is not None and end >= size)):
            end = None if step > 0 else end
        elif end is not None and step < 0 and end < -(size or 0):
            end = None
        if step < 0 and end is not None and size is not None:
            end = min(end, size)
        x = call.program.slice(x, axis, start, end, step)
    return x


def _gather(call: Call) -> Value:
    return call.program.gather(call.input(), call.constant(1, "the indices"), call.integer("axis", 0))


def _gather_elements(call: Call) -> Value:
    x, indices = call.input(), call.constant(1, "the indices")
    axis = call.program.axis(x, call.integer("axis", 0))
    if indices.ndim != x.rank or indices.dtype.kind not in "iu":
        raise Refusal(f"indices of shape {indices.shape} do not fit an input of {x.shape}")
    sizes = call.program.sizes(x)
    places = list(np.indices(indices.shape, sparse=True))
    places[axis] = _within(indices, sizes[axis])
    if any(n > m for i, (n, m) in enumerate(zip(indices.shape, sizes)) if i != axis):
        raise Refusal(f"indices of shape {indices.shape} do not fit an input of {x.shape}")
    return _picked(call, x, np.ravel_multi_index(np.broadcast_arrays(*places), sizes))


def _gather_nd(call: Call) -> Value:
    x, indices = call.input(), call.constant(1, "the indices")
    batch = call.integer("batch_dims", 0)
    sizes = call.program.sizes(x)
    depth = indices.shape[-1] if indices.ndim else 0
    if not 0 <= batch < indices.ndim or batch + depth > x.rank or not depth or indices.dtype.kind not in "iu":
        raise Refusal(f"indices of shape {indices.shape} do not fit an input of {x.shape}")
    outer = np.indices(indices.shape[:-1], sparse=True)[:batch]
    inner = [_within(indices[..., i], sizes[batch + i]) for i in range(depth)]
    leading = sizes[: batch + depth]
    rows = np.ravel_multi_index(np.broadcast_arrays(*outer, *inner), leading)
    flat = call.program.reshape(x, (math.prod(leading), *sizes[batch + depth :]))
    return call.program.gather(flat, _listed(rows), 0)


def _scatter_nd(call: Call) -> Value:
    if call.text("reduction", "none") != "none":
        raise Refusal("a reduction is not supported")
    x, indices, updates = call.input(), call.constant(1, "the indices"), call.input(2)
    sizes, depth = call.program.sizes(x), indices.shape[-1] if indices.ndim else 0
    if not 0 < depth <= x.rank or indices.dtype.kind not in "iu":
        raise Refusal(f"indices of shape {indices.shape} do not fit an input of {x.shape}")
    rows = np.ravel_multi_index([_within(indices[..., i], sizes[i]) for i in range(depth)], sizes[:depth])
    return _scattered(call, x, updates, sizes[:depth], rows)


def _scattered(call: Call, x: Value, updates: Value, leading: tuple[int, ...], rows: np.ndarray) -> Value:
    """x with rows replaced: both are laid one after the other, and the rows are picked from either."""
    sizes, program = call.program.sizes(x), call.program
    rest = sizes[len(leading) :]
    count = math.prod(leading)
    if updates.shape != (*rows.shape, *rest):
        raise Refusal(f"updates of shape {updates.shape} do not fit {rows.size} rows of {rest}")
    order = np.arange(count)
    order[rows.reshape(-1)] = count + np.arange(rows.size)
    both = [program.reshape(x, (count, *rest)), program.reshape(updates, (rows.size, *rest))]
    return program.reshape(program.gather(program.concatenate(both, 0), _listed(order), 0), sizes)


def _picked(call: Call, x: Value, places: np.ndarray) -> Value:
    return call.program.gather(
        call.program.reshape(x, (math.prod(call.program.sizes(x)),)), _listed(places), 0
    )


def _within(indices: np.ndarray, size: int) -> np.ndarray:
    if indices.size and not -size <= indices.min() <= indices.max() < size:
        raise Refusal(f"an index is outside the {size} elements of its axis")
    return indices % max(size, 1)


def _listed(indices: np.ndarray) -> np.ndarray:
    if indices.size > _LARGEST_LIST:
        raise Refusal(f"{indices.size} indices that follow no axis are not supported")
    return indices


def _expand(call: Call) -> Value:
    x, sizes = call.input(), call.sizes(1, "the shape")
    return call.program.expand(x, [1] * (x.rank - len(sizes)) + sizes)


def _tile(call: Call) -> Value:
    x, repeats = call.input(), call.sizes(1, "the repeats")
    if len(repeats) != x.rank or None in repeats or min(repeats, default=1) < 1:
        raise Refusal(f"repeats {repeats} do not fit an input of {x.rank} axes")
    return call.program.tile(x, repeats)


def _pad(call: Call) -> Value:
    x, mode = call.input(), call.one_of("mode", "constant", "constant", "reflect", "edge", "wrap")
    axes, value = list(range(x.rank)), 0.0
    if call.opset < 11:
        pads, value = call.integers("pads"), call.number("value", 0.0)
    else:
        pads, filler = call.sizes(1, "the pads"), call.optional_constant(2, "the value")
        if filler is not None and filler.size:
            value = float(filler.reshape(-1)[0])
        if call.optional(3) is not None:
            axes = [call.program.axis(x, axis or 0) for axis in call.sizes(3, "the axes")]
    if len(pads) != 2 * len(axes) or None in pads:
        raise Refusal(f"pads {pads} do not fit {len(axes)} axes")
    pairs = [(0, 0)] * x.rank
    for axis, before, after in zip(axes, pads, pads[len(axes) :]):
        pairs[axis] = (before, after)
    # Negative numbers crop, and may stand beside positive ones in any mode.
    if mode != "constant":
        cropped = [(min(a, 0), min(b, 0)) for a, b in pairs]
        x, pairs = call.program.pad(x, cropped), [(max(a, 0), max(b, 0)) for a, b in pairs]
    return call.program.pad(x, pairs, mode, value)


def _depth_to_space(call: Call) -> Value:
    columns_first = call.one_of("mode", "DCR", "DCR", "CRD") == "CRD"
    return call.program.depth_to_space(call.input(), call.integer("blocksize"), columns_first)


def _space_to_depth(call: Call) -> Value:
    columns_first = call.one_of("mode", "DCR", "DCR", "CRD") == "CRD"
    return call.program.space_to_depth(call.input(), call.integer("blocksize"), columns_first)


def _trilu(call: Call) -> Value:
    x, diagonal = call.input(), call.optional_constant(1, "the diagonal")
    if x.rank < 2:
        raise Refusal("it needs a matrix")
    offset, upper = 0 if diagonal is None else int(diagonal.reshape(())), call.flag("upper", True)
    rows, columns = call.program.sizes(x, [x.rank - 2, x.rank - 1])
    ones = np.ones((rows, columns), bool)
    mask = np.triu(ones, offset) if upper else np.tril(ones, offset)
    if x.array is not None:
        return call.program.folded(np.where(mask, x.array, np.zeros((), x.array.dtype)))
    return call.program.merge("multiply", x, call.program.constant(mask.astype(np.float32)))


# ---- Sizes ----


def _shape(call: Call) -> Value:
    x = call.input()
    start, end = call.integer("start", 0), call.integer("end", None)
    sizes = x.shape[start:end]
    return call.program.constant(np.array(sizes, object if None in sizes else np.int64))


def _size(call: Call) -> Value:
    return call.program.constant(np.int64(math.prod(call.program.sizes(call.input()))))


def _constant(call: Call) -> Value:
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32)):
        if call.has(name):
            return call.program.constant(np.array(call.attribute(name), dtype))
    for name in ("value_int", "value_ints"):
        if call.has(name):
            return call.program.constant(np.array(call.attribute(name), np.int64))
    value = call.attribute("value", None)
    if not isinstance(value, np.ndarray):
        raise Refusal("a constant of this type is not supported")
    return call.program.constant(value)


def _constant_of_shape(call: Call) -> Value:
    sizes, value = call.sizes(0, "the shape"), call.attribute("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise Refusal("its value should be one number")
    if None in sizes or min(sizes, default=0) < 0:
        raise Refusal(f"the shape {sizes} is not known or negative: give input_shape=")
    return call.program.expand(call.program.constant(value.reshape(())), sizes)


def _range(call: Call) -> Value:
    start, limit, step = (call.constant(i, "a bound").reshape(()) for i in range(3))
    call.attribute("stash_type", None)
    if object in (start.dtype, limit.dtype, step.dtype):
        raise Refusal("bounds that depend on open sizes are not supported: give input_shape=")
    count = max(math.ceil((float(limit) - float(start)) / float(step)), 0) if step else 0
    if not step or count > 1 << 24:
        raise Refusal(f"a range from {start} to {limit} by {step} is not supported")
    return call.program.folded((start + np.arange(count) * step).astype(start.dtype))


def _cast_like(call: Call) -> Value:
    kinds = {"f": 1, "i": 7, "b": 9}
    call.attribute("saturate", None)
    call.attribute("round_mode", None)
    target = call.input(1)
    code = kinds[call.kinds[1]] if target.array is None else _codes(target.array.dtype)
    return cast(call, call.input(), code)


def _codes(dtype: np.dtype) -> int:
    from onnx import helper

    try:
        return int(helper.np_dtype_to_tensor_dtype(dtype))
    except (KeyError, ValueError):
        raise Refusal(f"a cast to {dtype} is not supported") from None


OPERATORS = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Trilu": _trilu,
    "Shape": _shape,
    "Size": _size,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "CastLike": _cast_like,
}
