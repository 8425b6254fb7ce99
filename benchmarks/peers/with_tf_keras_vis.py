"""tf-keras-vis on Keras with TensorFlow; variants "saliency", "cam" and "activation" (200 steps)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from keras_on import keras_on

keras = keras_on("tensorflow")

from tf_keras_vis.activation_maximization import ActivationMaximization  # noqa: E402
from tf_keras_vis.gradcam import Gradcam  # noqa: E402
from tf_keras_vis.saliency import Saliency  # noqa: E402
from tf_keras_vis.utils.scores import CategoricalScore  # noqa: E402


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], np.ndarray]]:
    model = keras.saving.load_model(folder / f"{name}.keras", compile=False)
    score = CategoricalScore(0)

    def prepare(images: np.ndarray) -> Callable[[], np.ndarray]:
        match variant:
            case "saliency":
                saliency = Saliency(model, clone=False)
                return lambda: saliency(score, images)
            case "cam":
                cam = Gradcam(model, clone=False)
                return lambda: cam(score, images)
        activation = ActivationMaximization(model, clone=False)
        # Without its jitter and rotation, which keras-vis does not add unless asked.
        return lambda: activation(score, steps=200, input_modifiers=[])

    return prepare


def as_array(picture: np.ndarray) -> np.ndarray:
    return np.asarray(picture)
