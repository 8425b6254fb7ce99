"""Small networks whose maps are known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import swiftvis
from swiftvis.visualization import visualize_saliency


@pytest.fixture(params=["fused", "separate"])
def keras_vis_net(request: pytest.FixtureRequest, make) -> swiftvis.Model:
    """The network of keras-vis's own test: Dense(2, relu), Dense(1), without biases."""
    nodes = [
        make.node("dense_1", "dense", ["x"], {"kernel": "k1"}),
        make.node("relu", "relu", ["dense_1"]),
        make.node("dense_2", "dense", ["relu"], {"kernel": "k2"}),
    ]
    weights = {"k1": np.array([[-1, 1], [-1, 1]], "f"), "k2": np.array([[-1], [1]], "f")}
    layers = {}
    if request.param == "fused":
        layers["layers"] = [
            {"name": "dense_1", "class_name": "Dense", "outputs": ["relu"], "activations": ["relu"]},
            {"name": "dense_2", "class_name": "Dense", "outputs": ["dense_2"]},
        ]
    return make([None, 2], nodes, weights, **layers)


@pytest.mark.parametrize("x", [(0, 0), (1, 0), (0, 1), (1, 1), (-1, 0), (0, -1), (-1, -1)])
def test_keras_vis_guided(keras_vis_net: swiftvis.Model, x: tuple[int, int]) -> None:
    plain, guided = {0: ((0, 0), (0, 0)), 1: ((1, 1), (1, 1)), -1: ((1, 1), (0, 0))}[int(np.sign(sum(x)))]
    assert keras_vis_net.gradient([x]).tolist() == [list(plain)]
    assert keras_vis_net.gradient([x], backprop_modifier="guided").tolist() == [list(guided)]
    assert keras_vis_net.gradient([x]).tolist() == [list(plain)]  # the model itself is as before


def test_rectified_has_no_forward_gate(keras_vis_net: swiftvis.Model) -> None:
    for name in ("rectified", "relu", "deconv"):
        assert keras_vis_net.gradient([[-1, -1]], backprop_modifier=name).tolist() == [[1, 1]]


CAPTUM = {
    None: [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]],
    "guided": [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]],
    "rectified": [[2, 3, 3, 1], [3, 5, 5, 2], [3, 5, 5, 2], [1, 2, 2, 1]],
}


@pytest.mark.parametrize("modifier", CAPTUM)
def test_captum(captum_net: swiftvis.Model, modifier: str | None) -> None:
    x = np.arange(16, dtype="f").reshape(1, 4, 4, 1)
    assert captum_net.predict(x)[0, 0] == 54
    found = captum_net.gradient(x, filter_indices=0, backprop_modifier=modifier)
    assert found[0, ..., 0].tolist() == CAPTUM[modifier]


def test_relu6_takes_part_and_others_are_named(make) -> None:
    nodes = [make.node("clipped", "relu", ["x"], max_value=6.0), make.node("smooth", "elu", ["clipped"])]
    model = make([None, 3], nodes)
    with pytest.warns(UserWarning, match=r"smooth") as caught:
        found = model.gradient([[-1, 3, 7]], backprop_modifier="guided")
        visualize_saliency(model, -1, 0, np.ones(3), backprop_modifier="guided", keepdims=True)
    # They point to this file, not into the package.
    assert [warning.filename for warning in caught] == [__file__] * 2
    np.testing.assert_allclose(found, [[0, 1 / 3, 0]])


def test_lite0_against_an_independent_gradient(lite0: swiftvis.Model, fixtures: Path) -> None:
    with np.load(fixtures / "lite0_coffee.npz") as file:
        x, wanted = file["input"], file["grad"].astype(np.float32) * file["scale"]
    found = lite0.gradient(x, filter_indices=967)
    # Keras on JAX computed it with the same half-precision weights. Rounding decides a few of the millions of ReLU6 gates.
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.9999
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()
    assert lite0.predict(x).argmax() == 967


def test_each_golden_map_is_its_own_array(cnn: swiftvis.Model, image: np.ndarray) -> None:
    first = visualize_saliency(cnn, -1, 0, image)
    kept = first.copy()
    visualize_saliency(cnn, -1, 1, image)
    np.testing.assert_array_equal(first, kept)
