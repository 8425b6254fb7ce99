"""The visualizations of keras-vis, under its names and with its arguments."""

from .cam import visualize_cam
from .saliency import get_num_filters, overlay, visualize_saliency

__all__ = ["get_num_filters", "overlay", "visualize_cam", "visualize_saliency"]
