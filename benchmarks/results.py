"""Measurements on disk: benchmarks/results/SECTION.json, an entry for each network, kept until it is measured again."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("swiftvis", "torch", "tensorflow-cpu", "tensorflow", "jax", "keras", "numpy")


def load(section: str) -> dict[str, Any]:
    path = FOLDER / f"{section}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def store(section: str, entry: str, value: Any) -> None:
    FOLDER.mkdir(exist_ok=True)
    entries = load(section) | {entry: value}
    (FOLDER / f"{section}.json").write_text(json.dumps(entries, indent=1) + "\n")


# ---- What was measured, and on what ----


def setting() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
        "commit": commit(),
    }


def processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> str:
    command = ["git", "-C", str(FOLDER.parent.parent), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def disk_size(packages: list[str]) -> float:
    """MB on disk of packages and all that they require, without the libraries for GPUs."""
    seen, waiting, total = set(), list(packages), 0
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen or name.startswith(("nvidia", "cuda", "triton")) or not installed(name):
            continue
        seen.add(name)
        found = distribution(name)
        paths = [Path(found.locate_file(file)) for file in found.files or [] if "cuda" not in file.name]
        total += sum(path.stat().st_size for path in paths if path.is_file())
        wanted = [text for text in found.requires or [] if "extra ==" not in text]
        waiting += [re.match(r"[\w.-]+", text)[0] for text in wanted]
    return total / 1e6
