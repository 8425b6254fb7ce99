"""Keras's objects, of Keras 3 and of tf.keras 2, known by their classes: Keras is never imported here."""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..errors import ModelError, UnsupportedModelError

_NAMES = ("keras", "tf_keras", "tensorflow")
_KINDS = ("Sequential", "Functional")


_classes: weakref.WeakKeyDictionary[type, dict[str, type]] = weakref.WeakKeyDictionary()


def keras_classes(value: Any) -> dict[str, type]:
    """The classes of Keras that an object has, by their names; none for an object of another library."""
    kind = type(value)
    found = _classes.get(kind)
    if found is None:
        found = {cls.__name__: cls for cls in reversed(kind.__mro__) if is_keras(cls)}
        _classes[kind] = found
    return found


def is_keras(cls: type) -> bool:
    """Whether the class is Keras's own, standalone or inside TensorFlow."""
    path = cls.__module__.split(".")
    return path[0] in _NAMES and (path[0] != "tensorflow" or "keras" in path)


def is_model(value: Any) -> bool:
    """Whether it is a model object of Keras."""
    return "Model" in keras_classes(value)


def is_tensor(value: Any) -> bool:
    """Whether it is a symbolic tensor of Keras 3 or tf.keras 2."""
    return "KerasTensor" in keras_classes(value)


def library(value: Any) -> Any:
    """The module of the Keras that an object is of."""
    root = next(iter(keras_classes(value).values())).__module__.split(".")[0]
    return sys.modules["tensorflow"].keras if root == "tensorflow" else sys.modules[root]


@contextlib.contextmanager
def named(model: Any) -> Iterator[None]:
    """Errors begin with the model's class and name."""
    try:
        yield
    except ModelError as error:
        raise type(error)(f"{type(model).__name__} '{model.name}': {error}") from None


def checked_kind(model: Any) -> str:
    """ "Sequential" or "Functional".

    Raises:
        as `read` does for other models, and for one that is not built.
    """
    classes = keras_classes(model)
    kind = next((name for name in _KINDS if name in classes), None)
    if kind is None or not is_keras(_defining(model, "call")) or not is_keras(_defining(model, "__call__")):
        raise UnsupportedModelError(
            "only Sequential and functional models can be read, since a model's own code is never run: build the same "
            "network with keras.Model(inputs, outputs), which can share the layers"
        )
    if not _is_built(model):
        raise ModelError("the model is not built yet: give it an Input layer, or call it once on data")
    return kind


def _defining(model: Any, method: str) -> type:
    return next(cls for cls in type(model).__mro__ if method in vars(cls))


def _is_built(model: Any) -> bool:
    try:
        return bool(model.inputs)
    except (AttributeError, ValueError):
        return False


def settled_layers(layers: Iterable[Any]) -> list[Any]:
    """The layers, those of nested models in their place. Where an activation was set to a name or None, as can be done
    with a swiftvis.Model's layers, the layer has Keras's function of that name now, without which it would not run."""
    found = []
    for layer in layers:
        if hasattr(layer, "layers"):
            found += settled_layers(layer.layers)
            continue
        if isinstance(getattr(layer, "activation", 0), str | None):
            layer.activation = library(layer).activations.get(layer.activation)
        found.append(layer)
    return found


def held(variable: Any) -> Any:
    """What the variable holds now: an array or tensor of its library."""
    value = variable.value  # a property in Keras 3, and a method in Keras 2
    value = value() if callable(value) else value
    return value.value() if callable(getattr(value, "value", None)) else value


def array(variable: Any) -> np.ndarray:
    """A variable's values, in its own memory where NumPy can read that."""
    value = held(variable)
    if callable(
        getattr(value, "detach", None)
    ):  # PyTorch's, which may be on another device or of another type
        return value.detach().float().cpu().numpy()
    return np.asarray(value)
