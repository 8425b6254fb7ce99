"""Class activation maps with keras-vis 0.5.0's arguments, search for a layer, and scaling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native, backprop_modifiers, grad_modifiers
from .._cam_layers import chosen, penultimate, positions
from .._passes import Score
from .._rules import BackpropModifier
from ..layers import Layer, Tensor
from ..live.models import as_model
from ..losses import Loss
from ..model import Model
from ..optimizer import Optimizer
from ..resampling import spline_zoom
from .saliency import unit

Zoom = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


def visualize_cam(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    penultimate_layer_idx: int | str | Tensor | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    exact: bool = False,
) -> np.ndarray:
    """Where in the image lies what filters respond to: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391).

    The channels of a convolution or pooling layer, each weighted by the mean of the filters' gradient at it,
    summed; what is negative becomes 0; enlarged to the image by cubic splines and scaled to 0..1.

    With `backprop_modifier="guided"` the weights come from guided gradients, as in keras-vis. The paper's
    Guided Grad-CAM is something else: `swiftvis.guided_grad_cam`.

    Where every gradient at the layer is negative, keras-vis divides by a negative number and shows what
    speaks against the class; here the map is then of what speaks for it, most often 0. The zoom is
    SciPy's, as there, and leaves a last row of 0 in some sizes (`swiftvis.resampling.spline_zoom`); `swiftvis.cam` does not.

    Args:
        model: from `swiftvis.load_model`, with one input.
        layer_idx: index of the layer in `model.layers`, its name, or an output tensor.
        filter_indices: one filter (class, channel) or several; None means the mean of all.
        seed_input: the image, as the network takes it: (H, W, C) or (N, H, W, C), any numbers.
        penultimate_layer_idx: the layer whose channels are weighted: index, name or output tensor. None takes
            the last convolution or pooling that leads to the layer (global pooling does not count, nor does
            the layer right before it, as in keras-vis), in nested models too.
        backprop_modifier: "guided", "rectified" ("relu", "deconv"), a rule of your own, or a function from model to
            model: see `swiftvis.backprop_modifiers`.
        grad_modifier: "absolute", "negate", "invert", "relu", "small_values", a function of the gradient, or
            None.
        exact: as for `Model.gradient`: slower, and a few bits more accurate.
    Returns:
        float32 map (H, W) in 0..1 of the first image. With a batch, the weights are the whole batch's, as in
        keras-vis; `swiftvis.cam` gives each image its own.
    Raises:
        IndexError, ValueError, TypeError: as `visualize_saliency`; ValueError also where no such layer is
            found, or where it does not come before the layer or has no positions.
    """
    return class_activation(
        *(model, layer_idx, filter_indices, seed_input, penultimate_layer_idx, backprop_modifier),
        *(grad_modifier, exact, spline_zoom),
    )


def class_activation(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: Any,
    seed_input: Any,
    penultimate_layer_idx: int | str | Tensor | None,
    backprop_modifier: BackpropModifier | None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None,
    exact: bool,
    zoom: Zoom,
) -> np.ndarray:
    """`visualize_cam` with another way to enlarge the map."""
    model = as_model(model, seed_input)
    modify = grad_modifiers.get(grad_modifier) if grad_modifier is not None else None
    if backprop_modifier is not None:
        model = backprop_modifiers.get(backprop_modifier)(model)
    if penultimate_layer_idx is None:
        source = penultimate(model, layer_idx)
    else:
        problem = "`penultimate_layer_idx` needs to be before `layer_idx`"
        source = chosen(model, layer_idx, penultimate_layer_idx, problem)
    score = Score.of(model, seed_input, layer_idx, filter_indices, exact)
    if len(score.arrays) > 1:
        raise ValueError(
            f"the model has {len(score.arrays)} inputs; a class activation map is laid over one image"
        )
    (values,), (grads,) = score.run([source.name], [source.name])
    if modify is not None:
        grads = np.asarray(modify(grads))
    return heatmap(values, grads, source, positions(score.arrays[0].shape, model.inputs[0]), zoom)


def visualize_cam_with_losses(
    input_tensor: Tensor,
    losses: Sequence[tuple[Loss, float | None]],
    seed_input: Any,
    penultimate_layer: Layer | Tensor,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    exact: bool = False,
) -> np.ndarray:
    """Where in the image lies what weighted losses respond to: `visualize_cam` with losses of your own.

    Args:
        input_tensor: `model.input` of a model with one input.
        losses: (loss, weight) pairs. `(ActivationMaximization(layer, filters), -1)` is what `visualize_cam` has: that
            loss is minus the activation.
        seed_input, grad_modifier, exact: as for `visualize_cam`.
        penultimate_layer: the layer whose channels are weighted, or its output tensor.
    Returns:
        float32 map (H, W) in 0..1 of the first image, as `visualize_cam`.
    Raises:
        ValueError, TypeError: as `swiftvis.optimizer.Optimizer`; ValueError also for an unknown modifier, and where
            the layer has no positions.
    """
    return losses_activation(
        input_tensor, losses, seed_input, penultimate_layer, grad_modifier, exact, spline_zoom
    )


def losses_activation(
    input_tensor: Tensor,
    losses: Sequence[tuple[Loss, float | None]],
    seed_input: Any,
    penultimate_layer: Layer | Tensor,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None,
    exact: bool,
    zoom: Zoom,
) -> np.ndarray:
    """`visualize_cam_with_losses` with another way to enlarge the map."""
    source = getattr(penultimate_layer, "output", penultimate_layer)
    optimizer = Optimizer(input_tensor, losses, wrt_tensor=source, norm_grads=False, exact=exact)
    image = optimizer._get_seed_input(seed_input)
    _, grads, values = optimizer.minimize(image, max_iter=1, grad_modifier=grad_modifier, verbose=False)
    size = positions(image.shape, optimizer.input_tensor)
    return heatmap(values, grads, optimizer.wrt_tensor, size, zoom)


def heatmap(
    values: np.ndarray, grads: np.ndarray, source: Tensor, size: tuple[int, ...], zoom: Zoom
) -> np.ndarray:
    """The map of the first image, of that size, from a tensor's values and the gradient at it."""
    if values.ndim - 2 != len(size) or not size:
        raise ValueError(
            f"a map of '{source.name}' {source.shape} cannot be laid over an image of size {size}"
        )
    values, grads = (np.ascontiguousarray(array, np.float32) for array in (values, grads))
    heat = _native.class_activation_map(values, grads, source.channel_axis, of_batch=True)[0]
    return unit(zoom(heat, size))
