"""Live PyTorch modules wherever a `swiftvis.Model` is expected.

A module has no input shape of its own, so it is converted for the shape of the images that a call brings. The conversion is
kept as long as the module is alive, without keeping it alive. New weights (identity, address and autograd's version counter
tell) are read anew into the same graph; another shape, other options or another structure are traced anew.
"""

from __future__ import annotations

import threading
import types
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError, UnsupportedModelError
from ..model import Model
from .snapshots import Options, same_value
from .torch_objects import is_array

if TYPE_CHECKING:
    from ..importers.torch import Trace

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_known: weakref.WeakKeyDictionary[Any, _Conversion] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def converted(module: Any, seed: Any = None) -> Model:
    """The model made of a module as it is now, for inputs like `seed`: one image or a batch, or several inputs in a list
    or a dict. The same model as long as nothing changes. Without `seed` the shape is that of the last call.

    Raises:
        ModelError: no shape is known (a ValueError).
        UnsupportedModelError: it cannot be traced, or has operations that swiftvis cannot compute.
    """
    module = unwrapped(module)
    with _lock:
        conversion = _known.setdefault(module, _Conversion())
    return conversion.current(module, seed)


def loaded(module: Any, example: Any, data_format: str = "channels_first") -> Model:
    """A model of its own made of a module, which later changes do not touch. Raises as `converted`."""
    from ..importers.torch import Trace

    module = unwrapped(module)
    trace = _named(module, lambda: Trace(module, *_arguments(module, example, data_format)))
    return _named(module, lambda: _model(trace, module, data_format))


def unwrapped(module: Any) -> Any:
    """The module itself, without what trains it in parallel or compiles it."""
    names = {cls.__name__ for cls in type(module).__mro__}
    if "ScriptModule" in names:
        raise UnsupportedModelError(
            "a TorchScript module cannot be traced: give the nn.Module that it was made of, with its weights"
        )
    if "OptimizedModule" in names:
        return unwrapped(module._orig_mod)
    if names & {"DataParallel", "DistributedDataParallel"}:
        return unwrapped(module.module)
    return module


class _Conversion:
    """A module's latest trace and model, with what they were made of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shapes: Any = None
        self._parts: list[_Part] = []
        self._trace: Trace | None = None
        self._values: list[Any] = []
        self._model: Model | None = None

    def current(self, module: Any, seed: Any) -> Model:
        from ..importers.torch import Trace

        with self._lock:
            arguments = None if seed is None else _arguments(module, seed)
            shapes = self._shapes if arguments is None else _shapes(*arguments)
            if shapes is None:
                raise ModelError(
                    "a PyTorch module does not say the shape of its input: convert it first with "
                    "swiftvis.from_torch(module, example_input)"
                )
            parts = list(module.modules())
            if self._trace is None or shapes != self._shapes or not _same(self._parts, parts):
                self._trace = self._model = None  # never two at once
                arguments = _arguments(module, _zeros(shapes)) if arguments is None else arguments
                self._shapes, self._parts = shapes, [_Part(part) for part in parts]
                self._trace = _named(module, lambda: Trace(module, *arguments))
            tensors = _tensors(module)
            unchanged = len(tensors) == len(self._values)
            if self._model is None or not (
                unchanged and all(map(lambda same, now: same(now), self._values, tensors))
            ):
                self._model, trace = None, self._trace
                # Noted before they are read: what changes meanwhile is noticed the next time.
                self._values = [same_value(tensor) for tensor in tensors]
                self._model = _named(module, lambda: _model(trace, module))
            return self._model


class _Part:
    """What decides the operations of a module, but for the modules inside it."""

    def __init__(self, module: Any) -> None:
        self._module = weakref.ref(module)
        self._options = Options(module)
        self._functions = _functions(module)
        self._tensors = _forms(module)

    def holds(self, module: Any) -> bool:
        return (
            self._module() is module
            and self._options.holds(module)
            and self._functions == _functions(module)
            and self._tensors == _forms(module)
        )


def _same(notes: Sequence[_Part], parts: Sequence[Any]) -> bool:
    return len(notes) == len(parts) and all(map(_Part.holds, notes, parts))


def _functions(module: Any) -> dict[str, int]:
    return {key: id(value) for key, value in vars(module).items() if isinstance(value, _FUNCTIONS)}


def _forms(module: Any) -> list[Any]:
    own = (*module._parameters.items(), *module._buffers.items())
    return [(name, tensor.shape, tensor.dtype) for name, tensor in own if tensor is not None]


def _tensors(module: Any) -> list[Any]:
    return [*module.parameters(), *module.buffers()]


def _model(trace: Trace, module: Any, data_format: str = "channels_first") -> Model:
    model = Model.from_graph(*trace.convert(module, data_format))
    names = set(model._network.layer_names)
    paths: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
    for path, part in module.named_modules(remove_duplicate=False):
        if path in names:
            paths.setdefault(part, path)
    model._network.paths = paths
    return model


def _named(module: Any, function: Any) -> Any:
    """Errors begin with the module's class."""
    try:
        return function()
    except ModelError as error:
        raise type(error)(f"{type(module).__name__}: {error}") from error


def _shapes(arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    return tuple(tuple(a.shape) for a in arguments), tuple(
        (key, tuple(a.shape)) for key, a in options.items()
    )


def _zeros(shapes: Any) -> Any:
    positional, named = shapes
    if named:
        return {key: np.zeros(shape, np.float32) for key, shape in named}
    return [np.zeros(shape, np.float32) for shape in positional]


# ---- Examples ----


def _arguments(
    module: Any, example: Any, data_format: str = "channels_first"
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the module is called with for one sample: tensors of its type, on its device. Its first convolution tells how
    many axes an input has; without one an input of several axes has its batch."""
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"data_format must be 'channels_first' or 'channels_last', got {data_format!r}")
    if isinstance(example, tuple) and example and all(isinstance(size, int) for size in example):
        example = np.zeros(example, np.float32)
    if isinstance(example, Mapping):
        return (), {str(key): _sample(module, item, data_format) for key, item in example.items()}
    several = isinstance(example, (list, tuple)) and all(np.ndim(item) for item in example)
    if several and any(is_array(item) or isinstance(item, np.ndarray) for item in example):
        return tuple(_sample(module, item, data_format) for item in example), {}
    return (_sample(module, example, data_format),), {}


def _sample(module: Any, given: Any, data_format: str) -> Any:
    import torch

    if not is_array(given) and np.asarray(given).dtype.kind not in "fiub":
        raise TypeError(f"an input should be a tensor or an array of numbers, got {type(given).__name__}")
    tensor = given.detach() if is_array(given) else torch.from_numpy(np.array(given))
    first = next((t for t in _tensors(module) if t.is_floating_point()), torch.zeros(()))
    if not tensor.is_floating_point() and not tensor.is_complex():
        tensor = tensor.float()
    rank, channels = _first_convolution(module)
    expected = rank or max(tensor.ndim, 2)
    # (1, N, C) is a batch of tokens where the convolution wants other channels than one.
    if tensor.ndim == expected - 1 and not (tensor.ndim > 2 and tensor.shape[0] == 1 != channels):
        tensor = tensor.unsqueeze(0)
    if tensor.ndim < 1 or tensor.numel() == 0:
        raise ValueError(f"the input is empty: its shape is {tuple(tensor.shape)}")
    if data_format == "channels_last" and tensor.ndim >= 3:
        tensor = tensor.movedim(-1, 1)
    elif tensor.ndim >= 4 and tensor.shape[-1] == channels in (1, 3, 4) and tensor.shape[1] not in (1, 3, 4):
        tensor = tensor.movedim(-1, 1)  # a picture as it comes from a file
    return tensor[:1].to(first.device, first.dtype)


def _first_convolution(module: Any) -> tuple[int, int]:
    """The rank and channels of its input; zeros where there is none."""
    for part in module.modules():
        if type(part).__name__ in ("Conv1d", "Conv2d", "Conv3d"):
            return len(part.kernel_size) + 2, part.in_channels
    return 0, 0
