"""The C ABI in Python's terms: arrays for buffers, dicts for JSON, exceptions for status codes."""

from .calls import VERSION, Shape, check_version
from .imaging import (
    colormap,
    colormap_names,
    gaussian_filter,
    gradient_picture,
    normalize,
    resize,
    smoothed_overlay,
    spline_zoom,
)
from .methods import class_activation_map, saliency_map, score_cotangent
from .models import Unread, create, describe, edit, load, node_shape, save
from .optimization import (
    add_lp_norm_gradient,
    add_total_variation_gradient,
    deprocessed,
    lp_norm,
    normalized_gradient,
    rmsprop,
    shifted,
    total_variation,
)
from .sessions import Question, Session, default_threads

__all__ = [
    "VERSION",
    "Question",
    "Session",
    "Shape",
    "Unread",
    "add_lp_norm_gradient",
    "add_total_variation_gradient",
    "check_version",
    "class_activation_map",
    "colormap",
    "colormap_names",
    "create",
    "default_threads",
    "deprocessed",
    "describe",
    "edit",
    "gaussian_filter",
    "gradient_picture",
    "load",
    "lp_norm",
    "node_shape",
    "normalize",
    "normalized_gradient",
    "resize",
    "rmsprop",
    "saliency_map",
    "save",
    "score_cotangent",
    "shifted",
    "smoothed_overlay",
    "spline_zoom",
    "total_variation",
]
