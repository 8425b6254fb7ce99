"""`tensor[...]`: integers, slices, None, an ellipsis and one list of integers, with NumPy's meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._arguments import index as as_index
from .._native import Shape
from .operations import Array, InPlace


class ChannelsLastIndex(tuple[Any, ...]):
    """An index for channels-last images, which remembers what it is for channels-first ones."""

    channels_first: tuple[Any, ...]


class Index(InPlace):
    """A part of a tensor."""

    name = "indexing"

    def __init__(self, item: Any, shape: Shape) -> None:
        self.item = _complete(item, len(shape))
        self._shape = _shape(self.item, shape)
        self.repeats = any(isinstance(part, list) and _may_repeat(part) for part in self.item)

    def shape(self, operand: Shape) -> Shape:
        return self._shape

    def forward(self, operand: Array) -> Array:
        return operand[self.item]

    def add_gradient(self, total: np.ndarray, gradient: Array, operand: Array) -> None:
        if self.repeats:
            np.add.at(total, self.item, gradient)
        else:
            total[self.item] += gradient


def _complete(item: Any, rank: int) -> tuple[Any, ...]:
    """The checked item with one entry for each axis, besides those for new axes."""
    given = item if isinstance(item, tuple) else (item,)
    parts = [_part(part) for part in given]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if used > rank:
        raise IndexError(f"too many indices: {used} for a tensor with {rank} axes")
    ellipses = sum(part is Ellipsis for part in parts)
    if ellipses > 1:
        raise IndexError("an index can hold only one ellipsis (...)")
    place = parts.index(Ellipsis) if ellipses else len(parts)
    # One that stands for no axis stays: it still parts an integer from a list, which moves the list's axis to the front.
    parts[place : place + ellipses] = [slice(None)] * (rank - used) or [Ellipsis] * ellipses
    if sum(isinstance(part, list) for part in parts) > 1:
        raise TypeError("indexing with several lists is not supported: index with one, then with the next")
    return tuple(parts)


def _part(part: Any) -> Any:
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        start, stop, step = (
            None if bound is None else as_index(bound, "a bound of a slice")
            for bound in (part.start, part.stop, part.step)
        )
        return slice(start, stop, step)
    if (isinstance(part, np.ndarray) and part.ndim == 1) or isinstance(part, (list, tuple, range)):
        return [as_index(value, "an index in a list") for value in part]
    return as_index(part, "an index")


def _may_repeat(indices: list[int]) -> bool:
    signs = {index < 0 for index in indices}
    return len(set(indices)) < len(indices) or len(signs) == 2  # -1 may be the last of the others


def _shape(item: Sequence[Any], shape: Shape) -> Shape:
    sizes = iter(shape)
    found: list[int | None] = []
    lists = any(isinstance(part, list) for part in item)
    advanced: list[int] = []  # where NumPy finds what counts as a list: beside a list, integers do
    for position, part in enumerate(item):
        if part is None:
            found.append(1)
        if part is None or part is Ellipsis:
            continue
        size = next(sizes)
        if isinstance(part, slice):
            found.append(_length(part, size))
            continue
        for value in part if isinstance(part, list) else [part]:
            if size is not None and not -size <= value < size:
                raise IndexError(f"index {value} is out of range for an axis of size {size}")
        if lists:
            if not advanced:
                start = len(found)
            advanced.append(position)
    if lists:
        adjacent = advanced[-1] - advanced[0] == len(advanced) - 1
        length = next(len(part) for part in item if isinstance(part, list))
        found.insert(start if adjacent else 0, length)
    return tuple(found)


def _length(part: slice, size: int | None) -> int | None:
    if size is not None:
        return len(range(*part.indices(size)))
    return None
