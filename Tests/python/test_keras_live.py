"""Random networks built by the installed Keras 3 (on JAX), saved in both formats, and compared with what it computes."""

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
pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="needs Keras 3: pip install keras jax")
if keras.backend.backend() != "jax":
    pytest.skip("Keras is set to another backend than JAX", allow_module_level=True)

import jax  # noqa: E402

L = keras.layers
ACTIVATIONS = [
    "linear", "relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign", "silu", "hard_silu",
    "gelu", "exponential", "leaky_relu", "relu6", "softmax",
]  # fmt: skip


class Generator:
    """Grows a network on a tensor, one random layer after the other."""

    def __init__(self, seed: int, channels_first: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.options = {"data_format": "channels_first"} if channels_first else {}
        self.axis = 1 if channels_first else -1
        self.shared: list[Any] = []

    def integer(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def pick(self, *choices: Any) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def pair(self, high: int) -> tuple[int, int]:
        return self.integer(1, high), self.integer(1, high)

    def channels(self, x: Any) -> int:
        return x.shape[self.axis]

    def convolution(self, x: Any) -> Any:
        strides, dilation = self.pick(((1, 1), self.pair(2)), (self.pair(3), (1, 1)))
        options = {
            "strides": strides,
            "padding": self.pick("same", "valid"),
            "use_bias": self.pick(True, False),
            "activation": self.pick(*ACTIVATIONS),
            **self.options,
        }
        kernel = self.pair(3)
        kind = self.pick("plain", "grouped", "depthwise", "separable", "transposed")
        if kind == "grouped" and not self.options:
            groups = self.pick(1, self.channels(x))
            return L.Conv2D(groups * 2, kernel, dilation_rate=dilation, groups=groups, **options)(x)
        if kind == "depthwise":
            options["strides"] = (strides[0], strides[0])
            return L.DepthwiseConv2D(kernel, depth_multiplier=self.integer(1, 2), **options)(x)
        if kind == "separable":
            options["strides"] = (strides[0], strides[0])
            return L.SeparableConv2D(4, kernel, depth_multiplier=self.integer(1, 2), **options)(x)
        if kind == "transposed":
            return L.Conv2DTranspose(self.integer(1, 5), kernel, **options)(x)
        return L.Conv2D(self.integer(1, 6), kernel, dilation_rate=dilation, **options)(x)

    def pooling(self, x: Any) -> Any:
        kind = self.pick(L.MaxPooling2D, L.AveragePooling2D)
        strides = self.pick(None, self.pair(2))
        return kind(self.pair(3), strides=strides, padding=self.pick("same", "valid"), **self.options)(x)

    def normalization(self, x: Any) -> Any:
        return L.BatchNormalization(
            axis=self.axis,
            epsilon=self.pick(1e-3, 1e-5),
            scale=self.pick(True, False),
            center=self.pick(True, False),
        )(x)

    def layer_normalization(self, x: Any) -> Any:
        return L.LayerNormalization(axis=self.pick(-1, 1, 2), scale=self.pick(True, False))(x)

    def edges(self, x: Any) -> Any:
        pairs = (self.pair(2), self.pair(2))
        return L.Cropping2D(pairs, **self.options)(L.ZeroPadding2D((pairs[1], pairs[0]), **self.options)(x))

    def upsampling(self, x: Any) -> Any:
        return L.UpSampling2D(self.pair(2), interpolation=self.pick("nearest", "bilinear"), **self.options)(x)

    def activation(self, x: Any) -> Any:
        return self.pick(
            L.ReLU(max_value=self.pick(None, 2.0), negative_slope=0.1, threshold=self.pick(0.0, 0.2)),
            L.LeakyReLU(0.2),
            L.ELU(0.8),
            L.PReLU(shared_axes=[1, 2]),
            L.Softmax(axis=self.pick(1, 2, -1)),
            L.Activation(self.pick(*ACTIVATIONS)),
            L.Rescaling(0.5, offset=-0.1),
            L.Dropout(0.3),
        )(x)

    def merge(self, x: Any) -> Any:
        kind = self.pick(L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
        other = L.Conv2D(self.channels(x), 1, activation="tanh", **self.options)(x)
        return kind()([x, other])

    def arithmetic(self, x: Any) -> Any:
        return self.pick(
            lambda: x * 0.5 + 1.0, lambda: 2.0 - x / 3.0, lambda: x * keras.layers.ReLU(6.0)(x + 3.0)
        )()

    def concatenation(self, x: Any) -> Any:
        return L.Concatenate(axis=self.pick(1, 2, 3))([x, self.activation(x)])

    def nested(self, x: Any) -> Any:
        inputs = L.Input(x.shape[1:])
        y = L.Conv2D(self.channels(x), 3, padding="same", activation="relu", **self.options)(inputs)
        y = L.BatchNormalization(axis=self.axis)(y)
        if self.pick(True, False):
            model = keras.Model(inputs, y)
        else:
            conv = L.Conv2D(self.channels(x), 1, **self.options)
            model = keras.Sequential([L.Input(x.shape[1:]), conv, L.BatchNormalization(axis=self.axis)])
        return model(model(x)) if self.pick(True, False) else model(x)

    def repeated(self, x: Any) -> Any:
        layer = L.Conv2D(
            self.channels(x), 3, padding="same", activation=self.pick("relu", "tanh"), **self.options
        )
        return layer(L.Activation("elu")(layer(x)))

    def network(self) -> Any:
        size, channels = (self.integer(9, 14), self.integer(9, 14)), self.integer(1, 4)
        shape = (channels, *size) if self.options else (*size, channels)
        x = inputs = L.Input(shape)
        steps: list[Callable[[Any], Any]] = [
            self.convolution, self.convolution, self.pooling, self.normalization, self.layer_normalization, self.edges,
            self.upsampling, self.activation, self.merge, self.concatenation, self.nested, self.repeated, self.arithmetic,
        ]  # fmt: skip
        for _ in range(self.integer(3, 7)):
            x = self.pick(*steps)(x)
            spatial = x.shape[2:] if self.options else x.shape[1:3]
            if min(spatial) < 5:
                break
        head = self.pick(
            L.GlobalAveragePooling2D(**self.options),
            L.GlobalMaxPooling2D(**self.options),
            L.Flatten(**self.options),
        )
        return keras.Model(inputs, L.Dense(3, activation=self.pick("softmax", "sigmoid", None))(head(x)))


def randomized(model: Any, random: np.random.Generator) -> Any:
    weights = []
    for array in model.get_weights():
        if array.ndim > 1:
            weights.append(random.normal(0, 1.2 / np.sqrt(array[..., 0].size), array.shape))
        else:
            weights.append(random.uniform(0.5, 1.5, array.shape))
    model.set_weights(weights)
    return model


def keras_results(model: Any, x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gradient = jax.grad(lambda image: (model(image, training=False) * cotangent).sum())(jax.numpy.asarray(x))
    return np.asarray(model(x, training=False)), np.asarray(gradient)


def results(path: Path, x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    network = swiftvis.load_model(path)._network
    (output,) = network.description["outputs"]
    question = Question((x.shape,), values=(output,), cotangents=(output,), gradients=tuple(network.inputs))
    with network.sessions.session(network.handle, question) as session:
        return session.forward([x])[0], session.backward([cotangent])[0]


def difference(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-3))


@pytest.mark.parametrize("seed", range(24))
def test_same_numbers_as_keras(seed: int, tmp_path: Path) -> None:
    generator = Generator(seed, channels_first=seed % 3 == 2)
    keras.utils.clear_session()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = randomized(generator.network(), generator.random)
        x = generator.random.normal(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
        cotangent = generator.random.normal(0, 1, (2, 3)).astype(np.float32)
        expected = keras_results(model, x, cotangent)
        for suffix in (".keras", ".h5"):
            path = tmp_path / f"model{suffix}"
            model.save(path)
            output, gradient = results(path, x, cotangent)
            assert difference(output, expected[0]) < 1e-4
            assert difference(gradient, expected[1]) < 1e-3
