"""Rows for `interpolate`. What the engine's own resize does goes to it; the rest is a choice of elements, or a matrix, along
each axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Value

Kernel = Callable[[np.ndarray], np.ndarray]


def _linear(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(distance), 0)


def _cubic(a: float) -> Kernel:
    """Keys' cubic convolution (1981)."""

    def weigh(distance: np.ndarray) -> np.ndarray:
        x = np.abs(distance)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = a * (((x - 5) * x + 8) * x - 4)
        return np.where(x <= 1, near, np.where(x < 2, far, 0))

    return weigh


def _matrix(positions: np.ndarray, own: int, kernel: Kernel, reach: int) -> np.ndarray:
    """(own, new): what each element gives to the elements at those positions; beyond the ends the last ones count."""
    matrix = np.zeros((own, len(positions)))
    start = np.floor(positions).astype(int)
    for tap in range(1 - reach, reach + 1):
        rows = np.clip(start + tap, 0, own - 1)
        np.add.at(matrix, (rows, np.arange(len(positions))), kernel(start + tap - positions))
    return matrix.astype(np.float32)


def _antialiased(own: int, new: int, step: float, kernel: Kernel, reach: int) -> np.ndarray:
    """As `_matrix`, with a kernel as wide as the step, and weights that sum to 1 within the ends."""
    width = max(step, 1.0)
    centres = (np.arange(new) + 0.5) * step
    matrix = np.zeros((own, new))
    for i, centre in enumerate(centres):
        low = max(int(centre - reach * width + 0.5), 0)
        high = min(int(centre + reach * width + 0.5), own)
        weights = kernel((np.arange(low, high) - centre + 0.5) / width)
        matrix[low:high, i] = weights / weights.sum()
    return matrix.astype(np.float32)


Scales = Sequence[float] | float | None


def _new_sizes(
    p: Program, x: Value, sizes: Sequence[int] | None, scales: Scales, more: Sequence[float | None]
) -> tuple[list[int], list[int], list[float]]:
    """The axes' own sizes, new ones, and the steps between new elements in units of the old ones. The scales come in a
    list, or one by one beside the sizes."""
    own = list(p.sizes(x)[2:])
    factors = list(scales) if isinstance(scales, (list, tuple)) else [scales, *more]
    new = list(sizes or (math.floor(n * factor) for n, factor in zip(own, factors, strict=True)))
    steps = [1 / factor if factor else n / m for n, m, factor in itertools.zip_longest(own, new, factors)]
    return own, new, steps


def _interpolated(kernel: Kernel, reach: int, interpolation: str | None, antialias: bool = False) -> Any:
    def row(
        p: Program,
        x: Value,
        sizes: Sequence[int] | None,
        align_corners: bool,
        scales: Scales = None,
        *more: float | None,
    ) -> Value:
        own, new, steps = _new_sizes(p, x, sizes, scales, more)
        plain = all(step * m == n for n, m, step in zip(own, new, steps, strict=True))
        if interpolation and not antialias and x.rank <= 4 and (align_corners or plain):
            coordinates = "align_corners" if align_corners else "half_pixel"
            return p.enlarged(x, sizes=new, interpolation=interpolation, coordinates=coordinates)
        for axis, (n, m, step) in enumerate(zip(own, new, steps, strict=True), 2):
            if align_corners:
                step = (n - 1) / (m - 1) if m > 1 else 0.0
            if antialias:
                rule = _antialiased(n, m, step, kernel, reach)
            else:
                positions = np.arange(m) * step if align_corners else (np.arange(m) + 0.5) * step - 0.5
                rule = _matrix(positions if reach > 1 else positions.clip(0, n - 1), n, kernel, reach)
            if (n, step) != (m, 1.0):
                x = p.resample(x, axis, rule)
        return x

    return row


def _nearest(exact: bool) -> Any:
    def row(
        p: Program, x: Value, sizes: Sequence[int] | None, scales: Scales = None, *more: float | None
    ) -> Value:
        own, new, steps = _new_sizes(p, x, sizes, scales, more)
        if x.rank <= 4 and all(
            m % n == 0 and step * m == n for n, m, step in zip(own, new, steps, strict=True)
        ):
            factors = [m // n for n, m in zip(own, new, strict=True)]
            return p.enlarged(x, scale=factors, interpolation="nearest", coordinates="asymmetric")
        for axis, (n, m, step) in enumerate(zip(own, new, steps, strict=True), 2):
            # In float32, as PyTorch computes them: rounding decides which element is taken.
            places = (np.arange(m, dtype=np.float32) + np.float32(0.5 * exact)) * np.float32(step)
            x = p.resample(x, axis, np.minimum(np.floor(places).astype(np.int64), n - 1))
        return x

    return row


_bilinear = _interpolated(_linear, 1, "bilinear")
ROWS: dict[str, Any] = {
    **{f"aten.upsample_nearest{n}d": _nearest(False) for n in (1, 2, 3)},
    **{f"aten._upsample_nearest_exact{n}d": _nearest(True) for n in (1, 2, 3)},
    "aten.upsample_linear1d": _bilinear,
    "aten.upsample_bilinear2d": _bilinear,
    "aten.upsample_trilinear3d": _bilinear,
    "aten.upsample_bicubic2d": _interpolated(_cubic(-0.75), 2, None),
    "aten._upsample_bilinear2d_aa": _interpolated(_linear, 1, None, True),
    "aten._upsample_bicubic2d_aa": _interpolated(_cubic(-0.5), 2, None, True),
}
