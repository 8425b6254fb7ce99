"""Rows for tensors made in the shape of another, and for changes of type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value


def _like(number: float | None) -> Any:
    def row(p: Program, x: Value, fill: Any = number, *_: Any) -> Value:
        return _full(p, p.sizes(x), fill if number is None else number)

    return row


def _new(number: float | None) -> Any:
    def row(p: Program, _x: Value, shape: Sequence[int], fill: Any = number) -> Value:
        return _full(p, shape, fill if number is None else number)

    return row


def _full(p: Program, shape: Sequence[int], fill: Any) -> Value:
    if isinstance(fill, Value):
        if fill.array is None:
            return p.expand(fill, shape)
        fill = fill.array
    return p.folded(np.broadcast_to(np.asarray(fill, np.float32), tuple(shape)))


def _converted(p: Program, x: Value, *, dtype: Any = None) -> Value:
    """Floats stay what they are: the engine computes in float32."""
    if dtype is None or dtype.is_floating_point:
        return x
    if str(dtype) == "torch.bool":
        return p.affine(p.merge("equal", x, p.constant(np.zeros((), np.float32))), -1.0, 1.0)
    raise Refusal(f"data of type {dtype} is not supported")


ROWS: dict[str, Any] = {
    "aten.zeros_like": _like(0.0),
    "aten.ones_like": _like(1.0),
    "aten.empty_like": _like(0.0),
    "aten.full_like": _like(None),
    "aten.fill": _like(None),
    "aten.zero": _like(0.0),
    "aten.new_zeros": _new(0.0),
    "aten.new_ones": _new(1.0),
    "aten.new_empty": _new(0.0),
    "aten.new_full": _new(None),
    "aten._to_copy": _converted,
}
