"""swiftvis through keras-vis's functions; variants "saliency", "cam" and "activation" (200 steps)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import swiftvis
from swiftvis.visualization import visualize_activation, visualize_cam, visualize_saliency

CALLS = {
    "saliency": lambda model, images: visualize_saliency(model, -1, 0, images),
    "cam": lambda model, images: visualize_cam(model, -1, 0, images),
    "activation": lambda model, images: visualize_activation(model, -1, 0, max_iter=200),
}


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], np.ndarray]]:
    model = swiftvis.load_model(folder / f"{name}.keras")
    return lambda images: lambda: CALLS[variant](model, images)


def as_array(picture: np.ndarray) -> np.ndarray:
    return picture
