"""Configurations and kernels of Keras 1 in the terms of Keras 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from swiftvis.errors import ModelError
from swiftvis.importers.keras.topology import LayerConfig
from swiftvis.importers.keras.weights import Arrays, LegacyWeights, Roles, attribute_list, child
from swiftvis.importers.stored import StoredArray

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_OPTIONS = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "stride": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "length": "size",
    "output_dim": "units",
    "bias": "use_bias",
}
_FORMATS = {"th": "channels_first", "tf": "channels_last"}
# Layers over images, which do not all say their layout.
_SPATIAL = ("Conv", "Pooling", "UpSampling", "ZeroPadding", "Cropping", "Deconv")
_REFUSED = {
    **dict.fromkeys(
        ("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D", "Bidirectional"),
        "recurrent layers of Keras 1 keep their weights in another way; load it with Keras 2 and save it again",
    ),
    **dict.fromkeys(("ParametricSoftplus", "SReLU"), "activations that only Keras 1 had are not supported"),
}


def translated(model: dict[str, Any]) -> dict[str, Any]:
    """A model's configuration as Keras 2 would write it."""
    formats = [_FORMATS[order] for order in _orders(model) if order in _FORMATS]
    return _layer(model, formats[0] if formats else "channels_last")


def _orders(entry: dict[str, Any]) -> Iterator[Any]:
    config = entry.get("config")
    if isinstance(config, dict) and "dim_ordering" in config:
        yield config["dim_ordering"]
    for inner in _children(entry):
        yield from _orders(inner)


def _children(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a Sequential model its list; of a Model its layers."""
    config = entry.get("config")
    found = config.get("layers", []) if isinstance(config, dict) else config
    return found if isinstance(found, list) else []


def _layer(entry: dict[str, Any], data_format: str) -> dict[str, Any]:
    name, config = entry["class_name"], entry.get("config")
    if name in ("Sequential", "Model", "Graph"):
        layers = [_layer(child, data_format) for child in _children(entry)]
        unnamed = [child for child in layers if isinstance(child["config"], list) and "name" not in child]
        for count, child in enumerate(unnamed, 1):
            child["name"] = f"sequential_{count}"
        return entry | {"config": config | {"layers": layers} if isinstance(config, dict) else layers}
    if not isinstance(config, dict):
        raise ModelError(f"the file is damaged: a {name} has no configuration")
    options = {_OPTIONS.get(key, key): value for key, value in config.items()}
    sizes = [config[key] for key in ("nb_row", "nb_col") if key in config]
    sizes = sizes or [config[f"kernel_dim{i}"] for i in (1, 2, 3) if f"kernel_dim{i}" in config]
    if sizes:
        options["kernel_size"] = sizes
    if name.startswith(("Atrous", "Separable", *_SPATIAL)) or "Pooling" in name:
        own = config.get("dim_ordering")
        options["data_format"] = "channels_last" if "1D" in name else _FORMATS.get(own, data_format)
        options["kernel_format"] = options["data_format"]
    if name.startswith("ZeroPadding"):
        options["padding"] = _edges(config.get("padding"))
    refusal = _REFUSED.get(name)
    if name == "Merge" and "layers" in config:
        refusal = "a Merge that holds models is not supported; build it with the functional API"
    if name == "BatchNormalization" and config.get("mode") == 1:
        refusal = "mode 1 normalizes each sample by its own values, which is not supported"
    return entry | {"class_name": _CLASSES.get(name, name), "config": options, "refusal": refusal}


def _edges(padding: Any) -> Any:
    """Keras 1 also took names, and four numbers in a row."""
    if isinstance(padding, dict):
        pairs = [("left_pad", "right_pad")]
        if padding.keys() & {"top_pad", "bottom_pad"}:
            pairs.insert(0, ("top_pad", "bottom_pad"))
        return [[padding.get(first, 0), padding.get(second, 0)] for first, second in pairs]
    if isinstance(padding, list) and len(padding) == 4:
        return [padding[:2], padding[2:]]
    return padding


class Keras1Weights(LegacyWeights):
    """Kernels as Keras 2 keeps them: Keras 1 has those of channels-first layers with the filters in front."""

    @property
    def backend(self) -> str:
        """Only TensorFlow numbers the outputs of its operations, as in "conv_W:0"."""
        groups = [self._group.children[name] for name in self._group.children or ()]  # type: ignore[index]
        names = [name for group in groups for name in attribute_list(group, "weight_names")]
        return "theano" if names and not any(name.endswith(":0") for name in names) else "tensorflow"

    def assign(self, model: LayerConfig, roles: Roles) -> Arrays:
        """By position, as Keras 1 did: a Sequential model in another has lost its name."""
        layers = [layer for layer in model.children if any(sum(roles(leaf)) for leaf in layer.leaves())]
        groups = [child(self._group, name) for name in attribute_list(self._group, "layer_names")]
        groups = [group for group in groups if attribute_list(group, "weight_names")]
        if len(layers) != len(groups):
            raise ModelError(f"{len(layers)} layers should have weights, the file has them for {len(groups)}")
        arrays: Arrays = {}
        for layer, group in zip(layers, groups):
            stored = [child(group, name) for name in attribute_list(group, "weight_names")]
            self._distribute(layer, stored, roles, arrays)
        return {layer: [_turned(layer, array) for array in stored] for layer, stored in arrays.items()}


def _turned(layer: LayerConfig, array: StoredArray) -> StoredArray:
    name = layer.class_name
    if "Conv" not in name or array.ndim < 4:
        return array
    if name == "Conv1D":
        if array.shape[1] != 1:  # of early versions: (filters, channels, length, 1)
            array = array.permuted((2, 3, 1, 0))
        return array.reshape((array.shape[0], *array.shape[2:]))
    if layer.options.get("kernel_format") == "channels_first":
        array = array.permuted((*range(2, array.ndim), 1, 0))
    return array.permuted((0, 1, 3, 2)) if name == "Conv2DTranspose" else array
