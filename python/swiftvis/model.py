"""Trained models: load them, run them, and take gradients with respect to what they were shown."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from . import _native
from ._arguments import image_batch, index
from ._info import ModelInfo, info
from ._native import Question, Shape
from ._passes import Score
from ._rules import BackpropModifier, Choices, rule_of
from ._sessions import requested_threads
from .layers import Layer, Network, Tensor, find_layer
from .live import tensors as live_tensors
from .live.objects import is_tensor


class Model:
    """A trained network, made by `swiftvis.load_model`. Immutable but for `layer.activation`, and safe to use
    from several threads at once. A context manager: leaving it closes the model.

    Attributes:
        name: the model's name in its source.
        source: what wrote it, "keras 3.8.0" for example; None where unknown.
        classes: the names of the output units, None where the file has none.
        layers: the layers in the source's order.
    """

    def __init__(self, network: Network, layers: list[Layer] | None = None) -> None:
        self._network = network
        description = network.description
        # The engine has validated the layers; these three it leaves to its callers.
        name, source, classes = (description.get(key) for key in ("name", "source", "classes"))
        self.name: str = name if name and isinstance(name, str) else "model"
        self.source: str | None = source if isinstance(source, str) else None
        self.classes: list[str] | None = [str(c) for c in classes] if isinstance(classes, list) else None
        self.layers: list[Layer] = network.layers() if layers is None else layers

    @classmethod
    def from_graph(
        cls, description: dict[str, Any], weights: Mapping[str, np.ndarray | _native.Unread]
    ) -> Model:
        """A model from a graph description and its named weights, as "The model format" of the documentation says.

        A weight is an array, or an object with `shape` and `read_into(destination)`, which fills the model's memory.

        Raises:
            ModelError: the description is damaged or does not fit the weights (a ValueError).
        """
        return cls(Network(_native.create(description, weights)))

    def __repr__(self) -> str:
        if self._network.closed:
            return f"<swiftvis.Model '{self.name}' (closed)>"
        shapes = f"{self.input_shape} -> {self.output_shape}"
        return f"<swiftvis.Model '{self.name}': {len(self.layers)} layers, {shapes}>"

    # ---- Structure ----

    @property
    def backprop_rule(self) -> str:
        """Of its activations: "plain", "guided", "rectified" or "custom" (`swiftvis.backprop_modifiers`)."""
        return str(self._network.rule)

    @property
    def inputs(self) -> list[Tensor]:
        """The input tensors, in the model's order."""
        return [self._network.tensor(node) for node in self._network.inputs]

    @property
    def outputs(self) -> list[Tensor]:
        """The output tensors, in the model's order."""
        return [self._network.tensor(node) for node in self._network.description["outputs"]]

    @property
    def input(self) -> Tensor | list[Tensor]:
        """The input tensor; a list of them where the model has several."""
        return _single(self.inputs)

    @property
    def output(self) -> Tensor | list[Tensor]:
        """The output tensor; a list of them where the model has several."""
        return _single(self.outputs)

    @property
    def input_shape(self) -> Shape | list[Shape]:
        """The input's shape, batch first, None where a size is open; a list where there are several."""
        return _single([tensor.shape for tensor in self.inputs])

    @property
    def output_shape(self) -> Shape | list[Shape]:
        """The output's shape, batch first, None where a size is open; a list where there are several."""
        return _single([tensor.shape for tensor in self.outputs])

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or index. ValueError where there is none."""
        if index is not None:
            return self._layer(index)
        if name is None:
            raise ValueError("give the name or the index of a layer")
        return find_layer(self.layers, name)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Prints a line for each layer: index, name, kind, output shape."""
        _ = self._network.handle  # a closed model is told before anything is printed
        rows = [(str(e.index), e.name, e.class_name, _shapes(e)) for e in self.layers]
        rows.insert(0, ("#", "layer", "kind", "output shape"))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            print_fn("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def info(self, input_shapes: Sequence[Sequence[int]] | None = None) -> ModelInfo:
        """Parameters, arithmetic and memory, by layer and of the whole, and what the engine's plan does.

        Args:
            input_shapes: one for each input, batch axis first. Absent: one sample, 224 for heights and widths that the
                model leaves open.
        Raises:
            ValueError: shapes that do not fit the model.
        """
        return info(self, input_shapes)

    def tensor(self, of: Tensor | str) -> Tensor:
        """The tensor of this model that `of` stands for: a tensor, the name of a layer, or of a value in an ONNX file."""
        of = self._network.named(of)
        if isinstance(of, Tensor):
            if of.name not in self._network:
                raise ValueError(f"tensor '{of.name}' is not in model '{self.name}'")
            return self._network.tensor(of.name)
        if isinstance(of, str):
            return self._named(of)
        if is_tensor(of):
            return live_tensors.tensor_in(self, of)
        raise TypeError(f"expected a tensor (layer.output) or a layer name, got {type(of).__name__}")

    # ---- Numbers ----

    def predict(self, x: Any, batch_size: int = 32) -> np.ndarray | list[np.ndarray]:
        """Runs the network.

        Args:
            x: what `input_shape` says, in any integer or float dtype; the batch axis may be left out. With
                several inputs a list of arrays, or a dict by input name.
            batch_size: how many samples run at once, which bounds the memory.
        Returns:
            float32 array of `output_shape` with its batch axis; a list of them where the model has several
            outputs.
        Raises:
            ValueError: another shape, a NaN or an infinity, or a closed model.
            TypeError: not numbers.
        """
        if index(batch_size, "batch_size") < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        arrays = self._input_arrays(x)
        nodes = tuple(self._network.description["outputs"])
        parts = []
        for start in range(0, len(arrays[0]), batch_size):
            part = [array[start : start + batch_size] for array in arrays]
            question = Question(_array_shapes(part), values=nodes, threads=requested_threads())
            with self._network.sessions.session(self._network.handle, question) as session:
                parts.append(session.forward(part))
        return _single(_joined(parts))

    def gradient(
        self,
        x: Any,
        layer_idx: int | str | Tensor = -1,
        filter_indices: int | Sequence[int] | np.ndarray | None = None,
        wrt_tensor: Tensor | str | None = None,
        backprop_modifier: BackpropModifier | None = None,
        *,
        exact: bool = False,
    ) -> np.ndarray | list[np.ndarray]:
        """The raw gradient of a layer's mean activation (Simonyan et al. 2014, arXiv:1312.6034).

        The score is the sum over the filters of each one's mean over batch and positions, as in keras-vis.
        Nothing is normalized.

        Args:
            x: as for `predict`. The whole batch is one score: with N images each gradient is divided by N.
            layer_idx: index of the layer in `layers` (negative counts from the end), its name, or an output
                tensor.
            filter_indices: one filter (unit, channel) or several; None means the mean of all of them.
            wrt_tensor: the gradient is taken at this tensor (`layer.output`) or layer name; None means the
                input.
            backprop_modifier: "guided", "rectified" ("relu", "deconv"), a rule of your own, or a function from model to
            model: see `swiftvis.backprop_modifiers`.
            exact: only convolutions that sum products directly. Without it, large 3x3 ones use Winograd's
                algorithm, which is faster and gives up a few bits.
        Returns:
            float32 array of the shape of `x` (or of `wrt_tensor`) with its batch axis, in the model's data
            format; with `wrt_tensor` None and several inputs, a list of them.
        Raises:
            IndexError: a layer or filter out of range.
            ValueError: an unknown name, a wrong shape, a NaN, a closed model, or no path to `wrt_tensor`.
            TypeError: not numbers, or a filter index that is not an integer.
        Warns:
            UserWarning: with a modifier, names the activations to which it does not apply.
        """
        if backprop_modifier is not None:
            from . import backprop_modifiers

            modified = backprop_modifiers.get(backprop_modifier)(self)
            return modified.gradient(x, layer_idx, filter_indices, wrt_tensor, exact=exact)
        wanted = self._network.inputs if wrt_tensor is None else [self.tensor(wrt_tensor).name]
        _, gradients = Score.of(self, x, layer_idx, filter_indices, exact).run(wanted)
        return _single(gradients)

    # ---- Other models from this one ----

    def with_rule(self, rule: Choices, otherwise: str = "plain") -> Model:
        """This model with another backward rule, which its layers and tensors carry too. The weights are shared, and
        closing one of the two closes both.

        Args:
            rule: "plain", "guided" or "rectified"; a function of (gradient, x, y) for all activations; or a mapping
                from layers, their names or kinds of activations to these: see `swiftvis.backprop_modifiers.custom`.
            otherwise: the rule of activations that a mapping does not name.
        Raises:
            ValueError: an unknown rule, layer or kind of activation, or a layer without an activation.
            TypeError: neither a name, a function of three arguments nor a mapping.
        """
        network = self._network.with_rule(rule_of(self._network, rule, otherwise))
        return Model(network, [layer.on(network) for layer in self.layers])

    def with_classes(self, classes: Sequence[str]) -> Model:
        """This model with names for its output units. The weights are shared, not copied."""
        names = [str(name) for name in classes]
        units = self.outputs[0].shape[-1]
        if len(names) != units:
            raise ValueError(f"expected {units} class names, one for each output unit, got {len(names)}")
        return self._edited(self._network.description | {"classes": names})

    def with_modifications(self) -> Model:
        """A new model in which the activations set on layers take effect. The weights are shared."""
        description = copy.deepcopy(self._network.description)
        changes: dict[str, tuple[str, dict[str, Any]]] = {}
        for layer in self.layers:
            changes.update(layer.changed_nodes())
        for node in description["nodes"]:
            if node["name"] in changes:
                node["op"], node["attributes"] = changes[node["name"]]
                node.pop("weights", None)
        return self._edited(description)

    def save(self, path: str | os.PathLike[str], half: bool = False) -> None:
        """Writes one .safetensors file, which Python and Swift programs load alike.

        Args:
            path: the file to write.
            half: store the weights of rank two and more as float16, which halves the file.
        """
        _native.save(self._network.handle, path, half)

    def close(self) -> None:
        """Gives the memory back. A later use of the model is a ValueError; closing twice is fine."""
        self._network.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- Arguments ----

    def _edited(self, description: dict[str, Any]) -> Model:
        network = Network(_native.edit(self._network.handle, description), self._network.rule)
        network.paths = self._network.paths
        return Model(network)

    def _input_arrays(self, x: Any) -> list[np.ndarray]:
        tensors = self.inputs
        if len(tensors) == 1:
            given = [x]
        elif isinstance(x, dict):
            missing = [tensor.name for tensor in tensors if tensor.name not in x]
            if missing:
                raise ValueError(
                    f"the model has {len(tensors)} inputs; these are missing: {', '.join(missing)}"
                )
            given = [x[tensor.name] for tensor in tensors]
        elif isinstance(x, (list, tuple)) and len(x) == len(tensors):
            given = list(x)
        else:
            names = ", ".join(tensor.name for tensor in tensors)
            raise ValueError(f"expected a list of {len(tensors)} arrays, one for each input: {names}")
        arrays = [image_batch(a, tensor.shape, tensor.name) for a, tensor in zip(given, tensors, strict=True)]
        if len({len(array) for array in arrays}) > 1:
            raise ValueError(f"the inputs have different batch sizes: {[len(array) for array in arrays]}")
        return arrays

    def _layer(self, layer_idx: int | str) -> Layer:
        if isinstance(layer_idx, str):
            return find_layer(self.layers, layer_idx)
        position = index(layer_idx, "layer_idx")
        if not -len(self.layers) <= position < len(self.layers):
            raise IndexError(
                f"layer index {position} is out of range: the model has {len(self.layers)} layers"
            )
        return self.layers[position]

    def _target(self, layer_idx: int | str | Tensor) -> tuple[Tensor, str]:
        """The tensor of the layer, and how to call it in a message."""
        layer_idx = self._network.named(layer_idx)
        if isinstance(layer_idx, Tensor) or is_tensor(layer_idx):
            tensor = self.tensor(layer_idx)
            return tensor, tensor.name
        if not self.layers and layer_idx == -1:
            return self.outputs[0], self.outputs[0].name
        if isinstance(layer_idx, str):
            return self._named(layer_idx), layer_idx
        layer = self._layer(layer_idx)
        return layer.output, layer.name

    def _named(self, name: str) -> Tensor:
        """The output of the layer of that name, or else the node's value."""
        if name in self._network and all(layer.name != name for layer in self.layers):
            return self._network.tensor(name)
        return self._layer(name).output


def _joined(parts: list[list[np.ndarray]]) -> list[np.ndarray]:
    return parts[0] if len(parts) == 1 else [np.concatenate(values) for values in zip(*parts, strict=True)]


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _array_shapes(arrays: Sequence[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    return tuple(array.shape for array in arrays)


def _shapes(layer: Layer) -> str:
    try:
        return str(layer.output_shape)
    except ValueError:
        return "several"
