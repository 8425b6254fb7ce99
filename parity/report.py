"""A table of differences, and whether all are small enough."""

from __future__ import annotations


class Report:
    def __init__(self, title: str) -> None:
        self._title, self._failed, self._count = title, 0, 0

    def add(self, network: str, case: str, difference: float, limit: float, unit: str = "relative") -> None:
        """A row. A NaN is too large."""
        verdict = "ok" if difference <= limit else "DIFFERENT"
        self._failed += verdict != "ok"
        self._count += 1
        print(f"{self._title:16} {network:12} {case:38} {difference:9.2g} {unit:9} {verdict}", flush=True)

    def finish(self) -> int:
        """The process's exit code."""
        print(f"{self._title}: {self._count - self._failed} passed, {self._failed} failed", flush=True)
        return 1 if self._failed or not self._count else 0
