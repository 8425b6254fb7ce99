"""Walks a model's calls in order and turns each into nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras.builder import GraphBuilder, Tensor, Weight
from swiftvis.importers.keras.call import Dialect, LayerCall, Refusal, Undetermined
from swiftvis.importers.keras.container import Archive
from swiftvis.importers.keras.layers import LAYERS, array_counts, converter, wrapping
from swiftvis.importers.keras.layers.refused import reason
from swiftvis.importers.keras.replacing import HINT, replaced
from swiftvis.importers.keras.topology import LayerConfig, parse
from swiftvis.replacements import Replacement

Results = list["Tensor | None"]


def convert(
    archive: Archive, replace: Mapping[str, Replacement] | None = None
) -> tuple[dict[str, Any], dict[str, Weight]]:
    root = parse(archive.config, archive.version, archive.is_standalone_keras2)
    if not root.is_model or root.is_custom:
        raise UnsupportedModelError(
            f"the model is a '{root.class_name}'; only Sequential and functional models can be read, since a model's own "
            "code is never run: build the same network with keras.Model(inputs, outputs), copy the weights and save it"
        )
    replaced(root, replace or {}, _refusal, _is_channels_first(root))
    return convert_tree(archive, root)


def convert_tree(archive: Archive, root: LayerConfig) -> tuple[dict[str, Any], dict[str, Weight]]:
    """The same for a model of which only the weights are still in the archive."""
    walker = _Walker(archive, root)
    outputs = walker.model(root, [], "")
    walker.raise_refusals()
    description = {
        "format": "swiftvis",
        "version": 1,
        "name": root.options.get("name") or root.name,
        "source": f"keras {archive.keras_version}",
        "data_format": "channels_first" if walker.channels_first else "channels_last",
        "inputs": walker.builder.inputs,
        "nodes": walker.builder.nodes,
        "outputs": [tensor.name for tensor in outputs if tensor is not None],
        "layers": [walker.entries[layer] for layer in root.children if layer in walker.entries],
    }
    return description, walker.builder.weights


class _Walker:
    def __init__(self, archive: Archive, root: LayerConfig) -> None:
        self.builder = GraphBuilder()
        self.entries: dict[LayerConfig, dict[str, Any]] = {}
        leaves = list(root.leaves())
        self.channels_first = _is_channels_first(root)
        self._refusals: dict[str, str] = {}
        self._dialect = Dialect(archive.version, archive.is_standalone_keras2, archive.backend)
        readable = all(_refusal(layer) is None for layer in leaves)
        self._arrays = archive.weights.assign(root, array_counts) if readable else None

    def raise_refusals(self) -> None:
        if self._refusals:
            listed = "\n".join(f"  {layer}: {why}" for layer, why in self._refusals.items())
            count = len(self._refusals)
            raise UnsupportedModelError(
                f"{'a layer' if count == 1 else f'{count} layers'} of this model cannot be computed:\n{listed}\n"
                "Replace them by supported layers, or take the part of the model before them. "
                + HINT
                % next(iter(self._refusals)).rpartition(" (")[0]
            )

    def model(self, model: LayerConfig, inputs: Results, path: str) -> Results:
        """One call of a model; the outermost has no path and makes its own inputs."""
        results: dict[tuple[str, int], Results] = {}
        sources = [reference.layer for reference in model.inputs]
        if path and len(sources) != len(inputs):
            raise ModelError(f"model '{path}' has {len(sources)} inputs and is called with {len(inputs)}")
        for layer, index in model.ordered_calls():
            own = f"{path}/{layer.name}" if path else layer.name
            if layer.class_name == "InputLayer":
                if path and layer.name not in sources:
                    raise ModelError(f"'{own}' is not an input of its model")
                given = inputs[sources.index(layer.name)] if path else None
                results[layer.name, 0] = [given if path else self._source(layer)]
            else:
                call = layer.calls[index]
                arguments = [_picked(results, reference) for reference in call.inputs]
                results[layer.name, index] = self._call(layer, own, index, arguments)
            self._record(layer, results[layer.name, index])
        if path:
            self._nest(model)
        return [_picked(results, reference) for reference in model.outputs]

    def _source(self, layer: LayerConfig) -> Tensor:
        shape = layer.options.get("batch_shape") or layer.options.get("batch_input_shape")
        if not isinstance(shape, list) or not 1 <= len(shape) <= 8:
            raise ModelError(
                f"input '{layer.name}' has no shape; call the model once on data before saving it"
            )
        if any(size is not None and (type(size) is not int or not 0 < size < 1 << 31) for size in shape):
            raise ModelError(f"input '{layer.name}' has the shape {shape}")
        return self.builder.input(layer.name, (None, *shape[1:]))

    def _call(self, layer: LayerConfig, path: str, index: int, inputs: Results) -> Results:
        if layer.is_model and not layer.is_custom:
            return self.model(layer, inputs, f"{path}/{index}" if index else path)
        if why := _refusal(layer):
            self._refuse(layer, path, why)
            return [None]
        if layer.is_wrapper:
            return self._wrapped(layer, path, index, inputs)
        arrays = None if self._arrays is None else self._arrays.get(layer, [])
        call = LayerCall(self.builder, layer, path, index, inputs, arrays, self._dialect)
        try:
            result = converter(layer)(call)
        except Refusal as refusal:
            self._refuse(layer, path, str(refusal))
            return [None]
        except Undetermined:
            return [None]
        if call.activation_node:
            self._entry(layer).setdefault("activations", []).append(call.activation_node)
        return list(result) if isinstance(result, list) else [result]

    def _wrapped(self, layer: LayerConfig, path: str, index: int, inputs: Results) -> Results:
        """What is inside, whose kernel SpectralNormalization has normalized already, or of TimeDistributed for each step."""
        path, inner = f"{path}/{index}" if index else path, layer.children[0]
        if layer.class_name != "TimeDistributed":
            return self._call(inner, f"{path}/{inner.name}", 0, inputs)
        try:
            call = LayerCall(self.builder, layer, path, 0, inputs, None, self._dialect)
            steps = wrapping.steps(call)
        except Refusal as refusal:
            self._refuse(layer, path, str(refusal))
            return [None]
        except Undetermined:
            return [None]
        found = [self._call(inner, f"{path}/{step}/{inner.name}", 0, [x]) for step, x in enumerate(steps)]
        results = [result[0] for result in found if len(result) == 1 and result[0] is not None]
        return [wrapping.joined(call, results)] if len(results) == len(steps) else [None]

    def _refuse(self, layer: LayerConfig, path: str, why: str) -> None:
        self._refusals.setdefault(f"{path} ({layer.class_name})", why)

    def _entry(self, layer: LayerConfig) -> dict[str, Any]:
        return self.entries.setdefault(
            layer, {"name": layer.name, "class_name": layer.class_name, "outputs": []}
        )

    def _record(self, layer: LayerConfig, result: Results) -> None:
        if layer.is_hidden or layer.is_operation or not result or result[0] is None:
            return
        entry = self._entry(layer)
        entry["outputs"].append(result[0].name)
        first = layer.options.get("data_format") == "channels_first" or result[0].channels_first
        if first or self.channels_first:
            entry["data_format"] = "channels_first" if first else "channels_last"

    def _nest(self, model: LayerConfig) -> None:
        self._entry(model)["layers"] = [
            self.entries[child] for child in model.children if child in self.entries
        ]


def _is_channels_first(root: LayerConfig) -> bool:
    """What the first layer that has a data format says."""
    layouts = (layer.options.get("data_format") for layer in root.leaves())
    return next((layout for layout in layouts if layout), None) == "channels_first"


def _refusal(layer: LayerConfig) -> str | None:
    """Why a layer cannot be computed, as far as its class tells."""
    if layer.class_name == "InputLayer":
        return None
    if layer.refusal:
        return str(layer.refusal)
    if layer.class_name == "Lambda":
        return "it holds Python code, which is never run"
    if layer.is_custom:
        return "it is a custom class, whose code is never run"
    if layer.is_wrapper:
        return None
    if layer.class_name not in LAYERS and not layer.is_operation:
        return reason(layer.class_name)
    return None


def _picked(results: dict[tuple[str, int], Results], reference: Any) -> Tensor | None:
    outputs = results[reference.layer, reference.call]
    if outputs == [None]:
        return None
    if not 0 <= reference.tensor < len(outputs):
        raise ModelError(f"layer '{reference.layer}' has no output {reference.tensor}")
    return outputs[reference.tensor]
