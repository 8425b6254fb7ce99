"""JAX through Keras; variants "jit", and "jit uncached" which compiles anew, as a first start does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from keras_on import keras_on

keras = keras_on("jax")


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], jax.Array]]:
    if variant == "jit":
        jax.config.update("jax_compilation_cache_dir", str(folder / "jax"))
    model = keras.saving.load_model(folder / f"{name}.keras", compile=False)
    weights = [[v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)]

    def score(x: jax.Array, weights: list) -> jax.Array:
        return model.stateless_call(*weights, x, training=False)[0][:, 0].mean()

    gradient = jax.jit(jax.grad(score))

    def prepare(images: np.ndarray) -> Callable[[], jax.Array]:
        x = jax.numpy.asarray(images)
        return lambda: gradient(x, weights).block_until_ready()

    return prepare


def as_array(gradient: jax.Array) -> np.ndarray:
    return np.asarray(gradient)
