"""Which layer's channels a class activation map is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from .layers import Layer, Tensor
from .model import Model

_CONV_OR_POOLING = re.compile(
    r"(Depthwise|Separable)?Conv(olution|Transpose)?([123]D)?(Transpose)?|(Max|Average|Avg)Pool(ing)?([123]D)?",
    re.IGNORECASE,  # PyTorch's end in a small d, ONNX's say no dimensions
)


def chosen(model: Model, layer: int | str | Tensor, source: int | str | Tensor, otherwise: str) -> Tensor:
    """The layer that the user says. ValueError, which starts with `otherwise`, where `layer` does not follow from it."""
    (target, label), (tensor, name) = model._target(layer), model._target(source)
    if tensor.name not in model._network.leading_to(target.name):
        raise ValueError(f"{otherwise}: '{name}' does not lead to '{label}'")
    return tensor


def penultimate(model: Model, layer_idx: int | str | Tensor) -> Tensor:
    """The layer that keras-vis takes: the last convolution or pooling, but not the layer right before `layer_idx`."""
    target, _ = model._target(layer_idx)
    leading = model._network.leading_to(target.name)
    position = next((layer.index for layer in model.layers if layer.makes(target)), len(model.layers))
    for layer in _backwards(model.layers[: max(position - 1, 0)]):
        if _CONV_OR_POOLING.fullmatch(layer.class_name) and (source := _output(model, layer, leading)):
            return source
    raise ValueError(
        f"Unable to determine penultimate `Conv` or `Pooling` layer for layer_idx: {layer_idx} (the layer right "
        "before it does not count); say which with penultimate_layer_idx"
    )


def last_with_positions(model: Model, layer: int | str | Tensor) -> Tensor:
    """The last output of a layer before `layer` that still has several positions: what the paper takes."""
    target, label = model._target(layer)
    leading = model._network.leading_to(target.name) - {target.name, *model._network.inputs}
    for candidate in _backwards(model.layers):
        source = _output(model, candidate, leading)
        if source and math.prod(size or 2 for size in positions(source.shape, source)) > 1:
            return source
    raise ValueError(f"no layer before '{label}' has an output with positions to map; say which with source=")


def positions(shape: Sequence[int | None], tensor: Tensor) -> tuple[int, ...]:
    """The sizes of the axes that are neither batch nor channels."""
    return tuple(size for axis, size in enumerate(shape) if axis not in (0, tensor.channel_axis))


def _backwards(layers: Sequence[Layer]) -> Iterator[Layer]:
    """The layers from the last to the first, those of nested models in their place."""
    for layer in reversed(layers):
        yield from _backwards(layer.layers) if layer.layers else [layer]


def _output(model: Model, layer: Layer, leading: set[str]) -> Tensor | None:
    """The layer's last output among those nodes, which its other calls need not be."""
    for node in reversed(layer.nodes):
        if node in leading:
            return model._network.tensor(node)
    return None
