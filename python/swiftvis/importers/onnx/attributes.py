"""Attributes of ONNX nodes as Python values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swiftvis.importers.onnx import tensors
from swiftvis.importers.program import Refusal


def decoded(node: Any, folder: Path | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        kind, name = attribute.type, attribute.name
        if attribute.ref_attr_name:
            continue  # the function was called without it: the default holds
        if kind == attribute.FLOAT:
            values[name] = attribute.f
        elif kind == attribute.INT:
            values[name] = attribute.i
        elif kind == attribute.STRING:
            values[name] = attribute.s
        elif kind == attribute.TENSOR:
            values[name] = tensors.array(attribute.t, folder)
        elif kind == attribute.FLOATS:
            values[name] = list(attribute.floats)
        elif kind == attribute.INTS:
            values[name] = list(attribute.ints)
        elif kind == attribute.STRINGS:
            values[name] = list(attribute.strings)
        else:
            raise Refusal(f"attribute '{name}' of type {kind} is not supported")
    return values
