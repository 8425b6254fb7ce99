"""What live layers were when they were converted, and whether they still are."""

from __future__ import annotations

import operator
import threading
import weakref
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .objects import array, held, settled_layers

# Plain attributes that change without a change in what a layer computes at inference.
_IRRELEVANT = {"built", "trainable", "training", "stateful"}
_PLAIN = (bool, int, float, str, tuple, type(None))


class Conversion:
    """A result made of live layers, which it does not keep alive, and made anew when they have changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: list[_LayerNote] = []
        self._result: Any = None

    def current(self, layers: Iterable[Any], make: Callable[[], Any]) -> Any:
        """The result of `make`, from the last call if layers, options, activations and weights are what they were."""
        leaves = settled_layers(layers)
        with self._lock:
            notes = self._notes
            same = len(notes) == len(leaves) and all(map(_LayerNote.holds, notes, leaves))
            if self._result is None or not same:
                self._result = None  # never two at once: a model may take much of the memory
                # Noted before the weights are read: what changes meanwhile is noticed the next time.
                self._notes = [_LayerNote(layer) for layer in leaves]
                self._result = make()
            return self._result


class Options:
    """The plain attributes of a layer or module."""

    def __init__(self, layer: Any) -> None:
        attributes = vars(layer)
        keys = [key for key in attributes if key[0] != "_" and key not in _IRRELEVANT]
        plain = [key for key in keys if isinstance(attributes[key], _PLAIN)]
        self._plain = operator.itemgetter(*plain) if plain else lambda attributes: None
        self._values = self._plain(attributes)

    def holds(self, layer: Any) -> bool:
        try:
            return bool(self._plain(vars(layer)) == self._values)
        except KeyError:
            return False


class _LayerNote:
    def __init__(self, layer: Any) -> None:
        self._layer = weakref.ref(layer)
        self._options = Options(layer)
        self._activation = _same_object(getattr(layer, "activation", None))
        self._weights = [_VariableNote(variable) for variable in _weights(layer)]

    def holds(self, layer: Any) -> bool:
        weights = _weights(layer)
        return (
            self._layer() is layer
            and self._options.holds(layer)
            and self._activation(getattr(layer, "activation", None))
            and len(weights) == len(self._weights)
            and all(map(_VariableNote.holds, self._weights, weights))
        )


def _weights(layer: Any) -> list[Any]:
    return getattr(layer, "weights", [])  # operations outside layers have none


class _VariableNote:
    """A variable's value: how to see at once that it is the same, and a checksum where that does not tell. On JAX, even
    predict() gives every variable a new array."""

    def __init__(self, variable: Any) -> None:
        self._same = same_value(held(variable))
        self._checksum = _checksum(variable)

    def holds(self, variable: Any) -> bool:
        value = held(variable)
        if self._same(value):
            return True
        if _checksum(variable) != self._checksum:
            return False
        self._same = same_value(value)
        return True


def _checksum(variable: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(array(variable)).reshape(-1).view(np.uint8))


def _same_object(value: Any) -> Callable[[Any], bool]:
    try:
        reference = weakref.ref(value)
    except TypeError:
        return lambda now: now is value
    return lambda now: reference() is now


def same_value(value: Any) -> Callable[[Any], bool]:
    """Tells at once whether a later value is the same; False where it takes a comparison."""
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
