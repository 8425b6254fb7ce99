"""Maps as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._abi import ffi, lib
from .calls import call, float_pointer, shape_of


def gaussian_filter(array: np.ndarray, sigma: float) -> np.ndarray:
    output = np.empty_like(array)
    height, width = array.shape
    call(lib.sv_gaussian_filter, float_pointer(array), height, width, sigma, float_pointer(output))
    return output


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width, channels = array.shape
    output = np.empty((*size, channels), np.float32)
    call(lib.sv_resize, float_pointer(array), height, width, channels, float_pointer(output), *size)
    return output


def colormap_names() -> tuple[str, ...]:
    return tuple(ffi.string(lib.sv_colormap_name(i)).decode() for i in range(lib.sv_colormap_count()))


def colormap(name: str, values: np.ndarray) -> np.ndarray:
    rgb = np.empty((*values.shape, 3), np.uint8)
    data = ffi.from_buffer("uint8_t[]", rgb)
    call(lib.sv_colormap_apply, name.encode(), float_pointer(values), math.prod(values.shape), data)
    return rgb


def normalize(values: np.ndarray, epsilon: float = 0) -> np.ndarray:
    """A contiguous float32 array brought to 0..1; one without contrast becomes 0."""
    output = np.empty_like(values)
    call(lib.sv_normalize, float_pointer(values), values.size, epsilon, float_pointer(output))
    return output


def spline_zoom(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A contiguous float64 array in another size, by the interpolating cubic spline."""
    output = np.empty(tuple(shape), np.float64)
    source, target = (ffi.from_buffer("double[]", data) for data in (array, output))
    call(lib.sv_spline_zoom, source, shape_of(array.shape), target, shape_of(output.shape))
    return output


PICTURES = {
    "color": lib.SV_PICTURE_COLOR,
    "grayscale": lib.SV_PICTURE_GRAYSCALE,
    "positive": lib.SV_PICTURE_POSITIVE,
    "negative": lib.SV_PICTURE_NEGATIVE,
}


def gradient_picture(gradient: np.ndarray, kind: str, percentile: float = 99) -> np.ndarray:
    """An (H, W, C) gradient as bytes: (H, W) for "grayscale"."""
    *size, channels = gradient.shape
    picture = np.empty(size if kind == "grayscale" else gradient.shape, np.uint8)
    call(
        lib.sv_gradient_picture,
        *(float_pointer(gradient), math.prod(size), channels, PICTURES[kind], percentile),
        ffi.from_buffer("uint8_t[]", picture),
    )
    return picture


def smoothed_overlay(
    picture: np.ndarray, map: np.ndarray, sigma: float, colormap: str, alpha: float
) -> np.ndarray:
    output = np.empty_like(picture)
    below, target = (ffi.from_buffer("uint8_t[]", array) for array in (picture, output))
    call(
        lib.sv_smoothed_overlay,
        *(
            below,
            *picture.shape[:2],
            float_pointer(map),
            *map.shape,
            sigma,
            colormap.encode(),
            alpha,
            target,
        ),
    )
    return output
