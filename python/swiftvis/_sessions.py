"""Sessions that wait for their next run, and the number of threads they use."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._arguments import index
from ._native import Question, Session, default_threads

_LIMIT = 4  # idle sessions of one model; each holds an arena

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
        session = self._take(question) or Session(handle, question)
        yield session
        with self._lock:
            if self._open:
                self._idle.append(session)
                del self._idle[:-_LIMIT]

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
