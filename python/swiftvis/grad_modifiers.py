"""What is done to a gradient before it becomes a map: names for `grad_modifier=`, or your own function.

Each takes and gives the signed gradient, of the shape of the tensor that it was taken at, batch axis
included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .utils.utils import get_identifier

_EPSILON = np.float32(1e-7)


def negate(grads: np.ndarray) -> np.ndarray:
    """-g: what would lower the score."""
    return -grads


def absolute(grads: np.ndarray) -> np.ndarray:
    """|g|: what would change the score, either way."""
    return np.abs(grads)


def invert(grads: np.ndarray) -> np.ndarray:
    """1 / (g + 1e-7), finite even at g = -1e-7."""
    shifted = grads + _EPSILON
    return 1 / np.where(shifted == 0, _EPSILON, shifted)


def relu(grads: np.ndarray) -> np.ndarray:
    """The positive part of g, in place: what would raise the score."""
    grads[grads < 0] = 0
    return grads


def small_values(grads: np.ndarray) -> np.ndarray:
    """|1 / (g + 1e-7)|, finite even at g = -1e-7: where the score changes least.

    keras-vis returns an infinity at g = -1e-7, and so a map of NaN. A gradient of 0 (a dead pixel) gives 1e7 in both and
    outshines the rest.
    """
    return np.abs(invert(grads))


_MODIFIERS = {f.__name__: f for f in (negate, absolute, invert, relu, small_values)}


def get(identifier: str | Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The modifier of that name; a callable is its own. ValueError for everything else."""
    return get_identifier(identifier, _MODIFIERS, __name__)
