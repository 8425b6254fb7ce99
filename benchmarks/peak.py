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
NETWORK = re.compile(r"(\w+)\.safetensors: ([\d.]+) ms, ([\d.]+) GFLOP/s .*= (\d+) % of peak")


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


def measure(names: list[str]) -> dict[str, dict[str, float]]:
    """For the machine ("peak" and "bandwidth") and each network ("ms", "gflops" and "percent")."""
    text = profile(names)
    found = {"machine": dict(zip(("peak", "bandwidth", "threads"), map(float, PEAK.search(text).groups())))}
    for name, *figures in NETWORK.findall(text):
        found[name] = dict(zip(("ms", "gflops", "percent"), map(float, figures), strict=True))
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
