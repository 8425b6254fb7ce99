"""Backward rules that fail or do not fit, and how they are told from modifiers."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis import backprop_modifiers

pytestmark = pytest.mark.filterwarnings("ignore:the .* rule applies to ReLU")


def doubled(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 2 * gradient


def identity(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return gradient


class Mine(BaseException):
    pass


@pytest.mark.parametrize("error", [KeyError("x"), Mine(), KeyboardInterrupt(), StopIteration(3)])
def test_an_exception_reaches_the_caller(
    cnn: swiftvis.Model, image: np.ndarray, error: BaseException
) -> None:
    wanted = cnn.gradient(image, backprop_modifier=identity)

    def rule(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        raise error

    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            cnn.gradient(image, backprop_modifier=rule)
        assert caught.value is error
        assert any(entry.name == "rule" for entry in caught.traceback)
        np.testing.assert_array_equal(cnn.gradient(image, backprop_modifier=identity), wanted)


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (lambda g: None, TypeError, r"'predictions' \(softmax\) returned None"),
        (lambda g: g[0], ValueError, r"returned the shape \(5,\), expected \(1, 5\)"),
        (lambda g: 0, ValueError, r"returned the shape \(\)"),
        (lambda g: g + 1j, TypeError, "returned complex64"),
        (lambda g: "text", TypeError, "expected real numbers"),
        (lambda g: g * np.nan, ValueError, "'predictions' .* a NaN or an infinity"),
        (lambda g: g.astype(float) + 1e300, ValueError, "a NaN or an infinity"),
    ],
)
def test_results_are_checked(
    cnn: swiftvis.Model, image: np.ndarray, result: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        cnn.gradient(image, backprop_modifier=lambda gradient, x, y: result(gradient))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, bool])
def test_any_real_type_and_layout(chain: swiftvis.Model, dtype: Any) -> None:
    rule = {"first": lambda g, x, y: np.asfortranarray(np.ones((2, 4))[:, ::2].astype(dtype))}
    found = chain.gradient(np.ones((2, 2)), backprop_modifier=rule)
    assert found.dtype == np.float32 and found.tolist() == [[1, 1], [1, 1]]


def test_large_numbers_are_no_infinity(chain: swiftvis.Model) -> None:
    rule = {"first": lambda g, x, y: np.full_like(g, 3e38)}
    assert np.isfinite(chain.gradient([[1, 1]], backprop_modifier=rule)).all()


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (
            {"nowhere": doubled},
            ValueError,
            "'nowhere' is neither a layer nor a kind of activation.*relu, tanh",
        ),
        ({"end": doubled}, ValueError, "layer 'end' has no activation"),
        ({"selu": doubled}, ValueError, r"no 'selu' activation \(its kinds of activations: relu, tanh\)"),
        ({"first": "nonsense"}, ValueError, "unknown rule 'nonsense'"),
        ({"first": None}, ValueError, "unknown rule None"),
        ({3: doubled}, TypeError, "not for int"),
        ({"first": lambda g: g}, TypeError, r"rule\(gradient, x, y\)"),
    ],
)
def test_rules_that_do_not_fit(chain: swiftvis.Model, rule: Any, error: Any, message: str) -> None:
    for modifier in (rule, backprop_modifiers.custom(rule), lambda model: model.with_rule(rule)):
        with pytest.raises(error, match=message):
            chain.gradient([[1, 1]], backprop_modifier=modifier)


def test_a_name_of_a_layer_and_a_kind(make: Any) -> None:
    nodes = [make.node("relu", "relu", ["x"]), make.node("second", "relu", ["relu"])]
    net = make([None, 2], nodes)
    with pytest.raises(ValueError, match="'relu' is a layer and a kind of activation"):
        net.gradient([[1, 1]], backprop_modifier={"relu": doubled})
    found = net.gradient([[1, 1]], backprop_modifier={net.get_layer("relu"): doubled})
    assert found.tolist() == [[1, 1]]


@pytest.mark.parametrize("rule", [3, None, [doubled]])
def test_with_rule_takes_rules_only(chain: swiftvis.Model, rule: Any) -> None:
    with pytest.raises(TypeError, match="a backward rule is a name"):
        chain.with_rule(rule)
    with pytest.raises(ValueError, match="unknown rule 'foo'"):
        chain.with_rule("foo")
    with pytest.raises(ValueError, match="unknown rule 'foo'"):
        chain.with_rule({}, otherwise="foo")


# ---- Modifiers and rules are told apart ----


def test_modifier_or_rule(chain: swiftvis.Model) -> None:
    get = backprop_modifiers.get

    def modifier(model: swiftvis.Model, strength: float = 1, more: int = 2) -> swiftvis.Model:
        return model.with_rule("guided")

    def rule(gradient: np.ndarray, x: np.ndarray, y: np.ndarray, slope: float = 0.1) -> np.ndarray:
        return gradient * slope

    class Callable:
        def __call__(self, gradient: Any, x: Any, y: Any) -> Any:
            return gradient

    assert get(modifier) is modifier
    assert get("guided") is backprop_modifiers.guided
    for given in (rule, Callable(), {"relu": rule}):
        assert get(given)(chain).backprop_rule == "custom"
    for unclear in (lambda *a: a[0], lambda: None, lambda g, x: g, lambda g, x, y, z: g, max):
        with pytest.raises(TypeError, match=r"backprop_modifiers\.custom\(rule\)"):
            get(unclear)
    explicit = backprop_modifiers.custom(lambda *arrays: arrays[0] * 2)
    assert chain.gradient([[1, -1]], backprop_modifier=explicit).tolist() == [[4, 4]]


def test_the_example_of_the_documentation(cnn: swiftvis.Model, image: np.ndarray) -> None:
    names = {"model": cnn, "image": image, "custom": backprop_modifiers.custom}
    test = doctest.DocTestFinder().find(backprop_modifiers.custom, "custom", globs=names)[0]
    results = doctest.DocTestRunner().run(test)
    assert results.attempted > 4 and results.failed == 0
