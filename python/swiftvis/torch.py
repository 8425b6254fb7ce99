"""PyTorch: `from_torch` converts a module, and `SaliencyLogger` shows what a network looks at while it is trained.

All functions of swiftvis take modules as they are. PyTorch itself is imported when there is a module, and not before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._rules import BackpropModifier
from .live import modules
from .live.series import MapSeries
from .live.torch_objects import is_module
from .model import Model

__all__ = ["SaliencyLogger", "from_torch"]


def from_torch(module: Any, example_input: Any, *, data_format: str = "channels_first") -> Model:
    """The model made of a PyTorch module, traced with `torch.export` at inference. The module stays as it is, and what
    happens to it later does not touch the model.

    Layers are named by the modules' paths ("layer4.2.conv3"); a module that is called several times has as many outputs.
    The inputs' sizes are those of the example, but for the batch.

    Args:
        module: any `torch.nn.Module`, in any mode, on any device and of any float type. What wraps it for training in
            parallel or by `torch.compile` is looked through.
        example_input: an input, as the module takes it: a tensor or array, with or without a batch of any size; a list
            of several inputs, or a dict of them by the names of `forward`'s arguments; or the shape alone,
            (1, 3, 224, 224).
        data_format: of the model's inputs: "channels_first" as PyTorch has it, or "channels_last".
    Raises:
        ValueError: it cannot be traced, or holds operations that swiftvis cannot compute; the message lists every one of
            them with its module.
        TypeError: not a module.
    """
    if not is_module(module):
        kind = type(module)
        advice = ": load it into the network (module.load_state_dict)" if hasattr(module, "keys") else ""
        raise TypeError(f"expected a torch.nn.Module, got {kind.__module__}.{kind.__name__}{advice}")
    return modules.loaded(module, example_input, data_format)


class SaliencyLogger(MapSeries):
    """Writes what a network looks at while it is trained, from a loop of one's own.

    >>> logger = SaliencyLogger(model, images[:4], labels[:4], "maps", every=100)
    >>> for step, (x, y) in enumerate(loader):
    ...     train(x, y)
    ...     logger(step)

    The module's mode, gradients and random numbers stay as they are.

    Attributes:
        steps: those mapped so far.
        maps: for each of them a float32 array (N, H, W) in 0..1.
    """

    def __init__(
        self,
        model: Any,
        images: Any,
        targets: int | Sequence[int] | Any | None,
        to: str | os.PathLike[str] | Any,
        *,
        every: int = 1,
        layer: Any = -1,
        linear: bool = True,
        backprop_modifier: BackpropModifier | None = None,
        sigma: float = 1.0,
        alpha: float = 0.6,
        pictures: Any = None,
    ) -> None:
        """
        Args:
            model: the module, or anything else that swiftvis takes.
            images: one image (C, H, W) or a batch, as the network takes them: a tensor or an array.
            targets: one class for all images, or one for each; None means the mean of all, as for a regression.
            to: a folder, which gets a picture of images and maps for each mapped step, "step_000100.png", and all of them
                side by side, "steps.png"; or a SummaryWriter of TensorBoard, which gets the former as "saliency".
            every: steps between two maps.
            layer: the layer that is explained: its path, the module itself, or an index; -1 is the last.
            linear, backprop_modifier, sigma, alpha, pictures: as for `swiftvis.SaliencyCallback`.
        Raises:
            ValueError: numbers of images, targets and pictures that differ.
        """
        super().__init__(
            *(images, targets, layer),
            every=every,
            linear=linear,
            backprop_modifier=backprop_modifier,
            sigma=sigma,
            alpha=alpha,
            pictures=pictures,
        )
        self._model = model
        self._writer = to if hasattr(to, "add_image") else None
        self._folder = None if self._writer is not None else Path(to)
        self.steps: list[int] = []

    def __call__(self, step: int) -> None:
        """Maps the network as it is now, if it is the step for it: 0, `every`, 2 * `every` and so on."""
        if step % self._every:
            return
        self.look(self._model, f"step {step}")
        self.steps.append(step)
        if self._writer is not None:
            self._writer.add_image("saliency", np.asarray(self.latest()), step, dataformats="HWC")
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.latest().save(self._folder / f"step_{step:06}.png")
            self.history().save(self._folder / "steps.png")
