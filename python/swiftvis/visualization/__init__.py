"""The visualizations of keras-vis, under its names and with its arguments."""

from .saliency import get_num_filters, overlay, visualize_saliency

__all__ = ["get_num_filters", "overlay", "visualize_saliency"]
