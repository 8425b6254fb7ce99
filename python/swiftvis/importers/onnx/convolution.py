"""Convolutions and pooling."""

from __future__ import annotations

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.program import Refusal, Value
from swiftvis.importers.program.convolution import same_padding

Pairs = list[tuple[int, int]]


def _padding(call: Call, x: Value, window: list[int], strides: list[int], dilations: list[int]) -> Pairs:
    count = len(window)
    mode = call.one_of("auto_pad", "NOTSET", "NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER")
    pads = call.integers("pads", [0] * 2 * count, 2 * count)
    if mode in ("NOTSET", ""):
        return list(zip(pads[:count], pads[count:]))
    if mode == "VALID":
        return [(0, 0)] * count
    extents = [(k - 1) * d + 1 for k, d in zip(window, dilations)]
    return same_padding(x.shape[2:], extents, strides, mode == "SAME_UPPER")


def _geometry(call: Call, x: Value, window: list[int]) -> dict[str, list]:
    """Strides, dilations and padding of a window that slides over x."""
    count = len(window)
    strides = call.integers("strides", [1] * count, count)
    dilations = call.integers("dilations", [1] * count, count)
    if x.rank != count + 2:
        raise Refusal(f"a window of {count} dimensions does not fit an input of {x.rank} axes")
    if min(*window, *strides, *dilations) < 1:
        raise Refusal(f"window {window}, strides {strides} or dilations {dilations} are not positive")
    padding = _padding(call, x, window, strides, dilations)
    return {"strides": strides, "dilations": dilations, "padding": padding}


def _kernel(call: Call) -> np.ndarray:
    kernel = call.constant(1, "the kernel")
    if not 3 <= kernel.ndim <= 5 or kernel.dtype.kind != "f" or not kernel.size:
        raise Refusal(f"a kernel of shape {kernel.shape} and type {kernel.dtype} is not supported")
    if call.integers("kernel_shape", list(kernel.shape[2:])) != list(kernel.shape[2:]):
        raise Refusal(f"its kernel has shape {kernel.shape}, not kernel_shape")
    return kernel


def _bias(call: Call, filters: int) -> np.ndarray | None:
    bias = call.optional_constant(2, "the bias")
    if bias is not None and bias.shape != (filters,):
        raise Refusal(f"a bias of shape {bias.shape} does not fit {filters} filters")
    return bias


def _conv(call: Call) -> Value:
    x, kernel, groups = call.input(), _kernel(call), call.integer("group", 1)
    geometry = _geometry(call, x, list(kernel.shape[2:]))
    return call.program.convolution(x, kernel, _bias(call, kernel.shape[0]), groups=groups, **geometry)


def _conv_transpose(call: Call) -> Value:
    x, kernel, groups = call.input(), _kernel(call), call.integer("group", 1)
    window, count = kernel.shape[2:], kernel.ndim - 2
    strides = call.integers("strides", [1] * count, count)
    dilations = call.integers("dilations", [1] * count, count)
    extra = call.integers("output_padding", [0] * count, count)
    if min(*strides, *dilations) < 1 or min(extra) < 0 or groups < 1:
        raise Refusal(f"strides {strides}, dilations {dilations} or output_padding {extra} are not supported")
    wanted = call.integers("output_shape", None)
    mode = call.one_of("auto_pad", "NOTSET", "NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER")
    pads = call.integers("pads", [0] * 2 * count, 2 * count)
    padding = list(zip(pads[:count], pads[count:]))
    if mode == "VALID":
        padding = [(0, 0)] * count
    if wanted is not None or mode.startswith("SAME"):
        sizes = call.program.sizes(x)[2:]
        wanted = [n * s for n, s in zip(sizes, strides)] if wanted is None else wanted[-count:]
        padding = []
        for size, stride, k, d, own, target in zip(sizes, strides, window, dilations, extra, wanted):
            total = stride * (size - 1) + own + (k - 1) * d + 1 - target
            half = total // 2 if mode == "SAME_UPPER" else total - total // 2
            padding.append((half, total - half))
    # What padding would add rather than cut: the engine's output_padding at the end, zeros and the bias at the start.
    grown = [max(-after, 0) for _, after in padding]
    if any(before < 0 for before, _ in padding):
        raise Refusal(f"padding {padding} that adds to the start is not supported")
    padding = [(before, max(after, 0)) for before, after in padding]
    return call.program.transposed_convolution(
        x,
        kernel,
        _bias(call, kernel.shape[1] * groups),
        strides=strides,
        padding=padding,
        dilations=dilations,
        groups=groups,
        output_padding=[own + more for own, more in zip(extra, grown)],
    )


def _pool(kind: str):
    def row(call: Call) -> Value:
        call.check_only_first_output()
        x, window = call.input(), call.integers("kernel_shape")
        geometry = _geometry(call, x, window)
        if call.integer("storage_order", 0) and kind != "max":
            raise Refusal("attribute 'storage_order' is not supported")
        return call.program.pool(
            kind,
            x,
            window,
            ceil_mode=call.flag("ceil_mode"),
            count_include_pad=kind == "average" and call.flag("count_include_pad"),
            **geometry,
        )

    return row


def _lp_pool(call: Call) -> Value:
    x, window = call.input(), call.integers("kernel_shape")
    geometry = _geometry(call, x, window)
    return call.program.lp_pool(x, call.integer("p", 2), window, ceil_mode=call.flag("ceil_mode"), **geometry)


def _global(kind: str):
    def row(call: Call) -> Value:
        x = call.input()
        if x.rank < 3:
            raise Refusal(f"an input of {x.rank} axes has no positions")
        return call.program.reduce(kind, x, range(2, x.rank), True)

    return row


def _global_lp_pool(call: Call) -> Value:
    p, x, program = call.integer("p", 2), call.input(), call.program
    if p in (1, 2):
        return program.reduce(f"l{p}", x, range(2, x.rank), True)
    powers = program.unary("power", program.unary("abs", x), exponent=float(p))
    return program.unary("power", program.reduce("sum", powers, range(2, x.rank), True), exponent=1 / p)


OPERATORS = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("average"),
    "LpPool": _lp_pool,
    "GlobalMaxPool": _global("max"),
    "GlobalAveragePool": _global("mean"),
    "GlobalLpPool": _global_lp_pool,
}
