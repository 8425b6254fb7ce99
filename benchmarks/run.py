"""Measures everything, one section after the other, and writes each result as soon as it is there.

usage: python benchmarks/run.py [--only speed cold ...] [--networks vgg16 ...] [--batches 1 8]

Sections: machine (peak, versions, sizes on disk), speed (one image, a batch of 8, and 25 copies as SmoothGrad takes them),
cold (from import to the first map, and memory), lasting (10,000 calls), threads, accuracy, visualizations (beside
tf-keras-vis), report (tables and chart).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import accuracy
import peak
import report
import results
import single_process
import speed
import visualizations
from networks import NETWORKS, SMALL, ensure

LARGE = ("vgg16", "resnet50", "inception_v3", "densenet121")
NOISY = ("mobilenet_v2", "mini_xception")
SIZES = {
    "swiftvis": ["swiftvis"],
    "PyTorch": ["torch"],
    "TensorFlow": ["tensorflow-cpu"],
    "JAX": ["jax", "keras"],
}


def machine(names: list[str]) -> None:
    ensure(names)
    for name, figures in peak.measure(names).items():
        results.store("peak", name, figures)
        print(name, figures, flush=True)
    for key, value in results.setting().items():
        results.store("machine", key, value)
    results.store(
        "machine", "disk", {title: results.disk_size(packages) for title, packages in SIZES.items()}
    )


def each(
    section: str, names: list[str], measure: Callable[[str], Any], line: Callable[[str, Any], str]
) -> None:
    for name in names:
        row = measure(name)
        results.store(section, name, row)
        print(f"{section}: {line(name, row)}", flush=True)


SECTIONS = ("machine", "speed", "cold", "lasting", "threads", "accuracy", "visualizations", "report")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="SECTION")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--peers", nargs="+", choices=speed.PEERS, default=list(speed.PEERS), metavar="PEER")
    parser.add_argument("--batches", nargs="+", type=int)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()

    def chosen(some: Any) -> list[str]:
        return [name for name in options.networks if name in some]

    for section in options.only:
        match section:
            case "machine":
                machine(options.networks)
            case "speed":
                for name in options.networks:
                    batches = options.batches or ([1, 8, 25] if name in NOISY else [1, 8])
                    row = speed.measure(name, batches, options.runs, options.peers)
                    results.store(section, name, results.load(section).get(name, {}) | row)
            case "cold":
                each(section, chosen(single_process.COLD_RUNS), single_process.cold, single_process.line)
            case "lasting":
                each(section, chosen(SMALL), single_process.lasting, single_process.line)
            case "threads":
                names = chosen(LARGE)
                each(section, names, lambda n: single_process.threads(n, options.runs), single_process.line)
            case "accuracy":
                each(section, options.networks, accuracy.measure, accuracy.row)
            case "visualizations":
                each(section, chosen(visualizations.MEASURED), visualizations.measure, visualizations.line)
            case "report":
                report.write()


if __name__ == "__main__":
    main()
