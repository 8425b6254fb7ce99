"""Every model of a user passes here: ours, and live ones of Keras 3, tf.keras 2 and PyTorch."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..model import Model
from . import modules
from .objects import checked_kind, is_model, library, named, settled_layers
from .snapshots import Conversion
from .torch_objects import is_module

if TYPE_CHECKING:
    from ..replacements import Replacement

_conversions: weakref.WeakKeyDictionary[Any, Conversion] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def as_model(model: Any, seed: Any = None) -> Model:
    """The `Model` that was given, or the one made of a live model of Keras or of a PyTorch module, for inputs like `seed`.
    TypeError for the rest."""
    if isinstance(model, Model):
        return model
    if is_model(model):
        return converted(model)
    if is_module(model):
        return modules.converted(model, seed)
    kind = type(model)
    raise TypeError(
        "expected a model from swiftvis.load_model, a PyTorch module, or a model object of Keras 3 or tf.keras, "
        f"got {kind.__module__}.{kind.__name__}"
    )


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
