"""Walks a graph's nodes in order and turns each into nodes of the engine's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.onnx import attributes, folding, tensors
from swiftvis.importers.onnx.call import Call
from swiftvis.importers.onnx.elementwise import type_kind
from swiftvis.importers.onnx.functions import Functions
from swiftvis.importers.onnx.operators import OPERATORS, reason
from swiftvis.importers.program import Program, Refusal, Undetermined, Value

# How far functions and branches may make a small file grow.
_MOST_NODES = 200_000
_DEEPEST = 16
# Operators that only move integers computed from the input, or turn them into numbers.
_MOVES = frozenset(
    "Cast CastLike Identity Transpose Reshape Flatten Squeeze Unsqueeze Slice Gather Concat Split Expand Tile Pad "
    "Shape Size Dropout".split()
)
_TRUTHS = frozenset("Greater GreaterOrEqual Less LessOrEqual Equal Not And Or Xor".split())
_ACTIVATIONS = frozenset(
    "relu elu selu sigmoid hard_sigmoid tanh softplus softsign silu hard_swish gelu exponential softmax prelu".split()
)
_ONNX_DOMAINS = ("", "ai.onnx")


class Environment(dict[str, "Value | None"]):
    """Values by name; None for what was refused. Initializers are read when the first node asks for them."""

    def __init__(self, outer: Mapping[str, Value | None] | None = None) -> None:
        super().__init__(outer or {})
        self.unread: dict[str, Any] = dict(getattr(outer, "unread", {}))


class Walker:
    """Attributes: opsets, by domain the version that the model imports."""

    def __init__(self, program: Program, model: Any, folder: Path) -> None:
        self.program, self._folder = program, folder
        _check_texts(model.graph, *model.functions, *model.opset_import)
        self.opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
        self._functions = Functions(model)
        self._used = _used_names([model.graph, *model.functions])
        self._layers: set[str] = set()
        self._count = 0

    def graph(self, graph: Any, outer: Environment, prefix: str = "", depth: int = 0) -> list[Value | None]:
        """The values of a graph's outputs; `outer` has its inputs, and what a subgraph sees around it."""
        values = Environment(outer)
        for tensor in graph.initializer:
            values.unread[tensor.name] = tensor
        for tensor in graph.sparse_initializer:
            self.program.refuse(tensor.values.name, "initializer", "", "sparse tensors are not supported")
            values[tensor.values.name] = None
        self.nodes(graph.node, values, self.opsets, prefix, depth)
        return [self._looked_up(values, output.name) for output in graph.output]

    def nodes(
        self, nodes: Sequence[Any], values: Environment, opsets: Mapping[str, int], prefix: str, depth: int
    ) -> None:
        if depth > _DEEPEST:
            raise ModelError(f"functions or branches are nested more than {_DEEPEST} deep")
        for node in nodes:
            self._count += 1
            if self._count > _MOST_NODES:
                raise ModelError(f"the model has more than {_MOST_NODES} nodes")
            self._node(node, values, opsets, prefix, depth)

    def _node(
        self, node: Any, values: Environment, opsets: Mapping[str, int], prefix: str, depth: int
    ) -> None:
        inputs = [self._looked_up(values, name) if name else None for name in node.input]
        name = prefix + (node.name or next(filter(None, node.output), node.op_type))
        opset = opsets.get(_domain(node.domain), 0)
        arguments = (node, inputs, values, opset, opsets, name, depth)
        label = node.op_type if not _domain(node.domain) else f"{node.domain}.{node.op_type}"
        is_unknown = any(name and value is None for name, value in zip(node.input, inputs))
        results = self.program.attempt(name, label, f"opset {opset}", self._results, *arguments, is_unknown)
        for index, output in enumerate(node.output):
            if output:
                known = results is not None and index < len(results)
                values[output] = results[index] if known else None

    def _results(
        self,
        node: Any,
        inputs: list[Value | None],
        values: Environment,
        opset: int,
        opsets: Mapping[str, int],
        name: str,
        depth: int,
        is_unknown: bool,
    ) -> list[Value]:
        domain, op = _domain(node.domain), node.op_type
        body = self._functions.local(node)
        if domain and body is None:
            raise Refusal(reason(node.domain, op))
        if not domain and not opset >= 7:
            raise Refusal("opsets before 7 are not supported: convert the file with onnx.version_converter")
        if op == "If" and not domain:
            return self._branch(node, inputs, values, name, depth)
        all_constant = not is_unknown and all(v is None or v.array is not None for v in inputs)
        is_foldable = not domain and folding.can_fold(op) and all_constant
        row = None if domain else OPERATORS.get(op)
        if row is None and body is None and not is_foldable:
            body = self._functions.of_operator(node, opset, inputs)
            if body is None:
                raise Refusal(reason("", op))
        if is_unknown:
            raise Undetermined
        if is_foldable and not any(v is not None and v.array.dtype == object for v in inputs):  # type: ignore[union-attr]
            arrays = [None if v is None else v.array for v in inputs]
            return [self.program.folded(result) for result in folding.fold(node, opset, arrays)]
        if row is None:
            return self._expanded(body, node, inputs, opsets, name, depth)
        # A constant's type is its array's.
        kinds = ["" if value is None or value.array is not None else value.kind for value in inputs]
        if "i" in kinds and op not in _MOVES:
            raise Refusal("it computes with integers that depend on the model's input")
        outputs = [output if output in self._used else "" for output in node.output]
        call = Call(self.program, op, opset, inputs, outputs, attributes.decoded(node, self._folder))
        call.kinds = kinds
        with self.program.scope(name):
            results = self._computed(row, call)
        self._record(name, op, node.output, results, _result_kind(op, kinds, call))
        return results

    def _computed(self, row: Any, call: Call) -> list[Value]:
        try:
            with np.errstate(all="ignore"):
                result = row(call)
        except (TypeError, ValueError, IndexError, OverflowError, ArithmeticError) as error:
            if isinstance(error, ModelError):
                raise
            if any(v is not None and v.array is not None and v.array.dtype == object for v in call.inputs):
                why = "it computes with sizes that the model leaves open: give input_shape="
            else:
                why = f"its inputs or attributes do not fit: {error!s:.200}"
            raise Refusal(why) from None
        call.check_all_read()
        return result if isinstance(result, list) else [result]

    def _record(self, name: str, op: str, outputs: Sequence[str], results: list[Value], kind: str) -> None:
        """Names the nodes after ONNX's values, and notes the layer."""
        computed = []
        for i, (result, output) in enumerate(zip(results, outputs)):
            if result.array is None and output:
                results[i] = dataclasses.replace(self.program.named(result, output), kind=kind)
                computed.append(results[i])
        if computed:
            if name in self._layers:
                name = next(filter(None, outputs))
            while name in self._layers:
                name += "_"
            self._layers.add(name)
            nodes = [value.node for value in computed]
            activations = [node for node in nodes if node is not None and node.op in _ACTIVATIONS]
            is_one = len(computed) == len(activations) == 1
            self.program.layer(name, op, computed, activations if is_one else ())

    def _looked_up(self, values: Environment, name: str) -> Value | None:
        if name not in values and name in values.unread:
            tensor = values.unread[name]
            values[name] = self.program.attempt(
                name, "initializer", "", lambda: self.program.constant(tensors.array(tensor, self._folder))
            )
        if name not in values:
            raise ModelError(f"value '{name:.100}' is used before anything computes it")
        return values[name]

    def _branch(
        self, node: Any, inputs: list[Value | None], values: Environment, name: str, depth: int
    ) -> list[Value]:
        """One branch of an If whose condition is constant."""
        condition = inputs[0] if inputs else None
        if condition is None:
            raise Undetermined
        if condition.array is None or condition.array.dtype == object or condition.array.size != 1:
            raise Refusal("a condition that depends on the model's input is not supported")
        wanted = "then_branch" if condition.array.reshape(()) else "else_branch"
        branch = next((a.g for a in node.attribute if a.name == wanted), None)
        if branch is None:
            raise Refusal(f"its attribute '{wanted}' is missing")
        results = self.graph(branch, values, f"{name}/", depth + 1)
        if any(result is None for result in results):
            raise Undetermined
        return results  # type: ignore[return-value]

    def _expanded(
        self,
        body: Any,
        node: Any,
        inputs: list[Value | None],
        opsets: Mapping[str, int],
        name: str,
        depth: int,
    ) -> list[Value]:
        """The nodes of a function in place of its call."""
        values = Environment(dict(zip(body.input, [*inputs, *[None] * len(body.input)])))
        nodes = self._functions.bound(body, node)
        own = {_domain(entry.domain): entry.version for entry in body.opset_import}
        self.nodes(nodes, values, {**opsets, **own}, f"{name}/", depth + 1)
        results = [values.get(output) for output in body.output]
        if any(result is None and output for result, output in zip(results, node.output)):
            raise Undetermined
        return results  # type: ignore[return-value]


def _check_texts(*messages: Any) -> None:
    """Damaged names come as bytes."""
    for message in messages:
        for field, value in message.ListFields():
            if field.type == field.TYPE_STRING:
                if any(
                    not isinstance(text, str)
                    for text in ([value] if isinstance(value, str | bytes) else value)
                ):
                    raise ModelError(f"the file is damaged: a {field.name} is no text")
            elif field.type == field.TYPE_MESSAGE:
                is_one = hasattr(value, "ListFields")
                _check_texts(*([value] if is_one else value))


def _used_names(graphs: Sequence[Any]) -> set[str]:
    """What any node, or the outside, asks for."""
    names: set[str] = set()
    for graph in graphs:
        names.update(getattr(output, "name", output) for output in graph.output)
        for node in graph.node:
            names.update(node.input)
            names |= _used_names([a.g for a in node.attribute if a.HasField("g")])
    return names


def _result_kind(op: str, kinds: list[str], call: Call) -> str:
    """Of computed results, whose inputs are of those kinds ("" for constants)."""
    if op in _TRUTHS:
        return "b"
    if op == "Cast":
        return type_kind(call.integer("to"))
    if op == "CastLike":
        return kinds[1] or "f"
    return "f" if op == "Where" else next(filter(None, kinds), "f")


def _domain(domain: str) -> str:
    return "" if domain in _ONNX_DOMAINS else domain
