"""How far a gradient is from another one."""

from __future__ import annotations

import numpy as np

JUMP = 1e-3


def largest(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest value expected. NaN where either is not finite or all is 0."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if found.shape != expected.shape:
        raise ValueError(f"shape {found.shape} where {expected.shape} was expected")
    scale = np.abs(expected).max()
    return float(np.abs(found - expected).max() / scale) if scale > 0 else float("nan")


def median(found: np.ndarray, expected: np.ndarray) -> float:
    """The median over pixels of the relative error: one rectifier within rounding of its bend moves it little."""
    difference = np.abs(np.asarray(found, np.float64) - expected)
    where = expected != 0
    return float(np.median(difference[where] / np.abs(expected[where]))) if where.any() else float("nan")


def of(found: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """A gradient's errors against the same one in float64. `typical`: the largest error of an image, for the median image;
    `jumps`: how many images of `images` are off by more than JUMP."""
    if len(exact) != len(found):
        raise ValueError(f"{len(found)} images where {len(exact)} were expected")
    each = sorted(map(largest, found, exact)) if exact.ndim == 4 else [largest(found, exact)]
    return {
        "typical": each[(len(each) - 1) // 2],
        "max": each[-1],
        "jumps": sum(not error <= JUMP for error in each),
        "images": len(each),
        "median": median(found, exact),
    }
