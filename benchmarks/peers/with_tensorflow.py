"""TensorFlow through Keras; variants "graph" (tf.function), "XLA" and "eager"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras_on import keras_on

keras = keras_on("tensorflow")


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], np.ndarray]]:
    model = keras.saving.load_model(folder / f"{name}.keras", compile=False)

    def gradient(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            score = tf.reduce_mean(model(x, training=False)[:, 0])
        return tape.gradient(score, x)

    if variant != "eager":
        gradient = tf.function(gradient, jit_compile=variant == "XLA")

    def prepare(images: np.ndarray) -> Callable[[], np.ndarray]:
        x = tf.constant(images)
        return lambda: gradient(x).numpy()

    return prepare


def as_array(gradient: np.ndarray) -> np.ndarray:
    return gradient
