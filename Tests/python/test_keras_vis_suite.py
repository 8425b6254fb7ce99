"""What keras-vis's own tests check, with live Keras 3 models and only the imports changed in substance."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from swiftvis import backend as K
from swiftvis.backend import modify_model_backprop
from swiftvis.losses import ActivationMaximization
from swiftvis.optimizer import Optimizer
from swiftvis.utils import utils
from swiftvis.visualization import visualize_activation, visualize_saliency, visualize_saliency_with_losses

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")

L = keras.layers


def gradient(model: Any, x: list[float]) -> np.ndarray:
    """d(output)/d(input), as keras-vis's tests take it: with a loss on the model's only output."""
    model = modify_model_backprop(model, lambda same: same)
    loss = ActivationMaximization(model.layers[-1], 0)
    optimizer = Optimizer(model.input, [(loss, -1)], norm_grads=False)
    return optimizer.minimize(np.array([x]), 1, verbose=False)[1][0]


# ---- Backend: guided backpropagation, exactly ----


def dense(separate: bool, activation: Any = "relu") -> Any:
    """A hidden layer of two equal sums of the inputs, one negated; the output is their difference."""
    hidden = (
        [L.Dense(2, use_bias=False), L.Activation(activation)]
        if separate
        else [L.Dense(2, activation=activation, use_bias=False)]
    )
    model = keras.Sequential([L.Input((2,)), *hidden, L.Dense(1, use_bias=False)])
    model.layers[0].set_weights([np.array([[-1.0, 1.0], [-1.0, 1.0]])])
    model.layers[-1].set_weights([np.array([[-1.0], [1.0]])])
    return model


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize(
    ("x", "vanilla", "guided"),
    [
        ([0, 0], [0, 0], [0, 0]),
        ([1, 0], [1, 1], [1, 1]),
        ([0, 1], [1, 1], [1, 1]),
        ([1, 1], [1, 1], [1, 1]),
        ([-1, 0], [1, 1], [0, 0]),
        ([0, -1], [1, 1], [0, 0]),
        ([-1, -1], [1, 1], [0, 0]),
    ],
)
def test_guided(separate: bool, x: list[float], vanilla: list[float], guided: list[float]) -> None:
    model = dense(separate)
    modified = modify_model_backprop(model, "guided")
    np.testing.assert_array_equal(gradient(model, x), vanilla)
    np.testing.assert_array_equal(gradient(modified, x), guided)
    assert [layer.activation for layer in modified.layers if layer.name == model.layers[separate].name] == [
        "relu"
    ]
    assert model.layers[separate].activation is keras.activations.relu, "the model itself is not changed"


def test_rectified() -> None:
    """Disabled in keras-vis: only positive gradients, whatever the activation was."""
    model = keras.Sequential([L.Input((2,)), L.Activation("relu"), L.Dense(1, use_bias=False)])
    model.layers[-1].set_weights([np.array([[-1.0], [1.0]])])
    np.testing.assert_array_equal(gradient(model, [1, -1]), [-1, 0])
    np.testing.assert_array_equal(gradient(modify_model_backprop(model, "rectified"), [1, -1]), [0, 1])


@pytest.mark.parametrize("activation", ["elu", "leaky"])
def test_advanced_activations_keep_their_gradient(activation: str) -> None:
    """Disabled in keras-vis, where they do so silently."""
    layer = keras.activations.elu if activation == "elu" else L.LeakyReLU(negative_slope=0.3)
    model = (
        dense(False, layer)
        if activation == "elu"
        else keras.Sequential([L.Input((2,)), L.Dense(2, use_bias=False), layer, L.Dense(1, use_bias=False)])
    )
    modified = modify_model_backprop(model, "guided")
    for x in ([1, 2], [-1, 0.5]):
        with pytest.warns(UserWarning, match="keep their own derivative"):
            found = gradient(modified, x)
        np.testing.assert_array_equal(found, gradient(model, x))


# ---- Optimizer ----


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(2)
    image = L.Input((28, 28, 3))
    hidden = L.Dense(100, activation="relu")(L.Flatten()(image))
    return keras.Model(image, L.Dense(1)(hidden))


@pytest.fixture(scope="module")
def data() -> np.ndarray:
    return np.random.default_rng(1).random((28, 28, 3))


def test_wrt_tensor(model: Any, data: np.ndarray) -> None:
    losses = [(ActivationMaximization(model.layers[-1], 0), 1)]
    for wrt, is_input in ((None, True), (model.input, True), (model.layers[-2].output, False)):
        optimizer = Optimizer(model.input, losses, wrt_tensor=wrt)
        assert optimizer.wrt_tensor_is_input_tensor == is_input
        image, grads, value = optimizer.minimize(data, max_iter=3, verbose=False)
        assert image.shape == (28, 28, 3)
        assert grads.shape == value.shape == ((1, 28, 28, 3) if is_input else (1, 100))


# ---- Utils ----


def test_reverse_enumerate() -> None:
    assert list(utils.reverse_enumerate("abcde")) == [(4, "e"), (3, "d"), (2, "c"), (1, "b"), (0, "a")]


@pytest.mark.parametrize("sizes", [(15, 20), (15, 20, 25)])
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_get_img_shape(sizes: tuple[int, ...], data_format: str) -> None:
    shape = (10, 3, *sizes) if data_format == "channels_first" else (10, *sizes, 3)
    assert utils.get_img_shape(np.ones(shape), data_format=data_format) == (10, 3, *sizes)


# ---- Saliency ----


@pytest.mark.parametrize(("keepdims", "shape"), [(False, (28, 28)), (True, (28, 28, 3))])
def test_saliency(model: Any, data: np.ndarray, keepdims: bool, shape: tuple[int, ...]) -> None:
    found = visualize_saliency(model, -1, filter_indices=None, seed_input=data, keepdims=keepdims)
    assert found.shape == shape and found.dtype == np.float32
    losses = [(ActivationMaximization(model.layers[-1], None), -1)]
    same = visualize_saliency_with_losses(model.input, losses, data, keepdims=keepdims)
    np.testing.assert_allclose(same, found, atol=1e-5)


def test_a_model_without_positions() -> None:
    """keras-vis #135: one axis besides the batch."""
    model = keras.Sequential([L.Input((35,)), L.Dense(64, activation="relu"), L.Dense(100), L.Dense(50)])
    data = np.random.default_rng(2).random(35)
    assert visualize_saliency(model, -1, 0, data, keepdims=True).shape == (35,)
    found = visualize_activation(model, -1, 0, max_iter=3, input_range=(0.0, 1.0))
    assert found.shape == (35,) and found.dtype == np.float32


def test_a_script_of_the_documentation(data: np.ndarray) -> None:
    """Find the layer, make its activation linear, and look."""
    keras.utils.set_random_seed(3)
    net = keras.Sequential(
        [
            L.Input((28, 28, 3)),
            L.Conv2D(4, 3, activation="relu"),
            L.GlobalAveragePooling2D(),
            L.Dense(5, activation="softmax", name="preds"),
        ]
    )
    layer_idx = utils.find_layer_idx(net, "preds")
    net.layers[layer_idx].activation = keras.activations.linear
    net = utils.apply_modifications(net)
    assert visualize_saliency(net, layer_idx, filter_indices=2, seed_input=data).shape == (28, 28)
    image = visualize_activation(
        net, layer_idx, filter_indices=[1, 2], max_iter=3, tv_weight=1.0, lp_norm_weight=0.0
    )
    assert image.shape == (28, 28, 3) and image.dtype == np.uint8
    assert K.mean(image) > 0
