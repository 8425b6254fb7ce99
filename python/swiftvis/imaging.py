"""Maps as pictures: smoothing, colors, overlays. Neither SciPy nor matplotlib is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _native

colormaps: tuple[str, ...] = _native.colormap_names()
"""The names of the built-in colormaps."""


def gaussian_filter(map: np.ndarray, sigma: float) -> np.ndarray:
    """Smooths a map; equal to `scipy.ndimage.gaussian_filter(map, sigma)` to float32 rounding.

    Args:
        map: (height, width), any numbers.
        sigma: standard deviation in pixels, 0 or more; 0 changes nothing.
    Returns:
        float32 array of the same shape.
    Raises:
        ValueError: another rank, an empty map, or a sigma that is negative or not finite.
    """
    return _native.gaussian_filter(_map(map), _number(sigma, "sigma"))


def resize(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """An image or map in another size: bilinear between pixel centres, without antialiasing.

    The bytes are those of `Image.resized` in Swift; `utils.load_img` resizes with Pillow instead, whose antialiasing suits
    networks that were trained on such pictures.

    Args:
        image: (H, W) or (H, W, C), any numbers.
        size: (height, width), each 1 or more.
    Returns:
        array of that size: uint8 for uint8, rounded to nearest; float32 otherwise.
    Raises:
        ValueError: another rank, an empty image, or a size below 1.
    """
    array = _floats(image, "image")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"image: expected a (H, W) or (H, W, C) array, got shape {array.shape}")
    if len(size) != 2 or any(int(one) != one or one < 1 for one in size):
        raise ValueError(f"size: expected (height, width), got {tuple(size)}")
    height, width = map(int, size)
    planes = array.reshape(*array.shape[:2], -1)
    resized = _native.resize(planes, (height, width)).reshape(height, width, *array.shape[2:])
    return np.rint(resized).astype(np.uint8) if np.asarray(image).dtype == np.uint8 else resized


def colormap(name: str, values: np.ndarray) -> np.ndarray:
    """The colors of values in 0..1; what is outside is clipped, and a NaN is black.

    Args:
        name: one of `swiftvis.colormaps`.
        values: array of any shape.
    Returns:
        uint8 RGB array of shape (*values.shape, 3).
    Raises:
        ValueError: an unknown name.
    """
    return _native.colormap(_known(name), _floats(values, "values"))


def smoothed_overlay(
    image: np.ndarray, saliency: np.ndarray, sigma: float = 5, colormap: str = "jet", alpha: float = 0.7
) -> np.ndarray:
    """A saliency map over its image: the map is smoothed, scaled to 0..1, colored, and blended in.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3); uint8, or other numbers in 0..1 or 0..255 (in 0..255 where any
            is over 1).
        saliency: (h, w) map; resized to the image (bilinear) after smoothing where it has another size.
        sigma: of the Gaussian filter, in pixels of the map; 0 leaves the map sharp.
        colormap: one of `swiftvis.colormaps`.
        alpha: the share of the colored map, 0..1.
    Returns:
        uint8 picture (H, W, 3).
    Raises:
        ValueError: another rank, an unknown colormap, alpha outside 0..1, a sigma that is negative or not
            finite.
    """
    picture = as_rgb(image)
    alpha = _number(alpha, "alpha")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, got {alpha}")
    return _native.smoothed_overlay(picture, _map(saliency), _number(sigma, "sigma"), _known(colormap), alpha)


def as_rgb(image: Any) -> np.ndarray:
    """A uint8 RGB picture (H, W, 3) of a gray or colored one in uint8, 0..1 or 0..255."""
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"image: expected an array of real numbers, got {type(image).__name__} of dtype {array.dtype}"
        )
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[-1] not in (1, 3) or array.size == 0:
        raise ValueError(f"image: expected shape (H, W), (H, W, 1) or (H, W, 3), got {np.shape(image)}")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        array = np.nan_to_num(array.astype(np.float32))
        if array.max() <= 1:
            array = array * 255
        array = np.clip(np.rint(array), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def unit_range(map: np.ndarray) -> np.ndarray:
    """The map brought to 0..1; a constant one becomes 0."""
    # Without an epsilon: a map of tiny gradients is scaled like any other.
    return _native.normalize(np.ascontiguousarray(map, np.float32))


def _known(name: str) -> str:
    if name not in colormaps:
        raise ValueError(f"unknown colormap {name!r} (known: {', '.join(colormaps)})")
    return name


def _map(values: Any) -> np.ndarray:
    array = _floats(values, "map")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"map: expected a (height, width) array, got shape {array.shape}")
    return array


def _floats(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"{name}: expected an array of real numbers, got {type(values).__name__} of dtype {array.dtype}"
        )
    return np.array(array, np.float32, order="C")


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number
