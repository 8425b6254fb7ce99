"""Reads trained Keras models from `.h5`, `.hdf5` and `.keras` files. Keras is not needed, and no code in a file is run."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from swiftvis.importers.keras.container import opened, shielded
from swiftvis.importers.keras.walk import convert

__all__ = ["read"]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a whole model that `model.save` wrote: `.h5`/`.hdf5` of Keras 2.0 and later, or `.keras`.

    Returns the description of docs/model-format.md and the float32 weights it names.

    Raises:
        OSError: the file cannot be opened or read.
        ModelError: it is damaged, or holds no model (a `ValueError`).
        UnsupportedModelError: it holds layers that swiftvis cannot compute; the message lists every one of them.
    """
    path = os.fspath(path)
    # Damaged weights may be infinite, which is not worth a warning of NumPy's.
    with shielded(path), np.errstate(all="ignore"):
        return convert(opened(path))
