"""Live models: Keras 3 and tf.keras 2 objects wherever a `swiftvis.Model` is expected.

A live model is converted in memory when it is first seen. The conversion is kept as long as the model is alive, without
keeping it alive, and made anew when layers, their options, activations or weights have changed since the last call. Whether
weights have:

- JAX: arrays never change, so each variable's array is compared by identity.
- PyTorch: identity, address and autograd's version counter, which all changes in place raise but those that go round it
  (`parameter.data`, NumPy views); after such a change call `swiftvis.load_model(model)`, which always reads anew.
- TensorFlow: the tensor that was read is kept, which makes TensorFlow copy before it writes, so a variable that still has
  its address is unchanged.

Where that does not tell (JAX's predict() gives every variable a new array), checksums are compared. For MobileNetV2 and its
262 variables this takes 0.6 ms a call with JAX, 1.3 ms with PyTorch and 7 ms with TensorFlow.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .objects import checked_kind, library, named, settled_layers
from .snapshots import Conversion

if TYPE_CHECKING:
    from ..model import Model
    from ..replacements import Replacement

_conversions: weakref.WeakKeyDictionary[Any, Conversion] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def converted(keras_model: Any) -> Model:
    """The model made of a live one, as it is now. The same one as long as nothing changes.

    Raises:
        ModelError: it is not built (a ValueError).
        UnsupportedModelError: it is subclassed, or has layers that swiftvis cannot compute.
    """
    with named(keras_model):
        checked_kind(keras_model)
    if callable(sync := getattr(keras_model, "jax_state_sync", None)):
        sync()  # within fit(), JAX's weights are elsewhere
    with _lock:
        conversion = _conversions.setdefault(keras_model, Conversion())
    return conversion.current(keras_model.layers, lambda: loaded(keras_model))


def loaded(keras_model: Any, replace: Mapping[str, Replacement] | None = None) -> Model:
    """A model of its own made of a live one, which later changes do not touch. `replace` is as for `load_model`. Raises
    as `converted` does."""
    from ..importers.keras.live import read
    from ..model import Model

    with named(keras_model):
        checked_kind(keras_model)
    settled_layers(keras_model.layers)
    return Model.from_graph(*read(keras_model, replace))


def copied(keras_model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model of the same classes, made by Keras from its configuration, with copies of the weights. Not compiled.

    Raises:
        as `converted`; and what Keras raises for classes and functions that it cannot find.
    """
    with named(keras_model):
        checked_kind(keras_model)
    settled_layers(keras_model.layers)
    with library(keras_model).utils.custom_object_scope(dict(custom_objects or {})):
        copy = type(keras_model).from_config(keras_model.get_config())
    copy.set_weights(keras_model.get_weights())
    return copy
