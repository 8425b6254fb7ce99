from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from swiftvis.resampling import spline_zoom

SIZES = (1, 2, 3, 4, 5, 7, 8, 13, 14, 28, 31)
TARGETS = (1, 2, 3, 5, 6, 7, 14, 28, 40, 48, 64, 100, 188, 224)


def scipy_zoom(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return ndimage.zoom(array, [wanted / size for wanted, size in zip(shape, array.shape, strict=True)])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wanted", TARGETS)
def test_equals_scipy(size: int, wanted: int) -> None:
    array = np.random.default_rng(size).normal(size=size).astype("f")
    found, expected = spline_zoom(array, (wanted,)), scipy_zoom(array, (wanted,))
    assert found.shape == (wanted,) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-7 * np.abs(array).max())


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((7, 7), (224, 224)),
        ((4, 9), (64, 3)),
        ((1, 6), (5, 48)),
        ((12, 10), (6, 5)),
        ((2, 2), (40, 48)),
        ((1, 1), (1, 1)),
        ((5, 3, 4), (16, 30, 2)),
        ((3, 1, 2), (7, 8, 9)),
    ],
)
def test_more_dimensions(size: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).random(size, np.float32)
    found = spline_zoom(array, wanted)
    np.testing.assert_allclose(found, scipy_zoom(array, wanted), rtol=0, atol=5e-7)


def test_the_last_row_is_scipys() -> None:
    """Rounding puts the last of 224 points beyond the 32 values, and SciPy's rows there are 0."""
    ones = np.ones((32, 4), np.float32)
    found = spline_zoom(ones, (224, 188))
    assert (found[-1] == 0).all() and found[-2, 0] > 0.9
    np.testing.assert_allclose(found, scipy_zoom(ones, (224, 188)), rtol=0, atol=5e-7)


def test_the_array_is_left_alone() -> None:
    array = np.arange(6, dtype=np.float64).reshape(2, 3)
    found = spline_zoom(array, (2, 3))
    np.testing.assert_allclose(found, array, atol=1e-12)
    assert found.dtype == np.float64 and not np.shares_memory(found, array)
    assert spline_zoom(array, (4, 5)).flags.c_contiguous
