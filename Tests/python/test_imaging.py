"""Smoothing against SciPy, colormaps against matplotlib, and the pictures made of them."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import scipy.ndimage

import swiftvis
from swiftvis import rendering

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("sigma", [0, 0.3, 1, 2.5, 5, 20])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 3), (40, 61)])
def test_gaussian_filter_is_scipys(shape: tuple[int, int], sigma: float) -> None:
    values = RANDOM.random(shape, np.float32)
    wanted = scipy.ndimage.gaussian_filter(values, sigma)
    np.testing.assert_allclose(swiftvis.gaussian_filter(values, sigma), wanted, rtol=2e-6, atol=1e-7)


def test_gaussian_filter_takes_any_numbers() -> None:
    values = np.asfortranarray(RANDOM.integers(0, 255, (9, 8), np.uint8))[::-1, ::-2]
    wanted = scipy.ndimage.gaussian_filter(values.astype("f"), 1.5)
    np.testing.assert_allclose(swiftvis.gaussian_filter(values, 1.5), wanted, rtol=2e-6)


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf"), "wide", None])
def test_bad_sigma(sigma) -> None:
    with pytest.raises((ValueError, TypeError), match="sigma"):
        swiftvis.gaussian_filter(np.zeros((4, 4)), sigma)


@pytest.mark.parametrize("shape", [(0, 4), (4,), (4, 4, 3)])
def test_bad_map(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="map"):
        swiftvis.gaussian_filter(np.zeros(shape), 1)


def test_resize_is_bilinear_between_pixel_centres() -> None:
    values = RANDOM.random((7, 5, 3), np.float32)
    grid = np.meshgrid(
        *(np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1) for new, old in ((11, 7), (4, 5))),
        indexing="ij",
    )
    wanted = [scipy.ndimage.map_coordinates(values[..., c], grid, order=1) for c in range(3)]
    np.testing.assert_allclose(swiftvis.resize(values, (11, 4)), np.stack(wanted, -1), atol=1e-6)


def test_resize_keeps_bytes() -> None:
    bytes = RANDOM.integers(0, 256, (9, 8), np.uint8)
    found = swiftvis.resize(bytes[::-1], np.array([5, 12]))
    assert found.dtype == np.uint8
    assert (found == np.rint(swiftvis.resize(bytes[::-1].astype("d"), (5, 12)))).all()
    assert (swiftvis.resize(bytes, bytes.shape) == bytes).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((4,), (2, 2)), ((0, 4), (2, 2)), ((4, 4), (0, 2)), ((4, 4), (2,)), ((4, 4), (2.5, 2))],
)
def test_bad_size(shape: tuple[int, ...], size: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="image|size"):
        swiftvis.resize(np.zeros(shape), size)


@pytest.mark.parametrize("name", swiftvis.colormaps)
def test_colormap_is_matplotlibs(name: str) -> None:
    values = np.linspace(-0.1, 1.1, 700, dtype=np.float32)
    wanted = matplotlib.colormaps[name](np.clip(values, 0, 1), bytes=True)[..., :3].astype(int)
    found = swiftvis.colormap(name, values).astype(int)
    assert np.abs(found - wanted).max() <= 3


def test_colormaps() -> None:
    assert set(swiftvis.colormaps) >= {
        "jet",
        "viridis",
        "inferno",
        "magma",
        "plasma",
        "turbo",
        "hot",
        "gray",
        "seismic",
    }
    with pytest.raises(ValueError, match=r"unknown colormap 'rainbow' \(known: jet"):
        swiftvis.colormap("rainbow", np.zeros(3))


@pytest.mark.parametrize(
    "image",
    [
        RANDOM.integers(0, 256, (20, 30, 3), np.uint8),
        RANDOM.random((20, 30, 3)),
        RANDOM.random((20, 30, 3)) * 255,
        RANDOM.random((20, 30)),
        RANDOM.random((20, 30, 1), np.float32),
    ],
    ids=["uint8", "0..1", "0..255", "gray", "gray-1"],
)
def test_smoothed_overlay(image: np.ndarray) -> None:
    saliency = RANDOM.random((20, 30), np.float32)
    found = swiftvis.smoothed_overlay(image, saliency, sigma=2, colormap="jet", alpha=0.7)
    assert found.shape == (20, 30, 3) and found.dtype == np.uint8
    smooth = scipy.ndimage.gaussian_filter(saliency, 2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    base = image if image.dtype == np.uint8 else np.rint(image * (255 if image.max() <= 1 else 1))
    base = np.broadcast_to(base.reshape(20, 30, -1), (20, 30, 3)).astype(float)
    wanted = 0.7 * swiftvis.colormap("jet", smooth) + 0.3 * base
    assert np.abs(found - wanted).max() <= 4  # one step of the colormap at a rounding


def test_overlay_resizes_the_map() -> None:
    found = swiftvis.smoothed_overlay(np.zeros((40, 60, 3), np.uint8), np.eye(20), sigma=1)
    assert found.shape == (40, 60, 3)


def test_overlay_of_tiny_gradients_is_as_bright() -> None:
    saliency = RANDOM.random((9, 9))
    image = np.zeros((9, 9, 3), np.uint8)
    one = swiftvis.smoothed_overlay(image, saliency).astype(int)
    tiny = swiftvis.smoothed_overlay(image, saliency * 1e-9).astype(int)
    assert np.abs(one - tiny).max() <= 4


def test_overlay_of_a_constant_map() -> None:
    found = swiftvis.smoothed_overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), alpha=1)
    np.testing.assert_array_equal(found, swiftvis.colormap("jet", np.zeros((4, 4))))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"alpha": 1.5}, "alpha"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"sigma": -1}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"colormap": "nope"}, "colormap"),
        ({"image": np.zeros((4, 4, 2))}, "image"),
        ({"image": np.zeros((0, 4, 3))}, "image"),
        ({"saliency": np.zeros((4, 4, 3))}, "map"),
    ],
)
def test_bad_overlay(options: dict, word: str) -> None:
    arguments = {"image": np.zeros((4, 4, 3), np.uint8), "saliency": np.zeros((4, 4))} | options
    with pytest.raises(ValueError, match=word):
        swiftvis.smoothed_overlay(**arguments)


def test_rendering() -> None:
    gradient = RANDOM.normal(size=(12, 10, 3))
    total = np.abs(gradient).sum(-1)
    white = np.percentile(total, 99)
    gray = np.clip((total - total.min()) / (white - total.min()), 0, 1) * 255
    assert np.abs(rendering.grayscale(gradient) - gray).max() <= 1
    shifted = gradient - gradient.min()
    assert np.abs(rendering.color(gradient) - shifted / shifted.max() * 255).max() <= 1
    assert np.abs(rendering.positive(gradient) - np.maximum(gradient, 0) / gradient.max() * 255).max() <= 1
    assert np.abs(rendering.negative(gradient) - np.maximum(-gradient, 0) / -gradient.min() * 255).max() <= 1
    for draw in (rendering.color, rendering.grayscale, rendering.positive, rendering.negative):
        assert draw(gradient).dtype == np.uint8
        assert not draw(np.zeros((3, 3, 3))).any()


def test_saliency_reductions(cnn: swiftvis.Model, image: np.ndarray) -> None:
    size = np.abs(cnn.gradient(image, filter_indices=2))[0]
    np.testing.assert_array_equal(swiftvis.saliency(cnn, image, 2), size.max(-1))
    np.testing.assert_allclose(swiftvis.saliency(cnn, image, 2, reduction="sum"), size.sum(-1), rtol=1e-6)
    with pytest.raises(ValueError, match="reduction"):
        swiftvis.saliency(cnn, image, 2, reduction="mean")


def test_saliency_of_a_batch_is_each_images_own(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image[::-1], image * 0.5])
    maps = swiftvis.saliency(cnn, batch, 1)
    assert maps.shape == (3, 32, 32)
    for one, found in zip(batch, maps, strict=True):
        np.testing.assert_allclose(found, swiftvis.saliency(cnn, one, 1), rtol=1e-4, atol=1e-6)
