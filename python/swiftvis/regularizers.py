"""Losses on the image itself, which keep an optimized one natural: smooth, and of bounded intensity.

Both are divided by the number of values of one image, so that a weight means the same for every size.
"""

from __future__ import annotations

from typing import Any

from .expressions import Expression, apply, as_expression, regularization
from .losses import Loss


class TotalVariation(Loss):
    """The difference of neighbouring pixels: its square, summed over the directions, to the power beta / 2, summed over
    pixels and channels (Mahendran & Vedaldi 2016, arXiv:1512.02017, section 3.2.2)."""

    def __init__(self, img_input: Any, beta: float = 2.0) -> None:
        """
        Args:
            img_input: the model's input, or another tensor (samples, positions..., channels) in the model's data
                format. A tensor without positions has no variation.
            beta: smaller values give sharper, spikier images; 1.5 to 2 are usual.
        """
        super().__init__()
        self.name = f"TV({beta}) Loss"
        self.img = img_input
        self.beta = beta

    def build_loss(self) -> Expression:
        image = as_expression(self.img, "img_input")
        channels_first = image.ndim > 2 and getattr(image, "channel_axis", image.ndim - 1) == 1
        return apply(regularization.TotalVariation(self.beta, channels_first), image)


class LPNorm(Loss):
    """The p-norm of all values, which bounds the intensity of pixels."""

    def __init__(self, img_input: Any, p: float = 6.0) -> None:
        """
        Args:
            img_input: the model's input, or another tensor.
            p: 1 or more. As in keras-vis, infinity means the largest value, not the largest absolute value.
        Raises:
            ValueError: p below 1.
        """
        super().__init__()
        if p < 1:
            raise ValueError("p value should range between [1, inf)")
        self.name = f"L-{p} Norm Loss"
        self.img = img_input
        self.p = p

    def build_loss(self) -> Expression:
        image = as_expression(self.img, "img_input")
        return apply(regularization.LPNorm(self.p), image)
