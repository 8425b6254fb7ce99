"""One step of one network, in a process of its own: python measure.py SET STEP NAME FOLDER

"reference" and the peers write FOLDER/STEP.npz, "ours" compares with them and prints a JSON object in its last line. `names`
instead of a step lists the networks.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import errors
import numpy as np

TITLES = {"torch": "PyTorch", "jax": "JAX", "exact": "exact"}


def compared(module: Any, name: str, folder: Path) -> dict[str, Any]:
    """The errors against float64: of ours, and of the peers in float32. The gradients NAME, and NAME:PEER of a peer."""
    known: dict[str, np.ndarray] = {}
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            known |= dict(file)
    x, output = known.pop("x"), known.pop("output")
    start = time.perf_counter()
    found = module.ours(name, folder, x)
    seconds = time.perf_counter() - start
    row = {
        "input": list(x.shape),
        "parameters": int(known.pop("parameters", 0)),
        "seconds": round(seconds, 2),
        "output": errors.largest(found.pop("output"), output),
        "gradients": {},
    }
    if "slopes" in known:
        slopes, directions = known.pop("slopes"), known.pop("directions")
        for key in ("gradient", "gradient:exact"):
            found[key] = np.tensordot(directions, found[key].astype(np.float64), found[key].ndim)
        known["gradient"] = slopes
    peers = {key: value for key, value in known.items() if ":" in key}
    for key, gradient in (found | peers).items():
        kind, _, peer = key.partition(":")
        if kind in known:
            row["gradients"].setdefault(kind, {})[TITLES.get(peer, "swiftvis")] = errors.of(gradient, known[kind])
    return row


def main(set_name: str, step: str, name: str, folder: str) -> None:
    module = importlib.import_module(f"sets.{set_name}")
    if step == "names":
        print(json.dumps(module.names()))
    elif step == "ours":
        measure = getattr(module, "measure", None)
        print(json.dumps(measure(name, Path(folder)) if measure else compared(module, name, Path(folder))))
    else:
        np.savez(Path(folder, f"{step}.npz"), **getattr(module, step)(name, Path(folder)))


if __name__ == "__main__":
    limit = int(float(sys.argv.pop(1)) * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    main(*sys.argv[1:])
