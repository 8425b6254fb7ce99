"""Reads trained networks from ONNX files, with the `onnx` package. No code in a file is run, and no runtime is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swiftvis.errors import ModelError
from swiftvis.importers.onnx.elementwise import type_kind
from swiftvis.importers.onnx.walk import Environment, Walker
from swiftvis.importers.program import Program, Refusal, Value

__all__ = ["convert", "is_onnx", "read"]

InputShape = Sequence["int | None"]


def is_onnx(head: bytes, suffix: str) -> bool:
    """By the extension, or by how such files start: with the version of the format, a small number."""
    return suffix == ".onnx" or (len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 32)


def read(
    path: str | os.PathLike[str], input_shape: InputShape | Mapping[str, InputShape] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph description and the weights it names.

    Args:
        path: an .onnx file; weights in other files must lie beside it or below its folder.
        input_shape: sizes of the model's input in place of those that the file leaves open, with the batch axis (1 or None);
            for several inputs a mapping by name.
    Raises:
        ImportError: the `onnx` package is missing.
        OSError: the file, or one beside it, cannot be opened or read.
        ModelError: it is damaged, or holds no model (a `ValueError`).
        UnsupportedModelError: it holds operators that swiftvis cannot compute; the message lists every one of them.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise ImportError("reading ONNX files needs the onnx package: pip install 'swiftvis[onnx]'") from None
    path = Path(path)
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except DecodeError as error:
        raise ModelError(f"{path}: the file is damaged or holds no ONNX model ({error})") from None
    try:
        return convert(model, path.parent, path.stem, input_shape)
    except ModelError as error:
        raise type(error)(f"{path}: {error}") from None
    except (UnicodeDecodeError, MemoryError, RecursionError) as error:
        raise ModelError(f"{path}: the file is damaged ({type(error).__name__}: {error})") from None


def convert(
    model: Any,
    folder: Path,
    name: str = "model",
    input_shape: InputShape | Mapping[str, InputShape] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same for an `onnx.ModelProto`."""
    graph = model.graph
    if not graph.output or not model.opset_import:
        raise ModelError("the file holds no ONNX model: it has no outputs or no opset")
    program = Program()
    walker = Walker(program, model, folder)
    constants = {tensor.name for tensor in graph.initializer}
    sources = [entry for entry in graph.input if entry.name not in constants]
    shapes = _given_shapes([entry.name for entry in sources], input_shape)
    inputs = Environment()
    for entry in sources:
        value = program.attempt(entry.name, "input", "", _input, program, entry, shapes.get(entry.name))
        inputs[entry.name] = value
        if value is not None:
            program.layer(entry.name, "InputLayer", [value])
    results = walker.graph(graph, inputs)
    program.raise_refusals()
    outputs = _outputs(program, graph, results)
    first = program.layers[0]["data_format"] if program.layers else "channels_first"
    return program.description(graph.name or name, _source(model, walker), outputs, first)


def _outputs(program: Program, graph: Any, results: Sequence[Value | None]) -> list[Value]:
    outputs = []
    for entry, value in zip(graph.output, results):
        if value is None:
            raise ModelError(f"output '{entry.name}' is not computed by the graph")
        if value.array is not None:
            with program.scope(entry.name):
                program.node(value)
        outputs.append(value)
    return outputs


def _input(program: Program, entry: Any, given: InputShape | None) -> Value:
    """A graph's input. Its first axis is the batch where its size is 1 or open; else all of it is one sample."""
    tensor = entry.type.tensor_type
    if not entry.type.HasField("tensor_type"):
        raise Refusal("only tensors are supported")
    kind = type_kind(tensor.elem_type)
    if not kind:
        raise Refusal(f"an input of type {tensor.elem_type} is not supported")
    if given is None and not tensor.HasField("shape"):
        raise Refusal("the file does not say its shape: give input_shape=")
    own = [
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim
    ]
    shape = own if given is None else list(given)
    if given is not None and tensor.HasField("shape"):
        fixed = zip(own[1:], shape[1:])
        if len(shape) != len(own) or any(None not in pair and pair[0] != pair[1] for pair in fixed):
            raise ModelError(
                f"input '{entry.name}' has the shape {tuple(own)}, input_shape says {tuple(shape)}"
            )
        shape = [size if size is not None else known for known, size in zip(own, shape)]
        shape[0] = given[0] if given else None
    value = program.input(entry.name, tuple(shape), _channels(shape), whole=True)
    value.kind = kind
    return value


def _channels(shape: Sequence[int | None]) -> int | None:
    """Where images have their channels: TensorFlow's exporters put them last."""
    if len(shape) != 4:
        return None
    is_last = shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4)
    return 3 if is_last else 1


def _given_shapes(names: Sequence[str], given: Any) -> dict[str, InputShape]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise ValueError(
                f"the model has {len(names)} inputs: give input_shape as a dict by name ({names})"
            )
        given = {names[0]: given}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ValueError(
            f"input_shape names {unknown}, which are not inputs of the model ({', '.join(names)})"
        )
    for name, shape in given.items():
        sizes = list(shape)
        if not all(size is None or (type(size) is int and 0 < size < 1 << 31) for size in sizes):
            raise ValueError(f"input_shape of '{name}' should hold positive sizes or None, got {shape!r}")
    return dict(given)


def _source(model: Any, walker: Walker) -> str:
    producer = " ".join(filter(None, (model.producer_name, model.producer_version)))
    return f"onnx opset {walker.opsets.get('', 0)}" + (f" ({producer:.100})" if producer else "")
