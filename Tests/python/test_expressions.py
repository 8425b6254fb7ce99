"""Values against NumPy, gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpys
from scipy import special

import swiftvis
from swiftvis import backend as K
from swiftvis.expressions.program import Program

SHAPE = (2, 3, 4, 5)


@pytest.fixture
def x(make: Any) -> swiftvis.Tensor:
    return make([None, *SHAPE[1:]], [make.node("r", "relu", ["x"])]).input


def value(expression: Any, array: np.ndarray) -> np.ndarray:
    program = Program([expression])
    return program.results(program.forward([array]))[0]


def gradient(expression: Any, array: np.ndarray) -> np.ndarray:
    program = Program([expression])
    return program.backward(program.forward([array]))[0]


BOTH: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + 2 + x,
    "subtract": lambda x: 3 - x - 1,
    "multiply": lambda x: x * x * 0.5,
    "divide": lambda x: 2 / (x + 3) / x,
    "negative": lambda x: -x + +x * 2,
    "power": lambda x: x**3 + 2**x + x**0.5 + x**-1 + x**2 + x**1 + x**2.5 + x**x,
    "absolute": lambda x: abs(x - 1),
    "square": lambda x: np.square(x),
    "sqrt": lambda x: np.sqrt(x),
    "reciprocal": lambda x: np.reciprocal(x),
    "exp": lambda x: np.exp(x) + np.expm1(x),
    "log": lambda x: np.log(x) + np.log1p(x),
    "trigonometric": lambda x: np.tanh(x) + np.sin(x) * np.cos(x),
    "maximum": lambda x: np.maximum(x, 1) + np.minimum(x, np.float64(1.1)),
    "clip": lambda x: np.clip(x, 0.8, 1.2),
    "array": lambda x: np.arange(4 * 5).reshape(4, 5) * x + np.ones((3, 1, 1)),
    "broadcast": lambda x: x * np.mean(x, axis=(1, 2), keepdims=True) + x[:, :1],
    "mean": lambda x: np.mean(x, axis=2) + np.mean(x),
    "sum": lambda x: np.sum(x, (0, -1)) + np.sum(x, axis=0, keepdims=True)[..., 0],
    "max": lambda x: np.max(x, axis=3) - np.min(x, axis=-1),
    "amax": lambda x: np.amax(x) * x,
    "var": lambda x: np.var(x, axis=1) + np.std(x, axis=1),
    "norm": lambda x: np.linalg.norm(x) + np.linalg.norm(x, 1, axis=2) + np.linalg.norm(x, np.inf, axis=2),
    "index": lambda x: x[:, 1, :3] + x[..., 2, :] * x[:, -1, None, 3],
    "slices": lambda x: x[:, 1:, ::2] - x[:, :-1, 1::-1],
    "list": lambda x: x[..., [0, 2, 2]] ** 2,
    "list beside an integer": lambda x: x[:, 0, [1, 3]] * x[0, :2, [1, 3]],
    "list apart from an integer": lambda x: x[1, :, [1, 3]],
    "array index": lambda x: x[np.array([1, 0, 1])],
    "matrices": lambda x: x[0, 0] @ np.transpose(x[1, 1])
    + np.dot(np.ones((4, 4)), np.matmul(x[0, 1], np.ones((5, 4)))),
    "reshape": lambda x: np.reshape(x, (-1, 20)) * np.ravel(x)[:20],
    "transpose": lambda x: np.transpose(x, (3, 0, 1, 2))
    + np.moveaxis(x, -1, 0) * np.transpose(x)[:, :1, :1, :1],
    "squeeze": lambda x: np.squeeze(x[:, :1], 1) + np.expand_dims(x, 1)[:, 0, 0],
    "shape": lambda x: x * np.ndim(x) * np.shape(x)[1],
}


@pytest.mark.parametrize("name", BOTH)
def test_numpy(name: str, x: swiftvis.Tensor) -> None:
    array = np.random.default_rng(5).uniform(0.5, 2, SHAPE)
    expression, wanted = BOTH[name](x), BOTH[name](array)
    found = value(expression, array.astype(np.float32))
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert len(expression.shape) == wanted.ndim
    assert all(size in (None, real) for size, real in zip(expression.shape, wanted.shape, strict=True))

    direction = np.random.default_rng(6).normal(size=SHAPE)
    step = 1e-6  # in float64, of NumPy's own function
    slope = (np.sum(BOTH[name](array + step * direction)) - np.sum(BOTH[name](array - step * direction))) / (
        2 * step
    )
    grads = gradient(expression, array.astype(np.float32))
    assert grads.shape == SHAPE and grads.dtype == np.float32 and grads.flags.c_contiguous
    np.testing.assert_allclose(np.sum(grads * direction), slope, rtol=1e-4, atol=1e-3)


KERAS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "mean": (lambda x: K.mean(x, 1, True), lambda x: np.mean(x, 1, keepdims=True)),
    "sum": (lambda x: K.sum(x, axis=[1, 2]), lambda x: np.sum(x, (1, 2))),
    "max": (lambda x: K.max(x, axis=-1), lambda x: np.max(x, -1)),
    "min": (lambda x: K.min(x), np.min),
    "var": (lambda x: K.var(x, 1), lambda x: np.var(x, 1)),
    "std": (lambda x: K.std(x), np.std),
    "square": (K.square, np.square),
    "sqrt": (lambda x: K.sqrt(x - 1), lambda x: np.sqrt(np.maximum(x - 1, 0))),
    "abs": (lambda x: K.abs(x - 1), lambda x: np.abs(x - 1)),
    "exp": (K.exp, np.exp),
    "log": (K.log, np.log),
    "pow": (lambda x: K.pow(x, 6.0), lambda x: x**6),
    "sin": (K.sin, np.sin),
    "cos": (K.cos, np.cos),
    "tanh": (K.tanh, np.tanh),
    "sigmoid": (K.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "relu": (lambda x: K.relu(x - 1), lambda x: np.maximum(x - 1, 0)),
    "maximum": (lambda x: K.maximum(1, x), lambda x: np.maximum(1, x)),
    "minimum": (lambda x: K.minimum(x, 1), lambda x: np.minimum(x, 1)),
    "clip": (lambda x: K.clip(x, 0.8, 1.2), lambda x: np.clip(x, 0.8, 1.2)),
    "l2_normalize": (K.l2_normalize, lambda x: x / np.sqrt((x**2).sum())),
    "l2_normalize axis": (
        lambda x: K.l2_normalize(x, 1),
        lambda x: x / np.sqrt((x**2).sum(1, keepdims=True)),
    ),
    "dot": (lambda x: K.dot(x[0, 0], np.ones((5, 2))), lambda x: x[0, 0] @ np.ones((5, 2))),
    "softmax": (lambda x: K.softmax(x * 100), lambda x: special.softmax(x * 100, -1)),
    "softmax axis": (lambda x: K.softmax(x, 1), lambda x: special.softmax(x, 1)),
    "categorical_crossentropy": (
        lambda x: K.categorical_crossentropy(np.eye(5)[2], x),
        lambda x: -np.log(x / x.sum(-1, keepdims=True))[..., 2],
    ),
    "categorical_crossentropy of logits": (
        lambda x: K.categorical_crossentropy(np.eye(4)[:, [1]], x * 100, from_logits=True, axis=2),
        lambda x: -special.log_softmax(x * 100, 2)[:, :, 1],
    ),
    "binary_crossentropy": (
        lambda x: K.binary_crossentropy(0.25, x / 2),
        lambda x: -0.25 * np.log(np.minimum(x / 2, 1 - 1e-7)) - 0.75 * np.log(np.maximum(1 - x / 2, 1e-7)),
    ),
    "binary_crossentropy of logits": (
        lambda x: K.binary_crossentropy(np.ones(5), x, True),
        lambda x: np.log1p(np.exp(-x)),
    ),
    "reshape": (lambda x: K.reshape(x, (6, -1)), lambda x: x.reshape(6, -1)),
    "flatten": (K.flatten, np.ravel),
    "batch_flatten": (K.batch_flatten, lambda x: x.reshape(2, -1)),
    "squeeze": (lambda x: K.squeeze(x[:, :, :1], 2), lambda x: x[:, :, 0]),
    "expand_dims": (K.expand_dims, lambda x: x[..., None]),
    "permute_dimensions": (lambda x: K.permute_dimensions(x, (0, 3, 1, 2)), lambda x: np.moveaxis(x, 3, 1)),
    "transpose": (K.transpose, np.transpose),
    "identity": (K.identity, np.array),
}


@pytest.mark.parametrize("name", KERAS)
def test_backend(name: str, x: swiftvis.Tensor) -> None:
    """The same function on a tensor, and on an array."""
    array = np.random.default_rng(7).uniform(0.5, 2, SHAPE).astype(np.float32)
    ours, numpys = KERAS[name]
    np.testing.assert_allclose(value(ours(x), array), numpys(array), rtol=2e-5, atol=1e-6)
    found = ours(array)
    assert isinstance(found, (np.ndarray, np.float32)) and found.dtype == np.float32
    np.testing.assert_allclose(found, numpys(array), rtol=2e-5, atol=1e-6)


def test_backend_settings(x: swiftvis.Tensor) -> None:
    assert (K.epsilon(), K.floatx(), K.image_data_format()) == (1e-7, "float32", "channels_last")
    assert K.int_shape(x) == (None, 3, 4, 5) and K.ndim(x) == 4 and x.ndim == 4
    assert K.variable([1, 2]).dtype == K.constant(3).dtype == K.cast_to_floatx(np.ones(2)).dtype == np.float32
    K.set_random_seed(3)
    first = np.random.random()
    K.set_random_seed(3)
    assert np.random.random() == first


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_modify_model_backprop(cnn: swiftvis.Model) -> None:
    assert K.modify_model_backprop(cnn, "guided").backprop_rule == "guided"
    with pytest.raises(ValueError, match=r"Unknown swiftvis.backprop_modifiers: foo"):
        K.modify_model_backprop(cnn, "foo")
    with pytest.raises(TypeError, match="expected a model"):
        K.modify_model_backprop(3, "guided")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("formula", "at", "wanted"),
    [
        (lambda x: np.sqrt(x), 0, 0),
        (lambda x: x**0.25, 0, 0),
        (lambda x: np.linalg.norm(x), 0, 0),
        (lambda x: abs(x), 0, 0),
        (lambda x: x**2.0, 0, 0),
        (lambda x: x**1, 0, 1),
        (lambda x: np.max(x, axis=-1), 1, 0.2),  # five that are equal
        (lambda x: np.maximum(x, 1), 1, 1),
        (lambda x: np.minimum(1, x), 1, 0),
    ],
)
def test_slopes_at_corners(formula: Any, at: float, wanted: float, x: swiftvis.Tensor) -> None:
    found = gradient(formula(x), np.full(SHAPE, at, np.float32))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_several_leaves_and_shared_parts(cnn: swiftvis.Model) -> None:
    a, b = cnn.input, cnn.layers[-1].output
    shared = np.mean(a)
    program = Program([shared * np.sum(b[:, 1]), shared + 1, K.constant(2) * b[0, 0]])
    arrays = {a: np.full((1, 32, 32, 3), 2, np.float32), b: np.arange(5, dtype=np.float32)[None]}
    values = program.forward([arrays[leaf] for leaf in program.leaves])
    np.testing.assert_allclose(program.results(values), [2, 3, 0])
    found = dict(zip(program.leaves, program.backward(values), strict=True))
    first, second = found[a], found[b]
    np.testing.assert_allclose(first, 2 / 3072, rtol=1e-6)
    np.testing.assert_allclose(second, [[2, 2, 0, 0, 0]], rtol=1e-6)


@st.composite
def indexed(draw: Any) -> tuple[np.ndarray, Any]:
    """An array, and an index for it: NumPy's basic kinds, and perhaps a list in place of an integer or a slice."""
    shape = draw(numpys.array_shapes(min_dims=1, max_dims=4, max_side=4))
    item = draw(numpys.basic_indices(shape, min_dims=0, allow_newaxis=True, allow_ellipsis=True))
    parts = list(item) if isinstance(item, tuple) else [item]
    places = [i for i, part in enumerate(parts) if isinstance(part, (int, slice))]
    if places and draw(st.booleans()):
        side = min(shape)
        parts[draw(st.sampled_from(places))] = draw(
            st.lists(st.integers(-side, side - 1), min_size=1, max_size=3)
        )
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape), tuple(parts)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=indexed())
def test_indexing_is_numpys(case: tuple[np.ndarray, Any], make: Any) -> None:
    array, item = case
    wanted, counts = array[item], np.zeros_like(array)
    np.add.at(counts, item, 1)
    expression = make([None, *array.shape[1:]], [make.node("r", "relu", ["x"])]).input[item]
    found = value(expression, array)
    np.testing.assert_array_equal(found, wanted)
    assert len(expression.shape) == wanted.ndim
    assert all(size in (None, real) for size, real in zip(expression.shape, wanted.shape, strict=True))
    np.testing.assert_array_equal(gradient(expression, array), counts)


def test_a_long_sum(x: swiftvis.Tensor) -> None:
    total = 0
    for i in range(3000):
        total = total + np.mean(x[..., i % 5])
    np.testing.assert_allclose(gradient(total, np.ones(SHAPE, np.float32)), 600 / 24, rtol=1e-4)


def test_an_array_that_was_given_is_not_written_to(x: swiftvis.Tensor) -> None:
    weights = np.ones(SHAPE, np.float32)
    gradient(np.sum(x * weights) + np.sum(x[:, 0]) + np.sum(x), np.ones(SHAPE, np.float32))
    assert (weights == 1).all()


@pytest.mark.parametrize(
    ("formula", "error", "message"),
    [
        (lambda x: np.tensordot(x, x), TypeError, r"np\.tensordot is not supported"),
        (lambda x: np.fft.fft(x), TypeError, r"np\.fft.*\.fft is not supported"),
        (lambda x: np.ones(3) % x, TypeError, r"np\.remainder is not supported"),
        (lambda x: np.add.accumulate(x), TypeError, r"np\.add\.accumulate"),
        (lambda x: np.add(x, 1, dtype=np.float64), TypeError, r"np\.add with dtype="),
        (lambda x: np.mean(x, dtype=np.float64), TypeError, r"np\.mean on an expression: .*dtype"),
        (lambda x: np.linalg.norm(x, "fro", (1, 2)), TypeError, "matrix norms"),
        (lambda x: np.linalg.norm(x, 3, 1), TypeError, "ord=3"),
        (lambda x: x @ x, ValueError, r"matmul: expected matrices that fit each other, got shapes \(None"),
        (lambda x: x[0, 0] @ x[0, 0], ValueError, r"matmul: .* got shapes \(4, 5\) and \(4, 5\)"),
        (lambda x: x // 2, TypeError, "//"),
        (lambda x: x > 2, TypeError, ">"),
        (lambda x: x + "a", TypeError, r"add: expected .* got builtins\.str"),
        (lambda x: K.mean(None), TypeError, r"mean: expected .* got builtins\.NoneType"),
        (lambda x: np.asarray(x), TypeError, "has no values"),
        (lambda x: list(x), TypeError, "not iterable"),
        (lambda x: 3 in x, TypeError, "not"),
        (lambda x: float(x), TypeError, "float"),
        (lambda x: x[True], TypeError, "an index must be an integer, got bool"),
        (lambda x: x[0.5], TypeError, "an index must be an integer, got float"),
        (lambda x: x[:, [1], [1]], TypeError, "several lists"),
        (lambda x: x[..., ...], IndexError, "one ellipsis"),
        (lambda x: x[0, 0, 0, 0, 0], IndexError, "too many indices"),
        (lambda x: x[:, 3], IndexError, "index 3 is out of range for an axis of size 3"),
        (lambda x: x[..., [0, -6]], IndexError, "index -6"),
        (lambda x: x + np.ones(4), ValueError, r"add: the shapes \(None, 3, 4, 5\) and \(4,\)"),
        (lambda x: np.sum(x, axis=4), ValueError, "sum: axis 4"),
        (lambda x: np.sum(x, axis=(1, -3)), ValueError, "twice"),
        (lambda x: np.reshape(x[0], 7), ValueError, "reshape"),
        (lambda x: np.reshape(x, (-1, -1)), ValueError, "one size may be -1"),
        (lambda x: np.squeeze(x, 1), ValueError, "squeeze"),
        (lambda x: np.transpose(x, (0, 1)), ValueError, "transpose"),
    ],
)
def test_what_is_refused_is_named(formula: Any, error: Any, message: str, x: swiftvis.Tensor) -> None:
    with pytest.raises(error, match=message):
        formula(x)
