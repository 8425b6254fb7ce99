"""Reads trained Keras models from `.h5`, `.hdf5` and `.keras` files. Keras is not needed, and no code in a file is run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from swiftvis.importers.keras import container
from swiftvis.importers.keras.builder import Weight
from swiftvis.importers.keras.walk import convert
from swiftvis.replacements import Replacement

__all__ = ["opened", "read"]


@contextlib.contextmanager
def opened(
    path: str | os.PathLike[str], replace: Mapping[str, Replacement] | None = None
) -> Iterator[tuple[dict[str, Any], dict[str, Weight]]]:
    """A whole model that `model.save` wrote: `.h5`/`.hdf5`, or `.keras`; `replace` is as for `load_model`.

    The context is the graph description and the weights it names. Most of them are still in the file, and
    can be read while the context lasts.

    Raises:
        OSError: the file cannot be opened or read.
        ModelError: it is damaged, or holds no model (a `ValueError`).
        UnsupportedModelError: it holds layers that swiftvis cannot compute; the message lists every one of them.
    """
    path = os.fspath(path)
    # Damaged weights may be infinite, which is not worth a warning of NumPy's.
    with container.shielded(path), np.errstate(all="ignore"), container.opened(path) as archive:
        yield convert(archive, replace)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The same with all weights in memory, as float32. Raises as `opened` does."""
    with opened(path) as (description, weights):
        return description, {
            name: array if isinstance(array, np.ndarray) else array.read() for name, array in weights.items()
        }
