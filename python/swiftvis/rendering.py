"""Pictures of a raw gradient, in color and in gray, as the literature's programs draw them."""

from __future__ import annotations

import numpy as np

from .imaging import _floats


def color(gradient: np.ndarray) -> np.ndarray:
    """The signed gradient as an RGB picture: shifted to 0 and divided by its largest value.

    All channels are scaled together.

    Args:
        gradient: (H, W, C) array.
    Returns:
        uint8 picture of the same shape, truncated. A constant gradient is black.
    """
    array = _image_gradient(gradient)
    shifted = array - array.min()
    return _scaled(shifted, shifted.max())


def grayscale(gradient: np.ndarray, percentile: float = 99) -> np.ndarray:
    """The sum of |g| over the channels, scaled so that its `percentile` is white (Smilkov et al. 2017,
    arXiv:1706.03825).

    Args:
        gradient: (H, W, C) array.
        percentile: 0..100; what is above is clipped.
    Returns:
        uint8 picture (H, W).
    """
    total = np.abs(_image_gradient(gradient)).sum(axis=-1)
    total = total - total.min()
    return _scaled(total, np.percentile(total, percentile))


def positive(gradient: np.ndarray) -> np.ndarray:
    """The positive part, divided by its largest value: what would raise the score. uint8 (H, W, C)."""
    array = np.maximum(_image_gradient(gradient), 0)
    return _scaled(array, array.max())


def negative(gradient: np.ndarray) -> np.ndarray:
    """The negative part, divided by its largest size: what would lower the score. uint8 (H, W, C)."""
    return positive(-_image_gradient(gradient))


def _image_gradient(gradient: np.ndarray) -> np.ndarray:
    array = _floats(gradient, "gradient")
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"gradient: expected one image's, of shape (H, W, C), got {np.shape(gradient)}")
    return array


def _scaled(array: np.ndarray, white: float) -> np.ndarray:
    if not white > 0:
        return np.zeros(array.shape, np.uint8)
    return (np.clip(array / white, 0, 1) * 255).astype(np.uint8)
