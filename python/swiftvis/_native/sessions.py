"""Questions, and the sessions that answer them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._abi import ffi, lib
from .calls import call, exception, fill_shape, node_shape_of, text

if TYPE_CHECKING:
    from .._rules import Rule, RuleFunction


_RULES = {
    "plain": lib.SV_RULE_PLAIN,
    "guided": lib.SV_RULE_GUIDED,
    "rectified": lib.SV_RULE_RECTIFIED,
    "custom": lib.SV_RULE_CUSTOM,
}


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
            fill_shape(target, dims)
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
            "" if question.rule == "plain" else text(lib.sv_session_unmodified_activations, self._session)
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
            shape = self._shapes[node] = node_shape_of(lib.sv_session_shape, self._session, node)  # type: ignore[assignment]
        return shape  # type: ignore[return-value]

    def describe(self) -> dict[str, Any]:
        """What it does: `sv_session_describe`."""
        return json.loads(text(lib.sv_session_describe, self._session))

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
                raise exception(status, self._error) if failure is None else failure
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


def default_threads() -> int:
    return lib.sv_default_threads()
