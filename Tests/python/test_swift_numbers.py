"""Swift and Python give the same numbers: both compare with Tests/fixtures/methods.json (in Swift: AgreementTests).

python Tests/python/test_swift_numbers.py    writes the network and the numbers anew
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import swiftvis
from swiftvis import rendering

FIXTURES = Path(__file__).parents[1] / "fixtures"
CLASS = 2


def numbers(model: swiftvis.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    scores = model.get_layer("scores").get_output_at(0)
    linear = model.tensor("scores/dense")
    saliency = swiftvis.saliency(model, image, CLASS, linear)
    gradient = model.gradient(image, linear, CLASS)[0]
    return {
        "predict": model.predict(image)[0],
        "gradient": gradient,
        "gradient at conv1": model.gradient(image, scores, CLASS, "conv1")[0],
        "saliency": saliency,
        "guided saliency": swiftvis.saliency(model, image, CLASS, linear, "guided"),
        "rectified sum": swiftvis.saliency(model, image, [0, 1], "conv2", "rectified", "sum"),
        "cam": swiftvis.cam(model, image, CLASS, linear),
        "cam of conv1": swiftvis.cam(model, image, None, source="conv1"),
        "guided grad cam": swiftvis.guided_grad_cam(model, image, CLASS, linear),
        "overlay": swiftvis.smoothed_overlay(image.astype(np.uint8), saliency, sigma=1, alpha=0.6),
        "color": rendering.color(gradient),
        "grayscale": rendering.grayscale(gradient),
    }


def test_numbers_are_those_of_swift() -> None:
    wanted = json.loads((FIXTURES / "methods.json").read_text())
    model = swiftvis.load_model(FIXTURES / "methods.safetensors")
    image = np.reshape(wanted.pop("image"), (12, 16, 3))
    found = numbers(model, image)
    assert found.keys() == wanted.keys()
    for name, array in found.items():
        expected = np.reshape(wanted[name], array.shape)
        if array.dtype == np.uint8:
            assert np.abs(array.astype(int) - expected).max() <= 1, name
        else:
            np.testing.assert_allclose(
                array, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=name
            )


def _network(random: np.random.Generator) -> swiftvis.Model:
    def node(name: str, op: str, source: str, weights: tuple[str, ...] = (), **attributes: object) -> dict:
        names = {role: f"{name}/{role}" for role in weights}
        return {"name": name, "op": op, "inputs": [source], "attributes": attributes, "weights": names}

    nodes = [
        node("scale", "affine", "image", ("scale", "offset")),
        node("conv1/conv", "conv2d", "scale", ("kernel", "bias"), padding="same"),
        node("conv1", "relu", "conv1/conv"),
        node("conv2/conv", "conv2d", "conv1", ("kernel", "bias"), strides=[2, 2], padding="same"),
        node("conv2", "relu", "conv2/conv", max_value=6),
        node("pool", "reduce", "conv2", kind="mean", axes=[1, 2], keepdims=False),
        node("scores/dense", "dense", "pool", ("kernel", "bias")),
        node("scores", "softmax", "scores/dense"),
    ]
    layers = [
        ("conv1", "Conv2D", ["conv1"]),
        ("conv2", "Conv2D", ["conv2"]),
        ("pool", "GlobalAveragePooling2D", []),
    ]
    layers.append(("scores", "Dense", ["scores"]))
    description = {
        "format": "swiftvis",
        "version": 1,
        "name": "methods",
        "inputs": [{"name": "image", "shape": [None, 12, 16, 3]}],
        "outputs": ["scores"],
        "nodes": nodes,
        "layers": [
            {"name": name, "class_name": kind, "outputs": [name], "activations": activations}
            for name, kind, activations in layers
        ],
    }
    shapes = {
        "conv1/conv/kernel": (3, 3, 3, 8),
        "conv1/conv/bias": (8,),
        "conv2/conv/kernel": (3, 3, 8, 8),
        "conv2/conv/bias": (8,),
        "scores/dense/kernel": (8, 4),
        "scores/dense/bias": (4,),
    }
    weights = {name: random.normal(0, 0.4, shape).astype("f") for name, shape in shapes.items()}
    weights |= {"scale/scale": np.array([1 / 127.5], "f"), "scale/offset": np.array([-1], "f")}
    return swiftvis.Model.from_graph(description, weights)


if __name__ == "__main__":
    random = np.random.default_rng(6)
    model = _network(random)
    model.save(FIXTURES / "methods.safetensors")
    image = random.integers(0, 256, (12, 16, 3))
    found = {"image": image} | numbers(model, image)
    rounded = {name: [float(f"{v:.8g}") for v in array.ravel().tolist()] for name, array in found.items()}
    (FIXTURES / "methods.json").write_text(json.dumps(rounded))
