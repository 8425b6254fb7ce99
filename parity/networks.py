"""Sets of networks, each network in processes of its own with limits of time and memory.

What was measured is kept in build/parity/SET/NAME, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measure

CACHE = Path(__file__).parent.parent / "build" / "parity"
KEPT = 200e6  # bytes of a model's file that may stay for the next time
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["torch", "torchvision", "onnx", "swiftvis", "measure"])


class Limits(NamedTuple):
    seconds: float = 1200
    gigabytes: float = 20  # of address space


def names(title: str, limits: Limits) -> list[str]:
    folder = CACHE / title
    steps = importlib.import_module(f"sets.{title}").STEPS
    if reason := _failed(title, "names", "", folder, steps["ours"], limits):
        raise RuntimeError(f"{title}: {reason}")
    return json.loads((folder / "names.json").read_text())


def measured(
    title: str, wanted: list[str], again: bool, limits: Limits
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, row) of each network, which is measured where there is no row yet."""
    for name in wanted:
        folder = CACHE / title / name
        path = folder / "row.json"
        if again or not path.exists():
            path.unlink(missing_ok=True)
            row = _measure(title, name, folder, limits)
            path.write_text(json.dumps(row, indent=1) + "\n")
        yield name, json.loads(path.read_text())


def stored(title: str) -> dict[str, dict[str, Any]]:
    """The rows of all networks that have been measured."""
    rows = sorted((CACHE / title).glob("*/row.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in rows}


def _measure(title: str, name: str, folder: Path, limits: Limits) -> dict[str, Any]:
    if folder.exists() and not list(folder.glob("model.*")):  # nor is what was computed of it
        shutil.rmtree(folder)
    for step, backend in importlib.import_module(f"sets.{title}").STEPS.items():
        if step != "ours" and (folder / f"{step}.npz").exists():
            continue
        if reason := _failed(title, step, name, folder, backend, limits):
            return {"failed": step, "reason": reason}
    for file in folder.glob("model.*"):
        if file.stat().st_size > KEPT:
            file.unlink()
    return json.loads((folder / "ours.json").read_text())


def _failed(title: str, step: str, name: str, folder: Path, backend: str, limits: Limits) -> str:
    """Runs a step; why it failed, or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failed.txt").unlink(missing_ok=True)
    arguments = (title, step, name, folder, backend, limits.gigabytes)
    process = PROCESSES.Process(target=measure.run, args=arguments)
    process.start()
    process.join(limits.seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return f"took more than {limits.seconds:.0f} s"
    if process.exitcode == 0:
        return ""
    reason = folder / "failed.txt"
    return reason.read_text() if reason.exists() else f"the process ended with {process.exitcode}"
