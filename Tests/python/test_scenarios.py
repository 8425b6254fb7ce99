"""What keras-vis's documentation shows, as its readers write it, and what each map must say about the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import swiftvis
from swiftvis.utils import utils
from swiftvis.visualization import (
    get_num_filters,
    overlay,
    visualize_cam,
    visualize_saliency,
    visualize_saliency_per_filter,
)


def linear(path: Path) -> swiftvis.Model:
    model = swiftvis.load_model(path)
    model.layers[-1].activation = "linear"
    return utils.apply_modifications(model)


@pytest.fixture
def classifier(goldens: Path) -> swiftvis.Model:
    return linear(goldens / "residual.h5")


@pytest.fixture
def regression(goldens: Path) -> swiftvis.Model:
    return linear(goldens / "regression.h5")


@pytest.fixture
def photo(goldens: Path) -> np.ndarray:
    with np.load(goldens / "regression.npz") as file:
        return file["input"]


def change(model: swiftvis.Model, image: np.ndarray, map: np.ndarray, pixels: int = 20) -> float:
    """How the output changes when the brightest pixels of the map are made a little brighter."""
    brightest = np.argsort(map, axis=None)[-pixels:]
    brighter = image.copy()
    brighter.reshape(-1, image.shape[-1])[brightest] += 1e-3
    return float((model.predict(brighter) - model.predict(image))[0, 0])


def test_one_class(classifier: swiftvis.Model, image: np.ndarray) -> None:
    layer_idx = utils.find_layer_idx(classifier, "predictions")
    grads = visualize_saliency(classifier, layer_idx, filter_indices=2, seed_input=image)
    assert grads.shape == (32, 32) and grads.min() == 0 and grads.max() > 0.999
    # What the class's score rests on: covering it changes the score more than covering as much of the rest.
    score = classifier.predict(image)[0, 2]

    def effect(covered: np.ndarray) -> float:
        return abs(float(classifier.predict(np.where(covered[..., None], 0.5, image))[0, 2] - score))

    assert effect(grads > np.quantile(grads, 0.9)) > effect(grads < np.quantile(grads, 0.1))


def test_several_labels(classifier: swiftvis.Model, image: np.ndarray) -> None:
    """The map of a list of filters is that of their sum."""
    both = visualize_saliency(classifier, -1, filter_indices=[1, 3], seed_input=image)
    summed = classifier.gradient(image, -1, 1) + classifier.gradient(image, -1, 3)
    np.testing.assert_allclose(both, utils.normalize(np.abs(summed).max(-1))[0], atol=1e-5)
    assert visualize_cam(classifier, -1, filter_indices=[1, 3], seed_input=image).shape == (32, 32)


def test_regression_that_increases(regression: swiftvis.Model, photo: np.ndarray) -> None:
    for modifier in (None, "relu"):
        grads = visualize_saliency(regression, -1, None, photo, grad_modifier=modifier)
        assert change(regression, photo, grads) > 0


def test_regression_that_decreases(regression: swiftvis.Model, photo: np.ndarray) -> None:
    grads = visualize_saliency(regression, -1, filter_indices=0, seed_input=photo, grad_modifier="negate")
    assert change(regression, photo, grads) < 0


def test_regression_that_is_maintained(regression: swiftvis.Model, photo: np.ndarray) -> None:
    kept = visualize_saliency(regression, -1, 0, photo, grad_modifier="small_values")
    changed = visualize_saliency(regression, -1, 0, photo)
    assert abs(change(regression, photo, kept)) < 0.1 * abs(change(regression, photo, changed))


def test_regression_by_activation_maps(regression: swiftvis.Model, photo: np.ndarray) -> None:
    maps = [
        visualize_cam(regression, -1, 0, photo, grad_modifier=modifier)
        for modifier in (None, "relu", "negate", "small_values")
    ]
    assert all(map.shape == photo.shape[:2] and map.min() >= 0 and map.max() <= 1 for map in maps)
    assert not np.allclose(maps[0], maps[2])


@pytest.mark.filterwarnings("ignore:the (guided|rectified) rule")
@pytest.mark.parametrize("modifier", ["guided", "rectified", "relu", "deconv"])
def test_other_rules(classifier: swiftvis.Model, image: np.ndarray, modifier: str) -> None:
    plain = visualize_saliency(classifier, -1, 2, image)
    other = visualize_saliency(classifier, -1, 2, image, backprop_modifier=modifier)
    assert other.shape == plain.shape and not np.allclose(other, plain)
    np.testing.assert_array_equal(
        visualize_saliency(classifier, -1, 2, image), plain
    )  # the model is as before


def test_convolution_filters(classifier: swiftvis.Model, image: np.ndarray) -> None:
    layer = classifier.get_layer("stem")
    filters = np.arange(get_num_filters(layer))
    maps = visualize_saliency_per_filter(classifier, "stem", image, filters)
    pictures = [swiftvis.colormap("gray", map) for map in maps]
    sheet = utils.stitch_images(pictures, cols=8)
    assert sheet.shape == (2 * 32 + 5, 8 * 32 + 7 * 5, 3)


def test_overlay(classifier: swiftvis.Model, image: np.ndarray) -> None:
    photo = np.uint8(image * 255)
    heat = swiftvis.colormap("jet", visualize_cam(classifier, -1, 2, image))
    blended = overlay(heat, photo, alpha=0.4)
    assert blended.shape == photo.shape and blended.dtype == np.uint8
    np.testing.assert_allclose(blended, 0.4 * heat + 0.6 * photo, atol=1)
