"""What a model is made of and what running it takes: `Model.info` and `swiftvis info`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ._native import Question
from ._sessions import requested_threads

if TYPE_CHECKING:
    from .layers import Layer, Network
    from .model import Model

_OPEN_SIZE = 224  # taken for a height or width that a model leaves open


@dataclass(frozen=True)
class LayerInfo:
    """A layer, those of nested models included.

    Attributes:
        name, class_name: as in the source.
        output_shape: batch first, None where a size is open; that of the first call where there are several.
        parameters: numbers in its weights as the engine has them: a batch normalization's four vectors are two.
        flops: of one sample forward, a multiplication and an addition each, by the definition of convolutions and products.
        algorithms: of its convolutions forward.
    """

    name: str
    class_name: str
    output_shape: tuple[int | None, ...]
    parameters: int
    flops: int
    algorithms: tuple[str, ...]


@dataclass(frozen=True)
class ModelInfo:
    """What `Model.info` returns; `str` of it is a table.

    Attributes:
        input_shapes: of one sample, that the numbers hold for.
        layers: a `LayerInfo` for each.
        parameters: of the whole model, shared ones once.
        flops, backward_flops: of one sample forward, and of its gradient at the inputs.
        arena_bytes: memory of one run of forward and backward.
        packed_weight_bytes: weights in the kernels' order, shared by all runs.
        steps: what the plan does, in order: `node`, `backward`, `kernel`, `summary`, `algorithm`, `multiply_adds`.
    """

    name: str
    source: str | None
    input_shapes: tuple[tuple[int, ...], ...]
    layers: tuple[LayerInfo, ...]
    parameters: int
    flops: int
    backward_flops: int
    arena_bytes: int
    packed_weight_bytes: int
    steps: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, as JSON has them."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [("layer", "kind", "output shape", "parameters", "MFLOPs", "algorithm")]
        for layer in self.layers:
            flops = f"{layer.flops / 1e6:,.1f}" if layer.flops else ""
            parameters = f"{layer.parameters:,}" if layer.parameters else ""
            cells = (layer.name, layer.class_name, str(layer.output_shape), parameters)
            rows.append((*cells, flops, ", ".join(layer.algorithms)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = []
        for row in rows:
            cells = [
                cell.rjust(width) if column in (3, 4) else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        backward = sum(step["backward"] for step in self.steps)
        shapes = ", ".join(map(str, self.input_shapes))
        return "\n".join(
            [
                *lines,
                "",
                f"{self.name}{f' ({self.source})' if self.source else ''} for {shapes}",
                f"{self.parameters:,} parameters, {self.flops / 1e6:,.1f} MFLOPs forward, "
                f"{self.backward_flops / 1e6:,.1f} back to the input",
                f"{len(self.steps) - backward} steps forward, {backward} back: {_kernels(self.steps)}",
                f"{self.arena_bytes / 1e6:.1f} MB for activations and gradients, "
                f"{self.packed_weight_bytes / 1e6:.1f} MB of packed weights",
            ]
        )


def info(model: Model, input_shapes: Sequence[Sequence[int]] | None) -> ModelInfo:
    """Plans the gradient of the outputs at the inputs, and reads the plan."""
    network = model._network
    shapes = tuple(map(tuple, input_shapes or (_closed(tensor.shape) for tensor in model.inputs)))
    sources = {node: network.leading_to(node) for node in network.description["outputs"]}
    question = Question(
        shapes,
        values=tuple(sources),
        cotangents=tuple(node for node, found in sources.items() if not found.isdisjoint(network.inputs)),
        gradients=tuple(node for node in network.inputs if any(node in found for found in sources.values())),
        threads=requested_threads(),
    )
    try:
        plan = _plan(network, question)
    except ValueError:  # perhaps only since no gradient leads back
        plan = _plan(network, question._replace(cotangents=(), gradients=()))
    steps = plan["steps"]
    counts = {name: math.prod(shape) for name, shape in plan["weights"].items()}
    return ModelInfo(
        name=model.name,
        source=model.source,
        input_shapes=shapes,
        layers=tuple(_layers(model, steps, counts)),
        parameters=sum(counts.values()),
        flops=_flops(step for step in steps if not step["backward"]),
        backward_flops=_flops(step for step in steps if step["backward"]),
        arena_bytes=plan["arena_bytes"],
        packed_weight_bytes=plan["packed_weight_bytes"],
        steps=tuple(steps),
    )


def _plan(network: Network, question: Question) -> dict[str, Any]:
    with network.sessions.session(network.handle, question) as session:
        return session.describe()


def _layers(model: Model, steps: list[dict[str, Any]], counts: dict[str, int]) -> list[LayerInfo]:
    network = model._network
    leaves = list(_leaves(model.layers))
    ends = {node for layer in leaves for node in layer.nodes}
    forward: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        if not step["backward"]:
            forward.setdefault(step["node"], []).append(step)
    found, taken = [], set()
    for layer in leaves:
        # Back from its outputs to those of other layers.
        waiting, nodes = list(layer.nodes), []
        while waiting:
            node = waiting.pop()
            if node in taken or node not in network.nodes:
                continue
            taken.add(node)
            nodes.append(node)
            waiting += [name for name in network.nodes[node]["inputs"] if name not in ends]
        weights = {name for node in nodes for name in (network.nodes[node].get("weights") or {}).values()}
        own = [step for node in nodes for step in forward.get(node, [])]
        found.append(
            LayerInfo(
                name=layer.name,
                class_name=layer.class_name,
                output_shape=network.tensor(layer.nodes[0]).shape if layer.nodes else (),
                parameters=sum(counts[name] for name in weights),
                flops=_flops(own),
                algorithms=tuple(dict.fromkeys(step["algorithm"] for step in own if step["algorithm"])),
            )
        )
    return found


def _leaves(layers: Sequence[Layer]) -> list[Layer]:
    return [leaf for layer in layers for leaf in (_leaves(layer.layers) if layer.layers else [layer])]


def _flops(steps: Any) -> int:
    return 2 * sum(step["multiply_adds"] for step in steps)


def _kernels(steps: Sequence[dict[str, Any]]) -> str:
    """How many steps of each kind, the most frequent first."""
    counts: dict[str, int] = {}
    for step in steps:
        kind = f"{step['algorithm']} convolution" if step["algorithm"] else step["kernel"]
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items(), key=lambda item: -item[1]))


def _closed(shape: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(
        size if size is not None else 1 if axis == 0 else _OPEN_SIZE for axis, size in enumerate(shape)
    )
