"""The arithmetic of an optimization, on contiguous float32 arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._abi import ffi, lib
from .calls import call, float_pointer, shape_of


def total_variation(array: np.ndarray, channels_first: bool, beta: float) -> float:
    return _regularizer(lib.sv_total_variation, array, channels_first, beta)


def add_total_variation_gradient(
    array: np.ndarray, channels_first: bool, beta: float, weight: float, total: np.ndarray
) -> None:
    _add_gradient(lib.sv_total_variation, array, weight, total, channels_first, beta)


def lp_norm(array: np.ndarray, p: float) -> float:
    return _regularizer(lib.sv_lp_norm, array, p)


def add_lp_norm_gradient(array: np.ndarray, p: float, weight: float, total: np.ndarray) -> None:
    _add_gradient(lib.sv_lp_norm, array, weight, total, p)


def _regularizer(function: Any, array: np.ndarray, *parameters: Any) -> float:
    value = ffi.new("double *")
    call(function, float_pointer(array), shape_of(array.shape), *parameters, 0, value, ffi.NULL)
    return value[0]


def _add_gradient(
    function: Any, array: np.ndarray, weight: float, total: np.ndarray, *parameters: Any
) -> None:
    pointers = float_pointer(array), shape_of(array.shape)
    call(function, *pointers, *parameters, weight, ffi.NULL, float_pointer(total))


def normalized_gradient(gradient: np.ndarray) -> np.ndarray:
    output = np.empty_like(gradient)
    call(lib.sv_normalize_gradient, float_pointer(gradient), gradient.size, float_pointer(output))
    return output


def rmsprop(
    gradient: np.ndarray, decay: float, rate: float, mean_square: np.ndarray, image: np.ndarray
) -> np.ndarray:
    output = np.empty_like(image)
    pointers = [float_pointer(array) for array in (gradient, mean_square, image, output)]
    call(lib.sv_rmsprop, pointers[0], gradient.size, decay, rate, *pointers[1:])
    return output


def shifted(array: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    output = np.empty_like(array)
    c_offsets = ffi.new("int64_t[]", list(offsets))
    call(lib.sv_shift, float_pointer(array), shape_of(array.shape), c_offsets, float_pointer(output))
    return output


def deprocessed(array: np.ndarray, low: float, high: float) -> np.ndarray:
    output = np.empty_like(array)
    call(lib.sv_deprocess, float_pointer(array), array.size, low, high, float_pointer(output))
    return output
