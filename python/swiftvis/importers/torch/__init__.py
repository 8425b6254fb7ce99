"""Reads PyTorch modules by tracing them with `torch.export`. PyTorch is imported here only when there is a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swiftvis._activations import FUNCTIONS
from swiftvis.errors import ModelError
from swiftvis.importers.graph import Weight
from swiftvis.importers.program import Value
from swiftvis.importers.program.core import Node
from swiftvis.importers.torch.calls import Call, Calls
from swiftvis.importers.torch.export import exported
from swiftvis.importers.torch.rows import ROWS
from swiftvis.importers.torch.walk import Walk

_ACTIVATIONS = {op for op, _ in FUNCTIONS.values()} - {"linear"} | {"prelu", "mish", "celu"}


class Trace:
    """A module's program for inputs of one shape. The weights are the module's own, and read by `convert`.

    Raises:
        UnsupportedModelError: the module cannot be traced.
    """

    def __init__(self, module: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
        program = exported(module, arguments, options, list(ROWS))
        # Not the program itself, which holds the weights of this moment.
        self._graph = program.graph
        self._signature = program.graph_signature
        self._lifted = dict(program.constants)
        self._form = program.call_spec.out_spec

    def convert(
        self, module: Any, data_format: str = "channels_first"
    ) -> tuple[dict[str, Any], dict[str, Weight]]:
        """The graph description and the weights it names, of the module as it is now.

        Raises:
            UnsupportedModelError: operations that swiftvis cannot compute; the message lists every one of them.
        """
        import torch

        nodes = list(self._graph.nodes)
        calls = Calls(nodes)
        walk = Walk(calls, self._constants(module))
        with torch.no_grad():
            walk.run(nodes, self._signature.user_inputs, data_format == "channels_last")
            outputs = self._outputs(walk, nodes[-1])
            walk.program.raise_refusals()
            _record(walk, calls)
        ends = _named_outputs(walk, outputs)
        description, weights = walk.program.description(
            type(module).__name__, f"torch {torch.__version__}", ends, data_format
        )
        description["layers"] = _nested(description["layers"])
        return description, weights

    def _constants(self, module: Any) -> dict[str, Any]:
        """Parameters, buffers and constants by the names of their placeholders, as they are now."""
        tensors = dict(module.named_parameters(remove_duplicate=False))
        tensors.update(module.named_buffers(remove_duplicate=False))
        found = {}
        for spec in self._signature.input_specs:
            if spec.target is not None:
                found[spec.arg.name] = tensors.get(spec.target, self._lifted.get(spec.target))
        return found

    def _outputs(self, walk: Walk, node: Any) -> dict[str, Any]:
        """The nodes of the outputs by their names: keys of a dict, "output" for a tensor alone."""
        import torch

        specs = self._signature.output_specs  # new values of buffers come before what the module returns
        given = [item for item, spec in zip(node.args[0], specs) if spec.kind.name == "USER_OUTPUT"]
        names = _paths(torch.utils._pytree.tree_unflatten(list(range(len(given))), self._form))
        found = {
            names[index]: item
            for index, item in enumerate(given)
            if isinstance(item, torch.fx.Node) and not walk.is_constant(item)
        }
        if not found:
            raise ModelError("no output of the module depends on its input")
        return found


def _paths(tree: Any, prefix: str = "") -> dict[int, str]:
    """The name of each leaf of a structure of outputs."""
    if isinstance(tree, int):
        return {tree: prefix or "output"}
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: dict[int, str] = {}
    for key, item in pairs:
        inner = str(key) if isinstance(tree, dict) else f"output_{key}"
        found.update(_paths(item, f"{prefix}.{inner}" if prefix else inner))
    return found


def _record(walk: Walk, calls: Calls) -> None:
    """The layers, each call's output under the module's path."""
    for call in calls.all:
        value = walk.values.get(call.output)
        if isinstance(value, Value) and value.node is not None:
            if not value.node.named:
                walk.program.named(value, call.path)
            walk.program.layer(call.path, call.class_name, [value], _activation(value, call, walk))


def _activation(value: Value, call: Call, walk: Walk) -> list[Node]:
    """The activation that makes a call's output, through the movements that give it its layout."""
    node = value.node
    while node is not None and node.op in ("permute", "reshape") and len(node.inputs) == 1:
        node = node.inputs[0]
    return [node] if node is not None and node.op in _ACTIVATIONS else []


def _named_outputs(walk: Walk, outputs: dict[str, Any]) -> list[Value]:
    """The outputs; those that no layer has become layers of their own."""
    ends = []
    for name, node in outputs.items():
        value = walk.values[node]
        if not any(value.node in entry["outputs"] for entry in walk.program.layers):
            walk.program.named(value, name)
            walk.program.layer(name, "Output", [value])
        ends.append(value)
    return ends


def _nested(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers inside those whose path theirs begins with."""
    known = {entry["name"]: entry for entry in entries}
    outermost = []
    for entry in entries:
        path = entry["name"]
        while path:
            path = path.rpartition(".")[0]
            if path in known:
                known[path].setdefault("layers", []).append(entry)
                break
        else:
            outermost.append(entry)
    return outermost
