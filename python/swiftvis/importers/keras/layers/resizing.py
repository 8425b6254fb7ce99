"""Changes of an image's size: every interpolation is a matrix along each axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.program import Value

# An axis with as many rows is refused before its matrix is made.
_LONGEST_AXIS = 1 << 13


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -0.5."""
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


def interpolation(call: LayerCall, default: str) -> str:
    name = call.options.get("interpolation", default)
    if name != "nearest" and name not in KERNELS:
        raise Refusal(f"interpolation {name!r} is not supported")
    return name


def weights(name: str, size: int, result: int, antialias: bool) -> np.ndarray:
    """The matrix (size, result), with pixels sampled at their centres, or for "nearest" the indices."""
    if max(size, result) > _LONGEST_AXIS:
        raise Refusal(f"resizing {size} to {result} elements is not supported")
    points = (np.arange(result) + 0.5) * (size / result) - 0.5
    if name == "nearest":
        return np.minimum(np.floor(points + 0.5), size - 1).astype(np.int64)
    spread = max(size / result, 1.0) if antialias else 1.0
    matrix = KERNELS[name](np.abs(points - np.arange(size)[:, None]) / spread)
    return (matrix / matrix.sum(0)).astype(np.float32)


def resizing(call: LayerCall) -> Tensor:
    options = call.options
    name, antialias = interpolation(call, "bilinear"), options.get("antialias") is True
    size = [call.integers(key, 1, dimensions=2)[0] for key in ("height", "width")]
    crops, pads = (options.get(f"{kind}_to_aspect_ratio") is True for kind in ("crop", "pad"))
    if crops and pads:
        raise Refusal("cropping and padding to the aspect ratio exclude each other")
    fill = call.number("fill_value", 0.0) if pads else 0.0
    if pads and options.get("fill_mode", "constant") != "constant":
        raise Refusal(f"fill_mode {options['fill_mode']!r} is not supported")
    if name in ("nearest", "bilinear") and not (antialias or crops or pads):
        x = call.enter(call.input, call.channels_first)
        attributes = {"size": size, "interpolation": name}
        return call.leave(
            call.emit("resize", [x], (None, *size, x.shape[3]), attributes), 4, call.channels_first
        )

    def compute(program: Composition, x: Value, axes: list[int]) -> Value:
        if crops:
            x = _cropped(program, x, axes, size)
        if pads:
            x = _padded(program, x, axes, size, fill)
        return resampled(program, x, axes, size, name, antialias)

    return _over_images(call, compute)


def center_crop(call: LayerCall) -> Tensor:
    """The middle; of an image that is too small, the largest part of those proportions, enlarged."""
    size = [call.integers(key, 1, dimensions=2)[0] for key in ("height", "width")]

    def compute(program: Composition, x: Value, axes: list[int]) -> Value:
        own = program.sizes(x, axes)
        if any(a < b for a, b in zip(own, size)):
            return resampled(program, _cropped(program, x, axes, size), axes, size, "bilinear", False)
        for axis, a, b in zip(axes, own, size):
            x = program.slice(x, axis, (a - b) // 2, (a - b) // 2 + b)
        return x

    return _over_images(call, compute)


def enlarged(call: LayerCall, name: str, scale: list[int]) -> Tensor:
    """UpSampling2D by an interpolation that no op has."""

    def compute(program: Composition, x: Value, axes: list[int]) -> Value:
        size = [own * factor for own, factor in zip(program.sizes(x, axes), scale)]
        return resampled(program, x, axes, size, name, False)

    return _over_images(call, compute)


def _over_images(call: LayerCall, function: Callable[[Composition, Value, list[int]], Value]) -> Tensor:
    x, first = call.input, call.channels_first
    if x.rank != 4:
        raise Refusal(f"it needs an input of rank 4, and gets one of rank {x.rank}")
    axes = [2, 3] if first else [1, 2]
    return call.composed(lambda program, value: function(program, value, axes), x, channels_first=first)


def resampled(
    program: Composition, x: Value, axes: list[int], size: list[int], name: str, antialias: bool
) -> Value:
    for axis, result in zip(axes, size):
        (own,) = program.sizes(x, [axis])
        if own != result:
            x = program.resample(x, axis, weights(name, own, result, antialias))
    return x


def _proportions(own: tuple[int, ...], size: list[int]) -> tuple[int, int]:
    """The height of the target's proportions for this width, and the width for this height."""
    return int(own[1] * size[0] / size[1]), int(own[0] * size[1] / size[0])


def _cropped(program: Composition, x: Value, axes: list[int], size: list[int]) -> Value:
    own = program.sizes(x, axes)
    for axis, n, wanted in zip(axes, own, _proportions(own, size)):
        kept = max(min(n, wanted), 1)
        x = program.slice(x, axis, (n - kept) // 2, (n - kept) // 2 + kept)
    return x


def _padded(program: Composition, x: Value, axes: list[int], size: list[int], fill: float) -> Value:
    """Keras pads one axis, by the same number on both sides."""
    own = program.sizes(x, axes)
    wider = [max(n, wanted) for n, wanted in zip(own, _proportions(own, size))]
    edges = [(large - n) // 2 for n, large in zip(own, wider)]
    if edges[0] > 0:
        edges[1] = 0
    padding: list[Any] = [(0, 0)] * x.rank
    for axis, edge in zip(axes, edges):
        padding[axis] = (edge, edge)
    return program.pad(x, padding, value=fill)
