"""Sessions that wait for their next run, and the number of threads they use."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._arguments import index, user_stacklevel
from ._native import Question, Session, default_threads

_LIMIT = 4  # idle sessions of one model; each holds an arena
_CACHED = 16 << 20  # bytes of activations that a processor's caches can be expected to hold

_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()
_threads = 0


class SessionPool:
    """Idle sessions of one model, the latest used last. A run takes its session out, for itself."""

    def __init__(self) -> None:
        self._idle: list[Session] = []
        self._lock = threading.Lock()
        self._open = True
        _pools.add(self)

    @contextmanager
    def session(self, handle: Any, question: Question) -> Iterator[Session]:
        planned = question.planned()
        session = self._take(planned) or Session(handle, planned)
        session.use(question.rule)
        yield session
        session.use("plain")  # idle, it keeps nothing of the user's alive
        with self._lock:
            if self._open:
                self._idle.append(session)
                del self._idle[:-_LIMIT]

    def parts(self, handle: Any, question: Question) -> list[slice]:
        """A batch cut up so that a part's activations fit the caches, or are no more than the weights: larger parts are
        slower and take more memory, smaller ones read the weights more often."""
        count = question.shapes[0][0]
        if count == 1:
            return [slice(0, 1)]
        with self.session(handle, question.of(1)) as session:
            activations, weights = session.memory()
        parts = -(-count // max(1, max(weights, _CACHED) // max(activations, 1)))
        size = -(-count // parts)
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def close(self) -> None:
        """Gives the idle sessions back now, and those that are running when they have finished."""
        with self._lock:
            self._open = False
            self._idle.clear()

    def _take(self, question: Question) -> Session | None:
        with self._lock:
            for index, session in enumerate(self._idle):
                if session.question == question:
                    return self._idle.pop(index)
        return None

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()


def warn_unmodified(session: Session) -> None:
    """A UserWarning that names the activations to which the session's backward rule does not apply."""
    if session.unmodified_activations:
        rule = session.question.rule
        name = rule if isinstance(rule, str) else rule.gates
        warnings.warn(
            f"the {name} rule applies to ReLU and clipped ReLU; these activations keep "
            f"their own derivative: {session.unmodified_activations}",
            UserWarning,
            stacklevel=user_stacklevel(),
        )


def _after_fork() -> None:
    # Another thread of the parent may have held a lock when the child was made.
    for pool in list(_pools):
        pool._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def set_threads(count: int | None) -> None:
    """Sets how many threads later runs use.

    Args:
        count: at least 1; None for as many processors as this process may use.
    """
    global _threads
    number = 0 if count is None else index(count, "the number of threads")
    if count is not None and not 1 <= number <= 1024:
        raise ValueError(f"the number of threads must be from 1 to 1024, got {number}")
    _threads = number


def get_threads() -> int:
    """The number of threads that runs use: from `set_threads`, or else from affinity and cgroup quota."""
    return _threads or default_threads()


def requested_threads() -> int:
    return _threads
