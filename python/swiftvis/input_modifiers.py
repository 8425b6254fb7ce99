"""Changes of the image between two steps of an optimization: `Optimizer.minimize(input_modifiers=[Jitter(8)])`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import _native
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
        offsets = [0] * inp.ndim
        for axis, value in zip(axes, jitter, strict=True):
            limit = int(inp.shape[axis] * value if value < 1 else value)
            offsets[axis] = np.random.randint(-limit, limit + 1)
        return _shifted(inp, offsets)


def _shifted(array: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    """Of any type: what is wider than float32 is moved as several of them side by side."""
    whole = array if array.dtype.itemsize % 4 == 0 else array.astype(np.float32)
    floats = np.ascontiguousarray(whole)[..., None].view(np.float32)
    moved = _native.shifted(floats, [*offsets, 0])
    return moved.view(whole.dtype)[..., 0].astype(array.dtype, copy=False)
