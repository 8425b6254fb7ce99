"""Weighted losses and their gradient, for one image after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ._native import Question
from ._sessions import requested_threads, warn_unmodified
from .expressions import Expression
from .expressions.program import Program
from .layers import Network, Tensor
from .live.binding import bound


class Evaluation(NamedTuple):
    """The losses for an image, the gradient of their sum at a tensor, and the tensor's value there."""

    losses: list[np.float32]
    gradient: np.ndarray
    wrt_value: np.ndarray


class Objective:
    """What an optimization makes small: the formulas run in NumPy, the network in the engine.

    The backward rule is that of the tensors in the losses.

    Attributes:
        wrt_is_input: whether the gradient is taken at the model's input.
    """

    def __init__(self, losses: Sequence[Expression], source: Tensor, wrt: Tensor, exact: bool) -> None:
        losses, (source, wrt) = bound(losses, [source, wrt])
        self._program = Program(losses)
        self._source, self._wrt, self._exact = source, wrt, exact
        self._network = _common_network(source, wrt, self._program.leaves)
        _ = self._network.handle  # a closed model is told
        self.wrt_is_input = wrt.name == source.name
        leaves = self._program.leaves
        self._reaching = [wrt.name in self._network.leading_to(leaf.name) for leaf in leaves]
        if not any(self._reaching):
            raise ValueError(f"no loss depends on '{wrt.name}', so there is no gradient")
        self._values = [
            name for name in dict.fromkeys([leaf.name for leaf in leaves] + [wrt.name]) if name != source.name
        ]

    @contextmanager
    def session(self, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], Evaluation]]:
        """Evaluates images of that shape. An exception from within costs the session, and nothing else."""
        leaves = self._program.leaves
        cotangents = [leaf.name for leaf, reaches in zip(leaves, self._reaching, strict=True) if reaches]
        network = self._network
        question = Question(
            (shape,),
            values=tuple(self._values),
            cotangents=tuple(cotangents),
            gradients=(self._wrt.name,),
            rule=network.rule,
            threads=requested_threads(),
            exact=self._exact,
        )
        with network.sessions.session(network.handle, question) as session:
            warn_unmodified(session)
            _keep_freed_memory(16 * 4 * math.prod(shape))

            def evaluate(image: np.ndarray) -> Evaluation:
                tensors = dict(zip(self._values, session.forward([image]), strict=True))
                tensors[self._source.name] = image
                values = self._program.forward([tensors[leaf.name] for leaf in leaves])
                gradients = self._program.backward(values)
                reaching = [g for g, reaches in zip(gradients, self._reaching, strict=True) if reaches]
                (gradient,) = session.backward(reaching)
                return Evaluation(self._losses(values), gradient, tensors[self._wrt.name])

            yield evaluate

    def _losses(self, values: list[Any]) -> list[np.float32]:
        return [np.sum(result, dtype=np.float32) for result in self._program.results(values)]


def _keep_freed_memory(size: int) -> None:
    """Freeing one large block makes glibc keep what is freed later. Otherwise each array of the size of an image goes
    back to the system, and the page faults of the next one take four times as long as its arithmetic."""
    np.empty(min(size, (32 << 20) - (1 << 16)), np.uint8)


def _common_network(source: Tensor, wrt: Tensor, leaves: Sequence[Tensor]) -> Network:
    """The network of all these tensors, with the backward rule of those in the losses."""
    network = source.network
    if len(network.inputs) != 1:
        raise ValueError(f"the model has {len(network.inputs)} inputs; optimization needs a model with one")
    if source.name not in network.inputs:
        raise ValueError(f"input_tensor: '{source.name}' is not the model's input '{network.inputs[0]}'")
    for tensor in (wrt, *leaves):
        if not tensor.network.is_same(network):
            raise ValueError(
                f"'{tensor.name}' and '{source.name}' are of two models; a modified model's tensors "
                "are taken from it anew (model.input, model.layers[i].output)"
            )
    layers = [leaf.network for leaf in leaves if leaf.name not in network.inputs]
    if any(other.rule != layers[0].rule for other in layers[1:]):
        rules = sorted({str(other.rule) for other in layers})
        raise ValueError(f"the losses hold tensors of several backward rules: {', '.join(rules)}")
    return layers[0] if layers else network
