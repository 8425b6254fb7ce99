"""The calls of keras-vis 0.4.1, which PyPI still has: its order of arguments, maps as uint8 pictures (H, W, 3) in the
colors of jet, and gradients divided by their root mean square where 0.5.0 divides by their l2 norm.

    from swiftvis.visualization.legacy import visualize_saliency    # was: from vis.visualization import ...

Arguments are explained, and errors listed, at the functions of the same names in `swiftvis.visualization`. Guided and
rectified rules are those of 0.5.0: 0.4.1 also turned every activation into a ReLU, softmax and linear included, and so
explained another network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import backprop_modifiers, imaging
from .._rules import BackpropModifier
from ..layers import Layer, Tensor
from ..live.models import as_model
from ..losses import Loss
from ..model import Model
from ..optimizer import Optimizer
from ..utils.utils import add_defaults_to_kwargs
from . import saliency
from .activation_maximization import activation_losses, optimized
from .cam import class_activation, losses_activation
from .saliency import get_num_filters, overlay

__all__ = [
    "get_num_filters",
    "overlay",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_cam",
    "visualize_cam_with_losses",
    "visualize_saliency",
    "visualize_saliency_with_losses",
]

Losses = Sequence[tuple[Loss, float | None]]
GradModifier = str | Callable[[np.ndarray], np.ndarray] | None


def visualize_saliency(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: GradModifier = "absolute",
) -> np.ndarray:
    """The saliency map as a uint8 RGB picture (H, W, 3)."""
    return _picture(
        saliency.visualize_saliency(
            *(model, layer_idx, filter_indices, seed_input),
            backprop_modifier=backprop_modifier,
            grad_modifier=grad_modifier,
        )
    )


def visualize_saliency_with_losses(
    input_tensor: Tensor, losses: Losses, seed_input: Any, grad_modifier: GradModifier = "absolute"
) -> np.ndarray:
    """The saliency map of weighted losses as a uint8 RGB picture (H, W, 3)."""
    return _picture(
        saliency.visualize_saliency_with_losses(input_tensor, losses, seed_input, grad_modifier=grad_modifier)
    )


def visualize_cam(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    penultimate_layer_idx: int | str | Tensor | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: GradModifier = None,
) -> np.ndarray:
    """The class activation map as a uint8 RGB picture (H, W, 3), enlarged by bicubic convolution instead of splines.
    ValueError also where the input is not an image."""
    return _picture(
        class_activation(
            *(model, layer_idx, filter_indices, seed_input, penultimate_layer_idx, backprop_modifier),
            *(grad_modifier, False, _bicubic),
        )
    )


def visualize_cam_with_losses(
    input_tensor: Tensor,
    losses: Losses,
    seed_input: Any,
    penultimate_layer: Layer | Tensor,
    grad_modifier: GradModifier = None,
) -> np.ndarray:
    """The class activation map of weighted losses as a uint8 RGB picture (H, W, 3), enlarged like `visualize_cam`'s."""
    return _picture(
        losses_activation(input_tensor, losses, seed_input, penultimate_layer, grad_modifier, False, _bicubic)
    )


def visualize_activation(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: GradModifier = None,
    act_max_weight: float | None = 1,
    lp_norm_weight: float | None = 10,
    tv_weight: float | None = 10,
    **optimizer_params: Any,
) -> np.ndarray:
    """The image that filters respond to most, by gradients of 0.4.1's scale: larger steps away from noise."""
    model = as_model(model, seed_input)
    if backprop_modifier is not None:
        model = backprop_modifiers.get(backprop_modifier)(model)
    losses = activation_losses(model, layer_idx, filter_indices, act_max_weight, lp_norm_weight, tv_weight)
    params = add_defaults_to_kwargs({"grad_modifier": grad_modifier}, **optimizer_params)
    return visualize_activation_with_losses(model.inputs[0], losses, seed_input, input_range, **params)


def visualize_activation_with_losses(
    input_tensor: Tensor,
    losses: Losses,
    seed_input: Any = None,
    input_range: tuple[float, float] = (0, 255),
    **optimizer_params: Any,
) -> np.ndarray:
    """The image that makes a weighted sum of losses small, by gradients of 0.4.1's scale."""
    return optimized(_Optimizer(input_tensor, losses, input_range), seed_input, optimizer_params)


class _Optimizer(Optimizer):
    def _normalized(self, grads: np.ndarray) -> np.ndarray:
        return grads / (np.sqrt(np.mean(np.square(grads))) + np.float32(1e-7))


def _picture(map: np.ndarray) -> np.ndarray:
    return imaging.colormap("jet", map)


def _bicubic(map: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """What `scipy.misc.imresize(map, size, "bicubic", "F")` did, by Pillow."""
    from PIL import Image

    if len(size) != 2:
        raise ValueError(f"only an image's map can be resized like this, got an input of size {size}")
    return np.asarray(Image.fromarray(map).resize(size[::-1], Image.Resampling.BICUBIC))
