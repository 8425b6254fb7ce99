from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import swiftvis
from swiftvis.visualization import (
    iter_saliency_per_filter,
    visualize_saliency,
    visualize_saliency_per_filter,
)

# ---- One map for each filter ----


@pytest.mark.parametrize(
    "options", [{}, {"grad_modifier": "relu"}, {"wrt_tensor": "stem"}, {"keepdims": True}]
)
def test_each_filter_is_as_if_alone(cnn: swiftvis.Model, image: np.ndarray, options: dict) -> None:
    maps = visualize_saliency_per_filter(cnn, "add_1", image, **options)
    assert len(maps) == 16 and maps.dtype == np.float32
    for index, one in enumerate(iter_saliency_per_filter(cnn, "add_1", image, **options)):
        np.testing.assert_array_equal(one, maps[index])
        np.testing.assert_array_equal(one, visualize_saliency(cnn, "add_1", index, image, **options))
    assert index == 15


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_some_filters_in_their_order(cnn: swiftvis.Model, image: np.ndarray) -> None:
    found = visualize_saliency_per_filter(cnn, -1, image, [3, -5, 3], backprop_modifier="guided")
    for map, index in zip(found, (3, 0, 3), strict=True):
        wanted = visualize_saliency(cnn, -1, index, image, backprop_modifier="guided")
        np.testing.assert_array_equal(map, wanted)


def test_scale_of_the_filters(cnn: swiftvis.Model, image: np.ndarray) -> None:
    raw = visualize_saliency_per_filter(cnn, -1, image, normalize=False)
    np.testing.assert_array_equal(raw[2], np.abs(cnn.gradient(image, -1, 2)[0]).max(-1))
    shared = visualize_saliency_per_filter(cnn, -1, image, normalize="shared")
    np.testing.assert_allclose(shared, (raw - raw.min()) / (raw.max() - raw.min() + 1e-7), rtol=1e-5)
    with pytest.raises(ValueError, match="visualize_saliency_per_filter"):
        iter_saliency_per_filter(cnn, -1, image, normalize="shared")
    with pytest.raises(ValueError, match="normalize must be True, False"):
        visualize_saliency_per_filter(cnn, -1, image, normalize="batch")


def test_wrong_arguments_are_told_by_the_call(cnn: swiftvis.Model, image: np.ndarray) -> None:
    for error, layer, shown, options in (
        (IndexError, -1, image, {"filter_indices": 5}),
        (IndexError, 99, image, {}),
        (ValueError, -1, image[1:], {}),
        (ValueError, 2, image, {"wrt_tensor": "predictions"}),
        (ValueError, -1, image, {"grad_modifier": "foo"}),
    ):
        with pytest.raises(error):
            iter_saliency_per_filter(cnn, layer, shown, **options)


def test_memory_stays_flat(cnn: swiftvis.Model, image: np.ndarray) -> None:
    maps = iter_saliency_per_filter(cnn, "add_1", image, list(range(16)) * 8)
    tracemalloc.start()
    for _ in maps:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * image.nbytes


def test_an_iterator_may_be_left_and_others_run_beside_it(cnn: swiftvis.Model, image: np.ndarray) -> None:
    one, other = (iter_saliency_per_filter(cnn, -1, shown) for shown in (image, image * 2))
    next(one)
    del other
    alone = visualize_saliency_per_filter(cnn, -1, image * 3)
    np.testing.assert_array_equal(next(one), visualize_saliency(cnn, -1, 1, image))
    np.testing.assert_array_equal(alone[1], visualize_saliency(cnn, -1, 1, image * 3))


# ---- Scale ----


def test_saliency_scale(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image * 3])
    raw = swiftvis.saliency(cnn, batch, 1)
    own, shared = (swiftvis.saliency(cnn, batch, 1, normalize=how) for how in (True, "shared"))
    for map, unit in zip(raw, own, strict=True):
        np.testing.assert_allclose(unit, (map - map.min()) / (map.max() - map.min()), atol=1e-6)
    assert own.max() == own[0].max() == own[1].max() == 1
    np.testing.assert_allclose(shared, (raw - raw.min()) / (raw.max() - raw.min()), atol=1e-6)
    assert swiftvis.saliency(cnn, image, 1, normalize=True).shape == (32, 32)
    with pytest.raises(ValueError, match="normalize must be"):
        swiftvis.saliency(cnn, image, normalize=None)


# ---- Class activation maps ----


def grad_cam(model: swiftvis.Model, image: np.ndarray, index: int, source: str) -> np.ndarray:
    """The paper's formula, one image at a time."""
    description = model._network.description | {"outputs": [model.get_layer(source).nodes[0]]}
    values = model._edited(description).predict(image)[0]
    weights = model.gradient(image, -1, index, source)[0].mean((0, 1))
    return np.maximum((values * weights).sum(-1), 0)


def test_cam(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image[::-1], image * 2])
    small = swiftvis.cam(cnn, batch, 3, source="stem", resize=False)
    assert small.shape == (3, 32, 32) and small.dtype == np.float32
    for one, map in zip(batch, small, strict=True):
        wanted = grad_cam(cnn, one, 3, "stem")
        np.testing.assert_allclose(map, wanted, rtol=1e-3, atol=1e-5 * wanted.max())
        np.testing.assert_allclose(
            swiftvis.cam(cnn, one, 3, source="stem"), wanted, rtol=1e-3, atol=1e-5 * wanted.max()
        )


def test_cam_takes_the_last_layer_with_positions(cnn: swiftvis.Model, image: np.ndarray) -> None:
    mapped = [layer for layer in cnn.layers if len(layer.output_shape) == 4]
    small = swiftvis.cam(cnn, image, 0, resize=False)
    np.testing.assert_array_equal(small, swiftvis.cam(cnn, image, 0, source=mapped[-1].name, resize=False))
    assert small.shape == mapped[-1].output_shape[1:3] and small.min() >= 0
    large = swiftvis.cam(cnn, image, 0)
    assert large.shape == (32, 32) and abs(large.mean() / small.mean() - 1) < 0.2
    unit = swiftvis.cam(cnn, image, 0, normalize=True)
    np.testing.assert_allclose(unit, (large - large.min()) / (large.max() - large.min()), atol=1e-6)


def test_cam_of_layers_that_will_not_do(cnn: swiftvis.Model, image: np.ndarray, make) -> None:
    with pytest.raises(ValueError, match="`source` needs to be before `layer`: 'predictions' does not lead"):
        swiftvis.cam(cnn, image, 0, "stem", "predictions")
    flat = make([None, 4], [make.node("a", "tanh", ["x"]), make.node("b", "tanh", ["a"])])
    with pytest.raises(ValueError, match="no layer before 'b' has an output with positions"):
        swiftvis.cam(flat, np.ones(4), 0)
    with pytest.raises(
        ValueError, match=r"'predictions.*' .* cannot be laid over an image of size \(32, 32\)"
    ):
        swiftvis.cam(cnn, image, 0, -1, -1)


def test_guided_grad_cam(captum_net: swiftvis.Model) -> None:
    """Captum's numbers, which are for a map enlarged by repeating its values."""
    image = np.arange(16, dtype="f").reshape(4, 4, 1)
    map = swiftvis.cam(captum_net, image, 0, source="relu1", resize=False)
    guided = captum_net.gradient(image, filter_indices=0, backprop_modifier="guided")[0, ..., 0]
    wanted = [[0, 0, 4, 4], [0, 0, 12, 8], [28, 84, 97.5, 65], [28, 56, 65, 32.5]]
    np.testing.assert_allclose(np.kron(map, np.ones((2, 2))) * guided, wanted, rtol=1e-6)
    found = swiftvis.guided_grad_cam(captum_net, image, 0, source="relu1")
    enlarged = swiftvis.cam(captum_net, image, 0, source="relu1")
    np.testing.assert_allclose(found[..., 0], enlarged * guided, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_guided_grad_cam_of_a_batch(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image * 2])
    found = swiftvis.guided_grad_cam(cnn, batch, 1)
    assert found.shape == batch.shape and (found < 0).any()
    one = swiftvis.guided_grad_cam(cnn, batch[1], 1)
    np.testing.assert_allclose(found[1], one, rtol=1e-4, atol=1e-6 * np.abs(one).max())
