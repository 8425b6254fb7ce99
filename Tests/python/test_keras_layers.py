"""One layer of Keras 3 at a time, saved and compared with what Keras computes on JAX."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis._native import Question

os.environ.setdefault("KERAS_BACKEND", "jax")
jax = pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")
if keras.backend.backend() != "jax":
    pytest.skip("Keras is set to another backend than JAX", allow_module_level=True)

L = keras.layers
CASES: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {}


def case(name: str, shape: tuple[int, ...], function: Callable[[Any], Any]) -> None:
    """A network of one input of that shape, given as a function of Keras's tensor."""
    CASES[name] = (shape, function)


def applications() -> None:
    from keras.src.applications import convnext, inception_resnet_v2

    case("LayerScale", (4, 5, 3), lambda x: convnext.LayerScale(0.5, 3)(x))
    case("StochasticDepth", (4, 3), lambda x: x * convnext.StochasticDepth(0.5)(x))
    case(
        "CustomScaleLayer",
        (4, 5, 3),
        lambda x: inception_resnet_v2.CustomScaleLayer(0.17)([x, L.Conv2D(3, 1, activation="tanh")(x)]),
    )


applications()


def randomized(model: Any, random: np.random.Generator) -> Any:
    spread = [
        (0, 1.2 / np.sqrt(max(array[..., 0].size, 1))) if array.ndim > 1 else (1, 0.2)
        for array in model.get_weights()
    ]
    weights = [random.normal(*s, array.shape) for s, array in zip(spread, model.get_weights(), strict=True)]
    model.set_weights(weights)
    return model


def answers(path: Path, x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    network = swiftvis.load_model(path)._network
    (output,) = network.description["outputs"]
    question = Question((x.shape,), values=(output,), cotangents=(output,), gradients=tuple(network.inputs))
    with network.sessions.session(network.handle, question) as session:
        return session.forward([x])[0], session.backward([cotangent])[0]


def difference(actual: np.ndarray, expected: np.ndarray) -> float:
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
def test_same_numbers_as_keras(name: str, tmp_path: Path) -> None:
    keras.utils.clear_session()
    random = np.random.default_rng(len(name))
    shape, function = CASES[name]
    inputs = L.Input(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = randomized(keras.Model(inputs, function(inputs)), random)
        x = random.normal(0, 1, (2, *shape)).astype(np.float32)
        y, vjp = jax.vjp(lambda image: model(image, training=False), jax.numpy.asarray(x))
        cotangent = random.normal(0, 1, y.shape).astype(np.float32)
        (gradient,) = vjp(jax.numpy.asarray(cotangent))
        for suffix in (".keras", ".h5"):
            path = tmp_path / f"model{suffix}"
            model.save(path)
            found = answers(path, x, cotangent)
            assert difference(found[0], np.asarray(y)) < 1e-4
            assert difference(found[1], np.asarray(gradient)) < 1e-3
