"""Maps in one call, one for each image, with their scale kept or set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _native
from ._arguments import scaling
from ._cam_layers import chosen, last_with_positions, positions
from ._passes import Score
from ._rules import BackpropModifier
from .imaging import unit_range
from .layers import Tensor
from .live.models import as_model
from .model import Model

_REDUCTIONS = ("max", "sum")


def saliency(
    model: Model,
    image: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    layer: int | str | Tensor = -1,
    backprop_modifier: BackpropModifier | None = None,
    reduction: str = "max",
    *,
    normalize: bool | str = False,
    exact: bool = False,
) -> np.ndarray:
    """The size of the gradient at each pixel (Simonyan et al. 2014, arXiv:1312.6034).

    Args:
        model: from `swiftvis.load_model`, with one input.
        image: one image (H, W, C) or a batch (N, H, W, C), as the network takes it.
        filter_indices: one filter (class, channel) or several; None means the mean of all.
        layer: index of the layer, its name, or an output tensor.
        backprop_modifier: "guided", "rectified" ("relu", "deconv"), a rule of your own, or a function from model to
            model: see `swiftvis.backprop_modifiers`.
        reduction: over the channels: "max" of |g| (Simonyan), or "sum" of |g| (SmoothGrad's programs).
        normalize: False keeps the scale; True brings each image's map to 0..1, "shared" the whole batch, so that
            its maps can be compared.
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
    Returns:
        float32 map (H, W), or maps (N, H, W) for a batch: 0 and more. Each image's map is its own, whatever else
        is in the batch.
    Raises:
        IndexError, ValueError, TypeError: as `Model.gradient`; ValueError also for an unknown reduction or
            normalization, and for several inputs.
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r} (known: {', '.join(_REDUCTIONS)})")
    model, scale = _with_one_input(model, image), scaling(normalize)
    grads = _gradients(model, image, filter_indices, layer, backprop_modifier, exact)
    maps = _native.saliency_map(grads, model.inputs[0].channel_axis, reduction)
    return _finished(maps, scale, image, model)


def cam(
    model: Model,
    image: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    layer: int | str | Tensor = -1,
    source: int | str | Tensor | None = None,
    *,
    normalize: bool | str = False,
    resize: bool = True,
    exact: bool = False,
) -> np.ndarray:
    """Where in the image lies what speaks for a class: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).

    The channels of a layer, each weighted by the mean of the score's gradient at it, summed; what is negative
    becomes 0. As in the paper each image has its own weights, and the map is enlarged bilinearly.

    Args:
        model, image, filter_indices, layer, normalize, exact: as for `saliency`.
        source: the layer whose channels are weighted: index, name or output tensor. None takes the last one before
            `layer` whose output has several positions.
        resize: False gives the map in the size of the source.
    Returns:
        float32 map (H, W), or maps (N, H, W) for a batch: 0 and more.
    Raises:
        IndexError, ValueError, TypeError: as `saliency`; ValueError also where `layer` does not follow from `source`
            or where it has no positions.
    """
    model, scale = _with_one_input(model, image), scaling(normalize)
    return _finished(_cams(model, image, filter_indices, layer, source, resize, exact), scale, image, model)


def guided_grad_cam(
    model: Model,
    image: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    layer: int | str | Tensor = -1,
    source: int | str | Tensor | None = None,
    *,
    exact: bool = False,
) -> np.ndarray:
    """Guided Grad-CAM: the gradient by guided backpropagation times the class activation map (Selvaraju et al. 2017,
    arXiv:1610.02391): fine as the one, and about one class as the other.

    keras-vis's documentation gives this name to `visualize_cam(backprop_modifier="guided")`, which is another map.

    Args:
        as for `cam`.
    Returns:
        float32 array of the shape of `image`, signed and not normalized; `swiftvis.rendering` draws it.
    Raises:
        IndexError, ValueError, TypeError: as `cam`.
    """
    model = _with_one_input(model, image)
    maps = _cams(model, image, filter_indices, layer, source, True, exact)
    guided = _gradients(model, image, filter_indices, layer, "guided", exact)
    product = guided * np.expand_dims(maps, model.inputs[0].channel_axis)
    return _one_or_all(product, image, model)


def _gradients(
    model: Model,
    image: Any,
    filter_indices: Any,
    layer: Any,
    backprop_modifier: BackpropModifier | None,
    exact: bool,
) -> np.ndarray:
    """The gradient of each image's own score."""
    grads = model.gradient(image, layer, filter_indices, backprop_modifier=backprop_modifier, exact=exact)
    # The gradient is of the batch's mean score; times the batch size it is each image's own.
    return grads * np.float32(len(grads))


def _cams(
    model: Model, image: Any, filter_indices: Any, layer: Any, source: Any, resize: bool, exact: bool
) -> np.ndarray:
    if source is None:
        tensor = last_with_positions(model, layer)
    else:
        tensor = chosen(model, layer, source, "`source` needs to be before `layer`")
    score = Score.of(model, image, layer, filter_indices, exact)
    (values,), (grads,) = score.run([tensor.name], [tensor.name])
    maps = _native.class_activation_map(values, grads * np.float32(len(grads)), tensor.channel_axis)
    size = positions(score.arrays[0].shape, model.inputs[0])
    if maps.ndim - 1 != len(size) or not 1 <= len(size) <= 2:
        raise ValueError(
            f"a map of '{tensor.name}' {tensor.shape} cannot be laid over an image of size {size}"
        )
    if not resize:
        return maps
    # A sequence is an image of one column.
    enlarged = [_native.resize(map.reshape(len(map), -1, 1), (*size, 1)[:2]) for map in maps]
    return np.stack(enlarged).reshape(len(maps), *size)


def _with_one_input(model: Any, image: Any) -> Model:
    model = as_model(model, image)
    if len(model.inputs) > 1:
        raise ValueError(f"the model has {len(model.inputs)} inputs; use Model.gradient for such a model")
    return model


def _finished(maps: np.ndarray, scale: bool | str, image: Any, model: Model) -> np.ndarray:
    if scale == "shared":
        maps = unit_range(maps)
    elif scale:
        maps = np.stack([unit_range(map) for map in maps])
    return _one_or_all(maps, image, model)


def _one_or_all(results: np.ndarray, image: Any, model: Model) -> np.ndarray:
    """The results of a batch; the only one where the user gave an image without a batch axis."""
    return results[0] if np.ndim(image) == len(model.inputs[0].shape) - 1 else results
