"""Reads Keras models that live in this process, of Keras 3 (any backend) and of tf.keras 2: no file, and no import of Keras."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras.builder import Weight
from swiftvis.importers.keras.container import Archive
from swiftvis.importers.keras.stored import StoredArray
from swiftvis.importers.keras.topology import LayerConfig
from swiftvis.importers.keras.walk import convert
from swiftvis.importers.keras.weights import Arrays, Roles

_NAMES = ("keras", "tf_keras", "tensorflow")
_KINDS = ("Sequential", "Functional")


def keras_classes(value: Any) -> dict[str, type]:
    """The classes of Keras that an object has, by their names; none for an object of another library."""
    return {cls.__name__: cls for cls in reversed(type(value).__mro__) if is_keras(cls)}


def is_keras(cls: type) -> bool:
    """Whether the class is Keras's own, standalone or inside TensorFlow."""
    path = cls.__module__.split(".")
    return path[0] in _NAMES and (path[0] != "tensorflow" or "keras" in path)


def is_model(value: Any) -> bool:
    """Whether it is a model object of Keras."""
    return "Model" in keras_classes(value)


def version(value: Any) -> str:
    """The version of the Keras that an object is of."""
    root = next(iter(keras_classes(value).values())).__module__.split(".")[0]
    library = sys.modules[root]
    return str(getattr(library, "keras", library).__version__)


def read(model: Any) -> tuple[dict[str, Any], dict[str, Weight]]:
    """The description of docs/model-format.md and the weights it names, which are read when the engine asks for them.

    Raises:
        ModelError: the model is not built.
        UnsupportedModelError: a subclassed model, or one with layers that swiftvis cannot compute.
    """
    with _named(model):
        return convert(Archive(_config(model), version(model), "", LiveWeights(model)))


@contextlib.contextmanager
def _named(model: Any) -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        raise type(error)(f"{type(model).__name__} '{model.name}': {error}") from None


def _config(model: Any) -> dict[str, Any]:
    classes = keras_classes(model)
    kind = next((name for name in _KINDS if name in classes), None)
    if kind is None or not is_keras(_defining(model, "call")) or not is_keras(_defining(model, "__call__")):
        raise UnsupportedModelError(
            "only Sequential and functional models can be read, since a model's own code is never run: build the same "
            "network with keras.Model(inputs, outputs), which can share the layers"
        )
    if not _is_built(model):
        raise ModelError("the model is not built yet: give it an Input layer, or call it once on data")
    config = classes[kind].get_config(model)
    if isinstance(config, dict) and "layers" not in config:
        raise UnsupportedModelError(
            "its class takes other arguments than keras.Model, so Keras does not tell its layers: give "
            "keras.Model(model.inputs, model.outputs) instead"
        )
    return {"class_name": kind, "config": json.loads(json.dumps(config, default=_plain))}


def _defining(model: Any, method: str) -> type:
    return next(cls for cls in type(model).__mro__ if method in vars(cls))


def _is_built(model: Any) -> bool:
    try:
        return bool(model.inputs)
    except (AttributeError, ValueError):
        return False


def _plain(value: Any) -> Any:
    """What JSON has for a value of a configuration: numbers and lists for arrays and shapes, names for the rest."""
    for convert_to_list in ("as_list", "tolist"):
        if hasattr(value, convert_to_list):
            return getattr(value, convert_to_list)()
    return str(value)


class LiveWeights:
    """The variables of the layers themselves, found by the layers' names."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def assign(self, model: LayerConfig, roles: Roles) -> Arrays:
        """The arrays of every layer; `roles` tells how many trainable and other arrays a layer has."""
        arrays: Arrays = {}
        self._visit(model, self._model, roles, arrays)
        return arrays

    def _visit(self, model: LayerConfig, live: Any, roles: Roles, arrays: Arrays) -> None:
        layers = {layer.name: layer for layer in live.layers}
        for child in model.children:
            if child.is_model:
                self._visit(child, layers[child.name], roles, arrays)
            elif count := sum(roles(child)):
                arrays[child] = _arrays(layers[child.name], count)


def _arrays(layer: Any, count: int) -> list[StoredArray]:
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise UnsupportedModelError(f"layer '{layer.name}' has LoRA or quantized weights, which are not supported")
    if len(layer.weights) < count:
        raise ModelError(f"layer '{layer.name}' is not built: it has {len(layer.weights)} of {count} weights")
    return [_stored(variable) for variable in layer.weights[:count]]


def _stored(variable: Any) -> StoredArray:
    def read_into(destination: np.ndarray) -> None:
        destination[...] = array(variable).reshape(-1)

    return StoredArray(np.dtype(np.float32), tuple(variable.shape), read_into)


def value(variable: Any) -> Any:
    """What the variable holds now: an array or tensor of its library."""
    held = variable.value  # a property in Keras 3, and a method in Keras 2
    held = held() if callable(held) else held
    return held.value() if callable(getattr(held, "value", None)) else held


def array(variable: Any) -> np.ndarray:
    """A variable's values, in its own memory where NumPy can read that."""
    held = value(variable)
    if callable(getattr(held, "detach", None)):  # PyTorch's, which may be on another device or of another type
        return held.detach().float().cpu().numpy()
    return np.asarray(held)
