"""Saliency maps in one call, one for each image, with their scale kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._arguments import require_model
from .layers import Tensor
from .model import Model

_REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {"max": np.max, "sum": np.sum}


def saliency(
    model: Model,
    image: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    layer: int | str | Tensor = -1,
    backprop_modifier: str | Callable[[Model], Model] | None = None,
    reduction: str = "max",
    *,
    exact: bool = False,
) -> np.ndarray:
    """The size of the gradient at each pixel (Simonyan et al. 2014, arXiv:1312.6034).

    Args:
        model: from `swiftvis.load_model`, with one input.
        image: one image (H, W, C) or a batch (N, H, W, C), as the network takes it.
        filter_indices: one filter (class, channel) or several; None means the mean of all.
        layer: index of the layer, its name, or an output tensor.
        backprop_modifier: "guided", "rectified" ("relu", "deconv"), or a function from model to model.
        reduction: over the channels: "max" of |g| (Simonyan), or "sum" of |g| (SmoothGrad's programs).
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
    Returns:
        float32 map (H, W), or maps (N, H, W) for a batch: 0 and more, not normalized. Each image's map is its
        own, whatever else is in the batch.
    Raises:
        IndexError, ValueError, TypeError: as `Model.gradient`; ValueError also for an unknown reduction.
    """
    require_model(model)
    if reduction not in _REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r} (known: {', '.join(_REDUCTIONS)})")
    grads = model.gradient(image, layer, filter_indices, backprop_modifier=backprop_modifier, exact=exact)
    if isinstance(grads, list):
        raise ValueError(f"the model has {len(grads)} inputs; use Model.gradient for such a model")
    tensor = model.inputs[0]
    # The gradient is of the batch's mean score; times the batch size it is each image's own.
    maps = _REDUCTIONS[reduction](np.abs(grads), axis=tensor.channel_axis) * np.float32(len(grads))
    return maps[0] if np.ndim(image) == len(tensor.shape) - 1 else maps
