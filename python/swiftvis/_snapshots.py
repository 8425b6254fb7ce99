"""What a live model was when it was converted, and whether it still is."""

from __future__ import annotations

import operator
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .importers.keras import live
from .model import Model

# Plain attributes that change without a change in what a layer computes at inference.
_IRRELEVANT = {"built", "trainable", "training", "stateful"}
_PLAIN = (bool, int, float, str, tuple, type(None))


class Snapshot:
    """A model made of a live one, which it does not keep alive.

    Attributes:
        model: the converted model.
    """

    def __init__(self, keras_model: Any) -> None:
        # Noted before the weights are read: what changes meanwhile is noticed the next time.
        self._layers = [_LayerNote(layer) for layer in _leaves(keras_model.layers)]
        self.model = Model.from_graph(*live.read(keras_model))

    def holds(self, keras_model: Any) -> bool:
        """Whether layers, options, activations and weights are what they were."""
        layers = list(_leaves(keras_model.layers))
        return len(layers) == len(self._layers) and all(map(_LayerNote.holds, self._layers, layers))


def _leaves(layers: Iterable[Any]) -> Iterator[Any]:
    for layer in layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer.layers)
        else:
            yield layer


class _LayerNote:
    def __init__(self, layer: Any) -> None:
        self._layer = weakref.ref(layer)
        attributes = vars(layer)
        keys = [key for key in attributes if key[0] != "_" and key not in _IRRELEVANT]
        plain = [key for key in keys if isinstance(attributes[key], _PLAIN)]
        self._plain = operator.itemgetter(*plain) if plain else lambda attributes: None
        self._options = self._plain(attributes)
        self._activation = _same_object(getattr(layer, "activation", None))
        self._weights = [_VariableNote(variable) for variable in layer.weights]

    def holds(self, layer: Any) -> bool:
        try:
            same = self._layer() is layer and self._plain(vars(layer)) == self._options
        except KeyError:
            return False
        weights = layer.weights
        return (
            same
            and self._activation(getattr(layer, "activation", None))
            and len(weights) == len(self._weights)
            and all(map(_VariableNote.holds, self._weights, weights))
        )


class _VariableNote:
    """A variable's value: how to see at once that it is the same, and a checksum where that does not tell. On JAX, even
    predict() gives every variable a new array."""

    def __init__(self, variable: Any) -> None:
        self._same = _same_value(live.value(variable))
        self._checksum = _checksum(variable)

    def holds(self, variable: Any) -> bool:
        value = live.value(variable)
        if self._same(value):
            return True
        if _checksum(variable) != self._checksum:
            return False
        self._same = _same_value(value)
        return True


def _checksum(variable: Any) -> int:
    array = np.ascontiguousarray(live.array(variable))
    return zlib.crc32(array.reshape(-1).view(np.uint8))


def _same_object(value: Any) -> Callable[[Any], bool]:
    try:
        reference = weakref.ref(value)
    except TypeError:
        return lambda now: now is value
    return lambda now: reference() is now


def _same_value(value: Any) -> Callable[[Any], bool]:
    library = type(value).__module__.partition(".")[0]
    if library in ("jax", "jaxlib"):  # arrays that never change
        return _same_object(value)
    if library == "torch":
        same, version, address = _same_object(value), value._version, value.data_ptr()
        return lambda now: same(now) and now._version == version and now.data_ptr() == address
    if isinstance(value, np.ndarray):
        return lambda now: False
    # TensorFlow shares its tensors until one of the owners writes. As long as one is kept here, another value has
    # another address; it costs memory only from the next change to the next look.
    kept = np.asarray(value)
    address = kept.ctypes.data
    return lambda now: np.asarray(now).ctypes.data == address and kept is not None
