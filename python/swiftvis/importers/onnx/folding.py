"""What depends on constants alone and has no row of its own: ONNX's own NumPy definitions, with limits on size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Refusal
from swiftvis.importers.program.core import LARGEST_CONSTANT

# Their results are no larger than their inputs broadcast against each other.
_BOUNDED = frozenset(
    "Abs Neg Floor Ceil Round Sign Sqrt Exp Log Reciprocal Mod And Or Xor Not BitShift Less LessOrEqual Greater "
    "GreaterOrEqual Equal Where Min Max Sum Mean ArgMax ArgMin ReduceProd ReduceSum ReduceMax ReduceMin ReduceMean "
    "NonZero TopK GatherElements ScatterND ScatterElements CumSum Trilu IsNaN IsInf Compress Unique ReverseSequence "
    "Hardmax EyeLike OneHot".split()
)


def can_fold(op: str) -> bool:
    return op in _BOUNDED


def fold(node: Any, opset: int, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The outputs of one node of constants."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    arrays = [array for array in inputs if array is not None]
    if any(array.dtype == object for array in arrays):
        raise Refusal("it computes with sizes that the model leaves open: give input_shape=")
    _check_size(node.op_type, arrays)
    names = [name for name in node.input if name]
    model = helper.make_model(
        helper.make_graph(
            [node],
            "node",
            [helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(names)],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, dict(zip(names, arrays)))
    except Exception as error:  # whatever a damaged node makes NumPy raise
        raise Refusal(f"it cannot be computed: {error!s:.200}") from None
    return [np.asarray(result) for result in results]


def _check_size(op: str, arrays: Sequence[np.ndarray]) -> None:
    if op == "OneHot":
        depth = arrays[1].reshape(-1)
        sizes = math.prod([arrays[0].size, int(depth[0]) if depth.size else 0])
    elif op == "NonZero":
        sizes = arrays[0].size * max(arrays[0].ndim, 1)
    else:
        ranks = max((array.ndim for array in arrays), default=0)
        shapes = [(1,) * (ranks - array.ndim) + array.shape for array in arrays]
        sizes = math.prod(map(max, zip(*shapes))) if shapes else 0
    if not 0 <= sizes <= LARGEST_CONSTANT:
        raise Refusal(f"its constant result would have {sizes} elements")
