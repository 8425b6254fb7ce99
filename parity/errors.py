"""How far a gradient is from another one."""

from __future__ import annotations

import numpy as np


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
    """A gradient's errors against the same one in float64; `max` also for the image that fares best."""
    if len(exact) != len(found):
        raise ValueError(f"{len(found)} images where {len(exact)} were expected")
    best = min(map(largest, found, exact)) if exact.ndim == 4 else largest(found, exact)
    return {"max": largest(found, exact), "best": best, "median": median(found, exact)}
