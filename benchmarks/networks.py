"""The networks that are measured, built by Keras with random weights and kept in a folder for all frameworks to read.

usage: python benchmarks/networks.py FOLDER NAME...     (Keras 3 on JAX writes NAME.keras)

Times do not depend on the weights, and accuracy does little, as long as activations keep the scale of a trained network:
every batch normalization gets the statistics of its own input on random images.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from keras_on import keras_on


class Network(NamedTuple):
    title: str
    shape: tuple[int, int, int]
    target: float  # best peer's time / ours that we want
    scale: float = 1.0  # pixels are 0...scale


NETWORKS = {
    "vgg16": Network("VGG16", (224, 224, 3), 2.5),
    "resnet50": Network("ResNet50", (224, 224, 3), 2.0),
    "inception_v3": Network("InceptionV3", (299, 299, 3), 2.0),
    "densenet121": Network("DenseNet121", (224, 224, 3), 2.0),
    "mobilenet_v2": Network("MobileNetV2", (224, 224, 3), 3.0),
    "efficientnet_b0": Network("EfficientNetB0", (224, 224, 3), 3.0, 255.0),
    "efficientnet_lite0": Network("EfficientNet-Lite0", (224, 224, 3), 3.0),
    "mini_xception": Network("mini-XCEPTION", (64, 64, 1), 10.0),
    "residual": Network("residual", (32, 32, 3), 10.0),
    "plain": Network("plain", (40, 48, 3), 10.0),
    "regression": Network("regression", (64, 64, 1), 10.0),
}
SMALL = ("mini_xception", "residual", "plain", "regression")
CACHE = Path(__file__).parent / ".cache"


def images(name: str, count: int = 1) -> np.ndarray:
    network = NETWORKS[name]
    return np.random.RandomState(0).rand(count, *network.shape).astype("f") * np.float32(network.scale)


def ensure(names: list[str], folder: Path = CACHE) -> None:
    """Writes what is missing, in processes of their own: Keras's threads and memory stay out of the measurement."""

    def run(script: str, *arguments: object) -> None:
        command = [sys.executable, str(Path(__file__).parent / script), *map(str, arguments)]
        subprocess.run(command, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})

    for name in names:
        keras, torch, own = (folder / f"{name}.{suffix}" for suffix in ("keras", "pt", "safetensors"))
        if not keras.exists():
            print(f"building {name}", flush=True)
            run("networks.py", folder, name)
        if not own.exists():
            import swiftvis

            swiftvis.load_model(keras).save(own)
        if find_spec("torch") and not torch.exists():
            run("torch_network.py", keras, torch)


# ---- In the writer's process ----


def build(name: str):
    import keras
    import small_networks

    if hasattr(small_networks, name):
        return getattr(small_networks, name)()
    builder = getattr(keras.applications, NETWORKS[name].title)
    return builder(weights=None, input_shape=NETWORKS[name].shape, classifier_activation=None)


def randomize(model, name: str) -> None:
    """Random offsets and scales, then each batch normalization's statistics from a run in training mode."""
    import keras

    random = np.random.RandomState(1)
    normalizations = [layer for layer in model.layers if layer.__class__.__name__ == "BatchNormalization"]
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("bias", "beta"):
                weight.assign(random.normal(0, 0.1, weight.shape))
            elif weight.name == "gamma":
                weight.assign(random.uniform(0.75, 1.25, weight.shape))
            elif weight.name == "kernel" and not normalizations:
                weight.assign(np.sqrt(2) * np.asarray(weight))  # what a ReLU halves
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    model(keras.ops.convert_to_tensor(images(name, 4)), training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum


def main(folder: str, *names: str) -> None:
    keras = keras_on("jax")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        keras.utils.set_random_seed(1)
        model = build(name)
        randomize(model, name)
        model.save(Path(folder) / f"{name}.keras")


if __name__ == "__main__":
    main(*sys.argv[1:])
