"""Pooling, channels first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swiftvis.importers.program.convolution import Convolution, Pairs, _check, _geometry, _outputs
from swiftvis.importers.program.core import Node, Refusal, Value
from swiftvis.importers.program.reductions import Reductions


class Pooling(Convolution, Reductions):
    def pool(
        self,
        kind: str,
        x: Value,
        window: Sequence[int],
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int] | None = None,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
    ) -> Value:
        """`kind` is "max" or "average", over one to three dimensions.

        With `ceil_mode` a last window may reach over the end, as long as it starts inside the input or the padding before
        it; what it covers beyond the padding never counts in a mean.
        """
        dilations = dilations or [1] * len(window)
        _check(len(window), strides, padding, dilations)
        if any(a < 0 or b < 0 for a, b in padding) or min(window) < 1:
            raise Refusal(f"a window {list(window)} with padding {list(padding)} is not supported")
        if kind == "average" and any(d != 1 for d in dilations):
            return self._dilated_average(x, window, strides, padding, dilations, ceil_mode, count_include_pad)
        reaching = self._reaching(x, window, strides, padding, dilations, ceil_mode)
        if kind == "average" and count_include_pad and any(map(any, padding)):
            zeros = [(before, min(own, after)) for (before, own), (_, after) in zip(padding, reaching)]
            x = self.pad(x, [(0, 0), (0, 0), *zeros])
            reaching = [(0, after - own) for (_, own), (_, after) in zip(zeros, reaching)]
        padding = reaching
        geometry = zip(window, padding, dilations)
        if any(before >= (k - 1) * d + 1 or after >= (k - 1) * d + 1 for k, (before, after), d in geometry):
            raise Refusal(f"padding {list(padding)} as large as the window {list(window)} is not supported")

        def apply(node: Node) -> Node:
            if len(window) == 3:
                node = self._window(kind, node, window[1:], strides[1:], padding[1:], dilations[1:])
                return self._over_depth(kind, node, window[:1], strides[:1], padding[:1], dilations[:1])
            return self._window(kind, node, window, strides, padding, dilations)

        return self.over_images(x, len(window), apply)

    def _window(
        self,
        kind: str,
        node: Node,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
    ) -> Node:
        attributes, windows = _geometry(tuple(window), strides, padding, dilations)
        attributes["pool_size"] = [1] * (2 - len(window)) + list(window)
        if attributes["dilations"] == [1, 1]:
            del attributes["dilations"]
        shape = (*node.shape[:-3], *_outputs(node.shape[-3:-1], windows), node.shape[-1])
        return self.emit(f"{kind}_pool2d", [node], shape, attributes)

    def _over_depth(
        self,
        kind: str,
        node: Node,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
    ) -> Node:
        """(..., D, H, W, C): the depth takes the height's place, and the height is one more axis of images."""
        if list(window) == [1] and list(strides) == [1]:
            return node
        rank = len(node.shape) + 1
        order = [*range(rank - 4), rank - 3, rank - 4, rank - 2, rank - 1]
        node = self.permuted(node, order)
        node = self._window(kind, node, [*window, 1], [*strides, 1], [*padding, (0, 0)], [*dilations, 1])
        return self.permuted(node, order)

    def _reaching(
        self,
        x: Value,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        ceil_mode: bool,
    ) -> Pairs:
        """The padding with which rounding down gives what `ceil_mode` gives."""
        if not ceil_mode:
            return padding
        result = []
        for size, k, s, (before, after), d in zip(self.sizes(x)[2:], window, strides, padding, dilations):
            extent = (k - 1) * d + 1
            count = -(-(size + before + after - extent) // s) + 1
            if (count - 1) * s >= size + before:
                count -= 1
            result.append((before, max((count - 1) * s + extent - size - before, 0)))
        return result

    def _dilated_average(
        self,
        x: Value,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> Value:
        """Sums by a convolution with ones, over how many elements each window has inside."""
        sizes = self.sizes(x)
        reaching = self._reaching(x, window, strides, padding, dilations, ceil_mode)
        total = self._window_sum(x, window, strides, reaching, dilations)
        counts = np.ones((), np.float32)
        for size, k, s, own, all_, d in zip(sizes[2:], window, strides, padding, reaching, dilations):
            low, high = (-own[0], size + own[1]) if count_include_pad else (0, size)
            starts = np.arange(0, size + sum(all_) - (k - 1) * d, s) - all_[0]
            taps = starts[:, None] + np.arange(k) * d
            counts = np.multiply.outer(counts, ((taps >= low) & (taps < high)).sum(1))
        return self.merge("divide", total, self.constant(counts.astype(np.float32)[None, None]))

    def _window_sum(
        self,
        x: Value,
        window: Sequence[int],
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
    ) -> Value:
        (channels,) = self.sizes(x, [1])
        ones = np.ones((channels, 1, *window), np.float32)
        return self.convolution(
            x, ones, strides=strides, padding=padding, dilations=dilations, groups=channels
        )

    def adaptive_pool(self, kind: str, x: Value, outputs: Sequence[int | None]) -> Value:
        """Pooling to given sizes: output i is over the inputs floor(i * n / m) up to ceil((i + 1) * n / m)."""
        axes = list(range(x.rank - len(outputs), x.rank))
        outputs = [x.shape[axis] if size is None else size for axis, size in zip(axes, outputs)]
        if all(size == 1 for size in outputs):
            return self.reduce("mean" if kind == "average" else "max", x, axes, True)
        for axis, size in zip(axes, outputs):
            (own,) = self.sizes(x, [axis])
            if size == own:
                continue
            assert size is not None
            bounds = [(i * own // size, -(-(i + 1) * own // size)) for i in range(size)]
            if kind == "average":
                matrix = np.zeros((own, size), np.float32)
                for i, (start, end) in enumerate(bounds):
                    matrix[start:end, i] = 1 / (end - start)
                x = self.transformed(x, axis, matrix)
            elif own % size == 0:
                split = (*x.shape[:axis], size, own // size, *x.shape[axis + 1 :])
                x = self.reduce("max", self.reshape(x, split), [axis + 1])
            else:
                parts = [self.slice(x, axis, *bound) for bound in bounds]
                x = self.concatenate([self.reduce("max", part, [axis], True) for part in parts], axis)
        x.channels = x.rank - len(outputs) - 1 if x.rank > len(outputs) else None
        return x

    def lp_pool(
        self,
        x: Value,
        p: float,
        window: Sequence[int],
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        ceil_mode: bool = False,
    ) -> Value:
        """(sum of |x|^p)^(1/p) over windows."""
        powers = self.merge("power", self.unary("abs", x), self.constant(np.float32(p)))
        reaching = self._reaching(x, window, strides, padding, dilations, ceil_mode)
        total = self._window_sum(powers, window, strides, reaching, dilations)
        return self.merge("power", total, self.constant(np.float32(1 / p)))
