"""Sets of networks, each network in processes of its own with limits of time and memory.

What was measured is kept in build/parity/SET/NAME, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
CACHE = HERE.parent / "build" / "parity"
KEPT = 200e6  # bytes of a model's file that may stay for the next time


class Limits(NamedTuple):
    seconds: float = 1200
    gigabytes: float = 20
    launcher: tuple[str, ...] = ()  # a command that starts each process: ("nice", "-n", "10")


def names(title: str, limits: Limits) -> list[str]:
    steps = importlib.import_module(f"sets.{title}").STEPS
    done = _process(title, "names", "", CACHE, steps["ours"], limits)
    if done.returncode:
        raise RuntimeError(_last_line(done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def measured(title: str, wanted: list[str], again: bool, limits: Limits) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, row) of each network, which is measured where there is no row yet."""
    for name in wanted:
        folder = CACHE / title / name
        path = folder / "row.json"
        if again or not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(_measure(title, name, folder, limits), indent=1) + "\n")
        yield name, json.loads(path.read_text())


def _measure(title: str, name: str, folder: Path, limits: Limits) -> dict[str, Any]:
    steps = importlib.import_module(f"sets.{title}").STEPS
    if len(steps) > 1 and not list(folder.glob("model.*")):
        shutil.rmtree(folder)
        folder.mkdir()
    for step, backend in steps.items():
        if step != "ours" and (folder / f"{step}.npz").exists():
            continue
        try:
            done = _process(title, step, name, folder, backend, limits)
        except subprocess.TimeoutExpired:
            return {"failed": step, "reason": f"took more than {limits.seconds:.0f} s"}
        if done.returncode:
            return {"failed": step, "reason": _last_line(done.stderr) or f"exit code {done.returncode}"}
    for file in folder.glob("model.*"):
        if file.stat().st_size > KEPT:
            file.unlink()
    return json.loads(done.stdout.splitlines()[-1])


def _process(
    title: str, step: str, name: str, folder: Path, backend: str, limits: Limits
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, HERE / "measure.py", limits.gigabytes, title, step, name, folder]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", "KERAS_BACKEND": backend}
    return subprocess.run(
        [*limits.launcher, *map(str, command)],
        env=os.environ | quiet,
        timeout=limits.seconds,
        capture_output=True,
        text=True,
        check=False,
    )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""
