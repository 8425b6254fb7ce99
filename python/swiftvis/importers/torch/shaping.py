"""Rows for movements of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value
from swiftvis.importers.torch.elementwise import value


def _permute(p: Program, x: Value, axes: Sequence[int]) -> Value:
    return p.permute(x, axes) if x.rank else x


def _transpose(p: Program, x: Value, a: int, b: int) -> Value:
    if x.rank == 0:
        return x
    axes = list(range(x.rank))
    axes[a], axes[b] = axes[b], axes[a]
    return p.permute(x, axes)


def _squeeze(p: Program, x: Value, axes: int | Sequence[int] | None = None) -> Value:
    chosen = range(x.rank) if axes is None else [axes] if isinstance(axes, int) else axes
    dropped = {axis % x.rank for axis in chosen if x.rank and x.shape[axis] == 1}
    return p.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in dropped])


def _unsqueeze(p: Program, x: Value, axis: int) -> Value:
    shape = list(x.shape)
    shape.insert(axis % (x.rank + 1), 1)
    return p.reshape(x, shape)


def _slice(
    p: Program, x: Value, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    return p.slice(x, axis, start or 0, end, step)


def _select(p: Program, x: Value, axis: int, index: int) -> Value:
    axis = p.axis(x, axis)
    picked = p.slice(x, axis, index % p.sizes(x, [axis])[0], index % p.sizes(x, [axis])[0] + 1)
    return p.reshape(picked, [*x.shape[:axis], *x.shape[axis + 1 :]])


def _cat(p: Program, values: Sequence[Value], axis: int = 0) -> Value:
    # An empty tensor of one axis joins with everything.
    return p.concatenate([v for v in values if v.shape != (0,)], axis)


def _stack(p: Program, values: Sequence[Value], axis: int = 0) -> Value:
    axis %= values[0].rank + 1
    return p.concatenate([_unsqueeze(p, v, axis) for v in values], axis)


def _split(p: Program, x: Value, sizes: int | Sequence[int], axis: int = 0) -> list[Value]:
    (own,) = p.sizes(x, [p.axis(x, axis)])
    if isinstance(sizes, int):
        sizes = [min(sizes, own - start) for start in range(0, own, sizes)]
    return p.split(x, sizes, axis)


def _chunk(p: Program, x: Value, chunks: int, axis: int = 0) -> list[Value]:
    (own,) = p.sizes(x, [p.axis(x, axis)])
    return _split(p, x, -(-own // chunks), axis)


def _unbind(p: Program, x: Value, axis: int = 0) -> list[Value]:
    return [_select(p, x, axis, i) for i in range(p.sizes(x, [p.axis(x, axis)])[0])]


def _expand(p: Program, x: Value, shape: Sequence[int]) -> Value:
    return p.expand(x, shape)


def _repeat(p: Program, x: Value, repeats: Sequence[int]) -> Value:
    return p.tile(p.reshape(x, (1,) * (len(repeats) - x.rank) + tuple(x.shape)), repeats)


def _roll(p: Program, x: Value, shifts: Sequence[int], axes: Sequence[int] = ()) -> Value:
    if not axes:
        return p.reshape(_roll(p, p.reshape(x, (-1,)), shifts, [0]), x.shape)
    for shift, axis in zip(shifts, axes, strict=True):
        (size,) = p.sizes(x, [p.axis(x, axis)])
        if shift := shift % size:
            x = p.concatenate([p.slice(x, axis, size - shift, None), p.slice(x, axis, 0, size - shift)], axis)
    return x


def _flip(p: Program, x: Value, axes: Sequence[int]) -> Value:
    for axis in axes:
        (size,) = p.sizes(x, [p.axis(x, axis)])
        x = p.gather(x, np.arange(size)[::-1], axis)
    return x


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(
    p: Program, x: Value, padding: Sequence[int], mode: str = "constant", number: float | None = None
) -> Value:
    """(before, after) of the last axis first."""
    pairs = list(zip(padding[::2], padding[1::2], strict=True))[::-1]
    full = [(0, 0)] * (x.rank - len(pairs)) + pairs
    return p.pad(x, full, _MODES[mode], number or 0.0)


def _mode(mode: str) -> Any:
    return lambda p, x, padding: _pad(p, x, padding, mode)


def _index_select(p: Program, x: Value, axis: int, indices: Value) -> Value:
    return p.gather(x, _constant_indices(indices), axis)


def _constant_indices(indices: Value) -> np.ndarray:
    if indices.array is None:
        raise Refusal("its indices depend on the input")
    return indices.array


def _index(p: Program, x: Value, indices: Sequence[Value | None]) -> Value:
    """NumPy's indexing by arrays: those axes become one, from which elements are taken."""
    arrays: dict[int, np.ndarray] = {}
    axis = 0
    for item in indices:
        if item is None:
            axis += 1
            continue
        array = _constant_indices(item)
        for part in array.nonzero() if array.dtype == bool else [array]:
            arrays[axis] = part
            axis += 1
    axes = list(arrays)
    sizes = p.sizes(x, axes)
    if len(axes) != axes[-1] - axes[0] + 1:  # the axes of the indices come first then
        x = p.permute(x, [*axes, *(i for i in range(x.rank) if i not in arrays)])
        axes = list(range(len(axes)))
    wrapped = [array % size for array, size in zip(arrays.values(), sizes, strict=True)]
    flat = np.ravel_multi_index(np.broadcast_arrays(*wrapped), sizes)
    joined = p.reshape(x, [*x.shape[: axes[0]], int(np.prod(sizes)), *x.shape[axes[-1] + 1 :]])
    return p.gather(joined, flat, axes[0])


def _slice_scatter(
    p: Program,
    x: Value,
    part: Value,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Value:
    axis = p.axis(x, axis)
    (size,) = p.sizes(x, [axis])
    places = range(*slice(start, end, step).indices(size))
    if len(places) == size:
        return part
    if step == 1:
        ends = p.slice(x, axis, 0, places.start), p.slice(x, axis, places.stop, None)
        parts = [v for v in (ends[0], part, ends[1]) if v.shape[axis]]
        return p.concatenate(parts, axis)
    order = np.arange(size)
    order[places.start : places.stop : step] = size + np.arange(len(places))
    return p.gather(p.concatenate([x, part], axis), order, axis)


def _select_scatter(p: Program, x: Value, part: Value, axis: int, index: int) -> Value:
    axis = p.axis(x, axis)
    index %= p.sizes(x, [axis])[0]
    return _slice_scatter(p, x, _unsqueeze(p, part, axis), axis, index, index + 1)


def _unfold(p: Program, x: Value, axis: int, size: int, step: int) -> Value:
    axis = p.axis(x, axis)
    (own,) = p.sizes(x, [axis])
    windows = np.arange(0, own - size + 1, step)[:, None] + np.arange(size)
    taken = p.gather(x, windows, axis)
    return p.permute(taken, [*(i for i in range(taken.rank) if i != axis + 1), axis + 1])


def _column_to_image(
    p: Program,
    x: Value,
    size: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> Value:
    """`fold`: windows are added at their places, by a matrix of zeros and ones along each axis."""
    windows = [
        (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)
    ]
    batch = x.shape[0] if x.rank == 3 else 1
    y = p.reshape(x, (batch, -1, *kernel, *windows))
    y = p.permute(y, (0, 1, 2, 4, 3, 5))
    y = p.reshape(y, (*y.shape[:2], kernel[0] * windows[0], kernel[1] * windows[1]))
    for i in range(2):
        places = np.arange(kernel[i])[:, None] * dilation[i] + np.arange(windows[i]) * stride[i] - padding[i]
        matrix = (places.reshape(-1, 1) == np.arange(size[i])).astype(np.float32)
        y = p.transformed(y, 2 + i, matrix)
    return y if x.rank == 3 else p.reshape(y, y.shape[1:])


def _diagonal(p: Program, x: Value, offset: int = 0, a: int = 0, b: int = 1) -> Value:
    a, b = p.axis(x, a), p.axis(x, b)
    rest = [i for i in range(x.rank) if i not in (a, b)]
    rows, columns = p.sizes(x, [a, b])
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    places = np.arange(count)
    flat = (places - min(offset, 0)) * columns + places + max(offset, 0)
    joined = p.reshape(p.permute(x, [*rest, a, b]), [*(x.shape[i] for i in rest), rows * columns])
    return p.gather(joined, flat, -1)


def _same(p: Program, x: Value, *_: Any) -> Value:
    return x


def _detached(p: Program, x: Value) -> Value:
    raise Refusal("the gradient ends here by `detach`, which is not supported")


ROWS: dict[str, Any] = {
    **{
        f"aten.{name}": lambda p, x, shape: p.reshape(x, shape)
        for name in "view _unsafe_view reshape".split()
    },
    **{f"aten.{name}": _same for name in "clone alias lift_fresh_copy contiguous".split()},
    "aten.detach": _detached,
    "aten.permute": _permute,
    "aten.transpose": _transpose,
    "aten.t": lambda p, x: _transpose(p, x, 0, 1) if x.rank == 2 else x,
    "aten.squeeze": _squeeze,
    "aten.unsqueeze": _unsqueeze,
    "aten.expand": _expand,
    "aten.copy": lambda p, x, source, *_: p.expand(value(p, source), x.shape),
    "aten.repeat": _repeat,
    "aten.slice": _slice,
    "aten.select": _select,
    "aten.cat": _cat,
    "aten.stack": _stack,
    "aten.split": _split,
    "aten.split_with_sizes": _split,
    "aten.chunk": _chunk,
    "aten.unbind": _unbind,
    "aten.roll": _roll,
    "aten.flip": _flip,
    "aten.pad": _pad,
    "aten.constant_pad_nd": lambda p, x, padding, number=0: _pad(p, x, padding, "constant", number),
    **{f"aten.reflection_pad{n}d": _mode("reflect") for n in (1, 2, 3)},
    **{f"aten.replication_pad{n}d": _mode("replicate") for n in (1, 2, 3)},
    "aten.index_select": _index_select,
    "aten.index": _index,
    "aten._unsafe_index": _index,
    "aten.slice_scatter": _slice_scatter,
    "aten.select_scatter": _select_scatter,
    "aten.unfold": _unfold,
    "aten.col2im": _column_to_image,
    "aten.diagonal": _diagonal,
    "aten.pixel_shuffle": lambda p, x, block: p.depth_to_space(x, block, True),
    "aten.pixel_unshuffle": lambda p, x, block: p.space_to_depth(x, block, True),
}
