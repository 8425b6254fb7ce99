"""A network of PyTorch's named in text, "torchvision.models:resnet50", with weights from a file: for the command line."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from swiftvis.live import modules
from swiftvis.live.torch_objects import is_module
from swiftvis.model import Model


def is_builder(text: str) -> bool:
    """Whether it names a function in a package, and not a file."""
    package, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and all(part.isidentifier() for part in package.split("."))


def build(text: str, weights: str | os.PathLike[str] | None, shape: Sequence[int]) -> Model:
    """The model of what the function gives (a class or a module itself will do), for inputs of that shape.

    Args:
        text: package and function; the current folder is looked in too. Nothing else is imported.
        weights: a file of torch.save; read with `weights_only`, so that nothing in it is run. A checkpoint's "state_dict" or
            "model" is taken, and "module." before all names is dropped.
    Raises:
        ImportError, AttributeError: no such package or function.
        ValueError: weights that do not fit; or as `swiftvis.from_torch`.
    """
    package, _, name = text.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    found = getattr(importlib.import_module(package), name)
    module = found if is_module(found) else found()
    if not is_module(module):
        raise ValueError(f"{text} gave {type(module).__name__}, not a torch.nn.Module")
    if weights is not None:
        _load(module, weights)
    return modules.loaded(module, tuple(shape))


def _load(module: Any, path: str | os.PathLike[str]) -> None:
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: torch.load(weights_only=True) refuses it: it holds more than tensors, or is damaged"
        ) from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}") from error
    for key in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise ValueError(f"{path} holds {type(state).__name__}, not the weights of a network")
    if all(str(key).startswith("module.") for key in state):
        state = {str(key).removeprefix("module."): value for key, value in state.items()}
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the network: {' '.join(str(error).split())[:600]}") from error
