"""Walks a traced program in order: what depends on constants alone is computed by PyTorch, the rest becomes nodes."""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from swiftvis.importers.program import Program, Refusal, Undetermined, Value
from swiftvis.importers.program.core import LARGEST_CONSTANT
from swiftvis.importers.torch.calls import Calls
from swiftvis.importers.torch.rows import ROWS

# Checks of sizes and types, which the trace has passed.
_CHECKS = ("aten._assert", "aten.sym_", "aten._local_scalar", "torch.sym_")


class Walk:
    """
    Attributes:
        program: the graph under construction.
        values: by node of the trace: a `Value`, a list of them, or None where an operation was refused.
    """

    def __init__(self, calls: Calls, constants: Mapping[str, Any]) -> None:
        self.program = Program()
        self.values: dict[Any, Any] = {}
        self._calls = calls
        self._named = constants
        self._constants: dict[Any, Any] = {}  # PyTorch's tensors

    def run(self, nodes: Sequence[Any], inputs: Sequence[Any], channels_last: bool) -> None:
        """`inputs` has the names of the data among the placeholders, which may be wanted in the other format."""
        for node in nodes:
            if node.op == "placeholder":
                self._placeholder(node, inputs, channels_last)
            elif node.op == "get_attr":
                self._constants[node] = self._named.get(node.target)
            elif node.op == "call_function":
                self._call(node)

    def tensor(self, node: Any) -> Any:
        """What the program has for a node: constants come in when they are needed."""
        if node in self.values:
            if self.values[node] is None:
                raise Undetermined
            return self.values[node]
        self.values[node] = self._lowered(self._constants[node])
        return self.values[node]

    def is_constant(self, node: Any) -> bool:
        return node in self._constants

    def _lowered(self, constant: Any) -> Any:
        import torch

        if isinstance(constant, (list, tuple)):
            return [self._lowered(item) for item in constant]
        if not isinstance(constant, torch.Tensor):
            return constant
        return self.program.constant(array(constant))

    def _placeholder(self, node: Any, inputs: Sequence[Any], channels_last: bool) -> None:
        if node.name not in inputs or not hasattr(node.meta.get("val"), "shape"):
            self._constants[node] = self._named.get(node.name)
            return
        found = node.meta["val"]
        if not found.is_floating_point():
            self.program.refuse(node.name, "input", "", f"inputs of type {found.dtype} are not supported")
            self.values[node] = None
            return
        shape = tuple(int(size) for size in found.shape)
        if channels_last and len(shape) >= 3:
            last = len(shape) - 1
            source = self.program.input(node.name, (shape[0], *shape[2:], shape[1]), last)
            self.values[node] = self.program.permute(source, [0, last, *range(1, last)])
        else:
            self.values[node] = self.program.input(node.name, shape, 1 if len(shape) >= 3 else None)

    def _call(self, node: Any) -> None:
        name = operation_name(node.target)
        if node.target is operator.getitem:
            self._item(node)
            return
        if name.startswith(_CHECKS):
            return
        with self.program.scope(self._calls.path(node)):
            if all(map(self.is_constant, node.all_input_nodes)):
                result = self._attempt(node, name, self._computed)
                if result is not None:
                    self._constants[node] = result
                    return
                self.values[node] = None
            else:
                self.values[node] = self._attempt(node, name, self._built)

    def _attempt(self, node: Any, name: str, function: Any) -> Any:
        place = self._calls.described(node)
        return self.program.attempt(place, name, "", function, node, name)

    def _item(self, node: Any) -> None:
        source, index = node.args
        if source in self._constants:
            self._constants[node] = self._constants[source][index]
            return
        found = self.values.get(source)
        if isinstance(found, list) and index < len(found):
            self.values[node] = found[index]
            return
        self.values[node] = None
        if found is not None:
            name = operation_name(source.target)
            place = self._calls.described(node)
            self.program.refuse(place, name, "", "only its values are supported, not indices and the like")

    def _computed(self, node: Any, name: str) -> Any:
        """A constant of constants, by PyTorch itself on the processor."""
        import torch

        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise Refusal("it is random")
        for found in _listed(node.meta.get("val")):
            if isinstance(found, torch.Tensor) and math.prod(map(int, found.shape)) > LARGEST_CONSTANT:
                raise Refusal(f"its constant result would have the shape {tuple(found.shape)}")
        arguments = _replaced(node.args, self._constants)
        options = dict(_replaced(node.kwargs, self._constants))
        if options.get("device") is not None:
            options["device"] = torch.device("cpu")
        return node.target(*arguments, **options)

    def _built(self, node: Any, name: str) -> Any:
        row = ROWS.get(name)
        if row is None:
            raise Refusal("this operation is not supported")
        positional, named = _bound(node)
        accepted = _keywords(row)
        named = {key: given for key, given in named.items() if key in accepted}
        arguments = self._arguments(positional), self._arguments(named)
        try:
            result = row(self.program, *arguments[0], **arguments[1])
        except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
            raise Refusal(f"this form of it is not supported ({type(error).__name__}: {error})") from error
        traced = node.meta.get("val")
        _check_shapes(result, traced)
        if isinstance(result, Value) and result.array is None and str(traced.dtype) == "torch.bool":
            result = dataclasses.replace(result, kind="b")
        return result

    def _arguments(self, given: Any) -> Any:
        import torch

        if isinstance(given, torch.fx.Node):
            return self.tensor(given)
        if isinstance(given, (list, tuple)):
            return [self._arguments(item) for item in given]
        if isinstance(given, dict):
            return {key: self._arguments(item) for key, item in given.items()}
        return given


def operation_name(target: Any) -> str:
    """ "aten.relu" for example, whatever the overload."""
    packet = getattr(target, "overloadpacket", None)
    name = str(packet) if packet is not None else getattr(target, "__name__", str(target))
    return name


def array(tensor: Any) -> np.ndarray:
    """A tensor's values, in its own memory where NumPy can read that."""
    tensor = tensor.detach()
    if tensor.is_meta:
        raise Refusal("it needs a tensor without values (on the meta device)")
    if tensor.is_quantized or tensor.is_complex() or tensor.is_sparse:
        raise Refusal(f"tensors of type {tensor.dtype} are not supported")
    if tensor.is_floating_point() and tensor.itemsize < 4:
        tensor = tensor.float()
    return tensor.cpu().resolve_conj().resolve_neg().numpy()


def _bound(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments by position, defaults filled in, and those by name that were given."""
    schema = node.target._schema.arguments
    positional = [argument for argument in schema if not argument.kwarg_only]
    given = list(node.args)
    for argument in positional[len(given) :]:
        given.append(node.kwargs.get(argument.name, argument.default_value))
    named = {argument.name for argument in positional}
    return given, {key: value for key, value in node.kwargs.items() if key not in named and value is not None}


@cache
def _keywords(row: Any) -> frozenset[str]:
    return frozenset(inspect.signature(row).parameters)


def _replaced(given: Any, constants: Mapping[Any, Any]) -> Any:
    import torch

    if isinstance(given, torch.fx.Node):
        return constants[given]
    if isinstance(given, (list, tuple)):
        return type(given)([_replaced(item, constants) for item in given])
    if isinstance(given, dict):
        return {key: _replaced(item, constants) for key, item in given.items()}
    return given


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_shapes(result: Any, traced: Any) -> None:
    """A mistake here is told instead of computed on."""
    for own, found in zip(_listed(result), _listed(traced), strict=False):
        expected = tuple(found.shape)
        if tuple(own.shape) != expected:
            raise Refusal(f"it gave the shape {own.shape} where PyTorch has {expected}")
