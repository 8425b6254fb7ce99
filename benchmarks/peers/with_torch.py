"""PyTorch; variants "NCHW" and "channels_last"; on channels_last "folded" (batch normalization into convolutions) and
"compile" (TorchInductor); "float64"."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch


def open_network(folder: Path, name: str, variant: str) -> Callable[[np.ndarray], Callable[[], torch.Tensor]]:
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    layout = torch.contiguous_format if variant in ("NCHW", "float64") else torch.channels_last
    dtype = torch.float64 if variant == "float64" else torch.float32
    # Our own file: a pickled module, which is what `torch.save(network)` writes.
    network = torch.load(folder / f"{name}.pt", weights_only=False, mmap=True)
    if variant == "folded":
        from torch.fx.experimental.optimization import fuse

        network = fuse(network).requires_grad_(False)
    network = network.to(memory_format=layout, dtype=dtype)
    if variant == "compile":
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder.resolve() / "inductor"))
        network = torch.compile(network)

    def prepare(images: np.ndarray) -> Callable[[], torch.Tensor]:
        x = torch.from_numpy(images.transpose(0, 3, 1, 2)).to(dtype).contiguous(memory_format=layout)
        x.requires_grad_(True)
        return lambda: torch.autograd.grad(network(x)[:, 0].mean(), x)[0]

    return prepare


def as_array(gradient: torch.Tensor) -> np.ndarray:
    return gradient.numpy().transpose(0, 2, 3, 1)


def set_threads(count: int) -> None:
    torch.set_num_threads(count)
