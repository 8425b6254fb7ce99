"""Convolutions, channels first as in their sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from swiftvis.importers.graph import Shape
from swiftvis.importers.program.core import Node, Refusal, Value
from swiftvis.importers.program.elementwise import Elementwise
from swiftvis.importers.program.shaping import Shaping

Pairs = Sequence[tuple[int, int]]
# Elements of a kernel that is written out over groups.
_LARGEST_KERNEL = 1 << 25


class Images(Elementwise, Shaping):
    def over_images(
        self, x: Value, dimensions: int, function: Callable[[Node], Node], outputs: int | None = None
    ) -> Value:
        """Applies what works on (..., H, W, C) to (N, C, spatial axes): a single spatial axis is the width, a third is
        one more in front."""
        if x.rank != dimensions + 2:
            raise Refusal(f"it needs an input of rank {dimensions + 2}, and gets one of rank {x.rank}")
        node = self.node(x)
        first = len(node.shape) - dimensions  # the channels' axis, counted with the batch
        rank = len(node.shape) + 1
        node = self.permuted(node, [*range(first), *range(first + 1, rank), first])
        if dimensions == 1:
            node = self.reshaped(node, (*node.shape[:-2], 1, *node.shape[-2:]))
        node = function(node)
        if dimensions == 1:
            node = self.reshaped(node, (*node.shape[:-3], *node.shape[-2:]))
        node = self.permuted(node, [*range(first), rank - 1, *range(first, rank - 1)])
        return self.value(node, (x.shape[0], *node.shape[first - 1 :]), 1)


class Convolution(Images):
    def convolution(
        self,
        x: Value,
        kernel: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        groups: int = 1,
    ) -> Value:
        """One to three dimensions. x is (N, C, ...), the kernel (filters, C / groups, ...), padding (before, after)."""
        dimensions = kernel.ndim - 2
        _check(dimensions, strides, padding, dilations)
        if x.rank != dimensions + 2 or x.shape[1] not in (None, kernel.shape[1] * groups) or groups < 1:
            raise Refusal(
                f"a kernel of shape {kernel.shape} in {groups} groups does not fit an input of {x.shape}"
            )
        if kernel.shape[0] % groups:
            raise Refusal(f"{kernel.shape[0]} filters do not divide into {groups} groups")
        cropped = [(0, 0), (0, 0), *((min(a, 0), min(b, 0)) for a, b in padding)]
        x = self.pad(x, cropped)
        padding = [(max(a, 0), max(b, 0)) for a, b in padding]

        def apply(node: Node) -> Node:
            if dimensions == 3:
                return self._volume(node, kernel, bias, strides, padding, dilations, groups)
            return self._image(node, kernel, bias, strides, padding, dilations, groups)

        return self.over_images(x, dimensions, apply)

    def _image(
        self,
        node: Node,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        groups: int,
    ) -> Node:
        attributes, windows = _geometry(kernel.shape[2:], strides, padding, dilations)
        kernel = kernel.reshape(*kernel.shape[:2], *((1,) * (4 - kernel.ndim)), *kernel.shape[2:])
        filters, channels = kernel.shape[:2]
        shape = (*node.shape[:-3], *_outputs(node.shape[-3:-1], windows), filters)
        if channels == 1 and groups > 1:
            # The engine's filters of one channel lie together as ONNX's and PyTorch's do.
            turned = kernel.reshape(groups, filters // groups, *kernel.shape[2:]).transpose(2, 3, 0, 1)
            return self.emit("depthwise_conv2d", [node], shape, attributes, {"kernel": turned, "bias": bias})
        turned = kernel.transpose(2, 3, 1, 0)
        attributes = attributes | {"groups": groups}
        return self.emit("conv2d", [node], shape, attributes, {"kernel": turned, "bias": bias})

    def _volume(
        self,
        node: Node,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        groups: int,
    ) -> Node:
        """A convolution over depth is one over images whose channels are those of all depths under the kernel."""
        taps, channels = kernel.shape[2], node.shape[-1]
        if channels is None or node.shape[-4] is None:
            raise Refusal("it needs the depth and channels of its input, which are open: give input_shape=")
        if any(padding[0]):
            pairs = [[0, 0] for _ in node.shape]
            pairs[-4] = list(padding[0])
            depth = node.shape[-4] + sum(padding[0])
            node = self.emit("pad", [node], (*node.shape[:-4], depth, *node.shape[-3:]), {"padding": pairs})
        depth = (node.shape[-4] - (taps - 1) * dilations[0] - 1) // strides[0] + 1  # type: ignore[operator]
        if depth < 1:
            raise Refusal("its kernel is larger than its input")
        parts = [self._depths(node, tap * dilations[0], strides[0], depth) for tap in range(taps)]
        # Groups first, then the taps within each.
        kernel = kernel.transpose(0, 2, 1, 3, 4).reshape(kernel.shape[0], -1, *kernel.shape[3:])
        shape = parts[0].shape
        if taps == 1:
            joined = parts[0]
        else:
            joined = self.emit("concatenate", parts, (*shape[:-1], channels * taps), {"axis": len(shape)})
        if groups > 1 and taps > 1:
            own = channels // groups
            order = [
                t * channels + g * own + c for g in range(groups) for t in range(taps) for c in range(own)
            ]
            joined = self.emit("gather", [joined], joined.shape, {"axis": len(shape), "indices": order})
        return self._image(joined, kernel, bias, strides[1:], padding[1:], dilations[1:], groups)

    def _depths(self, node: Node, start: int, step: int, depth: int) -> Node:
        if start == 0 and step == 1 and depth == node.shape[-4]:
            return node
        rank = len(node.shape)
        starts, sizes, steps = [0] * rank, [-1] * rank, [1] * rank
        starts[-4], sizes[-4], steps[-4] = start, depth, step
        shape = (*node.shape[:-4], depth, *node.shape[-3:])
        return self.emit("slice", [node], shape, {"starts": starts, "sizes": sizes, "steps": steps})

    def transposed_convolution(
        self,
        x: Value,
        kernel: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        groups: int = 1,
        output_padding: Sequence[int],
    ) -> Value:
        """x is (N, C, ...), the kernel (C, filters / groups, ...); its result is cut by `padding` and grows at the end by
        `output_padding`."""
        dimensions = kernel.ndim - 2
        _check(dimensions, strides, padding, dilations)
        if (
            x.rank != dimensions + 2
            or x.shape[1] not in (None, kernel.shape[0])
            or kernel.shape[0] % max(groups, 1)
        ):
            raise Refusal(f"a kernel of shape {kernel.shape} does not fit an input of {x.shape}")
        if groups != 1:
            kernel = _block_diagonal(kernel, groups)
        if dimensions == 3:
            return self._transposed_volume(x, kernel, bias, strides, padding, dilations, output_padding)

        def apply(node: Node) -> Node:
            return self._transposed_image(node, kernel, bias, strides, padding, dilations, output_padding)

        return self.over_images(x, dimensions, apply)

    def _transposed_image(
        self,
        node: Node,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        output_padding: Sequence[int],
    ) -> Node:
        attributes, _ = _geometry(kernel.shape[2:], strides, padding, dilations)
        extra = [0] * (2 - len(output_padding)) + list(output_padding)
        attributes = attributes | {"output_padding": extra}
        kernel = kernel.reshape(*kernel.shape[:2], *((1,) * (4 - kernel.ndim)), *kernel.shape[2:])
        sizes: list[int | None] = []
        for axis in range(2):
            window = (kernel.shape[axis + 2] - 1) * attributes["dilations"][axis] + 1
            size, stride = node.shape[axis - 3], attributes["strides"][axis]
            lost = sum(attributes["padding"][axis]) - extra[axis]
            sizes.append(None if size is None else (size - 1) * stride + window - lost)
        shape = (*node.shape[:-3], *sizes, kernel.shape[1])
        turned = kernel.transpose(2, 3, 1, 0)
        return self.emit("conv2d_transpose", [node], shape, attributes, {"kernel": turned, "bias": bias})

    def _transposed_volume(
        self,
        x: Value,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        strides: Sequence[int],
        padding: Pairs,
        dilations: Sequence[int],
        output_padding: Sequence[int],
    ) -> Value:
        """The sum over the kernel's depth of transposed convolutions of images, each put at its place in depth."""
        (depth,) = self.sizes(x, [2])
        window = (kernel.shape[2] - 1) * dilations[0] + 1
        total = (depth - 1) * strides[0] + window
        result: Value | None = None
        for tap in range(kernel.shape[2]):

            def apply(node: Node, part: np.ndarray = kernel[:, :, tap]) -> Node:
                return self._transposed_image(
                    node, part, None, strides[1:], padding[1:], dilations[1:], output_padding[1:]
                )

            part = self._spread(self.over_images(x, 3, apply), strides[0])
            at = tap * dilations[0]
            after = total - at - ((depth - 1) * strides[0] + 1)
            part = self.pad(part, [(0, 0), (0, 0), (at, after), (0, 0), (0, 0)])
            result = part if result is None else self.merge("add", result, part)
        assert result is not None
        before, after = padding[0]
        result = self.pad(result, [(0, 0), (0, 0), (-before, output_padding[0] - after), (0, 0), (0, 0)])
        return result if bias is None else self.affine(result, 1.0, bias, 1)

    def _spread(self, x: Value, stride: int) -> Value:
        """Depths with stride - 1 empty ones between them."""
        if stride == 1:
            return x
        batch, channels, depth, *sizes = x.shape
        assert depth is not None
        y = self.reshape(x, (batch, channels, depth, 1, *sizes))
        y = self.pad(y, [(0, 0), (0, 0), (0, 0), (0, stride - 1), *((0, 0) for _ in sizes)])
        y = self.reshape(y, (batch, channels, depth * stride, *sizes))
        return self.slice(y, 2, 0, (depth - 1) * stride + 1)


def same_padding(
    sizes: Sequence[int | None], windows: Sequence[int], strides: Sequence[int], upper: bool = True
) -> list[tuple[int, int]]:
    """The padding with which an output is ceil(size / stride); the odd element goes to the end (`upper`) or the start."""
    pairs = []
    for size, window, stride in zip(sizes, windows, strides):
        if size is None and stride != 1:
            raise Refusal("padding 'SAME' needs sizes that the model leaves open: give input_shape=")
        total = window - 1 if size is None else max((-(-size // stride) - 1) * stride + window - size, 0)
        pairs.append((total // 2, total - total // 2) if upper else (total - total // 2, total // 2))
    return pairs


def _check(dimensions: int, strides: Sequence[int], padding: Pairs, dilations: Sequence[int]) -> None:
    if dimensions not in (1, 2, 3):
        raise Refusal(f"a convolution over {dimensions} dimensions is not supported")
    if not len(strides) == len(padding) == len(dilations) == dimensions or min(*strides, *dilations) < 1:
        raise Refusal(
            f"strides {list(strides)}, padding {list(padding)} or dilations {list(dilations)} do not fit "
            f"{dimensions} dimensions"
        )


def _geometry(
    window: Shape, strides: Sequence[int], padding: Pairs, dilations: Sequence[int]
) -> tuple[dict[str, list], list[tuple[int, int, tuple[int, int]]]]:
    """The engine's attributes for (height, width), and of each axis the extent, stride and padding."""
    front = 2 - len(strides)
    strides, dilations = [1] * front + list(strides), [1] * front + list(dilations)
    pairs = [(0, 0)] * front + [tuple(pair) for pair in padding]
    extents = [(k - 1) * d + 1 for k, d in zip((1,) * front + tuple(window), dilations)]  # type: ignore[operator]
    attributes = {"strides": strides, "padding": [list(pair) for pair in pairs], "dilations": dilations}
    return attributes, list(zip(extents, strides, pairs))


def _outputs(sizes: Shape, windows: list[tuple[int, int, tuple[int, int]]]) -> list[int | None]:
    return [
        None if size is None else (size + sum(pair) - extent) // stride + 1
        for size, (extent, stride, pair) in zip(sizes, windows)
    ]


def _block_diagonal(kernel: np.ndarray, groups: int) -> np.ndarray:
    """A kernel over all channels that is zero between the groups."""
    inputs, filters = kernel.shape[0] // groups, kernel.shape[1]
    if kernel.size * groups > _LARGEST_KERNEL:
        raise Refusal(
            f"a transposed convolution of {groups} groups and kernel {kernel.shape} is not supported"
        )
    full = np.zeros((kernel.shape[0], filters * groups, *kernel.shape[2:]), np.float32)
    for group in range(groups):
        rows = slice(group * inputs, (group + 1) * inputs)
        full[rows, group * filters : (group + 1) * filters] = kernel[rows]
    return full
