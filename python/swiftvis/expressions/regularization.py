"""Regularizers as operations on a tensor, computed and differentiated by the engine."""

from __future__ import annotations

import numpy as np

from .. import _native
from .._native import Shape
from .operations import Array, InPlace


class _Regularizer(InPlace):
    """One number for a tensor."""

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, operand: Array) -> Array:  # type: ignore[override]
        return np.float32(self._value(np.ascontiguousarray(operand, np.float32)))

    def add_gradient(self, total: np.ndarray, gradient: Array, operand: Array) -> None:
        added = total if total.flags.c_contiguous else np.zeros(total.shape, np.float32)
        self._add(np.ascontiguousarray(operand, np.float32), float(gradient), added)
        if added is not total:
            total += added

    def _value(self, array: np.ndarray) -> float:
        raise NotImplementedError

    def _add(self, array: np.ndarray, weight: float, total: np.ndarray) -> None:
        """Adds `weight` times the gradient."""
        raise NotImplementedError


class TotalVariation(_Regularizer):
    """By the number of values of one sample; 0 for tensors without positions."""

    name = "total variation"

    def __init__(self, beta: float, channels_first: bool) -> None:
        self._beta, self._channels_first = beta, channels_first

    def _value(self, array: np.ndarray) -> float:
        return _native.total_variation(array, self._channels_first, self._beta)

    def _add(self, array: np.ndarray, weight: float, total: np.ndarray) -> None:
        _native.add_total_variation_gradient(array, self._channels_first, self._beta, weight, total)


class LPNorm(_Regularizer):
    """By the number of values of one sample; of the largest value where p is infinite."""

    name = "p-norm"

    def __init__(self, p: float) -> None:
        self._p = p

    def _value(self, array: np.ndarray) -> float:
        return _native.lp_norm(array, self._p)

    def _add(self, array: np.ndarray, weight: float, total: np.ndarray) -> None:
        _native.add_lp_norm_gradient(array, self._p, weight, total)
