"""The error of float32 gradients, beside the same network's gradient in float64 (PyTorch's).

usage: python benchmarks/accuracy.py [--networks vgg16 resnet50 ...] [--images 4]

The error of a network is the median over pixels of |g - g64| / |g64|. Ours may be 10 times PyTorch's, with exact=True twice.
Several images, because one ReLU deep in a network whose input is within rounding of its bend moves every pixel of its image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from networks import CACHE, NETWORKS, ensure
from race import Worker, WorkerError, disagreement

MEASURED = {
    "swiftvis": ("swiftvis", ""),
    "swiftvis exact": ("swiftvis", "exact"),
    "PyTorch": ("torch", "NCHW"),
    "PyTorch channels_last": ("torch", "channels_last"),
    "JAX": ("jax", "jit"),
}
COLUMNS = (
    "| network | swiftvis | exact | PyTorch | channels_last | JAX | swiftvis / PyTorch | exact / PyTorch |"
)


def measure(name: str, images: int = 4, folder: Path = CACHE) -> dict[str, float]:
    """Median relative errors by framework; a framework that is not installed is left out."""
    ensure([name], folder)
    with Worker("torch", "float64", folder, name) as worker:
        worker.ask("prepare", batch=images)
        reference = worker.gradient()
    errors = {}
    for title, (peer, variant) in MEASURED.items():
        try:
            with Worker(peer, variant, folder, name) as worker:
                worker.ask("prepare", batch=images)
                errors[title] = disagreement(worker.gradient(), reference)["median"]
        except WorkerError as error:
            print(f"skipped: {error}")
    return errors


def row(name: str, errors: dict[str, float]) -> str:
    cells = [f"{errors[title]:.1e}" if title in errors else "" for title in MEASURED]
    peer = errors.get("PyTorch", float("nan"))
    cells += [f"{errors[title] / peer:.1f}" for title in ("swiftvis", "swiftvis exact")]
    return f"| {NETWORKS[name].title} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--images", type=int, default=4)
    arguments = parser.parse_args()
    print(f"{COLUMNS}\n|{'---|' * COLUMNS.count(' | ')}---|")
    for name in arguments.networks:
        print(row(name, measure(name, arguments.images)), flush=True)


if __name__ == "__main__":
    main()
