"""Resize and Upsample: per axis, where each output element lies in the input, and what is taken from there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from swiftvis.importers.onnx.call import Call
from swiftvis.importers.program import Program, Refusal, Value

_COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)


@dataclasses.dataclass(frozen=True)
class Rule:
    """How one axis is resized."""

    mode: str
    coordinates: str
    rounding: str = "round_prefer_floor"
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False

    def positions(self, own: int, size: int, scale: float, region: tuple[float, float]) -> np.ndarray:
        """Where the output elements lie, in input elements."""
        at = np.arange(size, dtype=np.float64)
        if self.coordinates == "align_corners":
            return at * (own - 1) / (own * scale - 1) if size > 1 else at * 0
        if self.coordinates == "asymmetric":
            return at / scale
        if self.coordinates == "tf_half_pixel_for_nn":
            return (at + 0.5) / scale
        if self.coordinates == "tf_crop_and_resize":
            start, end = region
            if size == 1:
                return at + 0.5 * (start + end) * (own - 1)
            return start * (own - 1) + at * (end - start) * (own - 1) / (size - 1)
        if self.coordinates == "pytorch_half_pixel" and size == 1:
            return at * 0
        middle = (at + 0.5) / scale - 0.5
        if self.coordinates == "half_pixel_symmetric":
            middle += own / 2 * (1 - size / (scale * own))
        return middle

    def along(self, own: int, positions: np.ndarray, scale: float) -> np.ndarray:
        """Indices of elements, or a matrix (own size, new size)."""
        if self.mode == "nearest":
            return np.clip(_ROUNDING[self.rounding](positions), 0, own - 1).astype(np.int64)
        reach = 1.0 if self.mode == "linear" else 2.0
        stretch = min(scale, 1.0) if self.antialias else 1.0
        reach /= stretch
        matrix = np.zeros((own, positions.size))
        for column, position in enumerate(positions):
            taps = np.arange(math.floor(position - reach) + 1, math.ceil(position + reach))
            if not taps.size:
                taps = np.array([math.floor(position)])
            weights = self._weights(np.abs(taps - position) * stretch)
            inside = (taps >= 0) & (taps < own)
            if self.exclude_outside:
                weights = weights * inside
            if self.exclude_outside or self.antialias:
                weights = weights / weights.sum()
            np.add.at(matrix[:, column], np.clip(taps, 0, own - 1), weights)
        return matrix.astype(np.float32)

    def _weights(self, distance: np.ndarray) -> np.ndarray:
        if self.mode == "linear":
            return np.maximum(1 - distance, 0)
        a, d = self.cubic, distance
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, near, np.where(d < 2, far, 0))


_ROUNDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _upsample(call: Call) -> Value:
    x, mode = call.input(), _mode(call)
    scales = call.attribute("scales") if call.opset < 9 else call.constant(1, "the scales")
    rule = Rule(mode, "asymmetric", "floor")
    return _resized(call, x, rule, _scales(x, scales), [None] * x.rank)


def _mode(call: Call) -> str:
    mode = call.one_of("mode", "nearest", "nearest", "linear", "bilinear", "cubic")
    return "linear" if mode == "bilinear" else mode


def _scales(x: Value, values: object) -> list[float]:
    scales = np.asarray(values, np.float32).reshape(-1).tolist()
    if len(scales) != x.rank or not all(0 < scale < 1 << 20 for scale in scales):
        raise Refusal(f"scales {scales} do not fit an input of shape {x.shape}")
    return scales


def _resize(call: Call) -> Value:
    x, mode = call.input(), _mode(call)
    if call.opset < 11:
        return _resized(
            call,
            x,
            Rule(mode, "asymmetric", "floor"),
            _scales(x, call.constant(1, "the scales")),
            [None] * x.rank,
        )
    rule = Rule(
        mode,
        call.one_of("coordinate_transformation_mode", "half_pixel", *_COORDINATES),
        call.one_of("nearest_mode", "round_prefer_floor", *_ROUNDING),
        call.number("cubic_coeff_a", -0.75),
        call.flag("exclude_outside"),
        call.flag("antialias"),
    )
    axes = call.integers("axes", None)
    axes = list(range(x.rank)) if axes is None else [call.program.axis(x, axis) for axis in axes]
    scales: list[float | None] = [1.0] * x.rank
    sizes: list[int | None] = list(x.shape)
    given, wanted = (
        call.optional_constant(index, what) for index, what in ((2, "the scales"), (3, "the sizes"))
    )
    policy = call.one_of("keep_aspect_ratio_policy", "stretch", "stretch", "not_larger", "not_smaller")
    if given is not None and given.size:
        for axis, scale in zip(axes, _scales(Value((1,) * len(axes)), given)):
            scales[axis], sizes[axis] = scale, None
    elif wanted is not None and wanted.size:
        values = call.sizes(3, "the sizes")
        if len(values) != len(axes) or any(value is not None and value < 1 for value in values):
            raise Refusal(f"sizes {values} do not fit an input of shape {x.shape}")
        own = [x.shape[axis] for axis in axes]
        if policy != "stretch":
            values, factor = _kept_ratio(call, policy, call.program.sizes(x, axes), values)
        for axis, size, value in zip(axes, own, values):
            if value != size:
                sizes[axis] = value
                if size is None or value is None:
                    raise Refusal("sizes in place of open ones are not supported: give input_shape=")
                scales[axis] = value / size if policy == "stretch" else factor
    else:
        raise Refusal("neither scales nor sizes are given")
    region = call.optional_constant(1, "the region") if rule.coordinates == "tf_crop_and_resize" else None
    outside = call.number("extrapolation_value", 0.0)
    if region is None:
        return _resized(call, x, rule, scales, sizes)
    if region.size != 2 * len(axes):
        raise Refusal(f"a region of {region.size} numbers does not fit {len(axes)} axes")
    regions = {axis: (float(region[i]), float(region[i + len(axes)])) for i, axis in enumerate(axes)}
    return _resized(call, x, rule, scales, sizes, regions, outside)


def _kept_ratio(call: Call, policy: str, own: tuple[int, ...], values: list) -> tuple[list[int], float]:
    factor = (min if policy == "not_larger" else max)(value / size for value, size in zip(values, own))
    return [math.floor(factor * size + 0.5) for size in own], factor


def _resized(
    call: Call,
    x: Value,
    rule: Rule,
    scales: list[float | None],
    sizes: list[int | None],
    regions: dict[int, tuple[float, float]] | None = None,
    outside: float = 0.0,
) -> Value:
    program, factors = call.program, [1.0 if scale is None else scale for scale in scales]
    if regions is None and (result := _enlarged(program, x, rule, factors, sizes)) is not None:
        return result
    inside = np.ones((), bool)
    for axis, (factor, size) in enumerate(zip(factors, sizes)):
        if factor == 1 and size in (None, x.shape[axis]) and regions is None:
            inside = np.multiply.outer(inside, [True])
            continue
        (own,) = program.sizes(x, [axis])
        size = math.floor(own * factor) if size is None else size
        if not 0 < size < 1 << 20:
            raise Refusal(f"resizing {own} elements to {size} is not supported")
        region = (regions or {}).get(axis, (0.0, 1.0))
        positions = rule.positions(own, size, factor, region)
        fits = (positions >= 0) & (positions <= own - 1)
        inside = np.multiply.outer(inside, fits if regions else [True])
        found = rule.along(own, positions, factor)
        x = program.gather(x, found, axis) if found.ndim == 1 else program.transformed(x, axis, found)
    if inside.all():
        return x
    return program.where(program.constant(inside), x, program.constant(np.float32(outside)))


def _enlarged(
    program: Program, x: Value, rule: Rule, factors: list[float], sizes: list[int | None]
) -> Value | None:
    """By the engine's own op, where it does the same; None where it does not."""
    if x.rank not in (3, 4) or any(factor != 1 for factor in factors[:2]):
        return None
    whole = all(factor == int(factor) for factor in factors)
    if rule.mode == "nearest":
        # What whole factors take may not depend on the size, which can be open.
        if whole and all(_repeats(rule, int(factor)) for factor in factors[2:]):
            return program.enlarged(x, scale=[int(factor) for factor in factors[2:]])
        return None
    names = {"pytorch_half_pixel": "half_pixel"}
    coordinates = names.get(rule.coordinates, rule.coordinates)
    if rule.mode != "linear" or rule.antialias or rule.exclude_outside or None in x.shape[2:]:
        if not (
            whole and rule.mode == "linear" and coordinates in ("half_pixel", "asymmetric", "align_corners")
        ):
            return None
        if rule.antialias or rule.exclude_outside:
            return None
        return program.enlarged(
            x, scale=[int(f) for f in factors[2:]], interpolation="bilinear", coordinates=coordinates
        )
    own = program.sizes(x, range(2, x.rank))
    targets = [math.floor(n * f) if size is None else size for n, f, size in zip(own, factors[2:], sizes[2:])]
    exact = all(abs(n * f - m) < 1e-3 / m for n, f, m in zip(own, factors[2:], targets))
    if coordinates not in ("half_pixel", "asymmetric", "align_corners") or not exact or min(targets) < 2:
        return None
    return program.enlarged(x, sizes=targets, interpolation="bilinear", coordinates=coordinates)


def _repeats(rule: Rule, factor: int) -> bool:
    if rule.coordinates == "align_corners":
        return factor == 1
    for own in (2, 5, 12):
        positions = rule.positions(own, own * factor, float(factor), (0.0, 1.0))
        if not np.array_equal(rule.along(own, positions, float(factor)), np.repeat(np.arange(own), factor)):
            return False
    return True


OPERATORS = {"Resize": _resize, "Upsample": _upsample}
