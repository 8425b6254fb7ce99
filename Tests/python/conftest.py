from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftvis

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def examples() -> Path:
    return HERE.parent.parent / "examples"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return HERE / "fixtures"


@pytest.fixture(scope="session")
def goldens() -> Path:
    return HERE / "goldens"


@pytest.fixture(scope="session")
def lite0(examples: Path) -> swiftvis.Model:
    return swiftvis.load_model(examples / "models" / "efficientnet_lite0.safetensors")


@pytest.fixture
def cnn(goldens: Path) -> swiftvis.Model:
    """A small trained network: (None, 32, 32, 3) -> (None, 5)."""
    return swiftvis.load_model(goldens / "residual.h5")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(3).random((32, 32, 3), np.float32)


def node(
    name: str, op: str, inputs: list[str], weights: dict[str, str] | None = None, **attributes: Any
) -> dict:
    return {"name": name, "op": op, "inputs": inputs, "attributes": attributes, "weights": weights or {}}


def graph(shape: list[int | None], nodes: list[dict], **more: Any) -> dict:
    """A description with one input `x`, one layer for each node, and the last node as output."""
    layers = [{"name": n["name"], "class_name": "Layer", "outputs": [n["name"]]} for n in nodes]
    return {
        "format": "swiftvis",
        "version": 1,
        "inputs": [{"name": "x", "shape": shape}],
        "nodes": nodes,
        "outputs": [nodes[-1]["name"]],
        "layers": layers,
    } | more


@pytest.fixture
def make() -> Any:
    """Builds models: make(shape, nodes, weights, **more of the description); make.node makes a node."""

    def build(
        shape: list[int | None], nodes: list[dict], weights: dict | None = None, **more: Any
    ) -> swiftvis.Model:
        return swiftvis.Model.from_graph(graph(shape, nodes, **more), weights or {})

    build.node, build.graph = node, graph  # type: ignore[attr-defined]
    return build


@pytest.fixture
def captum_net(make) -> swiftvis.Model:
    """Captum's BasicModel_ConvNet_One_Conv: a convolution of ones, ReLU, Linear 8 -> 4, ReLU."""
    rows = np.array([[1] * 5 + [-1] * 3] * 4, "f")
    # Captum flattens (channel, row, column); here the order is (row, column, channel).
    rows = rows.reshape(4, 2, 2, 2).transpose(0, 2, 3, 1).reshape(4, 8)
    nodes = [
        make.node("conv1", "conv2d", ["x"], {"kernel": "k", "bias": "b"}),
        make.node("relu1", "relu", ["conv1"]),
        make.node("flat", "reshape", ["relu1"], shape=[-1]),
        make.node("fc1", "dense", ["flat"], {"kernel": "w"}),
        make.node("relu2", "relu", ["fc1"]),
    ]
    weights = {"k": np.ones((3, 3, 1, 2), "f"), "b": np.array([-50, -75], "f"), "w": rows.T.copy()}
    return make([None, 4, 4, 1], nodes, weights)


def golden_cases() -> list[tuple[str, dict]]:
    manifest = json.loads((HERE / "goldens" / "manifest.json").read_text())
    return [(name, case) for name, entry in manifest.items() for case in entry["cases"]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden" in metafunc.fixturenames:
        kept = [c for c in golden_cases() if c[1]["call"] in metafunc.function.calls]
        metafunc.parametrize("golden", kept, ids=[f"{name}-{case['key']}" for name, case in kept])


@pytest.fixture
def chain(make: Any) -> swiftvis.Model:
    """relu, tanh, relu on two numbers, each a layer, with names of their own."""
    nodes = [
        make.node("first", "relu", ["x"]),
        make.node("second", "tanh", ["first"]),
        make.node("third", "relu", ["second"]),
        make.node("end", "affine", ["third"], {"scale": "one", "offset": "zero"}),
    ]
    return make([None, 2], nodes, {"one": np.ones(1, "f"), "zero": np.zeros(1, "f")})
