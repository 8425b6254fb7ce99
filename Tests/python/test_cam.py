from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import swiftvis
from swiftvis.losses import ActivationMaximization, Loss
from swiftvis.regularizers import LPNorm
from swiftvis.utils.utils import apply_modifications
from swiftvis.visualization import (
    legacy,
    visualize_cam,
    visualize_cam_with_losses,
    visualize_saliency_per_filter,
)


@pytest.fixture
def linear(cnn: swiftvis.Model) -> swiftvis.Model:
    cnn.layers[-1].activation = "linear"
    return apply_modifications(cnn)


def two_convolutions(make, sign: float = 1, **more) -> swiftvis.Model:
    """conv (3 channels) -> pool -> pool2 -> dense (2); every weight of the dense layer has that sign."""
    random = np.random.default_rng(7)
    nodes = [
        make.node("conv", "conv2d", ["x"], {"kernel": "k"}),
        make.node("relu", "relu", ["conv"]),
        make.node("flat", "reshape", ["relu"], shape=[-1]),
        make.node("out", "dense", ["flat"], {"kernel": "w"}),
    ]
    kernels = {
        "k": random.random((3, 3, 2, 3), np.float32),
        "w": sign * random.random((6 * 5 * 3, 2), np.float32),
    }
    classes = {"conv": "Conv2D", "relu": "Activation", "flat": "Flatten", "out": "Dense"}
    layers = [{"name": name, "class_name": kind, "outputs": [name]} for name, kind in classes.items()]
    return make([None, 8, 7, 2], nodes, kernels, layers=layers, **more)


def by_definition(model: swiftvis.Model, image: np.ndarray, filters, source: str) -> np.ndarray:
    """What keras-vis computes, one statement after the other, with SciPy."""
    net = swiftvis.Model(model._network, model.layers)
    grads = net.gradient(image, -1, filters, wrt_tensor=source)
    values = values_of(model, image, source)
    weights = (grads / (grads.max() + 1e-7)).mean(axis=(0, 1, 2))
    heat = np.zeros(values.shape[1:3], np.float32)
    for i, weight in enumerate(weights):
        heat += weight * values[0, ..., i]
    heat = np.maximum(heat, 0)
    zoomed = ndimage.zoom(heat, [a / b for a, b in zip(image.shape[-3:-1], heat.shape)])
    return (zoomed - zoomed.min()) / (zoomed.max() - zoomed.min() + 1e-7)


def values_of(model: swiftvis.Model, image: np.ndarray, node: str) -> np.ndarray:
    description = model._network.description | {"outputs": [model.get_layer(node).nodes[0]]}
    return model._edited(description).predict(image)


@pytest.mark.parametrize("filters", [1, [0, 3], None])
@pytest.mark.parametrize("source", ["add_1", "stem"])
def test_definition(linear: swiftvis.Model, image: np.ndarray, filters, source: str) -> None:
    found = visualize_cam(linear, -1, filters, image, source)
    assert found.shape == (32, 32) and found.dtype == np.float32
    np.testing.assert_allclose(found, by_definition(linear, image, filters, source), atol=2e-5)


def test_batch_has_one_set_of_weights(linear: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image[::-1], image * 2])
    found = visualize_cam(linear, -1, 1, batch, "stem")
    np.testing.assert_allclose(found, by_definition(linear, batch, 1, "stem"), atol=2e-5)


def test_the_layer_that_keras_vis_finds(linear: swiftvis.Model, image: np.ndarray) -> None:
    names = [layer.name for layer in linear.layers]
    pooling = [layer.name for layer in linear.layers if layer.class_name in ("Conv2D", "MaxPooling2D")][-1]
    assert names.index(pooling) < len(names) - 2
    wanted = visualize_cam(linear, -1, 1, image)
    for same in (
        names.index(pooling),
        names.index(pooling) - len(names),
        pooling,
        linear.get_layer(pooling).output,
    ):
        np.testing.assert_array_equal(visualize_cam(linear, -1, 1, image, same), wanted)
    for same in (len(names) - 1, names[-1], linear.output):
        np.testing.assert_array_equal(visualize_cam(linear, same, 1, image), wanted)


def test_layers_that_will_not_do(linear: swiftvis.Model, image: np.ndarray, make) -> None:
    with pytest.raises(ValueError, match=r"`penultimate_layer_idx` needs to be before `layer_idx`"):
        visualize_cam(linear, 2, 0, image, -2)
    with pytest.raises(
        ValueError, match=r"Unable to determine penultimate `Conv` or `Pooling` layer for layer_idx: 0"
    ):
        visualize_cam(linear, 0, 0, image)
    with pytest.raises(
        ValueError, match=r"'flat' \(None, 90\) cannot be laid over an image of size \(8, 7\)"
    ):
        visualize_cam(two_convolutions(make), -1, 0, np.ones((8, 7, 2)), "flat")
    with pytest.raises(ValueError, match="No layer with name 'nope'"):
        visualize_cam(linear, -1, 0, image, "nope")
    with pytest.raises(TypeError, match="expected a model"):
        visualize_cam(3, -1, 0, image)


def test_only_layers_that_lead_there(make) -> None:
    """The last convolution in the list is not on the way to the layer."""
    kernel = {"kernel": "k"}
    nodes = [make.node(name, "conv2d", ["x"], kernel, padding="same") for name in ("first", "second")]
    nodes += [make.node("mean", "reduce", ["first"], axes=[1, 2], kind="mean")]
    nodes += [make.node("out", "tanh", ["mean"])]
    layers = [{"name": n["name"], "class_name": "Conv2D", "outputs": [n["name"]]} for n in nodes]
    layers[2]["class_name"] = "GlobalAveragePooling2D"
    layers[3]["class_name"] = "Activation"
    weights = {"k": np.random.default_rng(2).random((3, 3, 1, 2), np.float32)}
    net, image = make([None, 6, 6, 1], nodes, weights, layers=layers), np.eye(6)[..., None]
    np.testing.assert_array_equal(visualize_cam(net, -1, 0, image), visualize_cam(net, -1, 0, image, "first"))
    with pytest.raises(ValueError, match="'second' does not lead to 'out'"):
        visualize_cam(net, -1, 0, image, "second")


def test_nested_models_are_looked_into(make) -> None:
    names = ("base/conv", "base/act", "mean", "out")
    nodes = [
        make.node("base/conv", "conv2d", ["x"], {"kernel": "k"}),
        make.node("base/act", "relu", ["base/conv"]),
        make.node("mean", "reduce", ["base/act"], axes=[1, 2]),
        make.node("out", "dense", ["mean"], {"kernel": "w"}),
    ]
    conv, act, mean, out = [{"name": name, "class_name": "Layer", "outputs": [name]} for name in names]
    conv["class_name"], nested = (
        "Conv2D",
        {"name": "base", "class_name": "Sequential", "outputs": ["base/act"]},
    )
    random = np.random.default_rng(8)
    weights = {"k": random.random((3, 3, 1, 4), np.float32), "w": random.random((4, 2), np.float32)}
    net = make([None, 7, 6, 1], nodes, weights, layers=[nested | {"layers": [conv, act]}, mean, out])
    image = random.random((7, 6, 1), np.float32)
    wanted = visualize_cam(net, -1, 1, image, net.layers[0].get_layer("base/conv").output)
    assert wanted.max() > 0.99
    np.testing.assert_array_equal(visualize_cam(net, -1, 1, image), wanted)


def test_negative_gradients_do_not_flip_the_map(make) -> None:
    image = np.random.default_rng(0).random((8, 7, 2))
    against, speaking = two_convolutions(make, -1), two_convolutions(make, 1)
    assert (against.gradient(image, -1, 0, "conv") < 0).all()
    assert not visualize_cam(against, -1, 0, image).any()
    # keras-vis's picture of it is the map of what would lower the score.
    flipped = visualize_cam(against, -1, 0, image, grad_modifier="negate")
    np.testing.assert_allclose(flipped, visualize_cam(speaking, -1, 0, image), atol=1e-6)
    np.testing.assert_allclose(flipped, by_definition(against, image, 0, "conv"), atol=1e-5)


def test_no_gradient_gives_zeros(make) -> None:
    dead = two_convolutions(make, 0)
    assert not visualize_cam(dead, -1, 0, np.ones((8, 7, 2))).any()


def test_modifiers(linear: swiftvis.Model, image: np.ndarray) -> None:
    seen = []
    visualize_cam(linear, -1, 1, image, "add_1", grad_modifier=lambda g: seen.append(g) or g)
    np.testing.assert_array_equal(seen[0], linear.gradient(image, -1, 1, "add_1"))
    plain, guided, absolute = (
        visualize_cam(linear, -1, 1, image, "stem", rule, modifier)
        for rule, modifier in ((None, None), ("guided", None), (None, "absolute"))
    )
    assert not np.allclose(plain, guided) and not np.allclose(plain, absolute)
    with pytest.raises(ValueError, match=r"Unknown swiftvis.grad_modifiers: foo"):
        visualize_cam(linear, -1, 1, image, grad_modifier="foo")


def test_channels_first(make) -> None:
    random = np.random.default_rng(4)
    weights = {"k": random.normal(size=(3, 3, 2, 5)).astype("f"), "w": random.normal(size=(5, 3)).astype("f")}
    kinds = {"conv": "Conv2D", "act": "Activation", "mean": "GlobalAveragePooling2D", "out": "Dense"}

    def net(shape, nodes, mean_axes, **more):
        tail = [
            make.node("act", "relu", ["conv"]),
            make.node("mean", "reduce", ["act"], axes=mean_axes, kind="mean"),
            make.node("out", "dense", ["mean"], {"kernel": "w"}),
        ]
        layers = [
            {"name": name, "class_name": kind, "outputs": [name], **more} for name, kind in kinds.items()
        ]
        return make(shape, nodes + tail, weights, layers=layers, **more)

    last = net([None, 8, 9, 2], [make.node("conv", "conv2d", ["x"], {"kernel": "k"})], [1, 2])
    nodes = [
        make.node("in", "permute", ["x"], axes=[0, 2, 3, 1]),
        make.node("conv/last", "conv2d", ["in"], {"kernel": "k"}),
        make.node("conv", "permute", ["conv/last"], axes=[0, 3, 1, 2]),
    ]
    first = net([None, 2, 8, 9], nodes, [2, 3], data_format="channels_first")
    image = random.random((8, 9, 2), np.float32)
    wanted = visualize_cam(last, -1, 2, image)
    assert wanted.shape == (8, 9) and wanted.max() > 0.99
    np.testing.assert_allclose(visualize_cam(first, -1, 2, image), wanted, atol=1e-5)
    np.testing.assert_allclose(visualize_cam(first, -1, 2, image.transpose(2, 0, 1)), wanted, atol=1e-5)
    losses = [(ActivationMaximization(first.layers[-1], 2), -1)]
    found = visualize_cam_with_losses(first.input, losses, image, first.get_layer("conv"))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    raw, close = swiftvis.cam(last, image, 2), {"rtol": 1e-4, "atol": 1e-7}
    assert raw.shape == (8, 9) and raw.max() > 0
    np.testing.assert_allclose(swiftvis.cam(first, image, 2), raw, **close)
    turned = swiftvis.guided_grad_cam(first, image, 2)
    np.testing.assert_allclose(np.moveaxis(turned, 0, -1), swiftvis.guided_grad_cam(last, image, 2), **close)
    maps = visualize_saliency_per_filter(first, "conv", image)
    np.testing.assert_allclose(maps, visualize_saliency_per_filter(last, "conv", image), atol=1e-5)
    picture, same = (legacy.visualize_cam(net, -1, 2, image).astype(int) for net in (first, last))
    assert np.abs(picture - same).max() <= 8


# ---- Losses of one's own ----


@pytest.mark.parametrize("filters", [1, [0, 3], None])
def test_with_losses_is_the_same(linear: swiftvis.Model, image: np.ndarray, filters) -> None:
    losses = [(ActivationMaximization(linear.layers[-1], filters), -1)]
    for modifier in (None, "absolute"):
        wanted = visualize_cam(linear, -1, filters, image, "add_1", None, modifier)
        for source in (linear.get_layer("add_1"), linear.get_layer("add_1").output):
            found = visualize_cam_with_losses(linear.input, losses, image, source, modifier)
            np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_own_loss(linear: swiftvis.Model, image: np.ndarray) -> None:
    """Two classes apart: the difference of their scores, squared."""

    class Apart(Loss):
        def build_loss(self):
            scores = linear.layers[-1].output
            return -np.mean(np.square(scores[:, 1] - scores[:, 3]))

    source = linear.get_layer("add_1")
    batch = np.stack([image, image[::-1]])
    found = visualize_cam_with_losses(linear.input, [(Apart(), 2)], batch, source)
    scores = linear.predict(batch)
    factors = -2 * (scores[:, 1] - scores[:, 3])[:, None, None, None] * 2 * 2
    grads = linear.gradient(batch, -1, 1, source.output) - linear.gradient(batch, -1, 3, source.output)
    by_hand = np.maximum(
        (values_of(linear, batch, "add_1")[0] * (grads * factors).mean((0, 1, 2))).sum(-1), 0
    )
    zoomed = ndimage.zoom(by_hand, 1)
    np.testing.assert_allclose(found, (zoomed - zoomed.min()) / np.ptp(zoomed), atol=1e-4)


def test_losses_without_a_map(linear: swiftvis.Model, image: np.ndarray) -> None:
    losses = [(ActivationMaximization(linear.layers[-1], 1), -1)]
    with pytest.raises(ValueError, match="cannot be laid over"):
        visualize_cam_with_losses(linear.input, losses, image, linear.layers[-1])
    with pytest.raises(ValueError, match="no loss depends on 'add_1'"):
        visualize_cam_with_losses(linear.input, [(LPNorm(linear.input), 1)], image, linear.get_layer("add_1"))
    with pytest.raises(TypeError, match="wrt_tensor: expected a tensor"):
        visualize_cam_with_losses(linear.input, losses, image, 3)
