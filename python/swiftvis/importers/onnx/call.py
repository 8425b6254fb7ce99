"""What a row of the table sees of one ONNX node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Value

_REQUIRED: Any = object()


class Call:
    """One node: its inputs, and its attributes with ONNX's defaults. An attribute that nobody reads is refused.

    Attributes:
        program: the graph under construction.
        op, opset: the operator and the version of its domain that the model imports.
        inputs: None for one that is left out.
        outputs: the names; "" for one that is left out.
        integers: whether a computed input holds integers (from a cast or an integer input of the model).
    """

    def __init__(
        self,
        program: Program,
        op: str,
        opset: int,
        inputs: Sequence[Value | None],
        outputs: Sequence[str],
        attributes: dict[str, Any],
    ) -> None:
        self.program, self.op, self.opset = program, op, opset
        self.inputs, self.outputs = list(inputs), list(outputs)
        self._attributes = attributes
        self._read: set[str] = set()

    def input(self, index: int = 0) -> Value:
        value = self.optional(index)
        if value is None:
            raise Refusal(f"its input {index} is missing")
        return value

    def optional(self, index: int) -> Value | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def all_inputs(self) -> list[Value]:
        return [self.input(index) for index in range(len(self.inputs))]

    def constant(self, index: int, what: str) -> np.ndarray:
        """An input that must be constant."""
        value = self.input(index)
        if value.array is None:
            raise Refusal(f"{what} must be constant, and depends on the model's input")
        return value.array

    def optional_constant(self, index: int, what: str) -> np.ndarray | None:
        return None if self.optional(index) is None else self.constant(index, what)

    def sizes(self, index: int, what: str) -> list[int | None]:
        """A constant vector of sizes or axes; None where it repeats a size that is open."""
        array = self.constant(index, what)
        if array.dtype != object and array.dtype.kind not in "iu":
            raise Refusal(f"{what} should be integers, and is of type {array.dtype}")
        if array.size > 64:
            raise Refusal(f"{what} has {array.size} elements")
        return [None if item is None else int(item) for item in array.reshape(-1).tolist()]

    # ---- Attributes ----

    def has(self, name: str) -> bool:
        return name in self._attributes

    def attribute(self, name: str, default: Any = _REQUIRED) -> Any:
        self._read.add(name)
        value = self._attributes.get(name, default)
        if value is _REQUIRED:
            raise Refusal(f"its attribute '{name}' is missing")
        return value

    def integer(self, name: str, default: Any = _REQUIRED) -> int:
        value = self.attribute(name, default)
        if value is not None and type(value) is not int:
            raise Refusal(f"attribute '{name}' should be an integer, and is {value!r:.40}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self.integer(name, int(default)))

    def number(self, name: str, default: Any = _REQUIRED) -> float:
        value = self.attribute(name, default)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Refusal(f"attribute '{name}' should be a number, and is {value!r:.40}")
        # Attributes are float32, and 0.2 should be what its writer said.
        return float(str(np.float32(value)))

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        value = self.attribute(name, default)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if value is not None and not isinstance(value, str):
            raise Refusal(f"attribute '{name}' should be a text, and is {value!r:.40}")
        return value

    def one_of(self, name: str, default: str, *known: str) -> str:
        value = self.text(name, default)
        if value not in known:
            raise Refusal(f"{name} '{value:.40}' is not supported")
        return value

    def integers(self, name: str, default: Any = _REQUIRED, count: int | None = None) -> Any:
        """A list, of as many integers as `count` says; None where it is absent and may be."""
        value = self.attribute(name, default)
        if value is None:
            return None
        is_list = isinstance(value, (list, tuple)) and all(type(item) is int for item in value)
        if not is_list or any(abs(item) >= 1 << 31 for item in value):
            raise Refusal(f"attribute '{name}' should be a list of integers, and is {value!r:.40}")
        if count is not None and len(value) != count:
            raise Refusal(f"attribute '{name}' has {len(value)} numbers instead of {count}")
        return list(value)

    def axes(self, index: int, default: Any = None, since: int = 13) -> list[int] | None:
        """Axes, which became an input with an opset. An empty list is the default too."""
        if self.opset < since:
            return self.integers("axes", default)
        if self.has("axes"):
            raise Refusal(f"'axes' is an input since opset {since}, not an attribute")
        if self.optional(index) is None:
            return default
        axes = self.sizes(index, "the axes")
        if None in axes:
            raise Refusal("axes that depend on open sizes are not supported")
        return axes  # type: ignore[return-value]

    def check_all_read(self) -> None:
        left = sorted(set(self._attributes) - self._read)
        if left:
            raise Refusal(f"attribute {', '.join(repr(name) for name in left)} is not supported")

    def check_only_first_output(self) -> None:
        if any(self.outputs[1:]):
            raise Refusal(f"its output '{next(filter(None, self.outputs[1:]))}' is not supported")
