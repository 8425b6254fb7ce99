"""Layers that only move values: padding, cropping, reshaping, permuting."""

from __future__ import annotations

import dataclasses
import math

from swiftvis.importers.keras.builder import Shape, Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal


def zero_padding(call: LayerCall) -> Tensor:
    return _pad(call, "padding", 1)


def cropping(call: LayerCall) -> Tensor:
    return _pad(call, "cropping", -1)


def _pad(call: LayerCall, key: str, sign: int) -> Tensor:
    pairs = _edges(call, key)
    first, x = call.channels_first, call.input
    if x.rank != call.dimensions + 2:
        raise Refusal(f"it needs an input of rank {call.dimensions + 2}, and gets one of rank {x.rank}")
    axes = range(2, x.rank) if first else range(1, x.rank - 1)
    edges = {axis: [sign * pair[0], sign * pair[1]] for axis, pair in zip(axes, pairs)}
    if x.image:
        edges = {x.image_axis(axis): pair for axis, pair in edges.items()}
    inner = x.image or x
    padding = [edges.get(axis, [0, 0]) for axis in range(1, inner.rank)]
    sizes = [None if size is None else size + sum(pair) for size, pair in zip(inner.shape[1:], padding)]
    y = call.emit("pad", [inner], (None, *sizes), {"padding": padding})
    return (
        call.leave(y, x.rank, x.channels_first) if x.image else dataclasses.replace(y, channels_first=first)
    )


def _edges(call: LayerCall, key: str) -> list[list[int]]:
    """A (before, after) pair for each image axis, from a number, a number an axis, or pairs."""
    value = call.options.get(key, 1)
    values = value if isinstance(value, list) else [value] * call.dimensions
    if call.dimensions == 1 and isinstance(value, (int, list)):
        values = [value] if isinstance(value, list) and len(value) == 2 else values
    pairs = [item if isinstance(item, list) else [item, item] for item in values]
    flat = [number for pair in pairs for number in pair]
    if len(pairs) != call.dimensions or any(len(pair) != 2 for pair in pairs):
        raise Refusal(f"{key} {value!r} is not supported")
    if any(type(number) is not int or not 0 <= number < 1 << 31 for number in flat):
        raise Refusal(f"{key} {value!r} is not supported")
    return pairs


def flatten(call: LayerCall) -> Tensor:
    """Channels-first images are flattened channels-last where the layer knows its layout."""
    x = call.input
    if call.channels_first and x.rank in (3, 4):
        x = call.enter(x, True, x.rank)
    elif x.image and not x.channels_first:
        x = x.image
    return call.emit("reshape", [x], (None, _product(x.shape[1:])), {"shape": [-1]})


def reshape(call: LayerCall) -> Tensor:
    target = call.options.get("target_shape")
    if not isinstance(target, list) or any(
        type(size) is not int or size < -1 or size == 0 for size in target
    ):
        raise Refusal(f"target_shape {target!r} is not supported")
    if target.count(-1) > 1 or len(target) > 7:
        raise Refusal(f"target_shape {target!r} is not supported")
    x = call.input
    total, rest = _product(x.shape[1:]), math.prod(size for size in target if size != -1)
    shape = [(None if total is None else total // rest) if size == -1 else size for size in target]
    return call.emit("reshape", [x], (None, *shape), {"shape": target})


def permute(call: LayerCall) -> Tensor:
    dims = call.options.get("dims")
    if not isinstance(dims, list) or sorted(dims) != list(range(1, len(dims) + 1)):
        raise Refusal(f"dims {dims!r} is not supported")
    x = call.input
    if len(dims) != x.rank - 1:
        raise Refusal(f"dims {dims!r} does not fit an input of rank {x.rank}")
    return call.emit("permute", [x], tuple(x.shape[axis] for axis in [0, *dims]), {"axes": [0, *dims]})


def repeat_vector(call: LayerCall) -> Tensor:
    count, x = call.options.get("n"), call.input
    if type(count) is not int or not 0 < count < 1 << 31 or x.rank != 2:
        raise Refusal(f"repeating {count!r} times is not supported")
    channels = call.known(x.shape[1])
    y = call.emit("reshape", [x], (None, 1, 1, channels), {"shape": [1, 1, channels]}, suffix="reshape")
    y = call.emit("resize", [y], (None, 1, count, channels), {"scale": [1, count]})
    return call.leave(y, 3, False)


def _product(sizes: Shape) -> int | None:
    return (
        None if any(size is None for size in sizes) else math.prod(size for size in sizes if size is not None)
    )
