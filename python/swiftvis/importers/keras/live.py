"""Reads Keras models that live in this process, of Keras 3 (any backend) and of tf.keras 2; Keras is never imported here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras.builder import Weight
from swiftvis.importers.keras.container import Archive
from swiftvis.importers.keras.topology import LayerConfig
from swiftvis.importers.keras.walk import convert
from swiftvis.importers.keras.weights import Arrays, Roles
from swiftvis.importers.stored import StoredArray
from swiftvis.live.objects import array, checked_kind, keras_classes, library, named
from swiftvis.replacements import Replacement


def read(
    model: Any, replace: Mapping[str, Replacement] | None = None
) -> tuple[dict[str, Any], dict[str, Weight]]:
    """The graph description and the weights it names, which are read when the engine asks for them.

    Raises:
        ModelError: the model is not built.
        UnsupportedModelError: a subclassed model, or one with layers that swiftvis cannot compute.
    """
    with named(model):
        return convert(archive(_config(model), model, {layer.name: layer for layer in model.layers}), replace)


def _config(model: Any) -> dict[str, Any]:
    kind = checked_kind(model)
    config = keras_classes(model)[kind].get_config(model)
    if isinstance(config, dict) and "layers" not in config:
        raise UnsupportedModelError(
            "its class takes other arguments than keras.Model, so Keras does not tell its layers: give "
            "keras.Model(model.inputs, model.outputs) instead"
        )
    return {"class_name": kind, "config": plain(config)}


def plain(config: Any) -> Any:
    """A configuration as it would come out of a file."""
    return json.loads(json.dumps(config, default=_plain))


def _plain(value: Any) -> Any:
    """What JSON has for a value of a configuration: numbers and lists for arrays and shapes, names for the rest."""
    for convert_to_list in ("as_list", "tolist"):
        if hasattr(value, convert_to_list):
            return getattr(value, convert_to_list)()
    return str(value)


def archive(config: dict[str, Any], value: Any, layers: Mapping[str, Any]) -> Archive:
    """What a file would hold of a model with these layers, of the same Keras as `value`."""
    return Archive(config, str(library(value).__version__), "", LiveWeights(layers))


class LiveWeights:
    """The variables of the layers themselves, found by the layers' names."""

    def __init__(self, layers: Mapping[str, Any]) -> None:
        self._layers = layers

    def assign(self, model: LayerConfig, roles: Roles) -> Arrays:
        """The arrays of every layer; `roles` tells how many trainable and other arrays a layer has."""
        arrays: Arrays = {}
        self._visit(model, self._layers, roles, arrays)
        return arrays

    def _visit(self, model: LayerConfig, layers: Mapping[str, Any], roles: Roles, arrays: Arrays) -> None:
        for child in model.children:
            if child.is_wrapper:
                child, layer = child.children[0], layers[child.name].layer
                # As a model of one layer.
                self._visit(dataclasses.replace(child, children=[child]), {child.name: layer}, roles, arrays)
            elif child.is_model:
                self._visit(child, {layer.name: layer for layer in layers[child.name].layers}, roles, arrays)
            elif count := sum(roles(child)):
                arrays[child] = _arrays(layers[child.name], count)


def _arrays(layer: Any, count: int) -> list[StoredArray]:
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise UnsupportedModelError(
            f"layer '{layer.name}' has LoRA or quantized weights, which are not supported"
        )
    if len(layer.weights) < count:
        raise ModelError(f"layer '{layer.name}' is not built: it has {len(layer.weights)} of {count} weights")
    return [_stored(variable) for variable in layer.weights[:count]]


def _stored(variable: Any) -> StoredArray:
    def read_into(destination: np.ndarray) -> None:
        destination[...] = array(variable).reshape(-1)

    return StoredArray(np.dtype(np.float32), tuple(variable.shape), read_into)
