from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import swiftvis
from swiftvis.cli import main


@pytest.fixture
def model() -> swiftvis.Model:
    nodes = [
        {
            "name": "conv",
            "op": "conv2d",
            "inputs": ["image"],
            "attributes": {"padding": "same"},
            "weights": {"kernel": "k", "bias": "b"},
        },
        {"name": "relu", "op": "relu", "inputs": ["conv"]},
        {"name": "conv2", "op": "conv2d", "inputs": ["relu"], "weights": {"kernel": "k2"}},
        {"name": "gap", "op": "reduce", "inputs": ["conv2"], "attributes": {"axes": [1, 2]}},
        {"name": "fc", "op": "dense", "inputs": ["gap"], "weights": {"kernel": "d"}},
    ]
    layers = [
        {"name": "image", "class_name": "InputLayer", "outputs": ["image"]},
        {"name": "first", "class_name": "Conv2D", "outputs": ["relu"]},
        {
            "name": "inner",
            "class_name": "Sequential",
            "outputs": ["gap"],
            "layers": [
                {"name": "second", "class_name": "Conv2D", "outputs": ["conv2"]},
                {"name": "gap", "class_name": "GlobalAveragePooling2D", "outputs": ["gap"]},
            ],
        },
        {"name": "fc", "class_name": "Dense", "outputs": ["fc"]},
    ]
    description = {
        "format": "swiftvis",
        "version": 1,
        "name": "tiny",
        "inputs": [{"name": "image", "shape": [None, None, None, 3]}],
        "nodes": nodes,
        "outputs": ["fc"],
        "layers": layers,
    }
    shapes = {"k": (3, 3, 3, 8), "b": (8,), "k2": (1, 1, 8, 4), "d": (4, 2)}
    return swiftvis.Model.from_graph(description, {n: np.ones(s, np.float32) for n, s in shapes.items()})


def test_counts(model: swiftvis.Model) -> None:
    found = model.info([(1, 10, 12, 3)])
    layers = {layer.name: layer for layer in found.layers}
    assert list(layers) == ["image", "first", "second", "gap", "fc"]
    assert [layer.parameters for layer in found.layers] == [0, 224, 32, 0, 8]
    assert found.parameters == 264
    assert layers["first"].flops == 2 * 120 * 27 * 8 and layers["second"].flops == 2 * 120 * 32
    assert found.flops == sum(layer.flops for layer in found.layers)
    assert layers["first"].algorithms and layers["second"].algorithms == ("pointwise",)
    assert layers["second"].output_shape == (None, None, None, 4)
    # Back through both convolutions and the dense layer.
    assert found.backward_flops == found.flops
    assert {step["node"] for step in found.steps if step["backward"]} >= {"conv", "conv2", "fc"}
    assert found.arena_bytes > 120 * 8 * 4 and found.packed_weight_bytes > 0
    text = str(found)
    assert "264 parameters" in text and "pointwise" in text and "first" in text


def test_open_sizes_and_batches(model: swiftvis.Model) -> None:
    found = model.info()
    assert found.input_shapes == ((1, 224, 224, 3),)
    assert found.flops == 2 * (224 * 224 * (27 * 8 + 32) + 8)
    with pytest.raises(ValueError, match="image"):
        model.info([(1, 10, 12, 4)])
    assert model.info([(2, 10, 12, 3)]).flops == 2 * model.info([(1, 10, 12, 3)]).flops


def test_outputs_without_a_gradient() -> None:
    description = {
        "format": "swiftvis",
        "version": 1,
        "inputs": [{"name": "x", "shape": [None, 4]}],
        "nodes": [{"name": "y", "op": "greater", "inputs": ["x", "x"]}],
        "outputs": ["y"],
    }
    found = swiftvis.Model.from_graph(description, {}).info()
    assert found.backward_flops == 0 and [step["node"] for step in found.steps] == ["y"]


def test_command(goldens: Path, examples: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["info", str(examples / "models" / "efficientnet_lite0.safetensors")]) == 0
    text = capsys.readouterr().out
    assert "MFLOPs" in text and "depthwise" in text
    assert main(["info", str(goldens / "residual.h5"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert math.isfinite(found["flops"]) and found["steps"]


def test_command_refuses(goldens: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["info", str(goldens / "residual.h5"), "--shape", "1,5"]) == 2
    assert "expected shape" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["info", str(goldens / "residual.h5"), "--shape", "1,x"])
