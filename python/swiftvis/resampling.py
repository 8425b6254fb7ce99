"""Resizing of maps by cubic splines, in any number of dimensions. SciPy is not needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import _native


def spline_zoom(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The interpolating cubic spline through an array's values, read at `shape` points.

    Equal to `scipy.ndimage.zoom(array, factors)` (order 3, which may overshoot) to rounding: the first and last
    points fall on the first and last values. With one exception, which is SciPy's too: where rounding puts the last
    point just outside the array (32 to 224 points, say), the result there is 0.

    Args:
        array: float array with at least one value.
        shape: the size wanted on each axis, at least 1.
    Returns:
        array of that shape in the dtype of `array`, computed in float64.
    Raises:
        ValueError: no value, a size below 1, or not a size for each axis.
    """
    source = np.asarray(array)
    if source.ndim != len(shape):
        raise ValueError(f"spline_zoom: a size for each axis of {source.shape} is needed, got {tuple(shape)}")
    found = _native.spline_zoom(np.ascontiguousarray(source, np.float64), shape)
    for axis, (size, wanted) in enumerate(zip(source.shape, shape, strict=True)):
        outside = np.arange(wanted) * ((size - 1) / max(wanted - 1, 1)) > size - 1
        if outside[-1]:
            found[(*(slice(None),) * axis, outside)] = 0
    return found.astype(source.dtype, copy=False)
