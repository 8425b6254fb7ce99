"""Live models: Keras 3 and tf.keras 2 objects wherever a `swiftvis.Model` is expected.

A live model is converted in memory when it is first seen. The conversion is kept as long as the model is alive, without
keeping it alive, and made anew when layers, activations or weights have changed since the last call. Whether they have:

- JAX: arrays never change, so each variable's array is compared by identity.
- PyTorch: identity, address and autograd's version counter, which all changes in place raise but those that go round it
  (`parameter.data`, NumPy views); after such a change call `swiftvis.load_model(model)`, which always reads anew.
- TensorFlow: the tensor that was read is kept, which makes TensorFlow copy before it writes; a variable at the same
  address is unchanged, others are compared.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from ._snapshots import Snapshot
from .importers.keras import live
from .model import Model


class _Conversion:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def model(self, keras_model: Any) -> Model:
        with self._lock:
            if self._snapshot is None or not self._snapshot.holds(keras_model):
                self._snapshot = None  # never two at once: a model may take much of the memory
                self._snapshot = Snapshot(keras_model)
            return self._snapshot.model


_conversions: weakref.WeakKeyDictionary[Any, _Conversion] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def is_live(value: Any) -> bool:
    """Whether it is a model object of Keras 3 or tf.keras 2."""
    return live.is_model(value)


def converted(keras_model: Any) -> Model:
    """The model made of a live one, as it is now. The same one as long as nothing changes.

    Raises:
        ModelError: it is not built (a ValueError).
        UnsupportedModelError: it is subclassed, or has layers that swiftvis cannot compute.
    """
    if callable(sync := getattr(keras_model, "jax_state_sync", None)):
        sync()  # within fit(), JAX's weights are elsewhere
    with _lock:
        conversion = _conversions.setdefault(keras_model, _Conversion())
    return conversion.model(keras_model)


def read(keras_model: Any) -> Model:
    """A model of its own made of a live one, which later changes do not touch. Raises as `converted` does."""
    return Model.from_graph(*live.read(keras_model))
