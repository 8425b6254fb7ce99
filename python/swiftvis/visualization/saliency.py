"""Saliency maps with keras-vis 0.5.0's arguments, normalization and return value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native, grad_modifiers
from .._rules import BackpropModifier
from ..layers import Layer, Tensor
from ..live.models import as_model
from ..live.tensors import as_tensor
from ..losses import Loss
from ..model import Model
from ..optimizer import Optimizer


def visualize_saliency(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    wrt_tensor: Tensor | str | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = "absolute",
    keepdims: bool = False,
    *,
    exact: bool = False,
) -> np.ndarray:
    """How much each pixel would change what filters put out (Simonyan et al. 2014, arXiv:1312.6034).

    The gradient of the filters' mean activation, passed through `grad_modifier`, its largest value over the
    channels, scaled to 0..1. Set a softmax output to linear first (`layer.activation`,
    `apply_modifications`), so that the map shows what speaks for the class and not what speaks against the
    others.

    Args:
        model: from `swiftvis.load_model`.
        layer_idx: index of the layer in `model.layers`, its name, or an output tensor.
        filter_indices: one filter (class, channel) or several; None means the mean of all, as for a
            regression.
        seed_input: the image, as the network takes it (nothing is preprocessed): (H, W, C) or (N, H, W, C),
            uint8 or any other numbers.
        wrt_tensor: the gradient is taken at this tensor (`layer.output`) or layer name; None means the input.
        backprop_modifier: "guided", "rectified" ("relu", "deconv"), a rule of your own, or a function from model to
            model: see `swiftvis.backprop_modifiers`.
        grad_modifier: "absolute", "negate", "invert", "relu", "small_values", a function of the gradient, or
            None.
        keepdims: keep the channels: (H, W, C). Use it for inputs without a channel axis.
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
    Returns:
        float32 map (H, W) in 0..1 of the first image. With a batch, the smallest and largest value are the
        whole batch's, as in keras-vis. A gradient of zero everywhere gives zeros.
    Raises:
        IndexError, ValueError, TypeError: as `Model.gradient`; TypeError also for another kind of model,
            ValueError for an unknown modifier, and for a model with several inputs where `wrt_tensor` does
            not say which.
    """
    model = as_model(model, seed_input)
    modify = grad_modifiers.get(grad_modifier) if grad_modifier is not None else None
    grads = model.gradient(seed_input, layer_idx, filter_indices, wrt_tensor, backprop_modifier, exact=exact)
    if isinstance(grads, list):
        raise ValueError(f"the model has {len(grads)} inputs: say which with wrt_tensor=model.inputs[i]")
    tensor = model.inputs[0] if wrt_tensor is None else model.tensor(wrt_tensor)
    return unit(reduced(grads, modify, None if keepdims else tensor.channel_axis))[0]


def reduced(
    grads: np.ndarray, modify: Callable[[np.ndarray], np.ndarray] | None, channel_axis: int | None
) -> np.ndarray:
    """The modified gradient, and of that the largest value over the channels, if there is an axis for them."""
    if modify is not None:
        grads = np.asarray(modify(grads))
    grads = np.ascontiguousarray(grads, np.float32)
    if channel_axis is None:
        return grads
    if channel_axis >= grads.ndim:
        raise ValueError(
            f"grad_modifier: expected an array with the gradient's axes, got shape {grads.shape}"
        )
    return _native.saliency_map(grads, channel_axis)


def unit(maps: np.ndarray) -> np.ndarray:
    """Maps brought to 0..1 together, with keras-vis's small term against a division by 0."""
    return _native.normalize(np.ascontiguousarray(maps, np.float32), 1e-7)


def visualize_saliency_with_losses(
    input_tensor: Tensor,
    losses: Sequence[tuple[Loss, float | None]],
    seed_input: Any,
    wrt_tensor: Tensor | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = "absolute",
    keepdims: bool = False,
    *,
    exact: bool = False,
) -> np.ndarray:
    """How much each pixel would change a weighted sum of losses: `visualize_saliency` with losses of your own.

    Args:
        input_tensor: `model.input` of a model with one input.
        losses: (loss, weight) pairs. `(ActivationMaximization(layer, filters), -1)` is what `visualize_saliency` has:
            that loss is minus the activation.
        seed_input, grad_modifier, keepdims, exact: as for `visualize_saliency`.
        wrt_tensor: the gradient is taken at this tensor (`layer.output`); None means the input.
    Returns:
        float32 map (H, W) in 0..1 of the first image, as `visualize_saliency`.
    Raises:
        ValueError, TypeError: as `swiftvis.optimizer.Optimizer`; ValueError also for an unknown modifier.
    """
    optimizer = Optimizer(input_tensor, losses, wrt_tensor=wrt_tensor, norm_grads=False, exact=exact)
    _, grads, _ = optimizer.minimize(
        seed_input=seed_input, max_iter=1, grad_modifier=grad_modifier, verbose=False
    )
    return unit(reduced(grads, None, None if keepdims else optimizer.wrt_tensor.channel_axis))[0]


def overlay(array1: np.ndarray, array2: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """array1 * alpha + array2 * (1 - alpha), in the dtype of array1: integers are truncated.

    Raises:
        ValueError: alpha outside 0..1, or two shapes.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` needs to be between [0, 1], got {alpha}")
    array1, array2 = np.asarray(array1), np.asarray(array2)
    if array1.shape != array2.shape:
        raise ValueError(
            f"`array1` and `array2` must have the same shapes, got {array1.shape} and {array2.shape}"
        )
    return (array1 * alpha + array2 * (1 - alpha)).astype(array1.dtype)


def get_num_filters(layer: Layer) -> int | None:
    """How many filters a layer has, of a `Model` or a live model: its units or output channels."""
    output = as_tensor(layer.output, "layer.output")
    return output.shape[output.channel_axis]
