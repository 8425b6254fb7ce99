"""The C ABI in Python's terms: arrays for buffers, dicts for JSON, exceptions for status codes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .errors import ModelError, SwiftvisError, UnsupportedModelError

if TYPE_CHECKING:
    from ._rules import Rule, RuleFunction

try:
    from ._abi import ffi, lib
except ImportError as error:
    raise ImportError(
        f"swiftvis's native library could not be loaded ({error}). It is missing or of another version: reinstall "
        "the package, and import it from outside its source folder."
    ) from error

Shape = tuple["int | None", ...]

_EXCEPTIONS = {
    lib.SV_INVALID_ARGUMENT: ValueError,
    lib.SV_INVALID_MODEL: ModelError,
    lib.SV_UNSUPPORTED: UnsupportedModelError,
    lib.SV_IO: OSError,
    lib.SV_OUT_OF_MEMORY: MemoryError,
}

_RULES = {
    "plain": lib.SV_RULE_PLAIN,
    "guided": lib.SV_RULE_GUIDED,
    "rectified": lib.SV_RULE_RECTIFIED,
    "custom": lib.SV_RULE_CUSTOM,
}

VERSION = f"{lib.SV_VERSION_MAJOR}.{lib.SV_VERSION_MINOR}.{lib.SV_VERSION_PATCH}"


def check_version() -> None:
    """Raises ImportError where the library beside the extension is of another version."""
    number = lib.sv_version()
    found = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    if found != VERSION:
        raise ImportError(
            f"swiftvis {VERSION} found a native library of version {found} beside it: reinstall the package"
        )


def call(function: Any, *arguments: Any) -> None:
    """Calls a fallible function of the ABI and raises what its status says."""
    error = ffi.new("sv_error *")
    status = function(*arguments, error)
    if status != lib.SV_OK:
        raise _exception(status, error)


def _exception(status: int, error: Any) -> Exception:
    return _EXCEPTIONS.get(status, SwiftvisError)(ffi.string(error.message).decode("utf-8", "replace"))


def _text(function: Any, handle: Any) -> str:
    length = ffi.new("size_t *")
    call(function, handle, ffi.NULL, 0, length)
    buffer = ffi.new("char[]", length[0] + 1)
    call(function, handle, buffer, length[0] + 1, length)
    return ffi.buffer(buffer, length[0])[:].decode()


def _shape(function: Any, handle: Any, node: str) -> Shape:
    shape = ffi.new("sv_shape *")
    call(function, handle, node.encode(), shape)
    return tuple(None if size < 0 else size for size in shape.dims[0 : shape.rank])


def _c_shape(target: Any, dims: Sequence[int]) -> None:
    if len(dims) > lib.SV_MAX_RANK:
        raise ValueError(f"expected at most {lib.SV_MAX_RANK} axes, got {len(dims)}")
    target.rank = len(dims)
    target.dims[0 : len(dims)] = list(dims)


# ---- Models: a handle lives as long as a Python reference to it ----


def _owned(out: Any) -> Any:
    return ffi.gc(out[0], lib.sv_model_destroy)


def load(path: str | os.PathLike[str]) -> Any:
    out = ffi.new("sv_model **")
    call(lib.sv_model_load, os.fsencode(path), out)
    return _owned(out)


class Unread(Protocol):
    """A weight that is not in memory."""

    shape: tuple[int, ...]

    def read_into(self, destination: np.ndarray) -> None:
        """Fills a one-dimensional contiguous float32 array with its values."""


class _Reading:
    """Reads weights into the memory that the engine has reserved, and keeps what went wrong."""

    def __init__(self, weights: list[Any]) -> None:
        self._weights = weights
        self.failure: BaseException | None = None

    def read(self, index: int, destination: Any, count: int) -> int:
        try:
            buffer = ffi.buffer(destination, count * ffi.sizeof("float"))
            self._weights[index].read_into(np.frombuffer(buffer, np.float32))
        except BaseException as failure:  # none may pass through the engine
            self.failure = failure
            return 1
        return 0


@ffi.def_extern(error=1)
def swiftvis_read(context: Any, index: int, destination: Any, count: int) -> int:
    return ffi.from_handle(context).read(index, destination, count)


def create(description: dict[str, Any], weights: Mapping[str, np.ndarray | Unread]) -> Any:
    text = json.dumps(description).encode()
    kept: list[Any] = []  # what the structs point to
    tensors = ffi.new("sv_tensor[]", len(weights))
    for tensor, (name, value) in zip(tensors, weights.items(), strict=True):
        tensor.name = c_name = ffi.new("char[]", name.encode())
        kept.append(c_name)
        if hasattr(value, "read_into"):
            shape = value.shape
        else:
            shape = np.shape(value)
            tensor.data = data = ffi.from_buffer("float[]", np.ascontiguousarray(value, np.float32))
            kept.append(data)
        tensor.count = math.prod(shape)
        _c_shape(tensor.shape, shape)
    reading = _Reading(list(weights.values()))
    handle, out = ffi.new_handle(reading), ffi.new("sv_model **")
    try:
        call(
            lib.sv_model_create_reading,
            *(text, len(text), tensors, len(weights)),
            *(lib.swiftvis_read, handle, out),
        )
    except Exception:
        if reading.failure:
            raise reading.failure from None
        raise
    return _owned(out)


def edit(handle: Any, description: dict[str, Any]) -> Any:
    text = json.dumps(description).encode()
    out = ffi.new("sv_model **")
    call(lib.sv_model_with_description, handle, text, len(text), out)
    return _owned(out)


def save(handle: Any, path: str | os.PathLike[str], half: bool) -> None:
    call(lib.sv_model_save, handle, os.fsencode(path), int(half))


def describe(handle: Any) -> dict[str, Any]:
    return json.loads(_text(lib.sv_model_describe, handle))


def node_shape(handle: Any, node: str) -> Shape:
    return _shape(lib.sv_model_shape, handle, node)


# ---- Sessions ----


class Question(NamedTuple):
    """What a session answers; the key under which it is kept."""

    shapes: tuple[tuple[int, ...], ...]
    values: tuple[str, ...] = ()
    cotangents: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()
    rule: str | Rule = "plain"
    threads: int = 0
    exact: bool = False
    keep_forward: bool = False  # several backward passes after one forward

    def of(self, samples: int) -> Question:
        """The same for another batch size."""
        return self._replace(shapes=tuple((samples, *shape[1:]) for shape in self.shapes))

    def planned(self) -> Question:
        """What a session is planned for: questions that differ only in a rule's functions share it."""
        return self if isinstance(self.rule, str) else self._replace(rule=self.rule.planned())


class _RuleCalls:
    """Runs the functions of a rule for the engine, and keeps what went wrong."""

    def __init__(self) -> None:
        self.functions: Mapping[str, RuleFunction] = {}
        self.failure: BaseException | None = None
        self.session: Any = None

    def call(self, node: Any, shape: Any, gradient: Any, x: Any, y: Any, result: Any) -> int:
        try:
            dims = list(shape.dims[0 : shape.rank])
            operands = [self._array(pointer, dims) for pointer in (gradient, x, y)]
            for operand in operands:
                operand.flags.writeable = False
            self.functions[ffi.string(node).decode()](*operands, self._array(result, dims))
        except BaseException as failure:  # none may pass through the engine
            self.failure = failure
            return 1
        return 0

    def _array(self, pointer: Any, dims: list[int]) -> np.ndarray:
        # An array that a rule keeps is worthless after the call, but its memory stays: the session lives as long.
        session = self.session
        owner = ffi.gc(pointer, lambda _: session)
        return np.frombuffer(ffi.buffer(owner, 4 * math.prod(dims)), np.float32).reshape(dims)


@ffi.def_extern(error=1)
def swiftvis_backward_rule(
    context: Any, node: Any, shape: Any, gradient: Any, x: Any, y: Any, result: Any
) -> int:
    return ffi.from_handle(context).call(node, shape, gradient, x, y, result)


class Session:
    """A planned answer to a question. Used by one thread at a time."""

    def __init__(self, handle: Any, question: Question) -> None:
        shapes = ffi.new("sv_shape[]", max(len(question.shapes), 1))
        for target, dims in zip(shapes, question.shapes, strict=False):
            _c_shape(target, dims)
        kept = []

        def names(values: tuple[str, ...]) -> Any:
            strings = [ffi.new("char[]", value.encode()) for value in values]
            array = ffi.new("char *[]", strings) if strings else ffi.NULL
            kept.extend([strings, array])
            return ffi.cast("const char *const *", array)

        c_question = ffi.new("sv_question *")
        c_question.struct_size = ffi.sizeof("sv_question")
        c_question.input_shapes, c_question.input_count = shapes, len(question.shapes)
        c_question.values, c_question.value_count = names(question.values), len(question.values)
        c_question.cotangents, c_question.cotangent_count = (
            names(question.cotangents),
            len(question.cotangents),
        )
        c_question.gradients, c_question.gradient_count = names(question.gradients), len(question.gradients)
        c_question.threads = question.threads
        rule = question.rule
        if isinstance(rule, str):
            c_question.rule = _RULES[rule]
        else:
            c_question.rule = _RULES[rule.otherwise]
            c_names = [ffi.new("char[]", node.encode()) for node, _ in rule.nodes]
            c_rules = ffi.new("sv_node_rule[]", len(rule.nodes))
            for c_rule, c_name, (_, name) in zip(c_rules, c_names, rule.nodes, strict=True):
                c_rule.node, c_rule.rule = c_name, _RULES[name]
            kept += [c_names, c_rules]
            c_question.rules, c_question.rule_count = c_rules, len(rule.nodes)
            c_question.backward_rule = lib.swiftvis_backward_rule
        self._calls = _RuleCalls()
        self._calls_handle = c_question.backward_rule_context = ffi.new_handle(self._calls)
        c_question.flags = question.exact * lib.SV_EXACT | question.keep_forward * lib.SV_KEEP_FORWARD
        out = ffi.new("sv_session **")
        call(lib.sv_session_create, handle, c_question, out)
        self._session = self._calls.session = ffi.gc(out[0], lib.sv_session_destroy)
        self.question = question
        self.unmodified_activations = (
            "" if question.rule == "plain" else _text(lib.sv_session_unmodified_activations, self._session)
        )
        # What every run needs is made once: a small network takes as long as making it would.
        self._error = ffi.new("sv_error *")
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._inputs = ffi.new("sv_const_buffer[]", len(question.shapes))
        self._cotangents = ffi.new("sv_const_buffer[]", len(question.cotangents))
        self._values = ffi.new("sv_buffer[]", len(question.values))
        self._gradients = ffi.new("sv_buffer[]", len(question.gradients))

    def use(self, rule: str | Rule) -> None:
        """Sets the functions that later runs call, for the nodes that the question names."""
        self._calls.functions = {} if isinstance(rule, str) else rule.functions

    def shape(self, node: str) -> tuple[int, ...]:
        shape = self._shapes.get(node)
        if shape is None:
            shape = self._shapes[node] = _shape(lib.sv_session_shape, self._session, node)  # type: ignore[assignment]
        return shape  # type: ignore[return-value]

    def describe(self) -> dict[str, Any]:
        """What it does: `sv_session_describe`."""
        return json.loads(_text(lib.sv_session_describe, self._session))

    def memory(self) -> tuple[int, int]:
        """Bytes of the arena, and of the packed weights shared with the model's other sessions."""
        sizes = ffi.new("uint64_t[2]")
        call(lib.sv_session_memory, self._session, sizes, sizes + 1)
        return sizes[0], sizes[1]

    def forward(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Runs the network on contiguous float32 arrays; the values that the question asks for."""
        return self._run(lib.sv_session_forward, self._inputs, inputs, self._values, self.question.values)

    def backward(self, cotangents: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Carries contiguous float32 cotangents back; the gradients that the question asks for."""
        return self._run(
            lib.sv_session_backward, self._cotangents, cotangents, self._gradients, self.question.gradients
        )

    def _run(
        self, function: Any, sources: Any, arrays: Sequence[np.ndarray], sinks: Any, nodes: Sequence[str]
    ) -> list[np.ndarray]:
        results = [np.empty(self.shape(node), np.float32) for node in nodes]
        kept = [_fill(sources, arrays), _fill(sinks, results)]
        status = function(self._session, sources, len(arrays), sinks, len(results), self._error)
        del kept
        if status != lib.SV_OK:
            failure, self._calls.failure = self._calls.failure, None
            try:
                raise _exception(status, self._error) if failure is None else failure
            finally:
                del failure  # its traceback holds this frame, and so the session
        return results


def _fill(buffers: Any, arrays: Sequence[np.ndarray]) -> list[Any]:
    """Points the C buffers to the arrays; what it returns keeps them in place."""
    kept = []
    for buffer, array in zip(buffers, arrays, strict=True):
        data = ffi.from_buffer("float[]", array)
        buffer.data, buffer.count = data, array.size
        kept.append(data)
    return kept


# ---- Methods ----

REDUCTIONS = {
    "maximum": lib.SV_MAXIMUM,
    "max": lib.SV_MAXIMUM_OF_ABSOLUTES,
    "sum": lib.SV_SUM_OF_ABSOLUTES,
}


def _shape_of(dims: Sequence[int]) -> Any:
    shape = ffi.new("sv_shape *")
    _c_shape(shape, dims)
    return shape


def score_cotangent(shape: tuple[int, ...], channel_axis: int, filters: Sequence[int] | None) -> np.ndarray:
    """The derivative of the mean activation of filters; None stands for all."""
    cotangent = np.empty(shape, np.float32)
    chosen = ffi.NULL if filters is None else ffi.new("int64_t[]", list(filters))
    count = 0 if filters is None else len(filters)
    call(lib.sv_score_cotangent, _shape_of(shape), channel_axis, chosen, count, _float_pointer(cotangent))
    return cotangent


def saliency_map(gradient: np.ndarray, channel_axis: int, reduction: str = "maximum") -> np.ndarray:
    """One value a pixel, by one of `REDUCTIONS`."""
    shape = gradient.shape
    map = np.empty(shape[:channel_axis] + shape[channel_axis + 1 :], np.float32)
    kind = REDUCTIONS[reduction]
    call(
        lib.sv_saliency_map,
        *(_float_pointer(gradient), _shape_of(shape), channel_axis, kind, _float_pointer(map)),
    )
    return map


def class_activation_map(
    values: np.ndarray, gradient: np.ndarray, channel_axis: int, of_batch: bool = False
) -> np.ndarray:
    """The maps of all samples; with the batch's weights, keras-vis's, the first one's alone."""
    shape = values.shape
    if gradient.shape != shape:
        raise ValueError(f"the gradient has shape {gradient.shape}, expected {shape}")
    map = np.empty(
        (1 if of_batch else shape[0], *shape[1:channel_axis], *shape[channel_axis + 1 :]), np.float32
    )
    weighting = lib.SV_WEIGHTS_OF_BATCH if of_batch else lib.SV_WEIGHTS_OF_SAMPLE
    call(
        lib.sv_class_activation_map,
        *(_float_pointer(values), _float_pointer(gradient), _shape_of(shape), channel_axis, weighting),
        _float_pointer(map),
    )
    return map


# ---- Imaging ----


def _float_pointer(array: np.ndarray) -> Any:
    return ffi.from_buffer("float[]", array)


def gaussian_filter(array: np.ndarray, sigma: float) -> np.ndarray:
    output = np.empty_like(array)
    height, width = array.shape
    call(lib.sv_gaussian_filter, _float_pointer(array), height, width, sigma, _float_pointer(output))
    return output


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width, channels = array.shape
    output = np.empty((*size, channels), np.float32)
    call(lib.sv_resize, _float_pointer(array), height, width, channels, _float_pointer(output), *size)
    return output


def colormap_names() -> tuple[str, ...]:
    return tuple(ffi.string(lib.sv_colormap_name(i)).decode() for i in range(lib.sv_colormap_count()))


def colormap(name: str, values: np.ndarray) -> np.ndarray:
    rgb = np.empty((*values.shape, 3), np.uint8)
    data = ffi.from_buffer("uint8_t[]", rgb)
    call(lib.sv_colormap_apply, name.encode(), _float_pointer(values), math.prod(values.shape), data)
    return rgb


def normalize(values: np.ndarray, epsilon: float = 0) -> np.ndarray:
    """A contiguous float32 array brought to 0..1; one without contrast becomes 0."""
    output = np.empty_like(values)
    call(lib.sv_normalize, _float_pointer(values), values.size, epsilon, _float_pointer(output))
    return output


def spline_zoom(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A contiguous float64 array in another size, by the interpolating cubic spline."""
    output = np.empty(tuple(shape), np.float64)
    source, target = (ffi.from_buffer("double[]", data) for data in (array, output))
    call(lib.sv_spline_zoom, source, _shape_of(array.shape), target, _shape_of(output.shape))
    return output


PICTURES = {
    "color": lib.SV_PICTURE_COLOR,
    "grayscale": lib.SV_PICTURE_GRAYSCALE,
    "positive": lib.SV_PICTURE_POSITIVE,
    "negative": lib.SV_PICTURE_NEGATIVE,
}


def gradient_picture(gradient: np.ndarray, kind: str, percentile: float = 99) -> np.ndarray:
    """An (H, W, C) gradient as bytes: (H, W) for "grayscale"."""
    *size, channels = gradient.shape
    picture = np.empty(size if kind == "grayscale" else gradient.shape, np.uint8)
    call(
        lib.sv_gradient_picture,
        *(_float_pointer(gradient), math.prod(size), channels, PICTURES[kind], percentile),
        ffi.from_buffer("uint8_t[]", picture),
    )
    return picture


def smoothed_overlay(
    picture: np.ndarray, map: np.ndarray, sigma: float, colormap: str, alpha: float
) -> np.ndarray:
    output = np.empty_like(picture)
    below, target = (ffi.from_buffer("uint8_t[]", array) for array in (picture, output))
    call(
        lib.sv_smoothed_overlay,
        *(
            below,
            *picture.shape[:2],
            _float_pointer(map),
            *map.shape,
            sigma,
            colormap.encode(),
            alpha,
            target,
        ),
    )
    return output


# ---- Optimization: contiguous float32 arrays ----


def total_variation(array: np.ndarray, channels_first: bool, beta: float) -> float:
    return _regularizer(lib.sv_total_variation, array, channels_first, beta)


def add_total_variation_gradient(
    array: np.ndarray, channels_first: bool, beta: float, weight: float, total: np.ndarray
) -> None:
    _add_gradient(lib.sv_total_variation, array, weight, total, channels_first, beta)


def lp_norm(array: np.ndarray, p: float) -> float:
    return _regularizer(lib.sv_lp_norm, array, p)


def add_lp_norm_gradient(array: np.ndarray, p: float, weight: float, total: np.ndarray) -> None:
    _add_gradient(lib.sv_lp_norm, array, weight, total, p)


def _regularizer(function: Any, array: np.ndarray, *parameters: Any) -> float:
    value = ffi.new("double *")
    call(function, _float_pointer(array), _shape_of(array.shape), *parameters, 0, value, ffi.NULL)
    return value[0]


def _add_gradient(
    function: Any, array: np.ndarray, weight: float, total: np.ndarray, *parameters: Any
) -> None:
    pointers = _float_pointer(array), _shape_of(array.shape)
    call(function, *pointers, *parameters, weight, ffi.NULL, _float_pointer(total))


def normalized_gradient(gradient: np.ndarray) -> np.ndarray:
    output = np.empty_like(gradient)
    call(lib.sv_normalize_gradient, _float_pointer(gradient), gradient.size, _float_pointer(output))
    return output


def rmsprop(
    gradient: np.ndarray, decay: float, rate: float, mean_square: np.ndarray, image: np.ndarray
) -> np.ndarray:
    output = np.empty_like(image)
    pointers = [_float_pointer(array) for array in (gradient, mean_square, image, output)]
    call(lib.sv_rmsprop, pointers[0], gradient.size, decay, rate, *pointers[1:])
    return output


def shifted(array: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    output = np.empty_like(array)
    c_offsets = ffi.new("int64_t[]", list(offsets))
    call(lib.sv_shift, _float_pointer(array), _shape_of(array.shape), c_offsets, _float_pointer(output))
    return output


def deprocessed(array: np.ndarray, low: float, high: float) -> np.ndarray:
    output = np.empty_like(array)
    call(lib.sv_deprocess, _float_pointer(array), array.size, low, high, _float_pointer(output))
    return output


# ---- Threads ----


def default_threads() -> int:
    return lib.sv_default_threads()
