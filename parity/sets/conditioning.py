"""Random weights and pictures for which a gradient is well conditioned, as a trained network's is.

With plain random weights rounding alone moves the gradient of a deep network by percents: some rectifier's input is always
within rounding of its bend. So every channel's bend lies some deviations from the mean: some channels are open, some closed.
Batch normalizations have the statistics of their own inputs over `CALIBRATING` images, the measured ones among them: what
they had not seen would grow from layer to layer, to 1e9 in an EfficientNet-B5 whose last maps have 9 pixels.
Noise will not do for a picture: it averages out, and normalizations would enlarge what is left of it, the rounding.
"""

from __future__ import annotations

import numpy as np

SIZES = (1, 2, 4, 7, 14, 28, 56)
CALIBRATING = 8
# Of the channels' mean variance: a channel that is constant but for rounding, as ReLU6 leaves, must not become all rounding.
LEAST_VARIANCE = 0.01


def pictures(count: int, size: int, seed: int) -> np.ndarray:
    """(count, size, size, 3): colored blobs of several sizes, mean 0 and deviation about 1."""
    random = np.random.default_rng(seed)
    total = np.zeros((count, size, size, 3))
    for cells in SIZES:
        values = random.normal(0, 1, (count, cells, cells, 3))
        rows = _interpolation(size, cells)
        total += np.einsum("hi,wj,nijc->nhwc", rows, rows, values, optimize=True)
    return (total / np.sqrt(len(SIZES))).astype(np.float32)


def pixels(count: int, size: int, seed: int) -> np.ndarray:
    """The same as pixels of 0 to 255."""
    return np.clip(pictures(count, size, seed) * 50 + 128, 0, 255).astype(np.float32)


def scales(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.uniform(0.5, 1, shape)


def offsets(random: np.random.Generator, scale: np.ndarray) -> np.ndarray:
    """About 4 deviations to either side, most of them open. (With 3 half of the images of a VGG13 had a jump.)"""
    sign = np.where(random.random(scale.shape) < 0.3, -1, 1)
    return sign * scale * random.uniform(3, 5, scale.shape)


def _interpolation(size: int, cells: int) -> np.ndarray:
    """Linear: (size, cells)."""
    positions = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    return np.maximum(1 - np.abs(positions[:, None] - np.arange(cells)), 0)
