"""Images that a filter responds to most, with keras-vis 0.5.0's arguments and return value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import backprop_modifiers
from .._rules import BackpropModifier
from ..layers import Tensor
from ..live.models import as_model
from ..losses import ActivationMaximization, Loss
from ..model import Model
from ..optimizer import Optimizer
from ..regularizers import LPNorm, TotalVariation
from ..utils.utils import add_defaults_to_kwargs


def visualize_activation_with_losses(
    input_tensor: Tensor,
    losses: Sequence[tuple[Loss, float | None]],
    wrt_tensor: Tensor | None = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    *,
    exact: bool = False,
    **optimizer_params: Any,
) -> np.ndarray:
    """The image that makes a weighted sum of losses small.

    Args:
        input_tensor: `model.input` of a model with one input.
        losses: (loss, weight) pairs (`swiftvis.losses`, `swiftvis.regularizers`, your own).
        wrt_tensor: the gradient is taken at this tensor (`layer.output`); None means the input. With another one the
            image is not changed.
        seed_input: the image to start from; None means noise.
        input_range: the (smallest, largest) value of images.
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
        optimizer_params: arguments of `Optimizer.minimize`: max_iter (200), input_modifiers, grad_modifier, callbacks,
            verbose (False).
    Returns:
        The image (H, W, C) in `input_range`: uint8 where both its ends are integers, else float. Channels last, of a
        channels-first model too.
    Raises:
        ValueError, TypeError: as `Optimizer` and its `minimize`.
    """
    optimizer = Optimizer(input_tensor, losses, input_range, wrt_tensor=wrt_tensor, exact=exact)
    return optimized(optimizer, seed_input, optimizer_params)


def optimized(optimizer: Optimizer, seed_input: Any, optimizer_params: dict[str, Any]) -> np.ndarray:
    """The optimizer's image as a picture."""
    defaults = {"seed_input": seed_input, "max_iter": 200, "verbose": False}
    image = optimizer.minimize(**add_defaults_to_kwargs(defaults, **optimizer_params))[0]
    low, high = optimizer.input_range
    if isinstance(low, int) and isinstance(high, int):
        image = np.clip(image, low, high).astype(np.uint8)
    if optimizer.input_tensor.channel_axis == 1 and image.ndim > 1:
        image = np.moveaxis(image, 0, -1)
    return image


def visualize_activation(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    wrt_tensor: Tensor | str | None = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = None,
    act_max_weight: float | None = 1,
    lp_norm_weight: float | None = 10,
    tv_weight: float | None = 10,
    *,
    exact: bool = False,
    **optimizer_params: Any,
) -> np.ndarray:
    """The image that filters respond to most (Simonyan et al. 2014, arXiv:1312.6034), by gradient descent on minus their
    mean activation, an L6 norm and the total variation.

    Set a softmax output to linear first (`layer.activation`, `apply_modifications`): a softmax also grows where the
    other classes shrink.

    Args:
        model: from `swiftvis.load_model`, with one input.
        layer_idx: index of the layer in `model.layers`, its name, or an output tensor.
        filter_indices: one filter (class, channel) or several, for an image that shows all of them; None means the
            mean of all.
        wrt_tensor: the gradient is taken at this tensor (`layer.output`) or layer name; None means the input. With
            another one the image is not changed.
        seed_input: the image to start from; None means noise.
        input_range: the (smallest, largest) value of images.
        backprop_modifier: "guided", "rectified" ("relu", "deconv"), a rule of your own, or a function from model to
            model: see `swiftvis.backprop_modifiers`.
        grad_modifier: "absolute", "negate", "invert", "relu", "small_values", a function of the gradient, or None.
        act_max_weight: the weight of the activation; 0 or None leaves it out.
        lp_norm_weight: the weight of the L6 norm; 0 or None leaves it out.
        tv_weight: the weight of the total variation; 0 or None leaves it out.
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
        optimizer_params: arguments of `Optimizer.minimize`: max_iter (200), input_modifiers, callbacks, verbose (False).
    Returns:
        The image (H, W, C) in `input_range`: uint8 where both its ends are integers, else float. Channels last, of a
        channels-first model too.
    Raises:
        IndexError, ValueError, TypeError: as `Model.gradient` and `Optimizer`.
    """
    model = as_model(model, seed_input)
    if backprop_modifier is not None:
        model = backprop_modifiers.get(backprop_modifier)(model)
    source = model.inputs[0]
    losses = activation_losses(model, layer_idx, filter_indices, act_max_weight, lp_norm_weight, tv_weight)
    params = add_defaults_to_kwargs({"grad_modifier": grad_modifier}, **optimizer_params)
    wrt = None if wrt_tensor is None else model.tensor(wrt_tensor)
    return visualize_activation_with_losses(
        source, losses, wrt, seed_input, input_range, exact=exact, **params
    )


def activation_losses(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: Any,
    *weights: float | None,
) -> list[tuple[Loss, float | None]]:
    """The losses of `visualize_activation` with their weights."""
    target, _ = model._target(layer_idx)
    source = model.inputs[0]
    losses = ActivationMaximization(target, filter_indices), LPNorm(source), TotalVariation(source)
    return list(zip(losses, weights, strict=True))
