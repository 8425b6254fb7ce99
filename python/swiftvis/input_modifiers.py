"""Changes of the image between two steps of an optimization: `Optimizer.minimize(input_modifiers=[Jitter(8)])`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .utils.utils import listify


class InputModifier:
    """A modifier of your own: a subclass with `pre`, `post` or both.

    Attributes:
        data_format: "channels_last" or "channels_first", set by `Optimizer.minimize` to that of the model's input.
    """

    data_format = "channels_last"

    def pre(self, inp: np.ndarray) -> np.ndarray:
        """The batch of images that the network is shown in this step. As it is, unless overridden."""
        return inp

    def post(self, inp: np.ndarray) -> np.ndarray:
        """The batch of images after the step, before the next one. As it is, unless overridden."""
        return inp


class Jitter(InputModifier):
    """Shifts the image by a random distance before each step, which makes for crisper images.

    What leaves on one side comes in on the other, where the first and the last pixel of a line count as one, as in
    scipy.ndimage.shift(mode="wrap", order=0).
    """

    def __init__(self, jitter: float | Sequence[float] = 0.05) -> None:
        """
        Args:
            jitter: the largest distance, for all directions or one for each: below 1 a share of the image's size,
                otherwise pixels. A list works here; keras-vis fails on one.
        Raises:
            ValueError: a negative distance.
        """
        super().__init__()
        self.jitter = np.array(listify(jitter), np.float64)
        if np.any(self.jitter < 0):
            raise ValueError("Jitter value should be positive")

    def pre(self, inp: np.ndarray) -> np.ndarray:
        """
        Raises:
            RuntimeError: as many distances as were given do not fit the image's directions.
        """
        first = 2 if self.data_format == "channels_first" else 1
        axes = range(first, first + inp.ndim - 2)
        jitter = np.repeat(self.jitter, len(axes)) if len(self.jitter) == 1 else self.jitter
        if len(jitter) != len(axes):
            raise RuntimeError(f"Jitter {self.jitter}, does not match the number of image dims: {len(axes)}")
        for axis, value in zip(axes, jitter, strict=True):
            size = inp.shape[axis]
            limit = int(size * value if value < 1 else value)
            inp = np.take(inp, _sources(size, np.random.randint(-limit, limit + 1)), axis)
        return inp


def _sources(size: int, offset: int) -> np.ndarray:
    """Where each pixel of a shifted line comes from."""
    places, period = np.arange(size) - offset, max(size - 1, 1)
    wrapped = np.where(places < 0, places + period * (-places // period + 1), places % period)
    return np.where((places < 0) | (places >= size), wrapped, places) if size > 1 else places * 0
