"""One step of one network, in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import errors
import numpy as np

TITLES = {"": "swiftvis", "torch": "PyTorch", "jax": "JAX", "exact": "exact"}


def run(title: str, step: str, name: str, folder: Path, backend: str, gigabytes: float) -> None:
    """Writes FOLDER/STEP.npz of a reference or peer, and FOLDER/STEP.json of what is listed or compared; FOLDER/failed.txt
    says why it did not."""
    limit = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.environ |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        module = importlib.import_module(f"sets.{title}")
        if step == "names":
            found = module.names()
        elif step == "ours":
            found = module.measure(name) if hasattr(module, "measure") else compared(module, name, folder)
        else:
            np.savez(folder / f"{step}.npz", **getattr(module, step)(name, folder))
            return
        (folder / f"{step}.json").write_text(json.dumps(found, indent=1) + "\n")
    except Exception as error:
        traceback.print_exc()
        (folder / "failed.txt").write_text(f"{type(error).__name__}: {error}")
        sys.exit(1)


def compared(module: Any, name: str, folder: Path) -> dict[str, Any]:
    """The errors against float64 of the output and of each gradient: ours, and those of the peers in float32."""
    if not (folder / "reference.npz").exists():
        np.savez(folder / "reference.npz", **module.reference(name, folder))
    known: dict[str, np.ndarray] = {}  # NAME in float64, NAME:PEER in float32
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            known |= dict(file)
    x = known.pop("x")
    start = time.perf_counter()
    found = module.ours(name, folder, x)
    seconds = time.perf_counter() - start
    row = {
        "input": list(x.shape),
        "parameters": int(known.pop("parameters", 0)),
        "seconds": round(seconds, 2),
        "output": {},
        "gradients": {},
    }
    if "slopes" in known:
        slopes, directions = known.pop("slopes"), known.pop("directions")
        for key in ("gradient", "gradient:exact"):
            found[key] = np.tensordot(directions, found[key].astype(np.float64), found[key].ndim)
        known["gradient"] = slopes
    peers = {key: value for key, value in known.items() if ":" in key}
    for key, value in (found | peers).items():
        kind, _, peer = key.partition(":")
        if kind == "output":
            row["output"][TITLES[peer]] = errors.largest(value, known[kind])
        elif kind in known:
            row["gradients"].setdefault(kind, {})[TITLES[peer]] = errors.of(value, known[kind])
    return row
