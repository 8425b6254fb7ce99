"""Finds the network of live tensors when a call has told all of them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

from ..expressions import Expression
from ..layers import Tensor
from .snapshots import Conversion
from .tensors import LiveTensor


class _Network:
    """What all tensors asked for so far were converted to: one network, however many layers are looked at in turn."""

    def __init__(self, tensors: Sequence[Any]) -> None:
        self._tensors = [weakref.ref(tensor) for tensor in tensors]
        self.conversion = Conversion()

    def tensors(self) -> list[Any]:
        """Those that are still alive."""
        return [tensor for reference in self._tensors if (tensor := reference()) is not None]


# By the operation that made the input.
_networks: weakref.WeakKeyDictionary[Any, _Network] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def bound(
    expressions: Sequence[Expression], tensors: Sequence[Tensor]
) -> tuple[list[Expression], list[Tensor]]:
    """The same with tensors of one converted network for those of live models. The first tensor is the input.

    Raises:
        ModelError: layers between them that swiftvis cannot compute.
    """
    live = dict.fromkeys(
        tensor for tensor in [*tensors, *_leaves(expressions)] if isinstance(tensor, LiveTensor)
    )
    if not live:
        return list(expressions), list(tensors)
    found = dict(zip(live, _converted([tensor.keras_tensor for tensor in live]), strict=True))
    return _replaced(expressions, found), [found.get(tensor, tensor) for tensor in tensors]


def _converted(tensors: Sequence[Any]) -> list[Tensor]:
    from ..importers.keras.traced import Trace
    from ..model import Model

    source = tensors[0]._keras_history[0]
    with _lock:
        network = _networks.get(source)
        known = network.tensors() if network else []
        missing = [tensor for tensor in tensors if all(tensor is not other for other in known)]
        if network is None or missing:
            _networks.pop(source, None)  # never two at once: a network may take much of the memory
            known += missing
            network = _Network(known)
    trace = Trace(known)

    def make() -> tuple[Model, list[str]]:
        description, weights, names = trace.convert()
        return Model.from_graph(description, weights), names

    model, names = network.conversion.current(trace.layers, make)
    if len(model.inputs) == 1:  # else a tensor of another model would spoil all later calls
        with _lock:
            _networks[source] = network
    named = dict(zip(map(id, known), names, strict=True))
    return [model._network.tensor(named[id(tensor)]) for tensor in tensors]


def _leaves(expressions: Sequence[Expression]) -> list[Tensor]:
    from ..expressions.program import Program

    return Program(expressions).leaves


def _replaced(expressions: Sequence[Expression], found: dict[Any, Tensor]) -> list[Expression]:
    done: dict[Expression, Expression] = dict(found)
    waiting = list(reversed(expressions))
    while waiting:
        node = waiting[-1]
        missing = [operand for operand in node.operands if operand not in done]
        waiting += missing
        if not missing:
            waiting.pop()
            if node not in done:
                operands = [done[operand] for operand in node.operands]
                done[node] = Expression(node.shape, node.operation, operands) if operands else node
    return [done[expression] for expression in expressions]
