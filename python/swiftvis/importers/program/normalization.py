"""Normalizations at inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swiftvis.importers.program.core import Node, Refusal, Value, count
from swiftvis.importers.program.reductions import Reductions


class Normalization(Reductions):
    def batch_normalization(
        self,
        x: Value,
        scale: np.ndarray | None,
        offset: np.ndarray | None,
        mean: np.ndarray,
        variance: np.ndarray,
        epsilon: float,
        axis: int = 1,
    ) -> Value:
        """With the statistics of training: an affine, folded in double precision."""
        vectors = [v for v in (scale, offset, mean, variance) if v is not None]
        axis = 0 if x.rank == 1 else self.axis(x, axis)
        if any(v.shape != (x.shape[axis],) for v in vectors if x.shape[axis] is not None):
            raise Refusal(
                f"statistics of shapes {[v.shape for v in vectors]} do not fit an input of {x.shape}"
            )
        with np.errstate(all="ignore"):
            factor = 1 / np.sqrt(variance.astype(np.float64) + epsilon)
            factor = factor if scale is None else factor * scale.astype(np.float64)
            shift = -mean.astype(np.float64) * factor
            shift = shift if offset is None else shift + offset.astype(np.float64)
        return self.affine(x, factor, shift, axis)

    def layer_normalization(
        self,
        x: Value,
        dimensions: int,
        scale: np.ndarray | None,
        offset: np.ndarray | None,
        epsilon: float,
    ) -> Value:
        """Over the last `dimensions` axes, together."""
        if not 1 <= dimensions <= x.rank:
            raise Refusal(f"normalizing {dimensions} axes of {x.rank} is not supported")
        sizes = self.sizes(x, range(x.rank - dimensions, x.rank))
        weights = {
            role: None if v is None else np.broadcast_to(v, sizes).reshape(-1)
            for role, v in (("scale", scale), ("offset", offset))
        }
        flat = x if dimensions == 1 else self.reshape(x, (*x.shape[: x.rank - dimensions], count(sizes)))

        def normalized(node: Node) -> Node:
            return self.emit("layer_normalization", [node], node.shape, {"epsilon": epsilon}, weights)

        result = self.reshape(self.over_last(flat, -1, normalized), x.shape)
        result.channels = x.rank - 1 if dimensions == 1 else x.channels
        return result

    def group_normalization(
        self,
        x: Value,
        groups: int,
        scale: np.ndarray | None,
        offset: np.ndarray | None,
        epsilon: float,
    ) -> Value:
        """Over the elements of each group of channels; x is (N, C, ...)."""
        if x.rank < 2 or groups < 1 or x.shape[1] is None or x.shape[1] % groups:
            raise Refusal(f"{groups} groups do not divide the channels of {x.shape}")
        y = self.reshape(x, (x.shape[0], groups, -1))
        y = self.layer_normalization(y, 1, None, None, epsilon)
        y = self.reshape(y, x.shape)
        y.channels = 1
        if scale is None and offset is None:
            return y
        return self.affine(y, 1.0 if scale is None else scale, 0.0 if offset is None else offset, 1)

    def rms_normalization(self, x: Value, axes: Sequence[int], scale: Value | None, epsilon: float) -> Value:
        """x / sqrt(mean(x^2) + epsilon), times a scale that broadcasts."""
        mean = self.reduce("mean", self.square(x), axes, True)
        result = self.merge("divide", x, self.unary("sqrt", self.affine(mean, 1.0, epsilon)))
        return result if scale is None else self.merge("multiply", result, scale)

    def local_response(self, x: Value, size: int, alpha: float, beta: float, bias: float) -> Value:
        """x / (bias + alpha / size * sum of squares over `size` neighbouring channels)^beta; axis 1 has the channels."""
        (channels,) = self.sizes(x, [self.axis(x, 1)])
        if size < 1:
            raise Refusal(f"a window of {size} channels is not supported")
        distance = np.arange(channels)[:, None] - np.arange(channels)
        near = (distance >= -((size - 1) // 2)) & (distance <= size // 2)
        total = self.transformed(self.square(x), 1, near.astype(np.float32))
        root = self.unary("power", self.affine(total, alpha / size, bias), exponent=-beta)
        return self.merge("multiply", x, root)

    def lp_normalization(self, x: Value, p: int, axis: int, epsilon: float = 0.0) -> Value:
        """x over its norm along an axis, which counts as at least `epsilon`."""
        # A norm of 0 has no gradient, so what is under the root is kept above it.
        smallest = max(epsilon**p, 1e-30)
        total = self.clip(self.reduce("l1" if p == 1 else "sum_square", x, [axis], True), smallest, None)
        return self.merge("divide", x, total if p == 1 else self.unary("sqrt", total))

    def standardized(self, x: Value, axes: Sequence[int], epsilon: float) -> Value:
        """(x - mean) / sqrt(variance + epsilon) over any axes."""
        centred = self.merge("subtract", x, self.reduce("mean", x, axes, True))
        variance = self.reduce("mean", self.square(centred), axes, True)
        return self.merge("divide", centred, self.unary("sqrt", self.affine(variance, 1.0, epsilon)))
