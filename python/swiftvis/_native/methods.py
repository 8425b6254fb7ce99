"""What is made of a session's answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._abi import ffi, lib
from .calls import call, float_pointer, shape_of

REDUCTIONS = {
    "maximum": lib.SV_MAXIMUM,
    "max": lib.SV_MAXIMUM_OF_ABSOLUTES,
    "sum": lib.SV_SUM_OF_ABSOLUTES,
}


def score_cotangent(shape: tuple[int, ...], channel_axis: int, filters: Sequence[int] | None) -> np.ndarray:
    """The derivative of the mean activation of filters; None stands for all."""
    cotangent = np.empty(shape, np.float32)
    chosen = ffi.NULL if filters is None else ffi.new("int64_t[]", list(filters))
    count = 0 if filters is None else len(filters)
    call(lib.sv_score_cotangent, shape_of(shape), channel_axis, chosen, count, float_pointer(cotangent))
    return cotangent


def saliency_map(gradient: np.ndarray, channel_axis: int, reduction: str = "maximum") -> np.ndarray:
    """One value a pixel, by one of `REDUCTIONS`."""
    shape = gradient.shape
    map = np.empty(shape[:channel_axis] + shape[channel_axis + 1 :], np.float32)
    kind = REDUCTIONS[reduction]
    call(
        lib.sv_saliency_map,
        *(float_pointer(gradient), shape_of(shape), channel_axis, kind, float_pointer(map)),
    )
    return map


def class_activation_map(
    values: np.ndarray, gradient: np.ndarray, channel_axis: int, of_batch: bool = False
) -> np.ndarray:
    """The maps of all samples; with the batch's weights, keras-vis's, the first one's alone."""
    shape = values.shape
    if gradient.shape != shape:
        raise ValueError(f"the gradient has shape {gradient.shape}, expected {shape}")
    map = np.empty(
        (1 if of_batch else shape[0], *shape[1:channel_axis], *shape[channel_axis + 1 :]), np.float32
    )
    weighting = lib.SV_WEIGHTS_OF_BATCH if of_batch else lib.SV_WEIGHTS_OF_SAMPLE
    call(
        lib.sv_class_activation_map,
        *(float_pointer(values), float_pointer(gradient), shape_of(shape), channel_axis, weighting),
        float_pointer(map),
    )
    return map
