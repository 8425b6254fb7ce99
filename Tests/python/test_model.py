from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import swiftvis
from swiftvis import _native, _sessions
from swiftvis.utils.utils import apply_modifications
from swiftvis.visualization import get_num_filters, visualize_saliency


def test_structure(cnn: swiftvis.Model) -> None:
    assert (cnn.input_shape, cnn.output_shape) == ((None, 32, 32, 3), (None, 5))
    assert cnn.input.shape == (None, 32, 32, 3) and cnn.inputs == [cnn.input]
    layer = cnn.layers[-1]
    assert (layer.name, layer.index, layer.class_name, layer.output_shape) == (
        "predictions",
        15,
        "Dense",
        (None, 5),
    )
    assert layer.activation == "softmax" and layer.output == cnn.output
    assert cnn.get_layer("predictions") is cnn.get_layer(index=-1) is layer
    assert not hasattr(cnn.get_layer("add_1"), "activation")
    assert "16 layers" in repr(cnn) and "'predictions' (Dense)" in repr(layer)


def test_summary(cnn: swiftvis.Model) -> None:
    lines: list[str] = []
    cnn.summary(lines.append)
    assert len(lines) == 17 and lines[-1].split()[:3] == ["15", "predictions", "Dense"]


@pytest.mark.parametrize("half", [False, True])
def test_round_trip(cnn: swiftvis.Model, image: np.ndarray, tmp_path: Path, half: bool) -> None:
    cnn.with_classes("abcde").save(tmp_path / "model.safetensors", half=half)
    again = swiftvis.load_model(tmp_path / "model.safetensors")
    assert [(e.name, e.class_name, e.output_shape) for e in again.layers] == [
        (e.name, e.class_name, e.output_shape) for e in cnn.layers
    ]
    assert again.classes == list("abcde") and again.source == cnn.source
    wanted, found = cnn.gradient(image, filter_indices=2), again.gradient(image, filter_indices=2)
    if half:
        assert np.abs(wanted - found).max() < 0.05 * np.abs(wanted).max()
    else:
        np.testing.assert_array_equal(wanted, found)


def test_half_of_the_file(cnn: swiftvis.Model, lite0: swiftvis.Model, tmp_path: Path) -> None:
    lite0.save(tmp_path / "full.safetensors")
    lite0.save(tmp_path / "half.safetensors", half=True)
    full, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half"))
    assert half < 0.55 * full


def test_gradient_is_the_derivative(cnn: swiftvis.Model, image: np.ndarray) -> None:
    cnn.layers[-1].activation = "linear"
    net, step = apply_modifications(cnn), 1e-3
    gradient = net.gradient(image, filter_indices=[1, 3])[0]
    direction = np.sign(gradient)
    above, below = net.predict(image + step * direction)[0], net.predict(image - step * direction)[0]
    slope = ((above - below)[[1, 3]]).sum() / (2 * step)
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=0.01)


def test_filters(cnn: swiftvis.Model, image: np.ndarray) -> None:
    def at(filters):
        return cnn.gradient(image, -1, filters)

    one, other = at(1), at(3)
    np.testing.assert_allclose(at([1, 3]), one + other, rtol=1e-4, atol=1e-7)
    for same in ((1, 3), np.array([1, 3]), [np.int64(1), np.uint8(3)], [-4, -2], range(1, 4, 2)):
        np.testing.assert_array_equal(at(same), at([1, 3]))
    np.testing.assert_allclose(at(None), sum(at(i) for i in range(5)) / 5, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(at([None]), at(None))
    np.testing.assert_allclose(at([1, 1]), 2 * one, rtol=1e-4)


def test_batch_is_one_mean(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image[::-1], image / 2])
    found = cnn.gradient(batch, -1, 1)
    for i, one in enumerate(batch):
        wanted = cnn.gradient(one, -1, 1)[0] / 3
        np.testing.assert_allclose(found[i], wanted, rtol=1e-3, atol=1e-6 * np.abs(wanted).max())
    parts = cnn.predict(batch, batch_size=2)
    np.testing.assert_allclose(parts, cnn.predict(batch), rtol=1e-5, atol=1e-7)


def test_wrt_tensor(cnn: swiftvis.Model, image: np.ndarray) -> None:
    np.testing.assert_array_equal(cnn.gradient(image, wrt_tensor=cnn.input), cnn.gradient(image))
    stem = cnn.get_layer("stem").output
    found = cnn.gradient(image, filter_indices=1, wrt_tensor=stem)
    assert found.shape == (1, 32, 32, 16)
    np.testing.assert_array_equal(cnn.gradient(image, filter_indices=1, wrt_tensor="stem"), found)
    assert visualize_saliency(cnn, -1, 1, image, wrt_tensor=stem).shape == (32, 32)


def test_exact(make) -> None:
    """A ReLU behind a 3x3 convolution that is large enough for Winograd, beside sums in float64."""
    random = np.random.default_rng(5)
    kernel = random.normal(0, 0.06, (3, 3, 64, 64)).astype("f")
    nodes = [
        make.node("conv", "conv2d", ["x"], {"kernel": "k"}, padding="same"),
        make.node("out", "relu", ["conv"]),
    ]
    net, image = make([None, 56, 56, 64], nodes, {"k": kernel}), random.normal(size=(56, 56, 64)).astype("f")
    active = (net.predict(image, 1)[0] > 0) / (56 * 56 * 64)
    padded = np.pad(active, ((1, 1), (1, 1), (0, 0)))
    taps = [padded[2 - y : 58 - y, 2 - x : 58 - x] @ kernel[y, x].T for y in range(3) for x in range(3)]
    wanted = np.sum(taps, axis=0)

    def error(**how: bool) -> float:
        return float(np.median(np.abs(net.gradient(image, **how)[0] / wanted - 1)))

    assert error(exact=True) < 0.7 * error() < 1e-5
    calls = [
        lambda exact: visualize_saliency(net, -1, None, image, exact=exact),
        lambda exact: swiftvis.saliency(net, image, exact=exact),
        lambda exact: net.gradient(image, backprop_modifier="guided", exact=exact),
    ]
    for call in calls:
        np.testing.assert_allclose(call(True), call(False), rtol=0, atol=1e-4 * np.abs(call(True)).max())
        assert not np.array_equal(call(True), call(False))


def test_keepdims(cnn: swiftvis.Model, image: np.ndarray) -> None:
    assert visualize_saliency(cnn, -1, 1, image).shape == (32, 32)
    found = visualize_saliency(cnn, -1, 1, image, keepdims=True)
    assert found.shape == (32, 32, 3) and found.dtype == np.float32 and found.min() == 0 and found.max() <= 1


def test_input_without_channels(make) -> None:
    weights = {"a": np.random.default_rng(0).normal(size=(35, 8)).astype("f")}
    net = make([None, 35], [make.node("fc", "dense", ["x"], {"kernel": "a"})], weights)
    assert visualize_saliency(net, -1, None, np.ones(35), keepdims=True).shape == (35,)
    assert np.ndim(visualize_saliency(net, -1, None, np.ones(35))) == 0


def test_zero_gradient_gives_zeros(make) -> None:
    net = make([None, 4, 4, 1], [make.node("r", "relu", ["x"])])
    assert not visualize_saliency(net, -1, 0, np.full((4, 4, 1), -1)).any()


def test_batch_is_run_in_parts_that_fit_the_caches(
    cnn: swiftvis.Model, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = np.stack([image * (i + 1) for i in range(7)])
    whole = cnn.gradient(batch, -1, 1)
    question = _native.Question(((7, *image.shape),), cotangents=(cnn.outputs[0].name,))
    pool, handle = cnn._network.sessions, cnn._network.handle
    assert pool.parts(handle, question) == [slice(0, 7)]
    monkeypatch.setattr(_native.Session, "memory", lambda self: (_sessions._CACHED // 3, 0))
    assert pool.parts(handle, question) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    np.testing.assert_array_equal(cnn.gradient(batch, -1, 1), whole)


def test_batch_is_normalized_as_a_whole(cnn: swiftvis.Model, image: np.ndarray) -> None:
    batch = np.stack([image, image * 3])
    size = np.abs(cnn.gradient(batch, -1, 1)).max(-1)
    wanted = (size - size.min()) / (size.max() - size.min() + 1e-7)
    np.testing.assert_allclose(visualize_saliency(cnn, -1, 1, batch), wanted[0], atol=1e-6)


def test_several_inputs_and_outputs(make) -> None:
    nodes = [make.node("sum", "add", ["x", "y"]), make.node("act", "tanh", ["sum"])]
    inputs = [{"name": "x", "shape": [None, 2]}, {"name": "y", "shape": [None, 2]}]
    net = make([None, 2], nodes, inputs=inputs, outputs=["sum", "act"])
    x, y = np.array([[1.0, 2]]), np.array([[3.0, 4]])
    total, squashed = net.predict([x, y])
    np.testing.assert_allclose(total, x + y)
    np.testing.assert_allclose(squashed, np.tanh(x + y), rtol=1e-5)
    np.testing.assert_array_equal(net.predict({"y": y, "x": x})[0], total)
    first, second = net.gradient([x, y], "sum", 0)
    assert first.tolist() == second.tolist() == [[1, 0]]
    assert net.gradient([x, y], "sum", 0, wrt_tensor=net.inputs[1]).tolist() == [[1, 0]]
    assert isinstance(net.input_shape, list) and isinstance(net.output, list)
    for wrong in (x, [x], {"x": x}, [x, np.zeros((3, 2))]):
        with pytest.raises(ValueError, match=r"input"):
            net.predict(wrong)
    with pytest.raises(ValueError, match="wrt_tensor=model.inputs"):
        visualize_saliency(net, "sum", 0, [x, y])


def test_channels_first(make) -> None:
    """The same convolution in both formats: the map is the same, the gradient turned."""
    random = np.random.default_rng(4)
    weights = {"k": random.normal(size=(3, 3, 3, 4)).astype("f")}
    last = make([None, 8, 9, 3], [make.node("conv", "conv2d", ["x"], {"kernel": "k"})], weights)
    nodes = [
        make.node("in", "permute", ["x"], axes=[0, 2, 3, 1]),
        make.node("conv/last", "conv2d", ["in"], {"kernel": "k"}),
        make.node("conv", "permute", ["conv/last"], axes=[0, 3, 1, 2]),
    ]
    layers = [{"name": "conv", "class_name": "Conv2D", "outputs": ["conv"], "data_format": "channels_first"}]
    first = make([None, 3, 8, 9], nodes, weights, layers=layers, data_format="channels_first")
    image = random.random((8, 9, 3), np.float32)
    assert get_num_filters(first.layers[0]) == get_num_filters(last.layers[0]) == 4
    wanted = last.gradient(image, "conv", 2)
    np.testing.assert_allclose(
        first.gradient(image, "conv", 2), np.moveaxis(wanted, -1, 1), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        visualize_saliency(first, -1, 2, image), visualize_saliency(last, -1, 2, image), atol=1e-5
    )


def test_nested_layers(make) -> None:
    nodes = [make.node("inner/r", "relu", ["x"]), make.node("out", "tanh", ["inner/r"])]
    inner = [{"name": "r", "class_name": "Activation", "outputs": ["inner/r"], "activations": ["inner/r"]}]
    layers = [
        {"name": "inner", "class_name": "Sequential", "outputs": ["inner/r"], "layers": inner},
        {"name": "out", "class_name": "Activation", "outputs": ["out"]},
    ]
    net = make([None, 2], nodes, layers=layers)
    net.layers[0].get_layer("r").activation = "linear"
    changed = apply_modifications(net)
    assert changed.layers[0].layers[0].activation == "linear"
    assert changed.predict([[-1, 1]])[0, 0] < 0 == net.predict([[-1, 1]])[0, 0]


def test_an_input_that_is_read_only_through_slices_is_kept_until_then():
    def slice_of(name, source, start, size):
        return {
            "name": name,
            "op": "slice",
            "inputs": [source],
            "attributes": {"starts": [0, start], "sizes": [-1, size]},
        }

    shape = [None, 3, 8]
    description = {
        "format": "swiftvis",
        "version": 1,
        "inputs": [{"name": "a", "shape": shape}, {"name": "b", "shape": shape}],
        "nodes": [
            {
                "name": "first",
                "op": "gather",
                "inputs": ["b"],
                "attributes": {"axis": 1, "indices": [2, 0, 1]},
            },
            slice_of("half", "a", 0, 4),
            slice_of("quarter", "half", 0, 2),
            slice_of("other", "first", 0, 1),
            {"name": "product", "op": "multiply", "inputs": ["other", "quarter"]},
        ],
        "outputs": ["product"],
    }
    a, b = np.random.default_rng(0).normal(size=(2, 2, 3, 8)).astype(np.float32)
    product = swiftvis.Model.from_graph(description, {}).predict([a, b])
    np.testing.assert_array_equal(product, b[:, [2, 0, 1], :1] * a[..., :2])
