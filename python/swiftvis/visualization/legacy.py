"""The calls of keras-vis 0.4.1, which PyPI still has: its order of arguments, and maps as uint8 pictures in the
colors of jet, (H, W, 3).

    from swiftvis.visualization.legacy import visualize_saliency    # was: from vis.visualization import ...

Guided and rectified rules are those of 0.5.0: 0.4.1 also turned every activation into a ReLU, softmax and linear
included, and so explained another network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import imaging
from .._rules import BackpropModifier
from ..layers import Tensor
from ..model import Model
from . import saliency
from .cam import class_activation
from .saliency import get_num_filters, overlay

__all__ = ["get_num_filters", "overlay", "visualize_cam", "visualize_saliency"]


def visualize_saliency(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = "absolute",
) -> np.ndarray:
    """`swiftvis.visualization.visualize_saliency` as a picture.

    Returns:
        uint8 RGB picture (H, W, 3).
    Raises:
        what that call raises.
    """
    return _picture(
        saliency.visualize_saliency(
            *(model, layer_idx, filter_indices, seed_input),
            backprop_modifier=backprop_modifier,
            grad_modifier=grad_modifier,
        )
    )


def visualize_cam(
    model: Model,
    layer_idx: int | str | Tensor,
    filter_indices: int | Sequence[int] | np.ndarray | None,
    seed_input: Any,
    penultimate_layer_idx: int | str | Tensor | None = None,
    backprop_modifier: BackpropModifier | None = None,
    grad_modifier: str | Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """`swiftvis.visualization.visualize_cam` as a picture, and enlarged by bicubic convolution instead of splines.

    Returns:
        uint8 RGB picture (H, W, 3).
    Raises:
        what that call raises; ValueError also where the input is not an image.
    """
    return _picture(
        class_activation(
            *(model, layer_idx, filter_indices, seed_input, penultimate_layer_idx, backprop_modifier),
            *(grad_modifier, False, _bicubic),
        )
    )


def _picture(map: np.ndarray) -> np.ndarray:
    return imaging.colormap("jet", map)


def _bicubic(map: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """What `scipy.misc.imresize(map, size, "bicubic", "F")` did, by Pillow."""
    from PIL import Image

    if len(size) != 2:
        raise ValueError(f"only an image's map can be resized like this, got an input of size {size}")
    return np.asarray(Image.fromarray(map).resize(size[::-1], Image.Resampling.BICUBIC))
