"""Operations outside layers that move elements, or look at windows of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swiftvis.importers.keras.call import Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers import resizing
from swiftvis.importers.keras.layers.operands import Operands
from swiftvis.importers.program import Value
from swiftvis.importers.program.convolution import same_padding

Row = Callable[[Composition, Operands], Any]


def axes(operands: Operands, position: int, rank: int) -> list[int]:
    """Of a reduction or the like; the batch is no axis to compute along."""
    axis = operands.get(position, "axis", "axes", "dim")
    axes = axis if isinstance(axis, list) else [axis]
    if any(type(one) is not int or not -rank <= one < rank or one % rank == 0 for one in axes):
        raise Refusal(f"axis {axis!r} is not supported, since it takes in the batch")
    return [one % rank for one in axes]


def _integers(given: Any, what: str, count: int | None = None) -> list[int]:
    values = list(given) if isinstance(given, (list, tuple)) else [given] * (count or 1)
    if any(type(one) is not int or abs(one) > 1 << 24 for one in values) or count not in (None, len(values)):
        raise Refusal(f"{what} {given!r:.80} is not supported")
    return values


def _pad(p: Composition, operands: Operands) -> Value:
    x, given = operands.value(p, 0, "x", "tensor"), operands.get(1, "pad_width", "paddings")
    pairs = given if isinstance(given, list) and all(isinstance(g, list) for g in given) else [given] * x.rank
    pairs = [_integers(pair, "padding", 2) for pair in pairs]
    mode, fill = operands.get(2, "mode", default="constant"), operands.get(3, "constant_values", default=0)
    if len(pairs) != x.rank or pairs[0] != [0, 0] or not isinstance(fill, (int, float)):
        raise Refusal(f"padding {given!r:.80} with {fill!r:.40} is not supported")
    return p.pad(x, [(a, b) for a, b in pairs], str(mode).lower(), float(fill))


def _tile(p: Composition, operands: Operands) -> Value:
    x = operands.value(p, 0, "x", "input")
    repeats = _integers(operands.get(1, "repeats", "multiples"), "repeats", x.rank)
    if repeats[0] != 1 or min(repeats) < 1:
        raise Refusal(f"repeats {repeats}, which do not keep the batch, are not supported")
    return p.tile(x, repeats)


def _picked(positions: Callable[[Operands, int], np.ndarray]) -> Row:
    """A choice of constant positions along one axis."""

    def row(p: Composition, operands: Operands) -> Value:
        x = operands.value(p, 0, "x", "params", "input")
        (axis,) = axes(operands, 2, x.rank)
        (size,) = p.sizes(x, [axis])
        return p.gather(x, positions(operands, size), axis)

    return row


def _repeated(operands: Operands, size: int) -> np.ndarray:
    (times,) = _integers(operands.get(1, "repeats"), "repeats")
    if times < 1:
        raise Refusal(f"repeating {times} times is not supported")
    return np.repeat(np.arange(size), times)


def _rolled(operands: Operands, size: int) -> np.ndarray:
    (shift,) = _integers(operands.get(1, "shift"), "shift")
    return np.roll(np.arange(size), shift)


def _taken(operands: Operands, _size: int) -> np.ndarray:
    given = operands.get(1, "indices")
    if isinstance(given, dict) and isinstance(given.get("config"), dict):
        given = given["config"].get("value")
    if isinstance(given, Value):
        raise Refusal("indices that depend on the input are not supported")
    return np.asarray(given if type(given) is int else _integers(given, "indices"), np.int64)


def _flip(p: Composition, operands: Operands) -> Value:
    x = operands.value(p, 0, "x", "tensor")
    for axis in axes(operands, 1, x.rank):
        x = p.slice(x, axis, -1, None, -1)
    return x


def _moveaxis(p: Composition, operands: Operands) -> Value:
    x = operands.value(p, 0, "x")
    source, target = (_integers(operands.get(i, n), n) for i, n in ((1, "source"), (2, "destination")))
    source, target = ([axis % x.rank for axis in given] for given in (source, target))
    order = [axis for axis in range(x.rank) if axis not in source]
    for where, axis in sorted(zip(target, source, strict=True)):
        order.insert(where, axis)
    if order[0] != 0:
        raise Refusal("it moves the batch")
    return p.permute(x, order)


def _unstack(p: Composition, operands: Operands) -> list[Value]:
    x = operands.value(p, 0, "x", "value")
    operands.get(1, "num")
    (axis,) = axes(operands, 2, x.rank)
    (size,) = p.sizes(x, [axis])
    rest = [*x.shape[:axis], *x.shape[axis + 1 :]]
    return [p.reshape(part, rest) for part in p.split(x, [1] * size, axis)]


def _first(operands: Operands) -> bool:
    return str(operands.get(None, "data_format", default="channels_last")) in ("channels_first", "NCHW")


def _pool(kind: str) -> Row:
    def row(p: Composition, operands: Operands) -> Value:
        x, first = operands.value(p, 0, "x", "inputs", "input", "value"), _first(operands)
        dimensions = x.rank - 2
        window = _integers(operands.get(1, "pool_size", "ksize"), "a window", dimensions)
        strides = operands.get(2, "strides")
        strides = window if strides is None else _integers(strides, "strides", dimensions)
        padding = str(operands.get(3, "padding", default="valid")).lower()
        if padding not in ("valid", "same") or min(*window, *strides) < 1:
            raise Refusal(f"windows {window}, strides {strides}, padding {padding} are not supported")
        x = p.images_first(x, first)
        pairs = same_padding(x.shape[2:], window, strides) if padding == "same" else [(0, 0)] * dimensions
        return p.images_last(p.pool(kind, x, window, strides=strides, padding=pairs), first)

    return row


def _resize(p: Composition, operands: Operands) -> Value:
    x, first = operands.value(p, 0, "images", "x"), _first(operands)
    size = _integers(operands.get(1, "size"), "a size", 2)
    name = str(operands.get(2, "interpolation", "method", default="bilinear"))
    antialias = operands.get(None, "antialias", default=False) is True
    if operands.get(None, "fill_mode", default="constant") != "constant" or operands.get(None, "fill_value"):
        raise Refusal("filling in is not supported")
    if x.rank != 4 or min(size) < 1 or (name != "nearest" and name not in resizing.KERNELS):
        raise Refusal(f"resizing {x.shape} to {size} by {name!r:.40} is not supported")
    return resizing.resampled(p, x, [2, 3] if first else [1, 2], size, name, antialias)


def _blocks(name: str) -> Row:
    def row(p: Composition, operands: Operands) -> Value:
        x, first = operands.value(p, 0, "x", "input"), _first(operands)
        (block,) = _integers(operands.get(1, "block_size"), "a block")
        return p.images_last(getattr(p, name)(p.images_first(x, first), block), first)

    return row


ROWS: dict[str, Row] = {
    "pad": _pad,
    "tile": _tile,
    "repeat": _picked(_repeated),
    "roll": _picked(_rolled),
    "take": _picked(_taken),
    "flip": _flip,
    "reverse": _flip,
    "moveaxis": _moveaxis,
    "unstack": _unstack,
    "average_pool": _pool("average"),
    "max_pool": _pool("max"),
    "avg_pool2d": _pool("average"),
    "max_pool2d": _pool("max"),
    "resize": _resize,
    "depth_to_space": _blocks("depth_to_space"),
    "space_to_depth": _blocks("space_to_depth"),
}
