"""Expressions brought into an order in which NumPy computes them, and their gradients back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layers import Tensor
from . import Constant, Expression
from .operations import Array, InPlace, Operation


class Program:
    """The values of some expressions, and the gradient of their sum with respect to the tensors that they hold.

    Attributes:
        leaves: those tensors, each once.
    """

    def __init__(self, roots: Sequence[Expression]) -> None:
        self.leaves: list[Tensor] = []
        self._initial: list[Array] = []
        self._active: list[bool] = []  # whether a slot depends on a leaf
        self._steps: list[tuple[Operation, list[int], list[bool], int]] = []
        self._leaf_slots: list[int] = []
        self._slots: dict[Expression, int] = {}
        for root in roots:
            self._add(root)
        self._roots = [self._slots[root] for root in roots]

    def forward(self, leaves: Sequence[Array]) -> list[Array]:
        """Every value, from float32 arrays for the leaves; `results` picks the expressions'."""
        values = self._initial.copy()
        for slot, value in zip(self._leaf_slots, leaves, strict=True):
            values[slot] = value
        with np.errstate(all="ignore"):  # what becomes infinite shows in the value
            for operation, operands, _, slot in self._steps:
                values[slot] = operation.forward(*[values[operand] for operand in operands])
        return values

    def results(self, values: list[Array]) -> list[Array]:
        """The expressions' values."""
        return [values[root] for root in self._roots]

    def backward(self, values: list[Array]) -> list[np.ndarray]:
        """The gradient of the sum of all expressions at each leaf: contiguous float32."""
        totals = _Totals(values)
        for root in self._roots:
            totals.add(root, np.ones(np.shape(values[root]), np.float32))
        with np.errstate(all="ignore"):
            for operation, operands, needed, slot in reversed(self._steps):
                gradient = totals.taken(slot)
                if gradient is None or not self._active[slot]:
                    continue
                if isinstance(operation, InPlace):
                    operation.add_gradient(totals.writable(operands[0]), gradient, values[operands[0]])
                    continue
                parts = operation.backward(gradient, values[slot], [values[i] for i in operands], needed)
                for operand, part, need in zip(operands, parts, needed, strict=True):
                    if need:
                        totals.add(operand, part)
        return [totals.array(slot) for slot in self._leaf_slots]

    def _add(self, root: Expression) -> None:
        pending = [root]  # not recursive: a sum over a thousand filters is a thousand deep
        while pending:
            node = pending[-1]
            missing = [operand for operand in node.operands if operand not in self._slots]
            if missing:
                pending += missing
                continue
            pending.pop()
            if node not in self._slots:
                self._place(node)

    def _place(self, node: Expression) -> None:
        slot = self._slots[node] = len(self._initial)
        operands = [self._slots[operand] for operand in node.operands]
        self._initial.append(node.value if isinstance(node, Constant) else None)
        needed = [self._active[operand] for operand in operands]
        self._active.append(isinstance(node, Tensor) or any(needed))
        if isinstance(node, Tensor):
            self.leaves.append(node)
            self._leaf_slots.append(slot)
        elif node.operation is not None:
            self._steps.append((node.operation, operands, needed, slot))


class _Totals:
    """Gradients that add up. An array that an operation gave may be shared, so it is copied before it is written to."""

    def __init__(self, values: list[Array]) -> None:
        self._values = values
        self._totals: list[Any] = [None] * len(values)
        self._owned = [False] * len(values)

    def add(self, slot: int, gradient: Array) -> None:
        total = self._totals[slot]
        if total is None:
            self._totals[slot] = gradient
        elif self._owned[slot]:
            total += gradient
        else:
            self._totals[slot] = total + gradient
            self._owned[slot] = isinstance(self._totals[slot], np.ndarray)

    def writable(self, slot: int) -> np.ndarray:
        total = self._totals[slot]
        if not self._owned[slot]:
            self._totals[slot] = self.array(slot) if total is None else np.array(total, np.float32)
            self._owned[slot] = True
        return self._totals[slot]

    def array(self, slot: int) -> np.ndarray:
        total = self._totals[slot]
        if total is None:
            return np.zeros(np.shape(self._values[slot]), np.float32)
        return np.ascontiguousarray(total, np.float32)

    def taken(self, slot: int) -> Array | None:
        """The gradient, which is needed no longer."""
        total, self._totals[slot] = self._totals[slot], None
        return total
