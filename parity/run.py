"""swiftvis beside Keras on every backend, and beside the original keras-vis: `make parity`.

python run.py --original FOLDER, an environment with keras-vis 0.4.1. Prints a table of differences; the exit code is 1
where one is too large.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
# Keras, its backend, and the library that has to be there.
LIVE = [
    ("keras", "jax", "jax"),
    ("keras", "tensorflow", "tensorflow"),
    ("keras", "torch", "torch"),
    ("tf_keras", "tensorflow", "tf_keras"),
]
MODULES = [HERE / "test_torch.py", HERE / "test_torch_operations.py"]
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--original", type=Path, help="the environment of keras-vis 0.4.1")
    python = parser.parse_args().original / "bin" / "python"
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
    print("\n" + "\n".join(f"{name:36} {outcome}" for name, outcome in outcomes.items()))
    return int("FAILED" in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
