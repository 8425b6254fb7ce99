"""Every builder of `keras.applications`, from the .keras file that Keras writes.

The reference is Keras on PyTorch in float64, since XLA has no fast convolution in float64 for CPUs. The peers are Keras on
PyTorch and on JAX in float32. A Keras has one backend, so each step has a process of its own.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from . import conditioning

TITLE = "keras.applications"
STEPS = {"reference": "torch", "jax": "jax", "ours": "torch"}  # and Keras's backend
UNIT, SIZE, IMAGES = 3, 96, 3


def names() -> list[str]:
    keras = importlib.import_module("keras")
    return sorted(name for name in dir(keras.applications) if name[0].isupper())


def build(name: str) -> Any:
    keras = importlib.import_module("keras")
    builder = getattr(keras.applications, name)
    options = {"weights": None, "input_shape": (SIZE, SIZE, 3), "classifier_activation": None}
    if not name.startswith("NASNet"):
        return builder(**options)
    backend = importlib.import_module("keras.src.applications.nasnet").backend
    with mock.patch.object(backend, "backend", lambda: "jax"):  # they refuse PyTorch, needlessly
        return builder(**options)


def reference(name: str, folder: Path) -> dict[str, np.ndarray]:
    keras, torch = importlib.import_module("keras"), importlib.import_module("torch")
    keras.utils.set_random_seed(1)
    model = build(name)
    rescales = any(layer.__class__.__name__ in ("Rescaling", "Normalization") for layer in model.layers)
    images = conditioning.pixels if rescales else conditioning.pictures
    x = images(conditioning.CALIBRATING, SIZE, 2)
    with torch.no_grad():
        _randomize(model, x)
    model.save(folder / "model.keras")
    return references(model, x[:IMAGES], UNIT)


def references(model: Any, x: np.ndarray, unit: int) -> dict[str, np.ndarray]:
    """Values and gradients of Keras on PyTorch, in float32 and in float64. The model is in float64 then."""
    keras = importlib.import_module("keras")
    found = {"x": x, "parameters": np.asarray(model.count_params())}
    found["output:torch"], found["gradient:torch"] = _of_torch(model, x, unit)
    for layer in model._flatten_layers():
        layer.dtype_policy = keras.DTypePolicy("float64")
    for variable in model.variables:
        variable._value, variable._dtype = variable.value.detach().double(), "float64"
    found["output"], found["gradient"] = _of_torch(model, x.astype(np.float64), unit)
    return found


def _randomize(model: Any, images: np.ndarray) -> None:
    """Each batch normalization gets the statistics of its own input."""
    keras = importlib.import_module("keras")
    random = np.random.default_rng(1)
    layers = list(model._flatten_layers(include_self=False))
    normalizations = [layer for layer in layers if layer.__class__.__name__ == "BatchNormalization"]
    for layer in layers:
        scale = np.ones(())
        for weight in layer._trainable_variables:
            if weight.name == "gamma":
                weight.assign(scale := conditioning.scales(random, weight.shape))
            elif weight.name == "beta":
                scale = np.broadcast_to(scale, weight.shape)
                weight.assign(conditioning.offsets(random, scale))
            elif weight.name == "bias":
                weight.assign(random.normal(0, 0.1, weight.shape))
            elif not normalizations:
                weight.assign(np.sqrt(2) * keras.ops.convert_to_numpy(weight))  # what a rectifier halves
    normalize = keras.layers.BatchNormalization.call

    def calibrate(layer: Any, inputs: Any, **options: Any) -> Any:
        mean, variance = keras.ops.moments(inputs, axes=list(range(inputs.ndim - 1)))
        layer.moving_mean.assign(mean)
        least = conditioning.LEAST_VARIANCE * keras.ops.mean(variance)
        layer.moving_variance.assign(keras.ops.maximum(variance, least))
        return normalize(layer, inputs, **options)

    if normalizations:
        with mock.patch.object(keras.layers.BatchNormalization, "call", calibrate):
            model(keras.ops.convert_to_tensor(images), training=False)


def _of_torch(model: Any, x: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    torch = importlib.import_module("torch")
    for variable in model.variables:
        variable.value.requires_grad_(False)
    image = torch.tensor(x, requires_grad=True)
    output = model(image, training=False)
    output[:, unit].mean().backward()
    return output.detach().numpy(), image.grad.numpy()


def jax(name: str, folder: Path) -> dict[str, np.ndarray]:
    keras, jax = importlib.import_module("keras"), importlib.import_module("jax")
    for initializer in (
        keras.initializers.VarianceScaling,
        keras.initializers.Zeros,
        keras.initializers.Ones,
    ):
        initializer.__call__ = lambda self, shape, dtype=None: np.zeros(
            shape, dtype
        )  # the file has the values
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    variables = [
        [v.value for v in kind] for kind in (model.trainable_variables, model.non_trainable_variables)
    ]

    def score(image: Any, variables: Any) -> Any:
        output = model.stateless_call(*variables, image, training=False)[0]
        return output[:, UNIT].mean(), output

    with np.load(folder / "reference.npz") as file:
        gradient, output = jax.jit(jax.grad(score, has_aux=True))(file["x"], variables)
    return {"gradient:jax": np.asarray(gradient), "output:jax": np.asarray(output)}


def ours(name: str, folder: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    swiftvis = importlib.import_module("swiftvis")
    with swiftvis.load_model(folder / "model.keras") as model:
        return {
            "output": model.predict(x),
            "gradient": model.gradient(x, -1, UNIT),
            "gradient:exact": model.gradient(x, -1, UNIT, exact=True),
        }
