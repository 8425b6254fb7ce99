"""The machine's multiply-add peak and bandwidth, and how near swiftvis comes to it, from the Swift program StepProfile.

usage: python benchmarks/peak.py [--networks vgg16 ...] [--runs 10] [--batch 1]     (make bench-quick)
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

from networks import CACHE, NETWORKS, ensure

ROOT = Path(__file__).parent.parent
SCRATCH = ROOT / "build" / "swift"
PEAK = re.compile(r"FMA peak ([\d.]+) GFLOP/s, memory ([\d.]+) GB/s, (\d+) threads")
NETWORK = re.compile(r"(\w+)\.safetensors: ([\d.]+) ms, ([\d.]+) GFLOP/s")


def build() -> Path:
    command = [
        "swift",
        "build",
        "-c",
        "release",
        "-Xswiftc",
        "-static-stdlib",
        "--scratch-path",
        str(SCRATCH),
    ]
    subprocess.run([*command, "--product", "StepProfile"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return SCRATCH / "release" / "StepProfile"


def profile(names: list[str], runs: int = 10, batch: int = 1) -> str:
    paths = [str(CACHE / f"{name}.safetensors") for name in names]
    command = [str(build()), "--summary", "--runs", str(runs), "--batch", str(batch), *paths]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(names: list[str], rounds: int = 3) -> dict[str, dict[str, float]]:
    """For the machine ("peak" and "bandwidth") and each network ("ms", "gflops" and "percent"): the best of some rounds."""
    found: dict[str, dict[str, float]] = {"machine": {}}
    for _ in range(rounds):
        text = profile(names)
        for key, figure in zip(("peak", "bandwidth", "threads"), PEAK.search(text).groups(), strict=True):
            found["machine"][key] = max(float(figure), found["machine"].get(key, 0))
        for name, ms, gflops in NETWORK.findall(text):
            if float(ms) < found.get(name, {}).get("ms", float("inf")):
                found[name] = {"ms": float(ms), "gflops": float(gflops)}
    for name in names:
        found[name]["percent"] = 100 * found[name]["gflops"] / found["machine"]["peak"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()
    ensure(arguments.networks)
    print(profile(arguments.networks, arguments.runs, arguments.batch), end="")


if __name__ == "__main__":
    main()
