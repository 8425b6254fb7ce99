"""The saliency map of every filter of a layer, from one pass forward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import backprop_modifiers, grad_modifiers
from .._arguments import scaling
from .._passes import Score, filter_count
from .._rules import BackpropModifier
from ..layers import Tensor
from ..live.models import as_model
from ..model import Model
from .saliency import reduced, unit


def iter_saliency_per_filter(
    model: Model,
    layer_idx: int | str | Tensor,
    seed_input: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    wrt_tensor: Tensor | str | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = "absolute",
    keepdims: bool = False,
    *,
    normalize: bool = True,
    exact: bool = False,
) -> Iterator[np.ndarray]:
    """The saliency maps of a layer's filters, one after the other, in the memory of one.

    Each is what `visualize_saliency` gives for that filter; the network runs forward once for all of them.

    Args:
        filter_indices: which filters, in which order; None means all that the layer has.
        normalize: False leaves the scale as it is: the modified gradient of a filter's mean activation.
        model, layer_idx, seed_input, wrt_tensor, backprop_modifier, grad_modifier, keepdims, exact: as for
            `visualize_saliency`.
    Returns:
        an iterator over float32 maps (H, W), of which the first is computed by the call itself.
    Raises:
        IndexError, ValueError, TypeError: as `visualize_saliency`, by the call itself.
    """
    model = as_model(model, seed_input)
    if scaling(normalize) == "shared":
        raise ValueError("a shared scale needs all maps at once: use visualize_saliency_per_filter")
    modify = grad_modifiers.get(grad_modifier) if grad_modifier is not None else None
    if backprop_modifier is not None:
        model = backprop_modifiers.get(backprop_modifier)(model)
    if wrt_tensor is None and len(model.inputs) > 1:
        raise ValueError(
            f"the model has {len(model.inputs)} inputs: say which with wrt_tensor=model.inputs[i]"
        )
    tensor = model.inputs[0] if wrt_tensor is None else model.tensor(wrt_tensor)
    score = Score.of(model, seed_input, layer_idx, filter_indices, exact)
    filters = score.filters or range(filter_count(score.target, score.target.name))

    def maps() -> Iterator[np.ndarray]:
        for grads in score.each(tensor.name, filters):
            found = reduced(grads, modify, None if keepdims else tensor.channel_axis)
            yield (unit(found) if normalize else found)[0]

    rest = maps()
    return itertools.chain([next(rest)], rest)


def visualize_saliency_per_filter(
    model: Model,
    layer_idx: int | str | Tensor,
    seed_input: Any,
    filter_indices: int | Sequence[int] | np.ndarray | None = None,
    wrt_tensor: Tensor | str | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = "absolute",
    keepdims: bool = False,
    *,
    normalize: bool | str = True,
    exact: bool = False,
) -> np.ndarray:
    """The saliency maps of a layer's filters in one array; `iter_saliency_per_filter` holds one at a time.

    Args:
        normalize: True brings each map to 0..1, "shared" all of them together, so that they can be compared, and
            False leaves the scale as it is.
        model, layer_idx, seed_input, filter_indices, wrt_tensor, backprop_modifier, grad_modifier, keepdims,
            exact: as for `iter_saliency_per_filter`.
    Returns:
        float32 maps (filters, H, W).
    Raises:
        IndexError, ValueError, TypeError: as `iter_saliency_per_filter`; ValueError also for another `normalize`.
    """
    scale = scaling(normalize)
    maps = np.stack(
        list(
            iter_saliency_per_filter(
                *(model, layer_idx, seed_input, filter_indices, wrt_tensor, backprop_modifier, grad_modifier),
                keepdims,
                normalize=scale is True,
                exact=exact,
            )
        )
    )
    return unit(maps) if scale == "shared" else maps
