"""The visualizations of keras-vis, under its names and with its arguments."""

from . import legacy
from .activation_maximization import visualize_activation, visualize_activation_with_losses
from .cam import visualize_cam, visualize_cam_with_losses
from .filters import iter_saliency_per_filter, visualize_saliency_per_filter
from .saliency import get_num_filters, overlay, visualize_saliency, visualize_saliency_with_losses

__all__ = [
    "get_num_filters",
    "iter_saliency_per_filter",
    "legacy",
    "overlay",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_cam",
    "visualize_cam_with_losses",
    "visualize_saliency",
    "visualize_saliency_per_filter",
    "visualize_saliency_with_losses",
]
