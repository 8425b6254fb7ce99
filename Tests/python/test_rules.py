"""Backward rules that users write."""

from __future__ import annotations

import gc
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis import backprop_modifiers
from swiftvis.losses import ActivationMaximization, Loss
from swiftvis.visualization import visualize_activation, visualize_saliency, visualize_saliency_with_losses

pytestmark = pytest.mark.filterwarnings("ignore:the .* rule applies to ReLU")

# The built-in rules, written once more.
RULES: dict[str, Any] = {
    "plain": lambda gradient, x, y: gradient * (y > 0),
    "guided": lambda gradient, x, y: gradient * (y > 0) * (gradient > 0),
    "rectified": lambda gradient, x, y: gradient * (gradient > 0),
}


def doubled(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 2 * gradient


def negated(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -gradient


def identity(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return gradient


class _Sum(Loss):
    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self._parts = parts

    def build_loss(self) -> Any:
        return sum(self._parts)


class Recorder:
    """A rule that keeps copies of what it is given."""

    def __init__(self) -> None:
        self.calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def __call__(self, gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        self.calls.append((gradient.copy(), x.copy(), y.copy()))
        return gradient


# ---- The same numbers as the built-in rules ----


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("network", ["plain", "residual", "regression"])
def test_golden_networks_to_the_bit(goldens: Path, name: str, network: str) -> None:
    net = swiftvis.load_model(goldens / f"{network}.h5")
    image = np.random.default_rng(4).random((2, *net.input_shape[1:]), np.float32)
    found = net.gradient(image, backprop_modifier={"relu": RULES[name]})
    np.testing.assert_array_equal(found, net.with_rule(name).gradient(image))


@pytest.mark.parametrize("name", RULES)
def test_relu6(lite0: swiftvis.Model, name: str) -> None:
    def rule(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return RULES[name](gradient, x, y) * ((y < 6) | (name == "rectified"))

    image = np.random.default_rng(4).random(lite0.input_shape[1:], np.float32)
    wanted = lite0.with_rule(name).gradient(image, -2, 7)
    found = lite0.gradient(image, -2, 7, backprop_modifier={"relu6": rule})
    # Convolutions may take other algorithms where nothing is fused into them.
    np.testing.assert_allclose(found, wanted, atol=2e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("name", RULES)
def test_nested_models(fixtures: Path, name: str) -> None:
    net = swiftvis.load_model(fixtures / "keras" / "keras3.15.1_nested.keras")
    image = np.random.default_rng(4).random((1, *net.input_shape[1:]), np.float32)
    found = net.gradient(image, backprop_modifier={"relu": RULES[name]})
    np.testing.assert_allclose(found, net.with_rule(name).gradient(image), rtol=1e-5, atol=1e-8)


def test_xplique(make: Any) -> None:
    """The numbers of xplique's own test: a ReLU whose output is squared and negated."""
    nodes = [
        make.node("relu", "relu", ["x"]),
        make.node("square", "multiply", ["relu", "relu"]),
        make.node("y", "affine", ["square"], {"scale": "minus", "offset": "zero"}),
    ]
    net = make([None, 4], nodes, {"minus": -np.ones(1, "f"), "zero": np.zeros(1, "f")})
    x, filters = [[5, 0, -5, 10]], [0, 1, 2, 3]
    assert net.gradient(x, filter_indices=filters).tolist() == [[-10, 0, 0, -20]]
    for modifier in ("guided", RULES["guided"]):
        assert net.gradient(x, filter_indices=filters, backprop_modifier=modifier).tolist() == [[0, 0, 0, 0]]
    assert net.gradient(x, filter_indices=filters).tolist() == [[-10, 0, 0, -20]]


# ---- What a rule is given ----


def test_what_a_rule_sees(cnn: swiftvis.Model, image: np.ndarray) -> None:
    recorder = Recorder()
    cnn.gradient(image, filter_indices=1, backprop_modifier=recorder)
    names = ["activation_1", "activation_2", "conv2d_1", "conv2d_2", "predictions"]
    assert [call[0].shape[1:] for call in recorder.calls] == [
        cnn.get_layer(name).output_shape[1:] for name in reversed(names)
    ]
    gradient, x, y = recorder.calls[0]
    np.testing.assert_array_equal(gradient, [[0, 1, 0, 0, 0]])
    np.testing.assert_array_equal(y, cnn.predict(image))
    np.testing.assert_allclose(np.exp(x) / np.exp(x).sum(), y, rtol=1e-5)
    for _, x, y in recorder.calls[1:]:
        np.testing.assert_array_equal(y, np.maximum(x, 0))


def test_views_are_for_reading_and_outlive_the_call_harmlessly(
    cnn: swiftvis.Model, image: np.ndarray
) -> None:
    kept: list[np.ndarray] = []

    def rule(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        kept.extend([gradient, x, y])
        for array in (gradient, x, y):
            assert array.dtype == np.float32
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
        return gradient

    with cnn.with_rule(rule) as net:
        net.gradient(image)
    gc.collect()
    assert len([array.sum() for array in kept]) == 15  # the memory is still there


@pytest.mark.parametrize(
    "fixture",
    ["keras2.1.6_channels_first.h5", "keras3.15.1_channels_first.keras", "keras3.15.1_sequences.keras"],
)
def test_arrays_have_the_layout_of_the_layers_output(fixtures: Path, fixture: str) -> None:
    net = swiftvis.load_model(fixtures / "keras" / fixture)
    x = np.random.default_rng(5).random((1, *(size or 9 for size in net.input_shape[1:])), np.float32)
    checked = 0
    for layer in net.layers:
        if not layer.activation_nodes or len(layer.nodes) != 1:
            continue
        output, recorder = layer.output, Recorder()
        wanted = net.gradient(x, output, 1)

        def by_channel(gradient: np.ndarray, x: np.ndarray, y: np.ndarray, to: Any = recorder) -> np.ndarray:
            to(gradient, x, y)
            axis = output.channel_axis  # noqa: B023
            scale = np.arange(1, gradient.shape[axis] + 1, dtype="f")
            return gradient * scale.reshape([-1 if i == axis else 1 for i in range(gradient.ndim)])

        found = net.gradient(x, output, 1, backprop_modifier={layer: by_channel})
        if layer.activation == "linear":
            np.testing.assert_allclose(found, 2 * wanted, rtol=1e-5)
        shape = recorder.calls[0][0].shape
        assert all(size in (None, given) for size, given in zip(output.shape, shape, strict=True))
        checked += 1
    assert checked > 2


def test_a_batch_may_come_in_parts(cnn: swiftvis.Model) -> None:
    images = np.random.default_rng(6).random((40, 32, 32, 3), np.float32)
    recorder = Recorder()
    cnn.gradient(images, backprop_modifier={"predictions": recorder})
    assert sum(len(call[0]) for call in recorder.calls) == 40


# ---- Which activations ----


@pytest.mark.parametrize(
    ("rule", "factor"),
    [
        ({"first": doubled}, 2),
        ({"first": doubled, "third": doubled}, 4),
        ({"relu": doubled}, 4),
        ({"relu": doubled, "first": "plain"}, 2),
        ({"first": "plain", "relu": doubled}, 2),
        ({"relu": doubled, "first": negated}, -2),
        ({"first": doubled, "third": negated}, -2),
        ({}, 1),
    ],
)
def test_mapping(chain: swiftvis.Model, rule: Any, factor: float) -> None:
    x = np.array([[0.5, 0.25]], "f")
    wanted = factor * chain.gradient(x)
    np.testing.assert_array_equal(chain.gradient(x, backprop_modifier=rule), wanted)
    by_layer = {chain.get_layer(k) if k != "relu" else k: v for k, v in rule.items()}
    np.testing.assert_array_equal(chain.gradient(x, backprop_modifier=by_layer), wanted)
    np.testing.assert_array_equal(chain.with_rule(rule).gradient(x), wanted)


def test_a_function_is_for_all_but_linear(
    chain: swiftvis.Model, cnn: swiftvis.Model, image: np.ndarray
) -> None:
    recorder = Recorder()
    np.testing.assert_array_equal(chain.gradient([[0.5, -1]], backprop_modifier=recorder), [[0.5, 0.5]])
    assert len(recorder.calls) == 3
    cnn.gradient(image, backprop_modifier={"stem": doubled})  # linear, but named
    with pytest.raises(ValueError, match="neither a layer nor a kind"):
        cnn.gradient(image, backprop_modifier={"linear": doubled})


def test_otherwise(chain: swiftvis.Model) -> None:
    x = np.array([[0.5, -0.5]], "f")
    modifier = backprop_modifiers.custom({"second": negated}, otherwise="rectified")
    assert chain.gradient(x, backprop_modifier=modifier).tolist() == [[0, 0]]
    modifier = backprop_modifiers.custom({"second": doubled}, otherwise="rectified")
    assert chain.gradient(x, backprop_modifier=modifier).tolist() == [[1, 1]]
    modifier = backprop_modifiers.custom({"first": "plain", "third": identity}, otherwise="deconv")
    assert chain.gradient(x, filter_indices=1, backprop_modifier=modifier).tolist() == [[0, 0]]


def test_unmodified_activations_are_named(chain: swiftvis.Model) -> None:
    modifier = backprop_modifiers.custom({"first": identity}, otherwise="guided")
    with pytest.warns(UserWarning, match=r"the guided rule .*: second \(tanh\)"):
        chain.gradient([[1, 1]], backprop_modifier=modifier)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chain.gradient([[1, 1]], backprop_modifier=identity)


def test_layers_inside_nested_models(fixtures: Path) -> None:
    net = swiftvis.load_model(fixtures / "keras" / "keras3.15.1_nested.keras")
    outer = next(layer for layer in net.layers if layer.layers)
    inner = [layer for layer in outer.layers if net._network.activations.of_layer(layer)]
    assert len(inner) > 1
    image = np.random.default_rng(4).random((1, *net.input_shape[1:]), np.float32)
    wanted = net.gradient(image, backprop_modifier=dict.fromkeys(inner, doubled))
    np.testing.assert_array_equal(net.gradient(image, backprop_modifier={outer: doubled}), wanted)
    np.testing.assert_array_equal(net.gradient(image, backprop_modifier={outer.name: doubled}), wanted)
    by_name = {layer.name: doubled for layer in inner}
    np.testing.assert_array_equal(net.gradient(image, backprop_modifier=by_name), wanted)


def test_kinds_have_the_names_that_activations_are_set_by(make: Any) -> None:
    nodes = [
        make.node("a", "silu", ["x"]),
        make.node("b", "relu", ["a"], negative_slope=0.3),
        make.node("c", "relu", ["b"], max_value=6),
        make.node("d", "prelu", ["c"], {"alpha": "alpha"}),
    ]
    net = make([None, 2], nodes, {"alpha": np.ones(2, "f")})
    wanted = net.gradient([[1, 2]], -2, backprop_modifier={"a": doubled, "b": doubled, "c": doubled})
    for kinds in (("silu", "leaky_relu", "relu6"), ("swish", "leaky_relu", "relu6")):
        rule = dict.fromkeys(kinds, doubled)
        np.testing.assert_array_equal(net.gradient([[1, 2]], -2, backprop_modifier=rule), wanted)
    assert net.gradient([[1, 2]], backprop_modifier={"prelu": negated}).max() < 0


# ---- The rule belongs to the model that carries it ----


def test_activations_set_later(cnn: swiftvis.Model, image: np.ndarray) -> None:
    recorder = Recorder()
    net = cnn.with_rule({"softmax": recorder, "conv2d_2": recorder})
    net.gradient(image)
    assert len(recorder.calls) == 2
    net.layers[-1].activation = "sigmoid"
    with pytest.raises(ValueError, match="no 'softmax' activation"):
        net.with_modifications()
    net = cnn.with_rule({"relu": recorder})
    net.layers[-1].activation = "relu"
    recorder.calls.clear()
    net.with_modifications().gradient(image)
    assert len(recorder.calls) == 5
    assert (net.backprop_rule, cnn.backprop_rule) == ("custom", "plain")


def test_saliency(cnn: swiftvis.Model, image: np.ndarray) -> None:
    wanted = visualize_saliency(cnn, -1, 1, image, backprop_modifier="guided")
    rule = {"relu": RULES["guided"]}
    np.testing.assert_array_equal(visualize_saliency(cnn, -1, 1, image, backprop_modifier=rule), wanted)


def test_functions_are_not_mixed_up(chain: swiftvis.Model) -> None:
    """Sessions are planned for nodes, and shared by all functions for these."""
    x, plain = [[0.5, 0.25]], chain.gradient([[0.5, 0.25]])
    for factor in range(1, 20):
        found = chain.gradient(x, backprop_modifier={"third": lambda g, x, y, f=factor: f * g})
        np.testing.assert_array_equal(found, factor * plain)
    assert len(chain._network.sessions._idle) == 2
    np.testing.assert_array_equal(chain.gradient(x, backprop_modifier={"first": negated}), -plain)
    np.testing.assert_array_equal(chain.gradient(x), plain)


def test_tensors_carry_the_rule(cnn: swiftvis.Model, image: np.ndarray) -> None:
    def saliency(net: swiftvis.Model) -> np.ndarray:
        losses = [(ActivationMaximization(net.layers[-1], 1), -1)]
        return visualize_saliency_with_losses(net.input, losses, image)

    wanted = visualize_saliency(cnn, -1, 1, image, backprop_modifier="guided")
    np.testing.assert_array_equal(saliency(cnn.with_rule({"relu": RULES["guided"]})), wanted)
    one, other = cnn.with_rule(negated), cnn.with_rule(doubled)
    loss = ActivationMaximization(one.layers[-1], 1).build_loss()
    assert one.layers[-2].output.network.rule == cnn.with_rule(negated).layers[-2].output.network.rule
    mixed = [(_Sum(loss, ActivationMaximization(other.layers[-2], 1).build_loss()), 1)]
    with pytest.raises(ValueError, match="several backward rules"):
        visualize_saliency_with_losses(one.input, mixed, image)


def test_activation_maximization(cnn: swiftvis.Model, image: np.ndarray) -> None:
    options: dict[str, Any] = {"seed_input": image, "input_range": (0.0, 1.0), "max_iter": 3, "tv_weight": 0}
    wanted = visualize_activation(cnn, -1, 1, backprop_modifier="guided", **options)
    found = visualize_activation(cnn, -1, 1, backprop_modifier={"relu": RULES["guided"]}, **options)
    np.testing.assert_array_equal(found, wanted)


def test_nothing_keeps_a_function_alive(chain: swiftvis.Model) -> None:
    recorder = Recorder()
    gone = weakref.ref(recorder)
    chain.gradient([[1, 1]], backprop_modifier=recorder)
    del recorder
    assert gone() is None


def test_a_failed_run_leaves_nothing_behind(chain: swiftvis.Model) -> None:
    class Failing:
        def __call__(self, gradient: Any, x: Any, y: Any) -> Any:
            raise KeyError

    rule = Failing()
    gone = weakref.ref(rule)
    gc.disable()
    try:
        chain.gradient([[1, 1]], backprop_modifier=rule)
    except KeyError:
        del rule
    finally:
        gc.enable()
    assert gone() is None


def test_threads(cnn: swiftvis.Model, image: np.ndarray) -> None:
    def run(factor: int) -> np.ndarray:
        return cnn.gradient(
            image, backprop_modifier={"relu": lambda g, x, y: g * np.float32(factor) * (y > 0)}
        )

    wanted = [run(factor) for factor in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, range(1, 9)))
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rule_may_use_the_model(chain: swiftvis.Model) -> None:
    def rule(gradient: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (
            gradient * chain.with_rule({"first": negated}).gradient(np.ones((1, 2)), filter_indices=0).sum()
        )

    inner = -chain.gradient([[1, 1]], filter_indices=0).sum()
    found = chain.gradient([[0.5, 0.25]], backprop_modifier={"first": rule})
    np.testing.assert_allclose(found, inner * chain.gradient([[0.5, 0.25]]), rtol=1e-6)
