"""Pictures of a raw gradient, in color and in gray, as the literature's programs draw them."""

from __future__ import annotations

import numpy as np

from . import _native
from .imaging import _floats


def color(gradient: np.ndarray) -> np.ndarray:
    """The signed gradient as an RGB picture: shifted to 0 and divided by its largest value.

    All channels are scaled together.

    Args:
        gradient: (H, W, C) array.
    Returns:
        uint8 picture of the same shape, truncated. A constant gradient is black.
    """
    return _native.gradient_picture(_image_gradient(gradient), "color")


def grayscale(gradient: np.ndarray, percentile: float = 99) -> np.ndarray:
    """The sum of |g| over the channels, scaled so that its `percentile` is white (Smilkov et al. 2017,
    arXiv:1706.03825).

    Args:
        gradient: (H, W, C) array.
        percentile: 0..100; what is above is clipped.
    Returns:
        uint8 picture (H, W).
    """
    return _native.gradient_picture(_image_gradient(gradient), "grayscale", percentile)


def positive(gradient: np.ndarray) -> np.ndarray:
    """The positive part, divided by its largest value: what would raise the score. uint8 (H, W, C)."""
    return _native.gradient_picture(_image_gradient(gradient), "positive")


def negative(gradient: np.ndarray) -> np.ndarray:
    """The negative part, divided by its largest size: what would lower the score. uint8 (H, W, C)."""
    return _native.gradient_picture(_image_gradient(gradient), "negative")


def _image_gradient(gradient: np.ndarray) -> np.ndarray:
    array = _floats(gradient, "gradient")
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"gradient: expected one image's, of shape (H, W, C), got {np.shape(gradient)}")
    return array
