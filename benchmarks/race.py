"""Frameworks side by side: each in a process of its own, and one at a time on the machine.

The processes that wait are stopped, so that their threads, which spin for a while after a run, take nothing from the one
that is measured. Turns interleave (A B C A B C ...), because a machine's speed drifts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


class WorkerError(RuntimeError):
    pass


class Worker:
    """A framework with a network (worker.py). Once it has started it is stopped while nobody asks it anything."""

    def __init__(self, peer: str, variant: str, folder: Path, name: str) -> None:
        self.title = f"{peer} {variant}".strip()
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        command = [sys.executable, str(HERE / "worker.py"), peer, variant, str(folder), name]
        quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self.log, text=True, env=quiet
        )

    @cached_property
    def first(self) -> dict[str, Any]:
        """What it tells when it has its first map."""
        return self._answer()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        _ = self.first
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer tells why
        return self._answer()

    def gradient(self) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "gradient.npy")
            self.ask("gradient", path=str(path))
            return np.load(path)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            lines = self.log.read().strip().splitlines() or ["no message"]
            raise WorkerError(f"{self.title}: {lines[-1]}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)


def race(workers: dict[str, Worker], turns: int, seconds: float = 0.5) -> dict[str, list[float]]:
    """Seconds of each call. A turn lasts `seconds` and has at least one call."""
    times: dict[str, list[float]] = {key: [] for key in workers}
    for _ in range(turns):
        for key, worker in workers.items():
            times[key] += worker.ask("run", seconds=seconds)["times"]
    return times


def disagreement(gradient: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """The median relative error over pixels, and what is missing to a correlation of 1."""
    g, r = gradient.ravel().astype("d"), reference.ravel().astype("d")
    nonzero = r != 0
    median = np.median(np.abs(g[nonzero] / r[nonzero] - 1))
    return {"median": float(median), "decorrelation": float(1 - np.corrcoef(g, r)[0, 1])}
