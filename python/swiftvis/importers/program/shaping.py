"""Movements of elements: reshape, permute, expand, slice, gather, concatenate, pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.graph import Shape
from swiftvis.importers.program.core import (
    LARGEST_CONSTANT,
    Core,
    Refusal,
    Value,
    count,
    hidden,
    known,
    undetermined_sizes,
)

# numpy.pad's modes, computed on indices.
_MODES = {"reflect": "reflect", "edge": "edge", "wrap": "wrap", "symmetric": "symmetric"}


class Shaping(Core):
    def reshape(self, x: Value, shape: Sequence[int | None]) -> Value:
        """To sizes of which one may be -1 (what is left); None where an open size stays."""
        target = list(shape)
        if target.count(-1) > 1:
            raise Refusal(f"{target} has more than one size to be found")
        if x.array is not None:
            return self.folded(x.array.reshape(known(target)))
        if -1 in target:
            target[target.index(-1)] = _missing(x.shape, target)
        if None not in x.shape and None not in target and count(x.shape) != count(target):
            raise Refusal(f"{x.shape} cannot be reshaped to {tuple(target)}")
        if tuple(target) == tuple(x.shape):
            return x
        squeezed = [size for size in x.shape if size != 1] == [size for size in target if size != 1]
        channels = x.channels if squeezed and x.channels is not None and x.rank == len(target) else None
        return self.value(self.node(x), target, channels)

    def permute(self, x: Value, axes: Sequence[int]) -> Value:
        axes = [self.axis(x, axis) for axis in axes]
        if sorted(axes) != list(range(x.rank)):
            raise Refusal(f"{list(axes)} does not order the {x.rank} axes of its input")
        if x.array is not None:
            return self.constant(x.array.transpose(axes))
        shape = [x.shape[axis] for axis in axes]
        channels = axes.index(x.channels) if x.channels is not None else None
        if hidden(x.shape):
            # The first axis has one element, so the others' order says everything.
            node = self.permuted(self.node(x), [0, *(axis for axis in axes if axis)])
        else:
            node = self.permuted(self.node(x), [0, *(axis + 1 for axis in axes)])
        return self.value(node, shape, channels)

    def expand(self, x: Value, shape: Sequence[int | None]) -> Value:
        """Broadcast to that shape; -1 keeps a size."""
        full = (1,) * (len(shape) - x.rank) + tuple(x.shape)
        if len(full) != len(shape):
            raise Refusal(f"{x.shape} does not expand to {tuple(shape)}")
        target = [own if size in (-1, 1) else size for own, size in zip(full, shape)]
        if any(own not in (1, None, size) for own, size in zip(full, target) if size is not None):
            raise Refusal(f"{x.shape} does not expand to {tuple(shape)}")
        if x.array is not None:
            return self.folded(np.broadcast_to(x.array, _limited(target)))
        x = self.reshape(x, full)
        for axis, (own, size) in enumerate(zip(full, target)):
            if own == 1 and size != 1:
                x = self.gather(x, np.zeros(known([size])[0], np.int64), axis)
        return x

    def tile(self, x: Value, repeats: Sequence[int]) -> Value:
        """numpy.tile, with as many repeats as axes."""
        if x.array is not None:
            _limited([size * times for size, times in zip(x.array.shape, repeats)])
            return self.folded(np.tile(x.array, list(repeats)))
        for axis, times in enumerate(repeats):
            if times != 1:
                (size,) = self.sizes(x, [axis])
                _limited([size, times])
                x = self.gather(x, np.tile(np.arange(size), times), axis)
        return x

    def slice(self, x: Value, axis: int, start: int, end: int | None, step: int = 1) -> Value:
        """x[start:end:step] along an axis, by Python's rules; `end` None means to the end."""
        axis = self.axis(x, axis)
        if x.array is not None:
            index: list[Any] = [slice(None)] * x.rank
            index[axis] = slice(start, end, step)
            return self.constant(x.array[tuple(index)])
        size = x.shape[axis]
        if size is None:
            if start == 0 and end is None and step == 1:
                return x
            return self._open_slice(x, axis, start, end, step)
        picked = range(*slice(start, end, step).indices(size))
        if len(picked) == size and step > 0:
            return x
        if not picked:
            # Nothing is left to compute; a concatenation may still take it.
            return self.constant(np.zeros([*self.sizes(x)[:axis], 0, *self.sizes(x)[axis + 1 :]], np.float32))
        return self._slice(x, axis, picked.start, len(picked), step, len(picked))

    def _open_slice(self, x: Value, axis: int, start: int, end: int | None, step: int) -> Value:
        if step != 1 or (end is not None and (end < 0 or start < 0)):
            raise undetermined_sizes(x.shape)
        if end is None:
            return self._slice(x, axis, start, -1, 1, -start if start < 0 else None)
        return self._slice(x, axis, start, end - start, 1, end - start)

    def _slice(self, x: Value, axis: int, start: int, size: int, step: int, result: int | None) -> Value:
        node, at = self.along(x, axis)
        rank = len(node.shape)
        starts, sizes, steps = [0] * rank, [-1] * rank, [1] * rank
        starts[at - 1], sizes[at - 1], steps[at - 1] = start, size, step
        shape = list(node.shape)
        shape[at - 1] = result
        sliced = self.emit("slice", [node], tuple(shape), {"starts": starts, "sizes": sizes, "steps": steps})
        source = list(x.shape)
        source[axis] = result
        return self.value(sliced, source, x.channels)

    def gather(self, x: Value, indices: Any, axis: int) -> Value:
        """numpy.take with constant indices of any shape."""
        axis, indices = self.axis(x, axis), np.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise Refusal(f"indices of type {indices.dtype} are not supported")
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        channels = x.channels if x.channels is not None and indices.ndim == 1 else None
        if x.array is not None:
            _limited(shape)
            return self.folded(x.array.take(_checked(indices, x.array.shape[axis]), axis))
        size = x.shape[axis]
        if size is None and indices.size and indices.min() < 0:
            raise undetermined_sizes(x.shape)
        flat = _checked(indices, size).reshape(-1)
        steps = np.diff(flat)
        if size is not None and np.array_equal(flat, np.arange(size)):
            return self.reshape(x, shape)
        if flat.size == 1 or (flat.size and steps[0] and (steps == steps[0]).all()):
            step = int(steps[0]) if steps.size else 1
            sliced = self._slice(x, axis, int(flat[0]), flat.size, step, flat.size)
            return self._with_channels(self.reshape(sliced, shape), channels)
        node, at = self.along(x, axis)
        sizes = list(node.shape)
        sizes[at - 1] = flat.size
        taken = self.emit("gather", [node], tuple(sizes), {"axis": at, "indices": flat.tolist()})
        return self.value(taken, shape, channels)

    def _with_channels(self, x: Value, channels: int | None) -> Value:
        return Value(x.shape, x.node, x.array, channels)

    def concatenate(self, values: Sequence[Value], axis: int) -> Value:
        if not values or any(value.rank != values[0].rank for value in values):
            raise Refusal(f"tensors of ranks {[value.rank for value in values]} cannot be joined")
        axis = self.axis(values[0], axis)
        if all(value.array is not None for value in values):
            return self.folded(np.concatenate([value.array for value in values], axis))  # type: ignore[misc]
        values = [value for value in values if value.shape[axis] != 0]
        if len(values) == 1:
            return values[0]
        shape = list(values[0].shape)
        for value in values[1:]:
            shape = [own if own is not None else other for own, other in zip(shape, value.shape)]
            for i, (own, other) in enumerate(zip(shape, value.shape)):
                if i != axis and other not in (own, None):
                    raise Refusal(f"shapes {[value.shape for value in values]} cannot be joined along {axis}")
        parts = [value.shape[axis] for value in values]
        shape[axis] = None if None in parts else sum(parts)
        pairs = [self.along(value, axis) for value in values]
        at = pairs[0][1]
        result = list(pairs[0][0].shape)
        result[at - 1] = shape[axis]
        node = self.emit("concatenate", [node for node, _ in pairs], tuple(result), {"axis": at})
        channels = next((value.channels for value in values if value.channels is not None), None)
        return self.value(node, shape, channels)

    def split(self, x: Value, sizes: Sequence[int], axis: int) -> list[Value]:
        axis, at, parts = self.axis(x, axis), 0, []
        if x.shape[axis] not in (None, sum(sizes)) or min(sizes, default=0) < 0:
            raise Refusal(f"parts of {list(sizes)} do not make the {x.shape[axis]} of axis {axis}")
        for size in sizes:
            parts.append(self.slice(x, axis, at, at + size))
            at += size
        return parts

    def pad(
        self, x: Value, padding: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0
    ) -> Value:
        """(before, after) for each axis; negative numbers crop. Modes: constant, reflect, symmetric, edge, wrap."""
        if len(padding) != x.rank:
            raise Refusal(f"{len(padding)} pairs of padding for {x.rank} axes")
        _limited([_grown(size or 1, pair) for size, pair in zip(x.shape, padding)])
        if mode != "constant":
            for axis, pair in enumerate(padding):
                if any(pair):
                    (size,) = self.sizes(x, [axis])
                    x = self.gather(x, np.pad(np.arange(size), pair, _mode(mode, size, pair)), axis)
            return x
        if not any(any(pair) for pair in padding):
            return x
        if x.array is not None:
            kept = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(padding, x.array.shape))
            grown = [(max(a, 0), max(b, 0)) for a, b in padding]
            return self.folded(np.pad(x.array[kept], grown, constant_values=x.array.dtype.type(value)))
        shape = [None if size is None else _grown(size, pair) for size, pair in zip(x.shape, padding)]
        if hidden(x.shape) and not any(padding[0]):
            node, pairs = self.node(x), padding[1:]
        else:
            node, pairs = self.explicit(x), padding
        inner = tuple(shape[-len(pairs) :]) if pairs else ()
        result = self.value(
            self.emit("pad", [node], inner, {"padding": [list(pair) for pair in pairs]}), shape, x.channels
        )
        if value == 0:
            return result
        # The engine pads with zeros; elsewhere a mask picks the number.
        inside = np.pad(np.ones(self.sizes(x), bool), [(max(a, 0), max(b, 0)) for a, b in padding])
        inside = inside[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(padding, inside.shape))]
        limit = float(np.finfo(np.float32).max)
        outside = self.constant(np.float32(min(max(value, -limit), limit)))
        return self.where(self.constant(inside), result, outside)  # type: ignore[attr-defined]


def _missing(before: Shape, target: Sequence[int | None]) -> int | None:
    """What -1 in `target` stands for."""
    left = list(before)
    rest = 1
    for size in target:
        if size is None and None in left:
            left.remove(None)
        elif size is None:
            raise undetermined_sizes(target)
        elif size != -1:
            rest *= size
    if None in left:
        return None
    total = count(left)
    if rest < 1 or total % rest:
        raise Refusal(f"{before} cannot be reshaped to {tuple(target)}")
    return total // rest


def _checked(indices: np.ndarray, size: int | None) -> np.ndarray:
    indices = indices.astype(np.int64)
    if size is not None:
        if indices.size and not -size <= indices.min() <= indices.max() < size:
            raise Refusal(f"an index is outside the {size} elements of its axis")
        indices = indices % max(size, 1)
    return indices


def _mode(mode: str, size: int, pair: tuple[int, int]) -> Any:
    if mode not in _MODES:
        raise Refusal(f"padding mode '{mode}' is not supported")
    if min(pair) < 0:
        raise Refusal(f"negative padding {pair} in mode '{mode}' is not supported")
    if mode == "reflect" and max(pair) >= size:
        raise Refusal(f"padding {pair} of {size} elements in mode 'reflect' is not supported")
    return _MODES[mode]


def _grown(size: int, pair: tuple[int, int]) -> int:
    return size + pair[0] + pair[1]


def _limited(shape: Sequence[int | None]) -> tuple[int, ...]:
    """A shape whose elements may be made in memory."""
    if (elements := count(shape)) > LARGEST_CONSTANT:
        raise Refusal(f"its result would have {elements} elements")
    return known(shape)
