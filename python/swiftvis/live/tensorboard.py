"""Writes pictures for TensorBoard, by whatever of the libraries that can is there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Writer = Callable[[str, np.ndarray, int], None]
_LIBRARIES = (
    "tensorflow",
    "tensorboardX",
    "torch.utils.tensorboard",
)  # the first and the last need tensorboard


def writer(log_dir: str) -> Writer:
    """A function of (name, uint8 picture (H, W, 3), step) which writes at once. ImportError where nothing can write."""
    # A library that is imported already costs nothing more.
    for name in sorted(_LIBRARIES, key=lambda name: name.partition(".")[0] not in sys.modules):
        try:
            if name != "tensorboardX":
                importlib.import_module("tensorboard")
            library = importlib.import_module(name)
        except ImportError:
            continue
        return _tensorflow(library, log_dir) if name == "tensorflow" else _summary_writer(library, log_dir)
    raise ImportError(
        "log_dir needs a library that writes for TensorBoard: pip install tensorboardX, or tensorboard beside tensorflow "
        "or torch"
    )


def _tensorflow(library: Any, log_dir: str) -> Writer:
    file = library.summary.create_file_writer(log_dir)

    def write(name: str, picture: np.ndarray, step: int) -> None:
        with file.as_default():
            library.summary.image(name, picture[np.newaxis], step=step)
        file.flush()

    return write


def _summary_writer(library: Any, log_dir: str) -> Writer:
    file = library.SummaryWriter(log_dir)

    def write(name: str, picture: np.ndarray, step: int) -> None:
        file.add_image(name, picture, step, dataformats="HWC")
        file.flush()

    return write
