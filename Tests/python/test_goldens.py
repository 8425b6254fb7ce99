"""What the original keras-vis returned on three networks, and what swiftvis returns."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis
from swiftvis.losses import ActivationMaximization
from swiftvis.regularizers import LPNorm, TotalVariation
from swiftvis.utils.utils import apply_modifications
from swiftvis.visualization import (
    visualize_activation,
    visualize_cam,
    visualize_saliency,
    visualize_saliency_with_losses,
)

ROOT = Path(__file__).parent / "goldens"


@cache
def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(ROOT / f"{name}.npz") as file:
        return {key.replace("|", "/"): file[key] for key in file}


@cache
def model(name: str, last_activation: str) -> swiftvis.Model:
    loaded = swiftvis.load_model(ROOT / f"{name}.h5")
    if last_activation == "kept":
        return loaded
    loaded.layers[-1].activation = "linear"
    return apply_modifications(loaded)


def calls(*names: str) -> Any:
    def mark(test: Any) -> Any:
        test.calls = names
        return test

    return mark


@pytest.mark.parametrize("name", ["plain", "residual", "regression"])
def test_prediction(name: str) -> None:
    wanted = arrays(name)["prediction"]
    found = model(name, "kept").predict(arrays(name)["input"][None])[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["plain", "residual", "regression"])
def test_layers_are_keras_layers(name: str) -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text())
    assert [layer.name for layer in model(name, "kept").layers] == manifest[name]["layers"]


@calls("raw_gradient")
def test_raw_gradient(golden: tuple[str, dict]) -> None:
    name, case = golden
    wanted = arrays(name)[case["key"]]
    found = model(name, case.get("last_activation", "linear")).gradient(
        arrays(name)["input"][None], layer_idx=case["layer_idx"], filter_indices=case["filter_indices"]
    )
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


@calls("visualize_saliency")
def test_saliency(golden: tuple[str, dict]) -> None:
    name, case = golden
    wanted = arrays(name)[case["key"]]
    found = visualize_saliency(
        model(name, case.get("last_activation", "linear")),
        case["layer_idx"],
        case["filter_indices"],
        arrays(name)["input"],
        backprop_modifier=case["backprop_modifier"],
        grad_modifier=case["grad_modifier"],
        keepdims=case["keepdims"],
    )
    assert found.shape == wanted.shape and found.dtype == np.float32
    if case["grad_modifier"] in ("invert", "small_values"):
        # A few gradients next to zero set the scale and the zero of these maps, so they are compared up to both, and
        # without the tenth of the pixels that lie furthest out.
        found, wanted = found.astype(np.float64), wanted.astype(np.float64)
        low, high = np.quantile(wanted, (0.05, 0.95))
        inner = (wanted >= low) & (wanted <= high)
        fitted = np.polyval(np.polyfit(found[inner], wanted[inner], 1), found[inner])
        assert np.abs(fitted - wanted[inner]).max() < 1e-3 * (high - low)
    else:
        assert np.abs(found - wanted).max() < 1e-4


@calls("visualize_cam")
def test_cam(golden: tuple[str, dict]) -> None:
    name, case = golden
    wanted = arrays(name)[case["key"]]
    found = visualize_cam(
        model(name, case.get("last_activation", "linear")),
        case["layer_idx"],
        case["filter_indices"],
        arrays(name)["input"],
        penultimate_layer_idx=case["penultimate_layer_idx"],
        backprop_modifier=case["backprop_modifier"],
    )
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-4


@calls("visualize_saliency_with_losses")
def test_saliency_with_losses(golden: tuple[str, dict]) -> None:
    name, case = golden
    wanted = arrays(name)[case["key"]]
    net = model(name, case.get("last_activation", "linear"))
    makers = {
        "ActivationMaximization": lambda layer_idx, filters: ActivationMaximization(
            net.layers[layer_idx], filters
        ),
        "LPNorm": lambda p: LPNorm(net.input, p),
        "TotalVariation": lambda beta: TotalVariation(net.input, beta),
    }
    losses = [(makers[kind](*arguments), weight) for kind, *arguments, weight in case["losses"]]
    found = visualize_saliency_with_losses(net.input, losses, arrays(name)["input"])
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-3


@calls("visualize_activation")
def test_activation(golden: tuple[str, dict]) -> None:
    name, case = golden
    wanted = arrays(name)[case["key"]]
    found = visualize_activation(
        model(name, case.get("last_activation", "linear")),
        case["layer_idx"],
        case["filter_indices"],
        seed_input=arrays(name)["input"],
        max_iter=case["max_iter"],
        input_range=tuple(case["input_range"]),
    )
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert np.abs(found - wanted).max() < 1e-3
