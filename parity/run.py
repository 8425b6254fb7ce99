"""swiftvis beside other frameworks: `make parity`.

usage: python parity/run.py [--only SET ...] [--networks NAME ...] [--again] [--original FOLDER]

`live`: Keras's objects on every backend, PyTorch's modules, and the original keras-vis (--original is an environment with
version 0.4.1). The other sets are networks, whose table is printed and written to docs/parity.md. The rows of
docs/parity.json count as measured; those named by --networks are measured again, and with `--again` all, the frameworks' own
values included. The exit code is 1 where a difference is too large.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import networks
import table

HERE = Path(__file__).parent
# Keras, its backend, and the library that has to be there.
LIVE = [
    ("keras", "jax", "jax"),
    ("keras", "tensorflow", "tensorflow"),
    ("keras", "torch", "torch"),
    ("tf_keras", "tensorflow", "tf_keras"),
]
SETS = (
    "keras_applications",
    "torchvision_models",
    "torchvision_segmentation",
    "onnx_package",
    "files",
)
MODULES = [HERE / f"test_{name}.py" for name in ("torch", "torch_operations", "refusals")]
TESTS = [HERE.parent / "Tests" / "python" / name for name in ("test_live.py", "test_training.py")]


def succeeded(command: list[object], **environment: str) -> bool:
    variables = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"} | environment
    return subprocess.run(list(map(str, command)), env=variables, check=False).returncode == 0


def live_models(keras: str, backend: str) -> bool:
    environment = {"KERAS_BACKEND": backend, "SWIFTVIS_TEST_KERAS": keras}
    compared = succeeded([sys.executable, HERE / "backends.py", keras], **environment)
    tested = succeeded([sys.executable, "-m", "pytest", "-q", "-W", "ignore", *TESTS], **environment)
    return compared and tested


def original(python: Path) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if not succeeded([python, HERE / "original.py", folder]):
            return False
        return succeeded([sys.executable, HERE / "compare_original.py", folder])


def live(python: Path) -> dict[str, str]:
    """What came of each comparison of live objects, and of the original keras-vis."""
    outcomes: dict[str, str] = {}
    for keras, backend, needed in LIVE:
        name = f"live models of {keras} on {backend}"
        if importlib.util.find_spec(needed) is None:
            outcomes[name] = f"SKIPPED: {needed} is not to be had for this Python"
        else:
            outcomes[name] = "ok" if live_models(keras, backend) else "FAILED"
    if importlib.util.find_spec("torch") is not None:
        tested = succeeded(
            [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "--show-capture=no", *MODULES]
        )
        outcomes["PyTorch modules"] = "ok" if tested else "FAILED"
    if python.exists():
        outcomes["the original keras-vis 0.4.1"] = "ok" if original(python) else "FAILED"
    else:
        outcomes["the original keras-vis 0.4.1"] = (
            "SKIPPED: it needs Python 3.6, and none was found (make parity PYTHON36=/path/to/python3.6)"
        )
    return outcomes


def measured(sets: list[str], wanted: list[str], again: bool, limits: networks.Limits) -> str:
    """Measures what has not been, prints each network, and writes the table."""
    known = {title: networks.names(title, limits) for title in SETS}
    for title in sets:
        chosen = [name for name in wanted if name in known[title]] if wanted else known[title]
        if again or wanted:
            networks.forget(title, chosen, again)
        for name, row in networks.measured(title, chosen, limits):
            print(f"{title:28} {name:32} {table.verdict(row) or 'ok'}", flush=True)
    return table.write(known)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--original", type=Path, help="the environment of keras-vis 0.4.1")
    parser.add_argument("--only", nargs="+", choices=("live", *SETS), default=["live", *SETS], metavar="SET")
    parser.add_argument("--networks", nargs="+", default=[], metavar="NAME", help="these, measured again")
    parser.add_argument("--again", action="store_true", help="forget what was measured")
    parser.add_argument("--seconds", type=float, default=1200, help="for each step of a network")
    parser.add_argument("--gigabytes", type=float, default=20, help="of address space for a process")
    options = parser.parse_args()
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # PyTorch's threads spin: ten times slower where cores are shared
    outcomes = (
        live((options.original or Path("missing")) / "bin" / "python") if "live" in options.only else {}
    )
    print("\n".join(f"{name:36} {outcome}" for name, outcome in outcomes.items()))
    sets = [name for name in options.only if name != "live"]
    if not sets:
        return int("FAILED" in outcomes.values())
    limits = networks.Limits(options.seconds, options.gigabytes)
    print("\n" + measured(sets, options.networks, options.again, limits))
    failed = any(table.verdict(row) for title in sets for row in table.rows(title).values())
    return int(failed or "FAILED" in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
