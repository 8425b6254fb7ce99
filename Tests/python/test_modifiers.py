from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import swiftvis
from swiftvis import backprop_modifiers, grad_modifiers

G = np.array([-2.0, -1e-7, 0.0, 1e-7, 4.0], np.float32)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("negate", [2, 1e-7, 0, -1e-7, -4]),
        ("absolute", [2, 1e-7, 0, 1e-7, 4]),
        ("relu", [0, 0, 0, 1e-7, 4]),
        ("invert", [-0.5, 1e7, 1e7, 5e6, 0.25]),
        ("small_values", [0.5, 1e7, 1e7, 5e6, 0.25]),
    ],
)
def test_formula(name: str, wanted: list[float]) -> None:
    found = grad_modifiers.get(name)(G.copy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_relu_works_in_place() -> None:
    g = G.copy()
    assert grad_modifiers.relu(g) is g


@pytest.mark.parametrize("module", [grad_modifiers, backprop_modifiers])
def test_get(module) -> None:
    def mine(g):
        return g

    assert module.get(mine) is mine
    name = module.__name__
    with pytest.raises(ValueError, match=f"Unknown {name}: foo"):
        module.get("foo")
    with pytest.raises(ValueError, match="Could not interpret identifier"):
        module.get(3)


def test_own_grad_modifier_sees_the_signed_gradient(cnn: swiftvis.Model, image: np.ndarray) -> None:
    seen = []
    swiftvis.visualization.visualize_saliency(cnn, -1, 1, image, grad_modifier=lambda g: seen.append(g) or g)
    np.testing.assert_array_equal(seen[0], cnn.gradient(image, filter_indices=1))
    assert seen[0].min() < 0


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_own_backprop_modifier(cnn: swiftvis.Model, image: np.ndarray) -> None:
    found = cnn.gradient(image, filter_indices=1, backprop_modifier=lambda model: model.with_rule("guided"))
    np.testing.assert_array_equal(found, cnn.gradient(image, filter_indices=1, backprop_modifier="guided"))


@pytest.mark.filterwarnings("ignore:the guided rule")
def test_modifier_functions_give_models(cnn: swiftvis.Model, image: np.ndarray) -> None:
    guided = backprop_modifiers.guided(cnn)
    assert (guided.backprop_rule, cnn.backprop_rule) == ("guided", "plain")
    np.testing.assert_array_equal(guided.gradient(image), cnn.gradient(image, backprop_modifier="guided"))
    assert backprop_modifiers.relu is backprop_modifiers.deconv is backprop_modifiers.rectified


def test_small_values_gives_no_nan_map(make) -> None:
    net = make(
        [None, 2], [make.node("d", "dense", ["x"], {"kernel": "k"})], {"k": np.array([[-1e-7], [1]], "f")}
    )
    found = swiftvis.visualization.visualize_saliency(
        net, -1, 0, [1, 1], grad_modifier="small_values", keepdims=True
    )
    assert np.isfinite(found).all()


def test_layers_and_tensors_carry_the_rule(cnn: swiftvis.Model) -> None:
    cnn.layers[-1].activation = "linear"
    guided = cnn.with_rule("guided")
    for tensor in (guided.input, guided.output, guided.layers[3].output):
        assert tensor.network.rule == "guided" and tensor.network.is_same(cnn.input.network)
    assert cnn.layers[3].output.network.rule == "plain"
    assert guided.input == guided.input != cnn.input
    assert guided.layers[-1].activation == "linear", "what was set is not lost"
    edited = swiftvis.utils.utils.apply_modifications(guided)
    assert edited.backprop_rule == edited.output.network.rule == "guided"
    guided.close()
    with pytest.raises(ValueError, match="closed"):
        _ = cnn.input


def test_a_model_goes_with_its_last_reference(goldens) -> None:
    gc.disable()
    try:
        model = swiftvis.load_model(goldens / "plain.h5")
        loss = np.mean(model.with_rule("guided").layers[2].output)
        gone = weakref.ref(model.input.network)
        del model, loss
        assert gone() is None
    finally:
        gc.enable()
