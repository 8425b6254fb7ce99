"""Sets of networks, each network in processes of its own with limits of time and memory.

A network's row goes to docs/parity.json at once, so that an interrupted run goes on where it was. What the frameworks
themselves computed of it is kept in build/parity/SET/NAME.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import measure
import table

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


def measured(title: str, wanted: list[str], limits: Limits) -> Iterator[tuple[str, table.Row]]:
    """(name, row) of each network, which is measured where there is no row yet."""
    for name in wanted:
        row = table.rows(title).get(name)
        if row is None:
            row = _measure(title, name, CACHE / title / name, limits)
            table.keep(title, name, row)
        yield name, row


def forget(title: str, names: list[str], references: bool) -> None:
    """Their rows; and the frameworks' own values too."""
    table.drop(title, names)
    for name in names if references else []:
        shutil.rmtree(CACHE / title / name, ignore_errors=True)


def _measure(title: str, name: str, folder: Path, limits: Limits) -> table.Row:
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
