"""What a trained network looks at: saliency maps, class activation maps, and the images that filters respond to.

    model = swiftvis.load_model("model.keras")
    map = swiftvis.saliency(model, image, 967, backprop_modifier="guided")
    picture = swiftvis.smoothed_overlay(image, map)

Gradients are computed by a native engine; no deep-learning framework is needed.

- Models: `load_model` reads Keras, ONNX and swiftvis's own files, `from_torch` converts a PyTorch module. Every function
  also takes live models of Keras and PyTorch. `Model` runs them and gives plain gradients.
- Maps in one call: `saliency`, `cam`, `guided_grad_cam`.
- `swiftvis.visualization`, `swiftvis.utils.utils`, `swiftvis.grad_modifiers` and `swiftvis.backprop_modifiers` have the
  names and arguments of keras-vis.
- Images that filters respond to: `swiftvis.visualization.visualize_activation`. With losses of your own: `swiftvis.losses`,
  `swiftvis.regularizers`, `swiftvis.optimizer`, `swiftvis.input_modifiers`, `swiftvis.callbacks`. A loss is a formula of
  NumPy's functions (`swiftvis.expressions`) or Keras's (`swiftvis.backend`).
- Pictures: `smoothed_overlay`, `colormap`, `gaussian_filter`, `swiftvis.rendering`.
- While a network is trained: `SaliencyCallback` (Keras), `swiftvis.torch.SaliencyLogger`.
"""

from . import _native

_native.check_version()

from . import (  # noqa: E402
    backend,
    backprop_modifiers,
    callbacks,
    errors,
    expressions,
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
from .imaging import colormap, colormaps, gaussian_filter, resize, smoothed_overlay  # noqa: E402
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
    "errors",
    "expressions",
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
    "resize",
    "saliency",
    "set_threads",
    "smoothed_overlay",
    "torch",
    "utils",
    "visualization",
]
