"""What users pass, checked and brought into the form that the engine takes."""

from __future__ import annotations

import contextlib
import operator
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ._native import Shape
from .live.torch_objects import as_array, is_array


def channel_axis(rank: int, data_format: str) -> int:
    """Where a tensor of that rank has its channels (or units)."""
    return 1 if data_format == "channels_first" and rank >= 3 else rank - 1


def scaling(normalize: Any) -> bool | str:
    """True (each map alone), False (not at all) or "shared". ValueError for everything else."""
    if isinstance(normalize, (bool, np.bool_)):
        return bool(normalize)
    if isinstance(normalize, str) and normalize == "shared":
        return normalize
    raise ValueError(f'normalize must be True, False or "shared", got {normalize!r}')


def user_stacklevel() -> int:
    """The `stacklevel` with which a warning of the calling function points to the user's line, not into this package."""
    package = str(Path(__file__).parent)
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((package, contextlib.__file__)):
        level, frame = level + 1, frame.f_back
    return level


def index(value: Any, what: str) -> int:
    """An int from an int or NumPy integer; TypeError for everything else, bool and float included."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what} must be an integer, got bool ({value})")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, got {type(value).__name__} ({value!r:.40})") from None


def filter_list(filter_indices: Any, count: int, layer: str) -> list[int] | None:
    """The non-negative filter indices of a layer with `count` of them; [None] is None ("the mean of all").

    Raises:
        TypeError: a bool, a float, or anything else that is not an integer.
        IndexError: an index outside -count..count-1.
        ValueError: an empty list.
    """
    if isinstance(filter_indices, np.ndarray):
        if filter_indices.size and filter_indices.dtype.kind not in "iu":
            raise TypeError(f"filter_indices must be integers, got an array of {filter_indices.dtype}")
        filter_indices = filter_indices.ravel().tolist()
    values = list(filter_indices) if isinstance(filter_indices, (list, tuple, range)) else [filter_indices]
    if not values:
        raise ValueError(
            "filter_indices is empty: give an index, a list of them, or None for the mean of all"
        )
    if values == [None]:
        return None
    found = [index(value, "a filter index") for value in values]
    for value in found:
        if not -count <= value < count:
            raise IndexError(f"filter index {value} is out of range: layer '{layer}' has {count} filters")
    return [value % count for value in found]


def image_batch(x: Any, expected: Shape, name: str) -> np.ndarray:
    """A float32 array of the shape `expected` from any numbers that fit it.

    As in keras-vis, a missing batch axis is added, and a channel axis on the other side is moved to where the
    model has it. Any integer or float dtype, memory order and stride will do; the caller's array is left
    alone.

    Raises:
        TypeError: not numbers.
        ValueError: another rank or shape, or nothing in it.
    """
    try:
        array = as_array(x) if is_array(x) else np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"input '{name}': expected an array of numbers, got one that is ragged ({error})"
        ) from None
    if array.dtype.kind not in "buif":
        raise TypeError(f"input '{name}': expected an array of real numbers, got {_kind(x, array)}")
    given = array.shape
    if array.ndim == len(expected) - 1:
        array = array[np.newaxis]
    if array.ndim == len(expected) and not _fits(array.shape, expected) and array.ndim >= 3:
        for moved in (np.moveaxis(array, -1, 1), np.moveaxis(array, 1, -1)):
            if _fits(moved.shape, expected):
                array = moved
                break
    if array.ndim != len(expected) or not _fits(array.shape, expected):
        raise ValueError(
            f"input '{name}': expected shape {expected} (the batch axis may be left out), got {given}"
        )
    if array.size == 0:
        raise ValueError(
            f"input '{name}': expected at least one value on every axis of {expected}, got shape {given}"
        )
    if array.dtype == np.float32:
        return np.array(array, order="C")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(array, np.float32, order="C")  # what becomes infinite is refused by the engine


def _fits(shape: tuple[int, ...], expected: Shape) -> bool:
    return all(want is None or want == size for size, want in zip(shape, expected, strict=True))


def _kind(x: Any, array: np.ndarray) -> str:
    if isinstance(x, str):
        return "a str (to read a picture: swiftvis.utils.utils.load_img)"
    return f"{type(x).__name__} of dtype {array.dtype}"
