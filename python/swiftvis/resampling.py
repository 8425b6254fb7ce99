"""Resizing of maps by cubic splines, in any number of dimensions. SciPy is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


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
    """
    found = np.asarray(array, np.float64)
    for axis, (size, wanted) in enumerate(zip(found.shape, shape, strict=True)):
        found = np.moveaxis(np.tensordot(_matrix(size, wanted), found, (1, axis)), 0, axis)
    return np.ascontiguousarray(found, np.asarray(array).dtype)


@lru_cache(32)
def _matrix(size: int, wanted: int) -> np.ndarray:
    """What takes `size` values to `wanted` points: the spline's coefficients, then its basis at each point."""
    if size == 1:
        return np.ones((wanted, 1))
    points = np.arange(wanted) * ((size - 1) / max(wanted - 1, 1))
    # The basis at the values themselves gives the system that the coefficients solve.
    matrix = np.linalg.solve(_basis(np.arange(size), size).T, _basis(points, size).T).T
    matrix[points > size - 1] = 0
    return matrix


def _basis(points: np.ndarray, size: int) -> np.ndarray:
    """The cubic B-splines at each point: (points, size), coefficients beyond the ends mirrored about them."""
    matrix = np.zeros((len(points), size))
    first = np.floor(points).astype(int) - 1
    for offset in range(4):
        place = first + offset
        distance = np.abs(points - place)
        weight = np.where(
            distance < 1, 2 / 3 - distance**2 * (2 - distance) / 2, np.maximum(2 - distance, 0) ** 3 / 6
        )
        period = 2 * (size - 1)
        mirrored = np.abs((place + size - 1) % period - (size - 1))
        np.add.at(matrix, (np.arange(len(points)), mirrored), weight)
    return matrix
