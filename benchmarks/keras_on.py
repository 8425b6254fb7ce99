"""Keras on one backend. Wherever TensorFlow is installed Keras imports it too, which nobody with another backend needs."""

from __future__ import annotations

import os
import sys
from types import ModuleType


def keras_on(backend: str) -> ModuleType:
    os.environ["KERAS_BACKEND"] = backend
    if backend == "tensorflow":
        import keras
    else:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        import keras

        del sys.modules["tensorflow"]
    return keras
