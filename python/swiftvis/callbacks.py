"""What is called in each step of an optimization: `Optimizer.minimize(callbacks=[GifGenerator("dog")])`."""

from __future__ import annotations

import os
import pprint
from collections.abc import Sequence
from typing import Any

import numpy as np

from .utils.utils import deprocess_input, draw_text

NamedLosses = Sequence[tuple[str, Any]]


class OptimizerCallback:
    """A callback of your own: a subclass with `callback`."""

    def callback(
        self, i: int, named_losses: NamedLosses, overall_loss: Any, grads: np.ndarray, wrt_value: np.ndarray
    ) -> None:
        """Called in each step, before the image is changed.

        Args:
            i: the step, counted from 0.
            named_losses: (name, weighted value) of each loss whose weight is not 0.
            overall_loss: their sum.
            grads: the gradient at `wrt_tensor`, normalized and modified.
            wrt_value: the value of `wrt_tensor`: the batch of images, usually.
        """
        raise NotImplementedError(f"{type(self).__name__} has no callback")

    def on_end(self) -> None:
        """Called after the last step."""


class Print(OptimizerCallback):
    """Prints the losses of each step."""

    def callback(
        self, i: int, named_losses: NamedLosses, overall_loss: Any, grads: np.ndarray, wrt_value: np.ndarray
    ) -> None:
        # As text on the way, so that float32's 0.1 is not shown as 0.10000000149.
        losses = pprint.pformat([(name, float(str(value))) for name, value in named_losses])
        print(f"Iteration: {i + 1}, named_losses: {losses}, overall loss: {overall_loss}")


class GifGenerator(OptimizerCallback):
    """Writes a GIF of the image's way, ten steps a second, when the optimization ends."""

    def __init__(self, path: str | os.PathLike[str], input_range: tuple[float, float] = (0, 255)) -> None:
        """
        Args:
            path: the file; ".gif" is added where it is missing.
            input_range: as in keras-vis; a frame's brightness comes from its own mean and deviation, whatever the
                range.
        """
        name = os.fspath(path)
        self.path = name if name.endswith(".gif") else name + ".gif"
        self.input_range = input_range
        self._frames: list[Any] = []

    def callback(
        self, i: int, named_losses: NamedLosses, overall_loss: Any, grads: np.ndarray, wrt_value: np.ndarray
    ) -> None:
        """
        Raises:
            ValueError: `wrt_value` is not a batch of images with 1 or 3 channels.
        """
        from PIL import Image

        picture = draw_text(_picture(wrt_value[0]), f"Step {i + 1}")
        self._frames.append(Image.fromarray(picture))

    def on_end(self) -> None:
        """Writes the file. OSError where that fails."""
        if self._frames:
            first, *rest = self._frames
            first.save(self.path, save_all=True, append_images=rest, duration=100, loop=1)
        self._frames = []


def _picture(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3 and image.shape[-1] not in (1, 3) and image.shape[0] in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(f"a GIF is made of images with 1 or 3 channels, got shape {image.shape}")
    picture = deprocess_input(image).astype(np.uint8)
    return picture[..., 0] if picture.shape[-1] == 1 else picture
