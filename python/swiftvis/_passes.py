"""Runs of a network for a layer's filters: forward, and their score's gradient back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._arguments import filter_list
from ._native import Question, Session, score_cotangent
from ._sessions import requested_threads, warn_unmodified

if TYPE_CHECKING:
    from .layers import Tensor
    from .model import Model


class Score(NamedTuple):
    """The mean activation of filters of a layer, on given arrays: what is differentiated.

    Attributes:
        arrays: one for each input of the model, as the engine takes them.
        target: the layer's output.
        filters: non-negative indices; None for the mean of all.
    """

    model: Model
    arrays: list[np.ndarray]
    target: Tensor
    filters: list[int] | None
    exact: bool = False

    @classmethod
    def of(
        cls, model: Model, x: Any, layer_idx: int | str | Tensor, filter_indices: Any, exact: bool
    ) -> Score:
        """A score from what users pass; raises what `Model.gradient` promises."""
        target, label = model._target(layer_idx)
        arrays = model._input_arrays(x)
        filters = None
        if filter_indices is not None:  # a wrong one is told before anything is planned
            filters = filter_list(filter_indices, filter_count(target, label), label)
        return cls(model, arrays, target, filters, bool(exact))

    def run(
        self, wanted: Sequence[str], values: Sequence[str] = ()
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The values of some nodes and the gradients at others, from one pass forward and one back."""
        network, question = self.model._network, self._question(wanted, values)
        found = []
        for part in network.sessions.parts(network.handle, question):
            size = part.stop - part.start
            with network.sessions.session(network.handle, question.of(size)) as session:
                forward = session.forward([array[part] for array in self.arrays])
                backward = session.backward([self._cotangent(session, self.filters)[part]])
            found.append(forward + backward)
        warn_unmodified(session)
        joined = found[0] if len(found) == 1 else [np.concatenate(a) for a in zip(*found, strict=True)]
        return joined[: len(values)], joined[len(values) :]

    def each(self, wanted: str, filters: Iterable[int]) -> Iterator[np.ndarray]:
        """The gradient for one filter after the other, all from one pass forward."""
        network, question = self.model._network, self._question((wanted,), ())._replace(keep_forward=True)
        with network.sessions.session(network.handle, question) as session:
            session.forward(self.arrays)
            warn_unmodified(session)
            for index in filters:
                yield session.backward([self._cotangent(session, [index])])[0]

    def _question(self, wanted: Sequence[str], values: Sequence[str]) -> Question:
        return Question(
            tuple(array.shape for array in self.arrays),
            values=tuple(values),
            cotangents=(self.target.name,),
            gradients=tuple(wanted),
            rule=self.model._network.rule,
            threads=requested_threads(),
            exact=self.exact,
        )

    def _cotangent(self, session: Session, filters: list[int] | None) -> np.ndarray:
        """The derivative of the score with respect to the whole batch's output of the layer."""
        shape = (len(self.arrays[0]), *session.shape(self.target.name)[1:])
        return score_cotangent(shape, self.target.channel_axis, filters)


def filter_count(tensor: Tensor, label: str) -> int:
    """How many filters a layer's output has. ValueError where nobody can know."""
    count = tensor.shape[tensor.channel_axis] if len(tensor.shape) >= 2 else None
    if count is None:
        raise ValueError(f"layer '{label}' has no known number of filters: its output is {tensor.shape}")
    return count
