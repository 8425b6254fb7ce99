"""What may stand in for a layer whose code is not run: `load_model(path, replace={"lambda_1": Rescaling(1 / 255)})`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Rescaling:
    """`Rescaling(scale, offset)`: x * scale + offset, where a network prepares its pixels in a Lambda.

    Raises:
        ValueError: numbers that are not finite, or sequences of different lengths.
    """

    scale: float | Sequence[float]
    """A number, or one for each channel."""
    offset: float | Sequence[float] = 0.0
    """A number, or one for each channel."""

    def __post_init__(self) -> None:
        lengths = set()
        for value in (self.scale, self.offset):
            numbers = [value] if isinstance(value, (int, float)) else list(value)
            if not numbers or not all(math.isfinite(float(number)) for number in numbers):
                raise ValueError(f"expected finite numbers, got {self}")
            lengths |= set() if isinstance(value, (int, float)) else {len(numbers)}
        if len(lengths) > 1:
            raise ValueError(f"scale and offset have different lengths: {self}")


@dataclasses.dataclass(frozen=True)
class Identity:
    """`Identity()`: the input as it is, where a layer does nothing that matters for the network."""


Replacement = Rescaling | Identity


def checked(replace: Mapping[str, Replacement] | None) -> Mapping[str, Replacement]:
    """The argument of `load_model`; TypeError where a value is no replacement."""
    for name, value in (replace or {}).items():
        if not isinstance(value, Replacement):
            raise TypeError(
                f"replace['{name}']: expected swiftvis.Rescaling or swiftvis.Identity, got {value!r}"
            )
    return replace or {}
