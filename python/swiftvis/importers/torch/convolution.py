"""Rows for convolutions and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value
from swiftvis.importers.torch.elementwise import value


def numbers(x: Value | None, what: str = "weights") -> np.ndarray | None:
    """The array of a constant."""
    if x is None:
        return None
    if x.array is None:
        raise Refusal(f"{what} that depend on the input are not supported")
    return x.array


def spread(sizes: int | Sequence[int], count: int) -> list[int]:
    """One number for each dimension."""
    given = [sizes] if isinstance(sizes, int) else list(sizes)
    return given * count if len(given) == 1 else given


def _convolution(
    p: Program,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    kernel = numbers(weight)
    count = kernel.ndim - 2
    dilations = spread(dilation, count)
    if isinstance(padding, str):
        totals = [
            (k - 1) * d if padding == "same" else 0 for k, d in zip(kernel.shape[2:], dilations, strict=True)
        ]
        pairs = [(total // 2, total - total // 2) for total in totals]
    else:
        pairs = [(size, size) for size in spread(padding, count)]
    return _batched(
        p,
        x,
        count,
        lambda x: p.convolution(
            x,
            kernel,
            numbers(bias),
            strides=spread(stride, count),
            padding=pairs,
            dilations=dilations,
            groups=groups,
        ),
    )


def _transposed(
    p: Program,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    kernel = numbers(weight)
    count = kernel.ndim - 2
    return _batched(
        p,
        x,
        count,
        lambda x: p.transposed_convolution(
            x,
            kernel,
            numbers(bias),
            strides=spread(stride, count),
            padding=[(size, size) for size in spread(padding, count)],
            dilations=spread(dilation, count),
            groups=groups,
            output_padding=spread(output_padding, count),
        ),
    )


def _general(
    p: Program,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Value:
    if transposed:
        return _transposed(p, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(p, x, weight, bias, stride, padding, dilation, groups)


def _batched(p: Program, x: Value, count: int, function: Any) -> Value:
    """PyTorch takes images without a batch too."""
    if x.rank != count + 1:
        return function(x)
    result = function(p.reshape(x, (1, *x.shape)))
    return p.reshape(result, result.shape[1:])


def _linear(p: Program, x: Value, weight: Value, bias: Value | None = None) -> Value:
    if weight.array is None or (bias is not None and bias.array is None):
        product = p.matmul(x, p.permute(weight, [1, 0]))
        return product if bias is None else p.merge("add", product, bias)
    return p.dense(x, weight.array.T, numbers(bias))


def _bilinear(p: Program, a: Value, b: Value, weight: Value, bias: Value | None = None) -> Value:
    """For each unit a^T W b: the first product with all units side by side."""
    kernel = numbers(weight)
    units, rows, columns = kernel.shape
    first = p.dense(a, kernel.transpose(1, 0, 2).reshape(rows, units * columns))
    first = p.reshape(first, (*first.shape[:-1], units, columns))
    terms = p.merge("multiply", first, p.reshape(b, (*b.shape[:-1], 1, columns)))
    result = p.reduce("sum", terms, [-1])
    return result if bias is None else p.merge("add", result, bias)


def _addmm(p: Program, bias: Value, a: Value, b: Value, beta: float = 1, alpha: float = 1) -> Value:
    if alpha == beta == 1 and b.array is not None and bias.array is not None:
        units = b.array.shape[1]
        if bias.array.size in (1, units) and bias.shape in ((), (1,), (units,), (1, units), (1, 1)):
            return p.dense(a, b.array, np.broadcast_to(bias.array.reshape(-1), [units]))
    product = p.matmul(a, b)
    product = product if alpha == 1 else p.affine(product, alpha)
    if beta == 0:
        return product
    return p.merge("add", product, bias if beta == 1 else p.merge("multiply", bias, value(p, beta)))


def _attention(
    p: Program,
    query: Value,
    key: Value,
    values: Value,
    mask: Value | None = None,
    _dropout: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """Scaled dot-product attention: softmax(q k^T * scale + mask) v. A query that may see nothing gets 0, as PyTorch's."""
    if enable_gqa and key.shape[-3] != query.shape[-3]:
        heads, (own,) = p.sizes(key, [-3])[0], p.sizes(query, [-3])
        key, values = (p.gather(x, np.repeat(np.arange(heads), own // heads), -3) for x in (key, values))
    factor = 1 / math.sqrt(p.sizes(query, [-1])[0]) if scale is None else scale
    axes = [*range(key.rank - 2), key.rank - 1, key.rank - 2]
    scores = p.matmul(p.affine(query, factor), p.permute(key, axes))
    if is_causal:
        rows, columns = p.sizes(scores, [-2, -1])
        mask = p.constant(np.tril(np.ones((rows, columns), bool)))
    if mask is not None and mask.array is None:
        if mask.kind == "b":
            raise Refusal("a mask of truth values that depend on the input is not supported")
        scores = p.merge("add", scores, mask)
    elif mask is not None:
        # Far below every score, and finite: what is masked gets a weight of exactly 0.
        finite = np.where(mask.array, 0, -1e9) if mask.array.dtype == bool else np.maximum(mask.array, -1e9)
        scores = p.merge("add", scores, p.constant(finite.astype(np.float32)))
    weights = p.softmax(scores, -1)
    if mask is not None and mask.array is not None:
        is_seen = mask.array if mask.array.dtype == bool else mask.array > -np.inf
        if not (sees := is_seen.any(-1, keepdims=True)).all():
            weights = p.merge("multiply", weights, p.constant(sees.astype(np.float32)))
    return p.matmul(weights, values)


ROWS: dict[str, Any] = {
    **{f"aten.conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"aten.conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    "aten.convolution": _general,
    "aten.linear": _linear,
    "aten.addmm": _addmm,
    "aten.bilinear": _bilinear,
    **{f"aten.{name}": lambda p, a, b: p.matmul(a, b) for name in "matmul mm bmm mv dot".split()},
    "aten.scaled_dot_product_attention": _attention,
}
