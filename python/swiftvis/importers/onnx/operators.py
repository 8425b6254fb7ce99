"""The table from ONNX operators to what computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from swiftvis.importers.onnx import convolution, elementwise, normalization, reductions, resizing, shaping
from swiftvis.importers.onnx.call import Call

OPERATORS: dict[str, Callable[[Call], Any]] = {
    **elementwise.OPERATORS,
    **convolution.OPERATORS,
    **normalization.OPERATORS,
    **reductions.OPERATORS,
    **shaping.OPERATORS,
    **resizing.OPERATORS,
}

# Operators that are often asked for, and why they have no row.
REASONS: dict[str, str] = {
    **dict.fromkeys(("RNN", "LSTM", "GRU"), "recurrent layers are not supported"),
    **dict.fromkeys(("Loop", "Scan", "SequenceMap"), "loops are not supported"),
    **dict.fromkeys(
        (
            *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"),
            *("ConvInteger", "MatMulInteger"),
        ),
        "quantised networks are not supported: use the one in floating point",
    ),
    **dict.fromkeys(
        (
            "NonMaxSuppression",
            "TopK",
            "NonZero",
            "ArgMax",
            "ArgMin",
            "OneHot",
            "Hardmax",
            "Unique",
            "Compress",
        ),
        "its choice depends on the input and has no gradient: take the part of the model before it",
    ),
    **dict.fromkeys(
        (
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Bernoulli",
            "Multinomial",
        ),
        "random numbers are not supported",
    ),
}


def reason(domain: str, op: str) -> str:
    """Why an operator is refused."""
    if domain:
        return f"operators of '{domain}' are not supported"
    return REASONS.get(op, "this operator is not supported")
