"""What every visualization makes of one image, a batch, dense data, and shapes that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis.losses import ActivationMaximization
from swiftvis.visualization import (
    visualize_activation,
    visualize_cam,
    visualize_cam_with_losses,
    visualize_saliency,
    visualize_saliency_per_filter,
    visualize_saliency_with_losses,
)


def losses(model: swiftvis.Model) -> list[tuple[ActivationMaximization, int]]:
    return [(ActivationMaximization(model.layers[-1], 2), -1)]


CALLS: dict[str, Callable[[swiftvis.Model, Any], np.ndarray]] = {
    "saliency": lambda model, x: visualize_saliency(model, -1, 2, x),
    "saliency_with_losses": lambda model, x: visualize_saliency_with_losses(model.input, losses(model), x),
    "cam": lambda model, x: visualize_cam(model, -1, 2, x, 3),
    "cam_with_losses": lambda model, x: visualize_cam_with_losses(
        model.input, losses(model), x, model.layers[3]
    ),
    "activation": lambda model, x: visualize_activation(model, -1, 2, seed_input=x, max_iter=2),
    "per_filter": lambda model, x: visualize_saliency_per_filter(model, -1, x)[2],
    "modern saliency": lambda model, x: swiftvis.saliency(model, x, 2),
    "modern cam": lambda model, x: swiftvis.cam(model, x, 2),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_an_image_without_a_batch_axis_gets_one(cnn: swiftvis.Model, image: np.ndarray, call: Any) -> None:
    alone, batch = call(cnn, image), call(cnn, image[None])
    np.testing.assert_array_equal(alone, batch[0] if batch.ndim > alone.ndim else batch)
    assert alone.shape[:2] == image.shape[:2]


@every_call
@pytest.mark.parametrize("shape", [(), (32, 32), (1, 1, 32, 32, 3), (32, 32, 4), (33, 32, 3)])
def test_another_shape_is_refused(cnn: swiftvis.Model, shape: tuple[int, ...], call: Any) -> None:
    with pytest.raises(ValueError, match=r"32"):
        call(cnn, np.zeros(shape, np.float32))


@pytest.mark.parametrize("call", [swiftvis.saliency, swiftvis.cam], ids=["saliency", "cam"])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_batch_of_five_is_five_images(cnn: swiftvis.Model, call: Any, normalize: bool) -> None:
    images = np.random.default_rng(5).random((5, 32, 32, 3), np.float32)
    maps = call(cnn, images, 2, normalize=normalize)
    assert maps.shape == (5, 32, 32)
    for one, wanted in zip(images, maps, strict=True):
        found = call(cnn, one, 2, normalize=normalize)
        # A batch's gradient is divided by five and multiplied again.
        np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-6 * wanted.max())


def test_a_batch_shows_its_first_image(cnn: swiftvis.Model, image: np.ndarray) -> None:
    """As in keras-vis: the batch's smallest and largest value, the first image's map."""
    batch = np.stack([image, 1 - image, image**2, 0 * image, image / 2])
    grads = np.abs(cnn.gradient(batch, -1, 2)).max(-1)
    wanted = (grads[0] - grads.min()) / (grads.max() - grads.min() + 1e-7)
    np.testing.assert_allclose(visualize_saliency(cnn, -1, 2, batch), wanted, rtol=1e-5, atol=1e-6)


def test_dense_input_keeps_its_dimension(make: Any) -> None:
    model = make(
        [None, 8], [make.node("out", "dense", ["x"], {"kernel": "k"})], {"k": np.eye(8, 3, dtype="f") * 2}
    )
    data = np.ones(8, np.float32)
    for found in (
        visualize_saliency(model, -1, 1, data, keepdims=True),
        visualize_saliency_with_losses(
            model.input, [(ActivationMaximization(model.layers[-1], 1), -1)], data, keepdims=True
        ),
    ):
        assert found.shape == (8,) and found.argmax() == 1 and found[1] > 0.999


@pytest.mark.parametrize("input_range", [(0,), (1, 0), 255, (0, 1, 2)])
def test_a_range_has_two_ends(cnn: swiftvis.Model, image: np.ndarray, input_range: Any) -> None:
    with pytest.raises(ValueError, match="smallest, largest"):
        visualize_activation(cnn, -1, 2, seed_input=image, max_iter=1, input_range=input_range)
