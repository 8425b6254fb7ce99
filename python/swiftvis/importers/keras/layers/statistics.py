"""Normalizations by an input's own statistics, over any axes."""

from __future__ import annotations

import numpy as np

from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.program import Value

# Of UnitNormalization, whose divisor is at least this.
_SMALLEST_NORM = 1e-12


def group_normalization(call: LayerCall) -> Tensor:
    """`groups` -1 gives each channel a group of its own."""
    x, epsilon, groups = call.input, call.number("epsilon", 1e-3), call.options.get("groups", 32)
    if len(found := axes(call, x)) != 1:
        raise Refusal(f"groups over axes {found} are not supported")
    (axis,) = found
    channels = call.known(x.shape[axis])
    if type(groups) is not int or (groups != -1 and (groups < 1 or channels % groups)):
        raise Refusal(f"{groups!r} groups do not divide {channels} channels")
    scale, offset = _scale_and_offset(call)

    def compute(program: Composition, value: Value) -> Value:
        order = [0, axis, *(other for other in range(1, x.rank) if other != axis)]
        y = program.permute(value, order)
        y = program.group_normalization(y, channels if groups == -1 else groups, scale, offset, epsilon)
        return program.permute(y, [order.index(other) for other in range(x.rank)])

    return call.composed(compute, x, channels_first=axis == 1 and x.rank > 3)


def layer_normalization(call: LayerCall, over: list[int]) -> Tensor:
    """Over several axes, not all of them the last."""
    x, epsilon = call.input, call.number("epsilon", 1e-3)
    scale, offset = _scale_and_offset(call)

    def compute(program: Composition, value: Value) -> Value:
        return program.trailing(
            value, over, lambda y: program.layer_normalization(y, len(over), scale, offset, epsilon)
        )

    return call.composed(compute, x, channels_first=x.channels_first)


def unit_normalization(call: LayerCall) -> Tensor:
    x, over = call.input, axes(call, call.input)

    def compute(program: Composition, value: Value) -> Value:
        # The floor keeps a gradient at 0 finite; squares of float32 go no lower than its square.
        total = program.clip(
            program.reduce("sum", program.square(value), over, True), _SMALLEST_NORM**2, None
        )
        return program.merge("divide", value, program.unary("sqrt", total))

    return call.composed(compute, x, channels_first=x.channels_first)


def rms_normalization(call: LayerCall) -> Tensor:
    """Of RMSNormalization, and of Keras 3's LayerNormalization(rms_scaling=True)."""
    x, over = call.input, axes(call, call.input)
    epsilon = call.number("epsilon", 1e-6)
    scale = call.arrays[0] if call.stored else None
    if scale is not None:
        scale = scale.reshape([call.known(size) if axis in over else 1 for axis, size in enumerate(x.shape)])

    def compute(program: Composition, value: Value) -> Value:
        factors = None if scale is None else program.constant(scale)
        return program.rms_normalization(value, over, factors, epsilon)

    return call.composed(compute, x, channels_first=x.channels_first)


def axes(call: LayerCall, x: Tensor) -> list[int]:
    """Of the option, counted from the front."""
    value = call.options.get("axis", -1)
    given = value if isinstance(value, list) else [value]
    if any(type(axis) is not int or not -x.rank <= axis < x.rank or axis % x.rank == 0 for axis in given):
        raise Refusal(f"axis {value!r} is not supported")
    return sorted({axis % x.rank for axis in given})


def _scale_and_offset(call: LayerCall) -> tuple[np.ndarray | None, np.ndarray | None]:
    arrays = iter(call.arrays)
    return tuple(  # type: ignore[return-value]
        next(arrays) if call.options.get(key, True) else None for key in ("scale", "center")
    )
