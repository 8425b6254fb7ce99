"""A model's configuration as a tree of layers, each with its calls; Sequential and functional models alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from swiftvis.errors import ModelError

MODEL_CLASSES = frozenset({"Sequential", "Functional", "Model", "Network"})
# Layers around another one.
WRAPPERS = frozenset({"TimeDistributed", "SpectralNormalization"})


@dataclasses.dataclass(frozen=True)
class Reference:
    """An output of a layer: of which call, and which of the call's tensors."""

    layer: str
    call: int
    tensor: int


@dataclasses.dataclass(frozen=True)
class Call:
    """Arguments as in the file, with a `Reference` for every tensor."""

    arguments: list[Any]
    options: dict[str, Any]

    @property
    def inputs(self) -> list[Reference]:
        return list(_references([self.arguments, self.options]))


@dataclasses.dataclass(eq=False)
class LayerConfig:
    """One layer. A nested model has `children`, and the references of its own inputs and outputs; a wrapper has one child.

    `refusal` tells why a reader of older files leaves the layer out; `twin` is an earlier entry for the same layer, which
    shares its weights.
    """

    name: str
    class_name: str
    options: dict[str, Any]
    is_custom: bool = False
    is_operation: bool = False
    is_hidden: bool = False
    refusal: str | None = None
    twin: LayerConfig | None = None
    calls: list[Call] = dataclasses.field(default_factory=list)
    children: list[LayerConfig] = dataclasses.field(default_factory=list)
    inputs: list[Reference] = dataclasses.field(default_factory=list)
    outputs: list[Reference] = dataclasses.field(default_factory=list)

    @property
    def is_model(self) -> bool:
        return self.class_name in MODEL_CLASSES

    @property
    def is_wrapper(self) -> bool:
        return self.class_name in WRAPPERS and len(self.children) == 1

    @property
    def trainable(self) -> bool:
        return self.options.get("trainable", True) is not False

    def leaves(self) -> Iterator[LayerConfig]:
        if not self.is_model:
            yield self
        for child in self.children:
            yield from child.leaves()

    def ordered_calls(self) -> list[tuple[LayerConfig, int]]:
        """Every call of every child, each after those it depends on; as far as possible in the file's order."""
        layers = {child.name: child for child in self.children}
        waiting: dict[tuple[str, int], int] = {}
        users: dict[tuple[str, int], list[tuple[str, int]]] = {}
        ready: list[tuple[str, int]] = []
        for child in self.children:
            for index, call in enumerate(child.calls):
                needed = {(reference.layer, reference.call) for reference in call.inputs}
                for key in needed:
                    users.setdefault(key, []).append((child.name, index))
                waiting[child.name, index] = len(needed)
                if not needed:
                    ready.append((child.name, index))
        ordered = []
        while ready:
            following = []
            for key in ready:
                ordered.append((layers[key[0]], key[1]))
                for user in users.get(key, []):
                    waiting[user] -= 1
                    if not waiting[user]:
                        following.append(user)
            ready = following
        if len(ordered) != len(waiting):
            raise ModelError(
                f"the layers of '{self.name}' refer to each other in a circle, or to layers it does not have"
            )
        return ordered


def parse(
    entry: dict[str, Any],
    version: tuple[int, int],
    standalone: bool,
    shared: dict[Any, LayerConfig] | None = None,
) -> LayerConfig:
    """The tree of a whole model, or of one layer in it; `shared` has the layers seen so far that have an identity."""
    shared = {} if shared is None else shared
    class_name, options = entry["class_name"], entry.get("config") or {}
    name = (
        entry.get("name")
        or (options.get("name") if isinstance(options, dict) else None)
        or class_name.lower()
    )
    module = entry.get("module") or ""
    registered = entry.get("registered_name") or ""
    # Keras 3 writes operations outside layers too, into .h5 files without their module; layers have a type of numbers.
    is_bare = version >= (3, 0) and isinstance(options, dict) and "trainable" not in options
    is_bare = (
        is_bare and (options.get("dtype") is None or class_name == "Cast") and class_name != "InputLayer"
    )
    layer = LayerConfig(
        name=str(name),
        class_name=str(class_name).rsplit(">", 1)[-1],
        options=options if isinstance(options, dict) else {},
        is_custom=">" in class_name
        or ">" in registered
        or (bool(module) and module.split(".")[0] not in ("keras", "tf_keras")),
        is_operation=module.startswith(("keras.src.ops", "keras.ops")) or (not module and is_bare),
    )
    layer.refusal = entry.get("refusal")
    if (identity := entry.get("shared_object_id")) is not None:
        layer.twin = shared.setdefault(identity, layer)
        layer.twin = None if layer.twin is layer else layer.twin
    if layer.class_name in WRAPPERS and not layer.is_custom and isinstance(layer.options.get("layer"), dict):
        inner = parse(layer.options["layer"], version, standalone, shared)
        inner.calls = [Call([], {})]
        layer.children = [inner]
    if not layer.is_model or layer.is_custom:
        return layer
    entries = options if isinstance(options, list) else options["layers"]
    layer.children = [parse(child, version, standalone, shared) for child in entries]
    if not layer.children:
        raise ModelError(f"model '{layer.name}' has no layers")
    if layer.class_name == "Sequential":
        _chain(layer, hides_input=not standalone or version >= (2, 2))
    else:
        _connect(layer, entries, version)
    if len({child.name for child in layer.children}) != len(layer.children):
        raise ModelError(f"two layers of '{layer.name}' have the same name")
    return layer


def _chain(model: LayerConfig, hides_input: bool) -> None:
    """Users of a Sequential model do not count its input layer, which the file may leave out."""
    first = model.children[0]
    if first.class_name == "InputLayer":
        first.is_hidden = hides_input
    else:
        shape = _input_shape(first) or model.options.get("build_input_shape")
        options = {"batch_shape": shape}
        source = LayerConfig(f"{first.name}_input", "InputLayer", options, is_hidden=True)
        model.children.insert(0, source)
    for previous, layer in zip([None, *model.children], model.children):
        layer.calls = [Call([Reference(previous.name, 0, 0)] if previous else [], {})]
    model.inputs = [Reference(model.children[0].name, 0, 0)]
    model.outputs = [Reference(model.children[-1].name, 0, 0)]


def _input_shape(layer: LayerConfig) -> Any:
    if layer.is_model and layer.inputs:
        source = next(child for child in layer.children if child.name == layer.inputs[0].layer)
        return _input_shape(source)
    return layer.options.get("batch_input_shape") or layer.options.get("batch_shape")


def _connect(model: LayerConfig, entries: list[dict[str, Any]], version: tuple[int, int]) -> None:
    layers = {child.name: child for child in model.children}
    for child, entry in zip(model.children, entries):
        nodes = entry.get("inbound_nodes") or []
        child.calls = [_call(node) for node in nodes] or [Call([], {})]
    model.inputs = _leaves(model.options["input_layers"])
    model.outputs = _leaves(model.options["output_layers"])
    inbound = [reference for child in model.children for call in child.calls for reference in call.inputs]
    # A functional model has a node of its own, which most versions count; Keras 3 counts it at the outputs only.
    if version >= (3, 0):
        inbound_base = _bases(inbound)
        output_base = {
            child.name: 1 for child in model.children if child.is_model and child.class_name != "Sequential"
        }
    else:
        inbound_base = output_base = _bases(inbound + model.outputs)
    for child in model.children:
        child.calls = [_shifted(call, inbound_base, layers) for call in child.calls]
    model.outputs = [_shifted(reference, output_base, layers) for reference in model.outputs]
    model.inputs = [_shifted(reference, {}, layers) for reference in model.inputs]


def _bases(references: list[Reference]) -> dict[str, int]:
    bases: dict[str, int] = {}
    for reference in references:
        bases[reference.layer] = min(reference.call, bases.get(reference.layer, reference.call))
    return bases


def _shifted(value: Any, bases: dict[str, int], layers: dict[str, LayerConfig]) -> Any:
    """`value` with call indices counted from zero, checked."""
    if isinstance(value, Call):
        return Call(_shifted(value.arguments, bases, layers), _shifted(value.options, bases, layers))
    if isinstance(value, list):
        return [_shifted(item, bases, layers) for item in value]
    if isinstance(value, dict):
        return {key: _shifted(item, bases, layers) for key, item in value.items()}
    if not isinstance(value, Reference):
        return value
    call = value.call - bases.get(value.layer, 0)
    if value.layer not in layers or not 0 <= call < len(layers[value.layer].calls):
        raise ModelError(
            f"the file refers to call {value.call} of a layer '{value.layer}' which is not in it"
        )
    return Reference(value.layer, call, value.tensor)


def _call(node: Any) -> Call:
    """Keras 3 keeps arguments and keyword arguments; Keras 2 a list of tensors, the keywords with the first."""
    if isinstance(node, dict):
        return Call(_tensors(node.get("args") or []), _tensors(node.get("kwargs") or {}))
    leaves = [node] if _is_leaf(node) else node
    arguments, options = [], {}
    for leaf in leaves.values() if isinstance(leaves, dict) else leaves:
        if _is_leaf(leaf):
            if len(leaf) == 4 and isinstance(leaf[3], dict):
                options.update(leaf[3])
            arguments.append(
                leaf[2] if leaf[0] == "_CONSTANT_VALUE" else Reference(leaf[0], leaf[1], leaf[2])
            )
        else:
            arguments.extend(_leaves(leaf))
    return Call(arguments, _keyword_tensors(options))


def _keyword_tensors(value: Any) -> Any:
    if _is_leaf(value):
        return Reference(*value[:3])
    if isinstance(value, dict):
        return {key: _keyword_tensors(item) for key, item in value.items()}
    return [_keyword_tensors(item) for item in value] if isinstance(value, list) else value


def _tensors(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            layer, call, tensor = value["config"]["keras_history"]
            return Reference(layer, call, tensor)
        return {key: _tensors(item) for key, item in value.items()}
    return [_tensors(item) for item in value] if isinstance(value, list) else value


def _is_leaf(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and (isinstance(value[2], int) or value[0] == "_CONSTANT_VALUE")
    )


def _leaves(value: Any) -> list[Reference]:
    if _is_leaf(value):
        return [Reference(*value[:3])]
    items = value.values() if isinstance(value, dict) else value
    return [reference for item in items for reference in _leaves(item)]


def _references(value: Any) -> Iterator[Reference]:
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)
