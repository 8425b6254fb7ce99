"""Backward rules beside JAX's custom derivatives, in networks that Keras 3 builds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis import backprop_modifiers
from swiftvis.visualization import visualize_saliency

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")
if keras.backend.backend() != "jax":
    pytest.skip("Keras is set to another backend than JAX", allow_module_level=True)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

L = keras.layers
KINDS = ["relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "softmax"]


def leaky_guided(gradient: Any, x: Any, y: Any) -> Any:
    return (y > 0) * (0.9 * gradient * (gradient > 0) + 0.1 * gradient)


def squashed(gradient: Any, x: Any, y: Any) -> Any:
    """Reads all three, and mixes the channels."""
    return gradient / (1 + x**2) + 0.1 * y * abs(gradient).mean(axis=-1, keepdims=True)


def network(kind: str, activation: Callable[[str], Any]) -> Any:
    """Residual, pre-activation and concatenation, with a nested model."""
    inner_input = L.Input((10, 9, 6))
    inner = L.Conv2D(4, 3, padding="same", activation=activation("relu"), name="inner_conv")(inner_input)
    inner = L.Activation(activation(kind), name="inner_activation")(inner)
    nested = keras.Model(inner_input, inner, name="nested")
    x = image = L.Input((10, 9, 3))
    x = L.Conv2D(6, 3, padding="same", activation=activation(kind), name="stem")(x)
    y = L.BatchNormalization(name="normal")(L.Conv2D(6, 3, padding="same", name="branch")(x))
    x = L.Activation(activation("relu"), name="block")(L.Add()([x, y]))
    x = L.Activation(activation("relu"), name="before")(L.BatchNormalization(name="normal_2")(x))
    x = L.Concatenate()(
        [nested(x), L.DepthwiseConv2D(3, padding="same", activation=activation("relu"), name="wise")(x)]
    )
    x = L.MaxPooling2D()(x)
    x = L.Dense(7, activation=activation(kind), name="hidden")(L.GlobalAveragePooling2D()(x))
    return keras.Model(image, L.Dense(3, activation=activation("softmax"), name="end")(x))


def gradient_by_jax(net: Any, image: np.ndarray) -> np.ndarray:
    weights = [[v.value for v in net.trainable_variables], [v.value for v in net.non_trainable_variables]]

    def score(x: Any) -> Any:
        return net.stateless_call(*weights, x, training=False)[0][:, 1].mean()

    return np.asarray(jax.grad(score)(jnp.asarray(image)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rule", "every"), [(leaky_guided, False), (squashed, True)])
def test_as_a_custom_derivative(tmp_path: Path, kind: str, rule: Any, every: bool) -> None:
    keras.utils.set_random_seed(KINDS.index(kind))
    net = network(kind, lambda name: name)
    net.set_weights([w + 0.2 * (np.random.rand(*w.shape) - 0.5).astype("f") for w in net.get_weights()])
    net.save(tmp_path / "net.keras")

    def with_rule(name: str) -> Any:
        function = keras.activations.get(name)
        if not every and name != kind:
            return function
        modified = jax.custom_vjp(lambda x: function(x))
        modified.defvjp(
            lambda x: (function(x), (x, function(x))), lambda kept, gradient: (rule(gradient, *kept),)
        )
        return lambda x: modified(x)

    modified = network(kind, with_rule)
    modified.set_weights(net.get_weights())
    image = np.random.default_rng(1).random((2, 10, 9, 3), np.float32)
    model = swiftvis.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(model.predict(image), np.asarray(net(image)), atol=1e-5)
    found = model.gradient(image, filter_indices=1, backprop_modifier=rule if every else {kind: rule})
    wanted = gradient_by_jax(modified, image)
    assert np.abs(wanted).max() > 1e-7
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_layers_of_live_models() -> None:
    net = network("tanh", lambda name: name)
    image = np.random.default_rng(1).random((10, 9, 3), np.float32)
    wanted = visualize_saliency(
        net, -1, 1, image, backprop_modifier={"stem": squashed, "hidden": leaky_guided}
    )
    rule = {net.get_layer("stem"): squashed, net.layers[-2]: leaky_guided}
    np.testing.assert_array_equal(visualize_saliency(net, -1, 1, image, backprop_modifier=rule), wanted)
    modified = backprop_modifiers.custom(rule)(net)
    np.testing.assert_array_equal(visualize_saliency(modified, -1, 1, image), wanted)
    assert (visualize_saliency(net, -1, 1, image) != wanted).any()
