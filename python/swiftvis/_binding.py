"""Finds the network of live tensors when a call has told all of them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

from ._keras_tensors import LiveTensor
from ._snapshots import Conversion
from .expressions import Expression
from .layers import Tensor

_LIMIT = 4  # networks that are kept for the tensors of one input


class _Network:
    """What some tensors were converted to, as long as they are alive."""

    def __init__(self, tensors: Sequence[Any]) -> None:
        self._tensors = [weakref.ref(tensor) for tensor in tensors]
        self.conversion = Conversion()

    def is_of(self, tensors: Sequence[Any]) -> bool:
        return len(tensors) == len(self._tensors) and all(
            reference() is tensor for reference, tensor in zip(self._tensors, tensors, strict=True)
        )


_networks: weakref.WeakKeyDictionary[Any, list[_Network]] = weakref.WeakKeyDictionary()
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
    from .importers.keras.traced import Trace
    from .model import Model

    trace = Trace(tensors)

    def make() -> tuple[Model, list[str]]:
        description, weights, names = trace.convert()
        return Model.from_graph(description, weights), names

    with _lock:
        kept = _networks.setdefault(tensors[0]._keras_history[0], [])
        network = next((network for network in kept if network.is_of(tensors)), None)
        if network is None:
            network = _Network(tensors)
            kept.append(network)
            del kept[:-_LIMIT]
    model, names = network.conversion.current(trace.layers, make)
    return [model._network.tensor(name) for name in names]


def _leaves(expressions: Sequence[Expression]) -> list[Tensor]:
    from ._program import Program

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
