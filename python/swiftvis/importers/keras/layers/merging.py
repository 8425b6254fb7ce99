"""Layers with several inputs."""

from __future__ import annotations

import dataclasses

import numpy as np

from swiftvis.importers.keras.builder import Shape, Tensor
from swiftvis.importers.keras.call import LayerCall, Refusal
from swiftvis.importers.keras.layers import operations
from swiftvis.importers.keras.layers.normalization import affine
from swiftvis.importers.keras.topology import Reference

_ARITHMETIC = ("add", "subtract", "multiply", "divide")
# Keras 2.0's Merge layer, by its mode.
_MODES = {"sum": "add", "mul": "multiply", "ave": "average", "max": "maximum"}


def merging(call: LayerCall) -> Tensor:
    return _merge(call, call.layer.class_name.lower())


def scaled_sum(call: LayerCall) -> Tensor:
    """InceptionResNetV2's own layer: the first input and a multiple of the second."""
    if len(call.inputs) != 2 or "scale" not in call.options:
        raise Refusal("it is not the layer of that name in keras.applications")
    scale = call.number("scale", 1.0)
    first, second = call.inputs
    scaled = affine(call, second, -1, np.array([scale]), np.zeros(1), suffix="scaled")
    return _merge(call, "add", [first, scaled])


def operation(call: LayerCall) -> Tensor | list[Tensor]:
    """Arithmetic on tensors outside layers, as in `x * 2 + y`, and the operations of keras.ops."""
    name = operations.operation_name(call)
    options = [value for key, value in call.call.options.items() if key != "name" and value is not None]
    operands = [*call.call.arguments, *options]
    numbers = [operand for operand in operands if not isinstance(operand, Reference)]
    if name not in _ARITHMETIC or len(operands) != 2 or len(numbers) > 1:
        return operations.operation(call)
    if not numbers and name != "divide":
        return _merge(call, name)
    if (
        not numbers
        or not isinstance(numbers[0], (int, float))
        or (name == "divide" and numbers != operands[1:])
    ):
        return operations.operation(call)
    number, reversed_ = call.finite(numbers[0], "operand"), numbers == operands[:1]
    if name == "divide" and number == 0:
        raise Refusal("it divides by zero")
    scale = {"multiply": number, "divide": 1 / (number or 1), "subtract": -1.0 if reversed_ else 1.0}.get(
        name, 1.0
    )
    offset = {"add": number, "subtract": number if reversed_ else -number}.get(name, 0.0)
    return affine(call, call.input, -1, np.array([scale]), np.array([offset]))


def merge_layer(call: LayerCall) -> Tensor:
    mode = call.options.get("mode", "sum")
    if mode == "concat":
        return _concatenate(call, call.options.get("concat_axis", -1))
    if mode not in _MODES:
        raise Refusal(f"mode {mode!r} is not supported")
    return _merge(call, _MODES[mode])


def concatenation(call: LayerCall) -> Tensor:
    return _concatenate(call, call.options.get("axis", -1))


def _merge(call: LayerCall, op: str, inputs: list[Tensor] | None = None) -> Tensor:
    inputs = call.inputs if inputs is None else inputs
    if len(inputs) < 2:
        raise Refusal("it is called with one tensor")
    like = inputs[0]
    if _same_layout(inputs):
        images = [tensor.image for tensor in inputs if tensor.image]
        y = call.emit(op, images, _broadcast([image.shape for image in images]))
        return call.leave(y, like.rank, like.channels_first)
    rank = max(tensor.rank for tensor in inputs)
    raised = [_raised(call, tensor, rank) for tensor in inputs]
    y = call.emit(op, raised, _broadcast([tensor.shape for tensor in raised]))
    return dataclasses.replace(y, channels_first=any(tensor.channels_first for tensor in inputs))


def _raised(call: LayerCall, x: Tensor, rank: int) -> Tensor:
    """Keras puts axes of size 1 after the batch axis where ranks differ."""
    if x.rank == rank:
        return x
    if x.shape[1:].count(None) > 1:
        raise Refusal("its inputs differ in rank and are of open size")
    sizes = [1] * (rank - x.rank) + [-1 if size is None else size for size in x.shape[1:]]
    shape = (None, *[None if size == -1 else size for size in sizes])
    return call.emit("reshape", [x], shape, {"shape": sizes}, suffix="reshape")


def _concatenate(call: LayerCall, axis: object) -> Tensor:
    inputs = call.inputs
    like = inputs[0]
    if type(axis) is not int or not -like.rank <= axis < like.rank or axis % like.rank == 0:
        raise Refusal(f"concatenating along axis {axis!r} is not supported")
    if len(inputs) < 2 or any(tensor.rank != like.rank for tensor in inputs):
        raise Refusal("it needs two or more tensors of one rank")
    axis %= like.rank
    images = _same_layout(inputs)
    inner = [tensor.image for tensor in inputs if tensor.image] if images else inputs
    axis = like.image_axis(axis) if images else axis
    sizes = [tensor.shape[axis] for tensor in inner]
    shape = list(inner[0].shape)
    shape[axis] = None if None in sizes else sum(size for size in sizes if size is not None)
    y = call.emit("concatenate", inner, tuple(shape), {"axis": axis})
    return call.leave(y, like.rank, like.channels_first) if images else y


def _same_layout(inputs: list[Tensor]) -> bool:
    layouts = {(tensor.rank, tensor.channels_first) for tensor in inputs if tensor.image}
    return len(layouts) == 1 and all(tensor.image for tensor in inputs)


def _broadcast(shapes: list[Shape]) -> Shape:
    sizes: list[int | None] = []
    for column in zip(*shapes):
        larger = {size for size in column if size != 1}
        known = {size for size in larger if size is not None}
        if len(known) > 1:
            raise Refusal(f"its inputs have shapes that do not fit: {[list(shape) for shape in shapes]}")
        sizes.append(known.pop() if known else (None if larger else 1))
    return tuple(sizes)
