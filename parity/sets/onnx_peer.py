"""Values of an ONNX file by ONNX Runtime, and its derivatives by differences in float64.

ONNX Runtime computes convolutions in float32 only, so differences are taken with the reference implementation of the `onnx`
package, with the whole model in float64 and the slow operators replaced by PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

DIRECTIONS = 12
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


def reference(path: Path, x: np.ndarray, score: Callable[[np.ndarray], Any]) -> dict[str, np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    evaluator = ReferenceEvaluator(
        in_double(onnx.load(path)), new_ops=[BatchNormalization, Conv, ConvTranspose]
    )
    name = session.get_inputs()[0].name
    directions = np.random.default_rng(3).normal(0, 1, (DIRECTIONS, *x.shape)).astype(np.float32)
    wide = x.astype(np.float64)
    # Longer steps cross rectifiers' bends: with 1e-6 of the range slopes of a ResNet were off by 0.7 %.
    step = 2e-9 * np.abs(x).max()

    def value(image: np.ndarray) -> float:
        return float(score(evaluator.run(None, {name: image})[0]))

    slopes = [(value(wide + step * d) - value(wide - step * d)) / (2 * step) for d in directions]
    return {
        "output": session.run(None, {name: x})[0],
        "directions": directions,
        "slopes": np.asarray(slopes),
    }


def in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor in model.graph.initializer:
        _widen(tensor)
    for entry in [*model.graph.input, *model.graph.output]:
        if entry.type.tensor_type.elem_type == FLOAT:
            entry.type.tensor_type.elem_type = DOUBLE
    del model.graph.value_info[:]
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR and node.op_type != "Resize":
                _widen(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT:
                attribute.i = DOUBLE
    return model


def _widen(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == FLOAT:
        tensor.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
        )


class Conv(OpRun):
    op_domain = ""

    def _run(self, x, kernel, bias=None, **attributes):  # type: ignore[no-untyped-def]
        return (_convolved(torch.nn.functional.conv2d, x, kernel, bias, attributes),)


class ConvTranspose(OpRun):
    op_domain = ""

    def _run(self, x, kernel, bias=None, **attributes):  # type: ignore[no-untyped-def]
        return (_convolved(torch.nn.functional.conv_transpose2d, x, kernel, bias, attributes),)


class BatchNormalization(OpRun):
    """The reference implementation mixes the batch's own statistics in where an old file names a momentum."""

    op_domain = ""

    def _run(self, x, scale, bias, mean, variance, epsilon=1e-5, **attributes):  # type: ignore[no-untyped-def]
        shape = (-1, *(1,) * (x.ndim - 2))
        factor = scale / np.sqrt(variance + epsilon)
        return (x * factor.reshape(shape) + (bias - mean * factor).reshape(shape),)


def _convolved(function: Any, x: Any, kernel: Any, bias: Any, attributes: dict[str, Any]) -> np.ndarray:
    """Explicit pads only, equal before and behind or added first."""
    if attributes.get("auto_pad") not in (None, "NOTSET", "VALID"):
        raise NotImplementedError(attributes["auto_pad"])
    top, left, bottom, right = attributes.get("pads") or (0, 0, 0, 0)
    image = torch.from_numpy(np.ascontiguousarray(x))
    padding = (top, left)
    if (top, left) != (bottom, right):
        image, padding = torch.nn.functional.pad(image, (left, right, top, bottom)), (0, 0)
    options = {
        "stride": tuple(attributes.get("strides") or (1, 1)),
        "dilation": tuple(attributes.get("dilations") or (1, 1)),
        "groups": attributes.get("group") or 1,
    }
    weights = [None if w is None else torch.from_numpy(np.array(w, np.float64)) for w in (kernel, bias)]
    return function(image, weights[0], weights[1], padding=padding, **options).numpy()
