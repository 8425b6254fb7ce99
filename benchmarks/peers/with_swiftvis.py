"""swiftvis; variant "exact" without Winograd, "safetensors" from its own file format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import swiftvis


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], np.ndarray]]:
    suffix = "safetensors" if variant == "safetensors" else "keras"
    model = swiftvis.load_model(folder / f"{name}.{suffix}")
    how = {"exact": True} if variant == "exact" else {}

    def prepare(images: np.ndarray) -> Callable[[], np.ndarray]:
        return lambda: model.gradient(images, filter_indices=0, **how)

    return prepare


def as_array(gradient: np.ndarray) -> np.ndarray:
    return gradient


def set_threads(count: int) -> None:
    swiftvis.set_threads(count)
