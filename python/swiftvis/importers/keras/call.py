"""What a converter sees of one call of one layer, and the steps that converters share."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.keras.builder import GraphBuilder, Shape, Tensor, Weight
from swiftvis.importers.keras.composition import Composition
from swiftvis.importers.keras.topology import Call, LayerConfig
from swiftvis.importers.program import Node, Refusal, Undetermined, Value
from swiftvis.importers.stored import StoredArray

__all__ = ["Dialect", "LayerCall", "Refusal", "Undetermined"]


@dataclasses.dataclass(frozen=True)
class Dialect:
    """Which Keras wrote the file."""

    version: tuple[int, int]
    standalone: bool
    backend: str


class LayerCall:
    """Converters read every option before they ask for `input` or `weights`, so that all refusals are found at once."""

    def __init__(
        self,
        builder: GraphBuilder,
        layer: LayerConfig,
        name: str,
        index: int,
        inputs: list[Tensor | None],
        stored: list[StoredArray] | None,
        dialect: Dialect,
    ) -> None:
        self.builder, self.layer, self.dialect = builder, layer, dialect
        self.options = layer.options
        self.call: Call = layer.calls[index]
        self.activation_node: str | None = None
        self._name = f"{name}/{index}" if index else name
        self._inputs, self._stored = inputs, stored

    @property
    def inputs(self) -> list[Tensor]:
        known = [tensor for tensor in self._inputs if tensor is not None]
        if len(known) != len(self._inputs):
            raise Undetermined
        if not known:
            raise ModelError(f"layer '{self.layer.name}' has no input")
        return known

    @property
    def input(self) -> Tensor:
        inputs = self.inputs
        if len(inputs) != 1:
            raise Refusal(f"it is called with {len(inputs)} tensors instead of one")
        return inputs[0]

    @property
    def stored(self) -> list[StoredArray]:
        """The layer's arrays, which need not be read to become weights."""
        if self._stored is None:
            raise Undetermined
        return self._stored

    @property
    def arrays(self) -> list[np.ndarray]:
        """The values of all of them, for converters that compute."""
        return [array.read() for array in self.stored]

    @property
    def channels_first(self) -> bool:
        return self.options.get("data_format") == "channels_first"

    @property
    def trains(self) -> bool:
        """Whether `training=True` holds at inference: Keras 2 remembers it, predict() of Keras 3 overrides it (and
        Keras 3 writes it for every augmentation layer)."""
        return self.call.options.get("training") is True and self.dialect.version < (3, 0)

    @property
    def dimensions(self) -> int:
        """1 to 3, from the class name."""
        return next((count for count in (1, 3) if f"{count}D" in self.layer.class_name), 2)

    def integers(self, key: str, default: int, minimum: int = 1, dimensions: int | None = None) -> list[int]:
        """An option as ([depth,] vertical, horizontal); one dimension is horizontal."""
        count = dimensions or self.dimensions
        value = self.options.get(key)
        value = default if value is None else value
        values = list(value) if isinstance(value, (list, tuple)) else [value] * count
        if len(values) != count or any(
            type(item) is not int or not minimum <= item < 1 << 31 for item in values
        ):
            raise Refusal(f"{key} {value!r} is not supported")
        return [default] * (2 - count) + values

    def number(self, key: str, default: float) -> float:
        return self.finite(self.options.get(key, default), key)

    def finite(self, value: Any, key: str) -> float:
        if isinstance(value, dict):
            value = value.get("value", (value.get("config") or {}).get("value"))
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Refusal(f"{key} {value!r} is not supported")
        return float(value)

    def emit(
        self,
        op: str,
        inputs: list[Tensor],
        shape: Shape,
        attributes: dict[str, Any] | None = None,
        weights: dict[str, Weight | None] | None = None,
        suffix: str = "",
    ) -> Tensor:
        """Adds a node with the layer's name, or a helping one with a suffix to it."""
        if any(size is not None and size < 1 for size in shape[1:]):
            raise Refusal(f"its output would be empty: {list(shape[1:])}")
        names = {}
        for role, array in (weights or {}).items():
            if array is not None:
                name = "/".join(filter(None, (self._name, suffix, role)))
                names[role] = self.builder.weight((self.layer, suffix, role), name, array)
        name = f"{self._name}/{suffix}" if suffix else self._name
        return self.builder.node(name, op, inputs, shape, attributes, names)

    def composed(
        self,
        function: Callable[..., Value | list[Value]],
        *inputs: Tensor,
        channels_first: bool = False,
        suffix: str = "",
    ) -> Any:
        """What a function of a `Composition` and its values makes of the inputs: a tensor, or a list of them."""
        program = Composition()
        result = function(program, *map(program.tensor, inputs))
        results = result if isinstance(result, list) else [result]
        tensors = program.written(self, results, inputs, suffix)
        tensors = [dataclasses.replace(tensor, channels_first=channels_first) for tensor in tensors]
        return tensors if isinstance(result, list) else tensors[0]

    def write(self, node: Node, inputs: Sequence[Tensor], suffix: str) -> Tensor:
        """Adds a node of a composition, whose arrays are stored once however often the layer is called."""
        name = f"{self._name}/{suffix}" if suffix else self._name
        weights = {}
        for role, array in node.weights.items():
            owner = (self.layer, role, array.shape, hashlib.sha256(np.ascontiguousarray(array)).digest())
            weights[role] = self.builder.weight(owner, f"{name}/{role}", array)
        return self.builder.node(
            name, str(node.op), list(inputs), (None, *node.shape), node.attributes, weights
        )

    def elementwise(
        self, op: str, attributes: dict[str, Any] | None = None, suffix: str = "", x: Tensor | None = None
    ) -> Tensor:
        x = self.input if x is None else x
        inner = x.image or x
        return self.beside(x, self.emit(op, [inner], inner.shape, attributes, suffix=suffix))

    def beside(self, x: Tensor, y: Tensor) -> Tensor:
        """`y`, which was computed from the image of `x` where it has one, in the layout of `x`."""
        return self.leave(y, x.rank, x.channels_first) if x.image else y

    def enter(self, x: Tensor, channels_first: bool, rank: int | None = None) -> Tensor:
        """`x` as (N, H, W, C)."""
        if x.rank != (rank or self.dimensions + 2):
            raise Refusal(
                f"it needs an input of rank {rank or self.dimensions + 2}, and gets one of rank {x.rank}"
            )
        if x.image and x.channels_first == channels_first:
            return x.image
        if channels_first:
            x = self.permute(x, [0, *range(2, x.rank), 1])
        if x.rank == 3:
            channels = self.known(x.shape[2])
            x = self.emit(
                "reshape",
                [x],
                (None, 1, x.shape[1], channels),
                {"shape": [1, -1, channels]},
                suffix="reshape",
            )
        return x

    def leave(self, image: Tensor, rank: int, channels_first: bool) -> Tensor:
        """An (N, H, W, C) value in the layout its layer has. The next layers read the image that is made of that
        again, so that the layer's output lies on the way to theirs; the engine looks through the two movements."""
        y = image
        if rank == 3:
            channels = self.known(y.shape[3])
            y = self.emit(
                "reshape", [y], (None, y.shape[2], channels), {"shape": [-1, channels]}, suffix="reshape"
            )
        if channels_first:
            y = self.permute(y, [0, y.rank - 1, *range(1, y.rank - 1)])
        if y is image:
            return dataclasses.replace(y, channels_first=False)
        y = dataclasses.replace(y, channels_first=channels_first)
        inverse = dataclasses.replace(self.enter(y, channels_first, rank), channels_first=False)
        return dataclasses.replace(y, image=inverse)

    def permute(self, x: Tensor, axes: list[int]) -> Tensor:
        shape = tuple(x.shape[axis] for axis in axes)
        return self.emit("permute", [x], shape, {"axes": axes}, suffix="permute")

    @staticmethod
    def known(size: int | None) -> int:
        if size is None:
            raise Refusal("it needs to know the number of its input's channels")
        return size
