"""Traces a module with `torch.export`, and leaves it as it was."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from swiftvis.errors import ModelError, UnsupportedModelError


def exported(
    module: Any, arguments: Sequence[Any], options: Mapping[str, Any], computed: Sequence[str]
) -> Any:
    """The functional program of a module at inference: an ExportedProgram of ATen operations without side effects, in
    which those of the names `computed` are whole and others are taken apart.

    Raises:
        ModelError: it does not run on these inputs.
        UnsupportedModelError: it cannot be traced; the message says why in short.
    """
    import torch

    if not hasattr(torch.export, "default_decompositions"):
        raise UnsupportedModelError(f"PyTorch 2.6 or later is needed, this is {torch.__version__}")
    with _inference(module), _quiet(), _no_custom_gradients():
        program = _traced(module, tuple(arguments), dict(options))
        _keep_dropouts(program)
        table = torch.export.default_decompositions()
        for operation in list(table):
            if operation.name().partition(".")[0].replace("::", ".") in computed:
                table.pop(operation)
        return program.run_decompositions(table)


def _traced(module: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    import torch

    try:
        return torch.export.export(module, arguments, options, strict=False)
    except UnsupportedModelError:
        raise
    except Exception as error:
        # Reading the bytecode instead of running the code gets through a few modules more.
        with contextlib.suppress(Exception):
            return torch.export.export(module, arguments, options, strict=True)
        _check_runs(module, arguments, options)
        raise UnsupportedModelError(f"torch.export cannot trace it: {_reason(error)}") from error


def _check_runs(module: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    """An input that the module itself does not take is the caller's mistake."""
    try:
        module(*arguments, **options)
    except Exception as error:
        given = [*arguments, *options.values()]
        shapes = ", ".join(str(tuple(x.shape)) if hasattr(x, "shape") else type(x).__name__ for x in given)
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise ModelError(
            f"the module does not take this example input, of shape {shapes} (channels first, one sample): "
            f"{type(error).__name__}: {line}"
        ) from error


def _keep_dropouts(program: Any) -> None:
    """At inference they do nothing, but users may name them."""
    import torch

    for node in program.graph.nodes:
        if node.target is torch.ops.aten.dropout.default and not node.args[2]:
            node.target, node.args = torch.ops.aten.clone.default, node.args[:1]
    program.graph_module.recompile()


def _reason(error: Exception) -> str:
    text = str(error)
    if "quantized" in text:
        return "it is quantised: give the module that it was made of, whose weights are floats"
    if "DataDependent" in type(error).__name__ or "data-dependent" in text:
        where = re.search(r'File "([^"]+)", line (\d+), in (\w+)\s+(.+)', text)
        place = f" ({where[1]}, line {where[2]}: {where[4].strip()})" if where else ""
        return f"what it computes depends on the values of tensors, by an `if`, a loop or an index{place}"
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


@contextlib.contextmanager
def _inference(module: Any) -> Iterator[None]:
    """Evaluation mode without gradients; every submodule has its own mode again afterwards."""
    import torch

    training = [(part, part.training) for part in module.modules()]
    buffers = [(part, dict(part._buffers)) for part in module.modules()]
    try:
        for part, _ in training:
            part.training = False
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for part, mode in training:
            part.training = mode
        for part, kept in buffers:
            part._buffers.update(kept)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch's own messages about what it cannot trace are left to the error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _no_custom_gradients() -> Iterator[None]:
    """Tracing sees a custom Function's forward only, so that its own gradient would be lost in silence. `apply` may be
    bound to a name long before, so it is `forward` that refuses."""
    import torch

    functions = [cls for cls in _subclasses(torch.autograd.Function) if "forward" in vars(cls)]
    forwards = [vars(cls)["forward"] for cls in functions]
    try:
        for cls in functions:
            cls.forward = staticmethod(_refusing(cls))
        yield
    finally:
        for cls, forward in zip(functions, forwards, strict=True):
            cls.forward = forward


def _subclasses(base: type) -> list[Any]:
    """Those that are not PyTorch's own."""
    found: list[Any] = []
    for cls in base.__subclasses__():
        found += [cls] * (cls.__module__.partition(".")[0] != "torch") + _subclasses(cls)
    return found


def _refusing(cls: Any) -> Any:
    def forward(*_: Any, **__: Any) -> Any:
        raise UnsupportedModelError(
            f"it calls {cls.__module__}.{cls.__qualname__}, a torch.autograd.Function with a gradient of its own, which "
            "cannot be read: use plain operations instead"
        )

    return forward
