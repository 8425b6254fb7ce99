"""swiftvis shows what a trained convolutional network looks at.

    model = swiftvis.load_model("model.keras")
    map = swiftvis.visualization.visualize_saliency(model, -1, 3, image)
    picture = swiftvis.smoothed_overlay(image, map)

Gradients are computed by a native engine; no deep-learning framework is needed. `swiftvis.visualization`,
`grad_modifiers`, `backprop_modifiers` and `utils.utils` have the names and arguments of keras-vis.
"""

from . import _native

_native.check_version()

from . import (  # noqa: E402
    backend,
    backprop_modifiers,
    callbacks,
    grad_modifiers,
    input_modifiers,
    losses,
    optimizer,
    regularizers,
    rendering,
    torch,
    utils,
    visualization,
)
from ._sessions import get_threads, set_threads  # noqa: E402
from .attribution import cam, guided_grad_cam, saliency  # noqa: E402
from .imaging import colormap, colormaps, gaussian_filter, smoothed_overlay  # noqa: E402
from .layers import Layer, Tensor  # noqa: E402
from .live.training import SaliencyCallback  # noqa: E402
from .loading import load_model  # noqa: E402
from .model import Model  # noqa: E402
from .replacements import Identity, Rescaling  # noqa: E402
from .torch import from_torch  # noqa: E402

__version__ = _native.VERSION

__all__ = [
    "Identity",
    "Layer",
    "Model",
    "Rescaling",
    "SaliencyCallback",
    "Tensor",
    "backend",
    "backprop_modifiers",
    "callbacks",
    "cam",
    "colormap",
    "colormaps",
    "from_torch",
    "gaussian_filter",
    "get_threads",
    "grad_modifiers",
    "guided_grad_cam",
    "input_modifiers",
    "load_model",
    "losses",
    "optimizer",
    "regularizers",
    "rendering",
    "saliency",
    "set_threads",
    "smoothed_overlay",
    "torch",
    "utils",
    "visualization",
]
