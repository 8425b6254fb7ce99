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

PEERS = {"torch": "PyTorch", "jax": "JAX"}


def compared(module: Any, name: str, folder: Path) -> dict[str, Any]:
    """The errors of ours and of the float32 peers against float64."""
    known: dict[str, np.ndarray] = {}
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            known |= dict(file)
    start = time.perf_counter()
    found = module.ours(name, folder, known["x"])
    seconds = time.perf_counter() - start
    exact = known["gradient"]
    row = {
        "input": list(known["x"].shape),
        "parameters": int(known.get("parameters", 0)),
        "seconds": round(seconds, 2),
        "output": errors.largest(found["output"], known["output"]),
        "swiftvis": errors.of(found["gradient"], exact),
        "exact": errors.of(found["exact"], exact),
    }
    return row | {title: errors.of(known[key], exact) for key, title in PEERS.items() if key in known}


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
