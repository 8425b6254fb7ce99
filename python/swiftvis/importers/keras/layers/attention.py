"""Attention and the products of tensors it is made of."""

from __future__ import annotations

import math
import string

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.layers.activation import activate, function
from swiftvis.importers.program import Value

# Added to what a causal mask leaves out, as Keras's Softmax layer does.
_MASKED = -1e9
# Of UnitNormalization and Dot(normalize=True).
_SMALLEST_NORM = 1e-12

Result = Tensor | list[Tensor]


def multi_head_attention(call: LayerCall) -> Result:
    """MultiHeadAttention, and GroupedQueryAttention, several of whose query heads share a key and a value head."""
    _check(call, ("use_gate", "sliding_window", "flash_attention"))
    query, value, key = _sources(call)
    axes = call.options.get("attention_axes") or list(range(1, query.rank - 1))
    axes = [axes] if type(axes) is int else axes
    if any(type(axis) is not int or not 0 < axis % query.rank < query.rank - 1 for axis in axes):
        raise Refusal(f"attention_axes {axes!r} are not supported")
    axes = sorted({axis % query.rank for axis in axes})
    if not query.rank == value.rank == key.rank:
        raise Refusal("its inputs differ in rank")
    kernels, biases = _projections(call)
    heads, depth = kernels[0].shape[1:]
    repeats = heads // kernels[1].shape[1]
    causal = call.call.options.get("use_causal_mask") is True

    def compute(program: Composition, *values: Value) -> list[Value]:
        def project(x: Value, index: int) -> Value:
            """(1, ..., heads, attended, depth)"""
            kernel, bias = kernels[index], biases[index]
            if index:
                kernel = np.repeat(kernel, repeats, 1)
                bias = None if bias is None else np.repeat(bias, repeats, 0)
            shared = [axis for axis in range(1, x.rank - 1) if axis not in axes]
            x = program.permute(x, [0, *shared, *axes, x.rank - 1])
            attended = math.prod(program.sizes(x, range(1 + len(shared), x.rank - 1)))
            x = program.reshape(x, [*x.shape[: 1 + len(shared)], attended, x.shape[-1]])
            flat = None if bias is None else bias.reshape(-1)
            y = program.dense(x, kernel.reshape(len(kernel), -1), flat)
            y = program.reshape(y, [*y.shape[:-1], *kernel.shape[1:]])
            front = list(range(y.rank - 3))
            return program.permute(y, [*front, y.rank - 2, y.rank - 3, y.rank - 1])

        sources = dict(zip((0, 2, 1), values))
        queries = program.affine(project(sources[0], 0), 1 / math.sqrt(depth))
        scores = _scores(program, queries, project(sources[1], 1), causal)
        y = program.matmul(scores, project(sources[2], 2))
        front = list(range(y.rank - 3))
        y = program.permute(y, [*front, y.rank - 2, y.rank - 3, y.rank - 1])
        y = program.reshape(y, [*y.shape[:-2], heads * kernels[2].shape[2]])
        kernel, bias = kernels[3], biases[3]
        y = program.dense(
            y,
            kernel.reshape(y.shape[-1], -1),
            None if bias is None else bias.reshape(-1),  # type: ignore[arg-type]
        )
        shared = [axis for axis in range(1, query.rank - 1) if axis not in axes]
        order = [0, *shared, *axes, query.rank - 1]
        sizes = [values[0].shape[axis] for axis in order[:-1]]
        y = program.reshape(y, [*sizes, *kernel.shape[2:]])
        y = program.permute(y, [order.index(axis) for axis in range(query.rank)])
        return [y, scores]

    results = call.composed(lambda *values: compute(*values)[: 1 + _wants_scores(call)], query, value, key)
    return results if len(results) > 1 else results[0]


def attention(call: LayerCall) -> Result:
    """Luong's and Bahdanau's attention, without heads: Attention and AdditiveAttention."""
    additive = call.layer.class_name == "AdditiveAttention"
    mode = call.options.get("score_mode", "dot")
    if mode not in ("dot", "concat"):
        raise Refusal(f"score_mode {mode!r} is not supported")
    _check(call, ())
    query, value, key = _sources(call)
    arrays, scaled = call.arrays, bool(call.options.get("use_scale", additive))
    scale = arrays[0] if scaled else np.ones((), np.float32)

    def scores(program: Composition, q: Value, k: Value) -> Value:
        if mode == "dot" and not additive:
            last = k.rank - 1
            turned = program.permute(k, [*range(last - 1), last, last - 1])
            return program.affine(program.matmul(q, turned), float(scale))
        q = program.reshape(q, [*q.shape[:-1], 1, q.shape[-1]])
        k = program.reshape(k, [*k.shape[:-2], 1, *k.shape[-2:]])
        total = program.merge("add", q, k)
        if additive:
            weighted = program.merge("multiply", program.unary("tanh", total), program.constant(scale))
            return program.reduce("sum", weighted, [-1])
        steep = program.unary("tanh", program.affine(total, float(scale)))
        return program.affine(program.reduce("sum", steep, [-1]), float(arrays[-1]))

    def compute(program: Composition, *values: Value) -> list[Value]:
        q, v, k = values
        mask = call.call.options.get("use_causal_mask") is True
        found = _softmax(program, scores(program, q, k), mask)
        return [program.matmul(found, v), found]

    results = call.composed(lambda *values: compute(*values)[: 1 + _wants_scores(call)], query, value, key)
    return results if len(results) > 1 else results[0]


def einsum_dense(call: LayerCall) -> Tensor:
    equation, node, x = call.options.get("equation"), function(call), call.input
    if not isinstance(equation, str):
        raise Refusal(f"equation {equation!r} is not supported")
    kernel = call.arrays[0]
    bias = call.arrays[1] if call.options.get("bias_axes") else None

    def compute(program: Composition, value: Value) -> Value:
        y = program.einsum(equation, [value, program.constant(kernel)])
        return y if bias is None else program.merge("add", y, program.constant(bias))

    return activate(call, node, call.composed(compute, x))


def dot(call: LayerCall) -> Tensor:
    """A product of two tensors along one axis of each, for every sample."""
    if len(call.inputs) != 2:
        raise Refusal(f"it is called with {len(call.inputs)} tensors instead of two")
    a, b = call.inputs
    axes = call.options.get("axes", -1)
    axes = list(axes) if isinstance(axes, (list, tuple)) else [axes, axes]
    ranks = (a.rank, b.rank)
    if len(axes) != 2 or any(type(axis) is not int or axis % rank == 0 for axis, rank in zip(axes, ranks)):
        raise Refusal(f"axes {axes!r} are not supported")
    first, second = (axis % rank for axis, rank in zip(axes, ranks))
    letters = iter(string.ascii_lowercase[2:])
    left = ["a", *(next(letters) for _ in range(1, a.rank))]
    right = ["a", *(next(letters) for _ in range(1, b.rank))]
    left[first] = right[second] = "b"
    given = "a" + "".join(c for c in left + right if c not in "ab")
    normalize = call.options.get("normalize") is True

    def unit(program: Composition, x: Value, axis: int) -> Value:
        total = program.clip(program.reduce("sum", program.square(x), [axis], True), _SMALLEST_NORM, None)
        return program.merge("divide", x, program.unary("sqrt", total))

    def compute(program: Composition, x: Value, y: Value) -> Value:
        if normalize:
            x, y = unit(program, x, first), unit(program, y, second)
        product = program.einsum(f"{''.join(left)},{''.join(right)}->{given}", [x, y])
        return program.reshape(product, (1, 1)) if given == "a" else product

    return call.composed(compute, a, b)


def _sources(call: LayerCall) -> tuple[Tensor, Tensor, Tensor]:
    """Query, value and key, which is the value where it is not given."""
    inputs = call.inputs
    if not 2 <= len(inputs) <= 3:
        raise Refusal(f"it is called with {len(inputs)} tensors instead of query, value and perhaps key")
    return inputs[0], inputs[1], inputs[-1]


def _check(call: LayerCall, keys: tuple[str, ...]) -> None:
    for key in keys:
        if call.options.get(key):
            raise Refusal(f"{key} is not supported")
    for key, value in call.call.options.items():
        if "mask" in key and value is not None and key != "use_causal_mask":
            raise Refusal(f"a computed {key} is not supported")


def _wants_scores(call: LayerCall) -> bool:
    return call.call.options.get("return_attention_scores") is True


def _projections(call: LayerCall) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Of query, key, value and output."""
    arrays, biased = call.arrays, bool(call.options.get("use_bias", True))
    kernels = arrays[:: 1 + biased]
    if len(kernels) != 4 or any(kernel.ndim < 3 for kernel in kernels):
        raise Refusal(f"its kernels have shapes {[kernel.shape for kernel in kernels]}")
    return kernels, list(arrays[1::2]) if biased else [None] * 4


def _scores(program: Composition, queries: Value, keys: Value, causal: bool) -> Value:
    last = keys.rank - 1
    turned = program.permute(keys, [*range(last - 1), last, last - 1])
    return _softmax(program, program.matmul(queries, turned), causal)


def _softmax(program: Composition, scores: Value, causal: bool) -> Value:
    if causal:
        rows, columns = program.sizes(scores, [scores.rank - 2, scores.rank - 1])
        mask = np.triu(np.full((rows, columns), _MASKED, np.float32), 1)
        scores = program.merge("add", scores, program.constant(mask))
    return program.softmax(scores, -1)
