"""Torchvision's transformers and ConvNeXt beside PyTorch itself: the gradient of one class score for one image.

usage: python benchmarks/transformers.py [NAME...] [--threads N] [--seconds S]

Random weights, imported with `swiftvis.from_torch`. PyTorch runs contiguous and channels_last, without gradients of
weights. The best time of each counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
import torchvision

import swiftvis

NETWORKS = ("vit_b_16", "swin_t", "convnext_tiny", "maxvit_t")


def best_of(call: Callable[..., object], *arguments: object, seconds: float) -> float:
    call(*arguments)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        before = time.perf_counter()
        call(*arguments)
        best = min(best, time.perf_counter() - before)
    return best


def gradient(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(module(x)[0, 0], x)[0]


def measure(name: str, seconds: float) -> str:
    torch.manual_seed(0)
    module = getattr(torchvision.models, name)().eval().requires_grad_(False)
    x = torch.randn(1, 3, 224, 224)
    model = swiftvis.from_torch(module, x)
    ours, expected = model.gradient(x.numpy(), filter_indices=0), gradient(module, x).numpy()
    difference = np.abs(ours - expected).max() / np.abs(expected).max()
    pixels = x.numpy()
    times = [best_of(lambda: model.gradient(pixels, filter_indices=0), seconds=seconds)]
    for layout in (torch.contiguous_format, torch.channels_last):
        module, x = module.to(memory_format=layout), x.contiguous(memory_format=layout)
        times.append(best_of(gradient, module, x, seconds=seconds))
    cells = [f"{1000 * t:.1f}" for t in times]
    return f"| {name} | {' | '.join(cells)} | {min(times[1:]) / times[0]:.2f} | {difference:.0e} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    swiftvis.set_threads(options.threads)
    print("| network | swiftvis (ms) | PyTorch (ms) | channels_last (ms) | speedup | difference |")
    print("|---|---|---|---|---|---|")
    for name in options.names:
        print(measure(name, options.seconds), flush=True)


if __name__ == "__main__":
    main()
