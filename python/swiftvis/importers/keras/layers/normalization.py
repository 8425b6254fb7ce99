"""Normalizations and Rescaling: all but LayerNormalization are y = x * scale + offset at inference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.keras.builder import Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.layers import statistics

# TensorFlow's fused batch normalization took no smaller epsilon until this version.
_UNBOUNDED_EPSILON = (2, 12)
_FUSED_MINIMUM_EPSILON = 1.001e-5
_KERAS_EPSILON = 1e-7


def batch_normalization(call: LayerCall) -> Tensor:
    if call.trains:
        raise Refusal("it is called with training=True, so it normalizes by the batch")
    axis, epsilon = _single_axis(call), call.number("epsilon", 1e-3)
    x = call.input
    if _is_fused(call, x, axis):
        epsilon = max(epsilon, _FUSED_MINIMUM_EPSILON)
    arrays = [array.astype(np.float64) for array in call.arrays]
    mean, variance = arrays[int(_on(call, "scale")) + int(_on(call, "center")) :][:2]
    with np.errstate(all="ignore"):
        scale = 1 / np.sqrt(variance + epsilon)
        if _on(call, "scale"):
            scale = scale * arrays[0]
        offset = -mean * scale
        if _on(call, "center"):
            offset = offset + arrays[int(_on(call, "scale"))]
    return affine(call, x, axis, scale, offset)


def _is_fused(call: LayerCall, x: Tensor, axis: int) -> bool:
    version, standalone = call.dialect.version, call.dialect.standalone
    if x.rank != 4 or version >= _UNBOUNDED_EPSILON:
        return False
    if standalone:
        return version >= (2, 2) and axis % 4 == 3
    return axis % 4 in (1, 3)


def rescaling(call: LayerCall) -> Tensor:
    scale, offset = _values(call, "scale", 1.0), _values(call, "offset", 0.0)
    if max(scale.ndim, offset.ndim) > 1:
        raise Refusal("its scale or offset is not a number or one number a channel")
    scale, offset = np.broadcast_arrays(np.atleast_1d(scale), np.atleast_1d(offset))
    # Only a layer that the caller put in a Lambda's place has a format.
    return affine(call, call.input, 1 if call.channels_first else -1, scale, offset)


def layer_scale(call: LayerCall) -> Tensor:
    """ConvNeXt's own layer, a factor for each channel."""
    (gamma,) = call.arrays
    if gamma.ndim != 1 or call.options.get("projection_dim") != gamma.size:
        raise Refusal("it is not the layer of that name in keras.applications")
    return affine(call, call.input, -1, gamma, np.zeros_like(gamma))


def normalization(call: LayerCall) -> Tensor:
    """Over its axes mean and variance vary; the other axes share them."""
    x = call.input
    axes = call.options.get("axis", -1)
    axes = [] if axes is None else axes if isinstance(axes, list) else [axes]
    if any(type(axis) is not int or not -x.rank <= axis < x.rank or axis % x.rank == 0 for axis in axes):
        raise Refusal(f"axis {axes!r} is not supported")
    axes = sorted({axis % x.rank for axis in axes})
    if has_constants(call.options):
        mean, variance = _values(call, "mean", 0.0), _values(call, "variance", 1.0)
    else:
        mean, variance = call.arrays[:2]
    mean, variance = mean.astype(np.float64), variance.astype(np.float64)
    with np.errstate(all="ignore"):
        deviation = np.maximum(np.sqrt(variance), _KERAS_EPSILON)
        scale = deviation if call.options.get("invert") is True else 1 / deviation
        offset = mean if call.options.get("invert") is True else -mean * scale
    if not axes or max(mean.size, variance.size) == 1:
        return affine(call, x, -1, scale.reshape(-1), offset.reshape(-1))
    if len(axes) == 1:
        return affine(call, x, axes[0], scale.reshape(-1), offset.reshape(-1))
    sizes = [call.known(size) for size in x.shape[1:]]
    shape = [sizes[axis - 1] if axis in axes else 1 for axis in range(1, x.rank)]
    scale, offset = (np.broadcast_to(value.reshape(shape), sizes).reshape(-1) for value in (scale, offset))
    flat = call.emit("reshape", [x], (None, math.prod(sizes)), {"shape": [-1]}, suffix="reshape")
    y = call.emit("affine", [flat], flat.shape, None, {"scale": scale, "offset": offset})
    return call.emit("reshape", [y], x.shape, {"shape": sizes}, suffix="reshape")


def has_constants(options: dict[str, Any]) -> bool:
    return options.get("mean") is not None


def layer_normalization(call: LayerCall) -> Tensor:
    if call.options.get("rms_scaling") is True:
        return statistics.rms_normalization(call)
    x, axes = call.input, statistics.axes(call, call.input)
    if axes != list(range(axes[0], x.rank)) and len(axes) > 1:
        return statistics.layer_normalization(call, axes)
    epsilon = call.number("epsilon", 1e-3)
    arrays = [array.reshape(-1) for array in call.arrays]
    weights = {
        "scale": arrays[0] if _on(call, "scale") else None,
        "offset": arrays[int(_on(call, "scale"))] if _on(call, "center") else None,
    }
    attributes = {"epsilon": epsilon}
    if len(axes) == 1:
        return _over_axis(call, x, axes[0], "layer_normalization", attributes, weights)
    sizes = [call.known(size) for size in x.shape[axes[0] :]]
    outer = [call.known(size) for size in x.shape[1 : axes[0]]]
    flat = (None, *outer, math.prod(sizes))
    y = call.emit("reshape", [x], flat, {"shape": list(flat[1:])}, suffix="reshape")
    y = call.emit("layer_normalization", [y], flat, attributes, weights)
    return call.emit("reshape", [y], x.shape, {"shape": outer + sizes}, suffix="reshape")


def affine(
    call: LayerCall, x: Tensor, axis: int, scale: np.ndarray, offset: np.ndarray, suffix: str = ""
) -> Tensor:
    if scale.size != offset.size:
        raise ModelError(f"layer '{call.layer.name}' has statistics of unequal sizes")
    return _over_axis(call, x, axis, "affine", {}, {"scale": scale, "offset": offset}, suffix)


def _over_axis(
    call: LayerCall,
    x: Tensor,
    axis: int,
    op: str,
    attributes: dict[str, Any],
    weights: dict[str, Any],
    suffix: str = "",
) -> Tensor:
    """An op of the last axis, applied along any other."""
    axis %= x.rank
    uniform = op == "affine" and weights["scale"].size == 1
    if x.image and (uniform or x.image_axis(axis) == 3):
        y = call.emit(op, [x.image], x.image.shape, attributes, weights, suffix)
        return call.leave(y, x.rank, x.channels_first)
    if uniform or axis == x.rank - 1:
        return call.emit(op, [x], x.shape, attributes, weights, suffix)
    if x.rank == 4 and axis == 1:
        image = call.enter(x, True, 4)
        return call.leave(call.emit(op, [image], image.shape, attributes, weights, suffix), 4, True)
    axes = list(range(x.rank))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    turned = call.permute(x, axes)
    return call.permute(call.emit(op, [turned], turned.shape, attributes, weights, suffix), axes)


def _single_axis(call: LayerCall) -> int:
    axis = call.options.get("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if type(axis) is not int:
        raise Refusal(f"axis {axis!r} is not supported")
    rank = call.input.rank
    if not -rank <= axis < rank or axis % rank == 0:
        raise Refusal(f"axis {axis!r} is not supported")
    return axis


def _on(call: LayerCall, key: str) -> bool:
    return bool(call.options.get(key, True))


def _values(call: LayerCall, key: str, default: float) -> np.ndarray:
    value = call.options.get(key, default)
    if isinstance(value, dict):
        value = value.get("value", (value.get("config") or {}).get("value"))
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise Refusal(f"{key} {value!r} is not supported") from None
    if not np.isfinite(array).all():
        raise Refusal(f"{key} {value!r} is not supported")
    return array
