"""Live models of one Keras against what its framework computes: values and gradients, before and after training.

KERAS_BACKEND=torch python backends.py keras, or KERAS_BACKEND=tensorflow python backends.py tf_keras; the exit code is 1
where a difference is too large.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import Report

from swiftvis.live import models as live
from swiftvis.utils import utils

keras = importlib.import_module(sys.argv[1])
L = keras.layers
BACKEND = "tf.keras" if sys.argv[1] == "tf_keras" else f"keras {os.environ['KERAS_BACKEND']}"


def plain() -> Any:
    return keras.Sequential(
        [
            L.InputLayer((24, 20, 3)),
            L.Conv2D(8, 3, activation="relu"),
            L.BatchNormalization(),
            L.MaxPooling2D(),
            L.Conv2D(8, 3, padding="same", activation="elu"),
            L.Flatten(),
            L.Dense(4, activation="softmax"),
        ]
    )


def nested() -> Any:
    inputs = L.Input((24, 20, 3))
    x = L.SeparableConv2D(8, 3)(inputs * 2.0 - 1.0)
    inner = keras.Sequential([L.InputLayer(x.shape[1:]), L.Conv2D(8, 3, padding="same"), L.ReLU(6.0)])
    x = L.Concatenate()([inner(x), inner(L.LeakyReLU(0.2)(x))])
    return keras.Model(inputs, L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling2D()(x)))


def mobilenet() -> Any:
    return keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)


def randomized(model: Any, random: np.random.Generator) -> Any:
    weights = []
    for array in model.get_weights():
        if array.ndim > 1:
            weights.append(random.normal(0, 1.2 / np.sqrt(array[..., 0].size), array.shape))
        else:
            weights.append(random.uniform(0.5, 1.5, array.shape))
    model.set_weights(weights)
    return model


def of_jax(model: Any, x: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    jax = importlib.import_module("jax")
    gradient = jax.grad(lambda image: model(image, training=False)[:, unit].mean())(jax.numpy.asarray(x))
    return np.asarray(model(x, training=False)), np.asarray(gradient)


def of_torch(model: Any, x: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    image = importlib.import_module("torch").tensor(x, requires_grad=True)
    output = model(image, training=False)
    output[:, unit].mean().backward()
    return output.detach().numpy(), image.grad.numpy()


def of_tensorflow(model: Any, x: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    tensorflow = importlib.import_module("tensorflow")
    image = tensorflow.constant(x)
    with tensorflow.GradientTape() as tape:
        tape.watch(image)
        output = model(image, training=False)
        score = tensorflow.reduce_mean(output[:, unit])
    return output.numpy(), tape.gradient(score, image).numpy()


def compare(report: Report, name: str, case: str, model: Any, x: np.ndarray) -> None:
    wanted = {"jax": of_jax, "torch": of_torch, "tensorflow": of_tensorflow}[os.environ["KERAS_BACKEND"]]
    output, gradient = wanted(model, x, 1)
    ours = live.converted(model)
    report.add(name, f"{case}: values", relative(ours.predict(x), output), 1e-4)
    report.add(name, f"{case}: gradient", relative(ours.gradient(x, -1, 1), gradient), 1e-3)


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def milliseconds(function: Callable[[], Any], runs: int) -> float:
    function()
    start = time.perf_counter()
    for _ in range(runs):
        function()
    return (time.perf_counter() - start) / runs * 1e3


def main() -> int:
    report, random = Report(BACKEND), np.random.default_rng(5)
    for build in (plain, nested, mobilenet):
        name, model = build.__name__, randomized(build(), random)
        x = random.normal(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
        compare(report, name, "as built", model, x)
        model.compile(keras.optimizers.SGD(0.01), "mse")
        model.fit(x, random.random((2, model.output_shape[-1])), epochs=2, verbose=0)
        compare(report, name, "after fit", model, x)
        model.set_weights([weight * 0.99 for weight in model.get_weights()])
        compare(report, name, "after set_weights", model, x)
        model.layers[-1].activation = keras.activations.linear
        linear = utils.apply_modifications(model)
        compare(report, name, "linear, apply_modifications", linear, x)
    check = milliseconds(lambda: live.converted(linear), 20)
    conversion = milliseconds(lambda: live.loaded(linear), 3)
    print(f"{BACKEND}: MobileNetV2: conversion {conversion:.0f} ms, unchanged model {check:.1f} ms a call")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
