"""Gradient of one class score with respect to one image: swiftvis beside PyTorch, in one process, calls interleaved.

usage: python benchmarks/compare.py [--networks resnet50 vgg16 ...] [--runs 10] [--batch 1] [--cache DIR]

Needs swiftvis, keras with JAX (to write the untrained networks once), torch and torchvision: `make bench` sets that up.
Every network has random weights, its time does not depend on them. PyTorch runs with gradients of weights switched off,
in both of its memory formats, on all processors; the better one counts. Figures are the best of the runs, and ratios are the
medians of the ratios of calls made one after the other, since the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# Keras's builder, torchvision's builder, image size
NETWORKS = {
    "vgg16": ("VGG16", "vgg16", 224),
    "resnet50": ("ResNet50", "resnet50", 224),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2", 224),
    "densenet121": ("DenseNet121", "densenet121", 224),
    "efficientnet_b0": ("EfficientNetB0", "efficientnet_b0", 224),
    "inception_v3": ("InceptionV3", "inception_v3", 299),
}


def write_network(path: Path, builder: str, size: int) -> None:
    """Keras runs in a process of its own, so that its threads and memory do not disturb the timing."""
    code = (
        "import os; os.environ['KERAS_BACKEND'] = 'jax'\n"
        "import keras\n"
        "keras.utils.set_random_seed(1)\n"
        f"keras.applications.{builder}(weights=None, input_shape=({size}, {size}, 3),"
        f" classifier_activation=None).save({str(path)!r})\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def torch_call(builder: str, images: np.ndarray, channels_last: bool) -> Callable[[], np.ndarray]:
    import torch
    import torchvision

    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    extra = {"init_weights": False} if builder == "inception_v3" else {}
    network = (
        getattr(torchvision.models, builder)(weights=None, **extra).eval().to(memory_format=memory_format)
    )
    for parameter in network.parameters():
        parameter.requires_grad_(False)

    def run() -> np.ndarray:
        x = (
            torch.from_numpy(images.transpose(0, 3, 1, 2))
            .contiguous(memory_format=memory_format)
            .requires_grad_(True)
        )
        return torch.autograd.grad(network(x)[:, 3].sum(), x)[0].numpy()

    return run


def compare(name: str, cache: Path, runs: int, batch: int) -> None:
    import swiftvis

    keras_builder, torch_builder, size = NETWORKS[name]
    path = cache / f"{name}.keras"
    if not path.exists():
        write_network(path, keras_builder, size)
    images = np.random.RandomState(0).rand(batch, size, size, 3).astype("float32")
    model = swiftvis.load_model(path)
    calls: dict[str, Callable[[], np.ndarray]] = {
        "swiftvis": lambda: model.gradient(images, filter_indices=3),
        "torch": torch_call(torch_builder, images, channels_last=False),
        "torch channels_last": torch_call(torch_builder, images, channels_last=True),
    }
    times: dict[str, list[float]] = {key: [] for key in calls}
    for call in calls.values():
        call()
    for _ in range(runs):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            times[key].append(time.perf_counter() - start)
    peer = min(("torch", "torch channels_last"), key=lambda key: min(times[key]))
    ratio = statistics.median(
        theirs / ours for theirs, ours in zip(times[peer], times["swiftvis"], strict=True)
    )
    cells = " | ".join(f"{min(values) * 1e3:.1f}" for values in times.values())
    print(f"| {name} | {cells} | {ratio:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(__file__).parent / ".build-networks")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)

    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print("| network | swiftvis (ms) | torch (ms) | torch channels_last (ms) | better torch / swiftvis |")
    print("|---|---|---|---|---|")
    for name in arguments.networks:
        compare(name, arguments.cache, arguments.runs, arguments.batch)


if __name__ == "__main__":
    main()
