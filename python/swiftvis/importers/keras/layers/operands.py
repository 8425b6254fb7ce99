"""The arguments of an operation outside layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.topology import Reference
from swiftvis.importers.program import Program, Value

# What does not change the numbers: float32 is computed in all the same.
_NAMES = {"name", "function", "dtype", "trainable", "flash_attention", "conjugate"}
_MOST_NUMBERS = 1 << 20


class Operands:
    """The arguments of one operation, with a value for each tensor."""

    def __init__(self, call: LayerCall, values: list[Value]) -> None:
        given = iter(values)
        self.options = {key: value for key, value in call.options.items() if key not in _NAMES}
        self.items = [_filled(item, given) for item in call.call.arguments]
        self.options |= {
            key: _filled(item, given) for key, item in call.call.options.items() if key != "name"
        }
        self._read: set[int | str] = set()

    def get(self, position: int | None, *names: str, default: Any = None) -> Any:
        """An argument by its position, or by any of its names."""
        self._read |= {*names} if position is None else {position, *names}
        if position is not None and position < len(self.items) and self.items[position] is not None:
            return self.items[position]
        return next((self.options[name] for name in names if self.options.get(name) is not None), default)

    def has(self, position: int, *names: str) -> bool:
        return self.get(position, *names) is not None

    def value(self, program: Program, position: int, *names: str) -> Value:
        item = self.get(position, *names)
        if isinstance(item, Value):
            return item
        array = _numbers(item)
        if array is None:
            raise Refusal(f"an operand {item!r:.80} is not supported")
        return program.constant(array)

    def check_all_read(self) -> None:
        """What nobody looked at might change the result."""
        for position, item in enumerate(self.items):
            if position not in self._read and item is not None and not isinstance(item, str):
                raise Refusal(f"its argument {item!r:.80} is not supported")
        for key, item in self.options.items():
            if key not in self._read and key not in _NAMES and item is not None and item is not False:
                raise Refusal(f"its argument {key} = {item!r:.80} is not supported")


def _filled(item: Any, values: Any) -> Any:
    if isinstance(item, Reference):
        return next(values)
    if isinstance(item, list):
        return [_filled(part, values) for part in item]
    if isinstance(item, dict):
        kind = item.get("class_name")
        if kind == "__ellipsis__":
            return ...
        if kind in ("__numpy__", "__tensor__"):
            return item
        if kind == "__slice__":
            item = item["config"]
        if set(item) == {"start", "stop", "step"}:
            return slice(*(_index(item[key]) for key in ("start", "stop", "step")))
        return {key: _filled(part, values) for key, part in item.items()}
    return item


def _index(value: Any) -> int | None:
    if value is not None and type(value) is not int:
        raise Refusal(f"an index {value!r} is not supported")
    return value


def _numbers(item: Any) -> np.ndarray | None:
    """Finite numbers, in a list or as Keras 3 writes an array."""
    if isinstance(item, dict) and isinstance(item.get("config"), dict):
        item = item["config"].get("value")
    if isinstance(item, bool) or not isinstance(item, (int, float, list)):
        return None
    try:
        array = np.asarray(item)
    except ValueError:
        return None
    if array.dtype.kind not in "fiub" or array.size > _MOST_NUMBERS or not np.isfinite(array).all():
        return None
    return array.astype(np.float32)
