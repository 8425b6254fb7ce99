"""PyTorch's objects, known by their classes: PyTorch is never imported here."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .objects import keras_classes

_kinds: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def _kind(value: Any) -> str:
    """What an object of PyTorch is."""
    cls = type(value)
    found = _kinds.get(cls)
    if found is None:
        names = {(base.__module__, base.__name__) for base in cls.__mro__}
        found = ""
        if ("torch", "Tensor") in names or ("torch._tensor", "Tensor") in names:
            found = "tensor"
        elif ("torch.nn.modules.module", "Module") in names:
            found = "module"
        _kinds[cls] = found
    return found


def is_module(value: Any) -> bool:
    """Whether it is a module of PyTorch, and not a model or layer of Keras, which may be one too."""
    return _kind(value) == "module" and not keras_classes(value)


def is_array(value: Any) -> bool:
    """Whether it is a tensor of PyTorch."""
    return _kind(value) == "tensor"


def as_array(tensor: Any) -> np.ndarray:
    """A tensor's values, from any device."""
    tensor = tensor.detach()
    if tensor.is_floating_point() and tensor.itemsize < 4:
        tensor = tensor.float()
    return tensor.cpu().numpy()
