"""Changes of resolution, axis by axis: a choice of elements, or a matrix that mixes neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swiftvis.importers.program.convolution import Images
from swiftvis.importers.program.core import Node, Refusal, Value
from swiftvis.importers.program.reductions import Reductions


class Resampling(Images, Reductions):
    def resample(self, x: Value, axis: int, rule: np.ndarray) -> Value:
        """Along an axis: element indices (nearest), or a matrix (own size, new size)."""
        return self.gather(x, rule, axis) if rule.ndim == 1 else self.transformed(x, axis, rule)

    def enlarged(
        self,
        x: Value,
        *,
        scale: Sequence[int] | None = None,
        sizes: Sequence[int] | None = None,
        interpolation: str = "nearest",
        coordinates: str = "half_pixel",
    ) -> Value:
        """The engine's own `resize` of (N, C, H, W) or (N, C, W), whole factors or sizes."""
        dimensions = x.rank - 2
        if dimensions not in (1, 2):
            raise Refusal(f"resizing {dimensions} dimensions at once is not supported")
        attributes = {"interpolation": interpolation, "coordinates": coordinates}
        front = [1] * (2 - dimensions)
        if scale is not None:
            attributes["scale"] = front + list(scale)
        else:
            attributes["size"] = front + list(sizes or ())

        def apply(node: Node) -> Node:
            if scale is None:
                result = [*front, *(sizes or ())]
            else:
                own = node.shape[-3:-1]
                result = [None if n is None else n * s for n, s in zip(own, attributes["scale"])]
            return self.emit("resize", [node], (*node.shape[:-3], *result, node.shape[-1]), attributes)

        return self.over_images(x, dimensions, apply)

    def depth_to_space(self, x: Value, block: int, columns_first: bool = False) -> Value:
        """(N, C, H, W) to (N, C / block^2, H * block, W * block). The channels are (block, block, C'), as TensorFlow has
        them, or with `columns_first` (C', block, block), which is PyTorch's pixel shuffle."""
        batch, channels, height, width = self._blocks(x, block)
        if channels % (block * block):
            raise Refusal(f"{channels} channels do not divide into blocks of {block}")
        inner = channels // (block * block)
        if columns_first:
            y = self.reshape(x, (batch, inner, block, block, height, width))
            y = self.permute(y, (0, 1, 4, 2, 5, 3))
        else:
            y = self.reshape(x, (batch, block, block, inner, height, width))
            y = self.permute(y, (0, 3, 4, 1, 5, 2))
        y = self.reshape(y, (batch, inner, height * block, width * block))
        y.channels = 1
        return y

    def space_to_depth(self, x: Value, block: int, columns_first: bool = False) -> Value:
        """The inverse of `depth_to_space`."""
        batch, channels, height, width = self._blocks(x, block)
        if height % block or width % block:
            raise Refusal(f"{height} x {width} does not divide into blocks of {block}")
        y = self.reshape(x, (batch, channels, height // block, block, width // block, block))
        y = self.permute(y, (0, 1, 3, 5, 2, 4) if columns_first else (0, 3, 5, 1, 2, 4))
        y = self.reshape(y, (batch, channels * block * block, height // block, width // block))
        y.channels = 1
        return y

    def _blocks(self, x: Value, block: int) -> tuple[int, ...]:
        if x.rank != 4 or block < 1:
            raise Refusal(f"blocks of {block} in an input of {x.shape} are not supported")
        return self.sizes(x)
