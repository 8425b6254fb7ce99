"""Networks saved by real Keras, from 1.2 on TensorFlow 1 to Keras 3 on JAX, by `fixtures/keras/make_*.py`.

Beside each is what that Keras computed: predictions, and the gradient of a random weighting of the outputs.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import swiftvis
from swiftvis._native import Question
from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers import keras
from swiftvis.importers.keras import hdf5
from swiftvis.importers.stored import ByteRange

FIXTURES = Path(__file__).parent / "fixtures" / "keras"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".h5", ".keras"))


def run(model: swiftvis.Model, inputs: list[np.ndarray], cotangents: list[np.ndarray]) -> list[np.ndarray]:
    """Every output, then the gradient at every input of the outputs weighted by `cotangents`."""
    network = model._network
    outputs = tuple(network.description["outputs"])
    shapes = tuple(array.shape for array in inputs)
    question = Question(shapes, values=outputs, cotangents=outputs, gradients=tuple(network.inputs))
    with network.sessions.session(network.handle, question) as session:
        return session.forward(inputs) + session.backward(cotangents)


def error(actual: np.ndarray, expected: np.ndarray) -> float:
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_same_numbers_as_keras(path: Path) -> None:
    with np.load(path.with_suffix(".npz")) as stored:
        x, y, cotangent, gradient = (
            [stored[f"{kind}{i}"] for i in range(2) if f"{kind}{i}" in stored]
            for kind in ("x", "y", "cotangent", "gradient")
        )
    results = run(swiftvis.load_model(path), x, cotangent)
    assert max(map(error, results, y + gradient)) < 2e-5


def fixture(name: str) -> Path:
    return next(path for path in FILES if path.name.endswith(name))


def entries(layers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for layer in layers:
        yield layer
        yield from entries(layer.get("layers", []))


def test_layers_are_what_users_count() -> None:
    description, _ = keras.read(fixture("3.15.1_nested.keras"))
    names = [layer["name"] for layer in description["layers"]]
    assert names == ["image", "inner", "shared", "middle", "add", "gap", "top"]
    layers = {layer["name"]: layer for layer in description["layers"]}
    assert [len(layers[name]["outputs"]) for name in ("inner", "shared", "middle", "top")] == [2, 2, 2, 1]
    assert layers["shared"]["outputs"] == layers["shared"]["activations"]
    core = next(layer for layer in layers["middle"]["layers"] if layer["name"] == "core")
    assert [layer["name"] for layer in core["layers"]] == [
        "core_input",
        "core_conv",
        "core_norm",
        "core_gate",
    ]


@pytest.mark.parametrize(
    "name", ["2.1.6_around_model.h5", "2.15.0_around_model.h5", "3.15.1_around_model.keras"]
)
def test_sequential_models_have_no_input_layer(name: str) -> None:
    description, _ = keras.read(fixture(name))
    assert [layer["name"] for layer in description["layers"]] == ["base", "flatten", "scores"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_descriptions_hold_together(path: Path) -> None:
    description, weights = keras.read(path)
    known = [entry["name"] for entry in description["inputs"]]
    for node in description["nodes"]:
        assert set(node["inputs"]) <= set(known)
        assert set(node.get("weights", {}).values()) <= set(weights)
        known.append(node["name"])
    assert len(known) == len(set(known))
    named = [node for layer in entries(description["layers"]) for node in layer["outputs"]]
    named += [node for layer in entries(description["layers"]) for node in layer.get("activations", [])]
    assert set(named) | set(description["outputs"]) <= set(known)
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in weights.values())


def test_channels_first_layers_keep_their_layout() -> None:
    model = swiftvis.load_model(fixture("3.15.1_channels_first.keras"))
    assert model.input_shape == (None, 3, 10, 9)
    assert model.get_layer("conv").output_shape == (None, 4, 6, 6)
    assert keras.read(fixture("3.15.1_channels_first.keras"))[0]["data_format"] == "channels_first"


def test_a_nested_model_called_twice_has_its_weights_once() -> None:
    description, weights = keras.read(fixture("2.1.6_nested.h5"))
    calls = [
        node
        for node in description["nodes"]
        if node.get("weights", {}).get("kernel") == "inner/inner_conv/kernel"
    ]
    assert len(calls) == 2
    assert len(weights) == len({array.tobytes() for array in weights.values()})


def test_kernels_that_theano_saved(tmp_path: Path) -> None:
    """Theano computes true convolutions, and its variables have no numbers behind their names."""
    path, source = tmp_path / "theano.h5", fixture("1.2.2_images_th.h5")
    path.write_bytes(source.read_bytes())
    with h5py.File(path, "r+") as file:
        for group in file["model_weights"].values():
            names = [name.decode() for name in group.attrs["weight_names"]]
            group.attrs["weight_names"] = [name.removesuffix(":0").encode() for name in names]
            for name in names:
                values = group[name][()]
                del group[name]
                group[name.removesuffix(":0")] = values[:, :, ::-1, ::-1] if values.ndim == 4 else values
    x = np.random.default_rng(0).normal(size=(1, 3, 9, 11)).astype("f")
    expected = swiftvis.load_model(source).predict(x)
    np.testing.assert_array_equal(swiftvis.load_model(path).predict(x), expected)


# ---- The container ----


def plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def assert_same_tree(node: hdf5.Node, source: h5py.Group | h5py.Dataset) -> None:
    assert {name: plain(value) for name, value in node.attributes.items()} == {
        name: plain(source.attrs[name]) for name in source.attrs
    }
    if isinstance(source, h5py.Dataset):
        assert node.array is not None and node.array.dtype == source.dtype
        if source.dtype.kind in "fiu":
            assert np.array_equal(node.array.read(), source[()])
        return
    assert node.children is not None and set(node.children) == set(source)
    for name in source:
        assert_same_tree(node.children[name], source[name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_reads_hdf5_as_the_library_does(path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            data = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(data)) as file:
        assert_same_tree(hdf5.parse(ByteRange(io.BytesIO(data), 0, len(data))), file)


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"libver": "earliest"}])
def test_repacked_files(tmp_path: Path, options: dict[str, str]) -> None:
    """The library reads what is not as Keras writes it: compressed arrays, the format's later versions."""
    path, original = tmp_path / "repacked.h5", fixture("2.1.6_images.h5")

    def copy(source: h5py.Group, target: h5py.Group) -> None:
        target.attrs.update(source.attrs)
        for name, child in source.items():
            if isinstance(child, h5py.Group):
                copy(child, target.create_group(name))
            else:
                target.create_dataset(name, data=child[()], compression="gzip" if child.shape else None)

    with h5py.File(original) as source, h5py.File(path, "w", **options) as target:
        copy(source, target)
    description, weights = keras.read(path)
    expected, same = keras.read(original)
    assert description == expected
    assert all(np.array_equal(same[name], array) for name, array in weights.items())


# ---- Refusals ----


def edited(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], name: str = "3.15.1_images.keras"
) -> Path:
    """A copy of a fixture with another configuration."""
    source, target = fixture(name), tmp_path / "edited.keras"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(member, data)
    return target


def layer_of(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == class_name)


def test_every_offending_layer_is_listed(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        layer_of(config, "GaussianNoise")["class_name"] = "Lambda"
        layer_of(config, "DepthwiseConv2D").update(
            class_name="Odd", registered_name="mine>Odd", module="mine"
        )
        layer_of(config, "SpatialDropout2D")["class_name"] = "LSTM"
        layer_of(config, "Dense")["config"]["activation"] = "fancy"
        layer_of(config, "AveragePooling2D")["config"]["padding"] = "full"

    with pytest.raises(UnsupportedModelError) as caught:
        keras.read(edited(tmp_path, change))
    message = str(caught.value)
    assert "5 layers" in message
    for word in (
        "(Lambda)",
        "(Odd)",
        "(LSTM)",
        "predictions (Dense)",
        "'fancy'",
        "(AveragePooling2D)",
        "'full'",
    ):
        assert word in message


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c: c.update(class_name="MyModel", registered_name="mine>MyModel", module="mine"), "own code"),
        (lambda c: layer_of(c, "Conv2D")["config"].update(dilation_rate=[1, 2, 3]), "dilation_rate"),
        (lambda c: layer_of(c, "MaxPooling2D")["config"].update(pool_size=[0, 2]), "pool_size"),
        (lambda c: layer_of(c, "UpSampling2D")["config"].update(interpolation="area"), "area"),
        (lambda c: layer_of(c, "Cropping2D")["config"].update(cropping=[[99, 9], [9, 9]]), "empty"),
    ],
)
def test_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], word: str) -> None:
    with pytest.raises(UnsupportedModelError, match=word):
        keras.read(edited(tmp_path, change))


@pytest.mark.parametrize("class_name", ["BatchNormalization", "SpatialDropout2D"])
def test_training_is_overridden_in_keras3(tmp_path: Path, class_name: str) -> None:
    """Keras 3 writes training=True for augmentation layers too, which do nothing in predict()."""

    def change(config: dict[str, Any]) -> None:
        layer_of(config, class_name)["inbound_nodes"][0]["kwargs"].update(training=True)

    assert keras.read(edited(tmp_path, change))[0] == keras.read(fixture("3.15.1_images.keras"))[0]


def test_training_is_refused_in_keras2(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        layer_of(config, "BatchNormalization")["inbound_nodes"][0][0][3].update(training=True)

    with pytest.raises(UnsupportedModelError, match="training=True"):
        keras.read(edited(tmp_path, change, "tfkeras2.15.0_normalized.keras"))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("config"),
        lambda c: c["config"].pop("layers"),
        lambda c: c["config"].update(layers=7),
        lambda c: layer_of(c, "Conv2D").update(
            inbound_nodes=[{"args": [{"class_name": "__keras_tensor__"}]}]
        ),
        lambda c: layer_of(c, "Conv2D").update(
            inbound_nodes=[
                {
                    "args": [
                        {"class_name": "__keras_tensor__", "config": {"keras_history": ["predictions", 0, 0]}}
                    ]
                }
            ]
        ),
        lambda c: c["config"].update(output_layers=[["predictions", 3, 0]]),
        lambda c: c["config"].update(output_layers=[["predictions", 0, 9]]),
        lambda c: layer_of(c, "InputLayer")["config"].update(batch_shape=[None, "x", 3, 3]),
        lambda c: layer_of(c, "Conv2D").update(name="image"),
        lambda c: layer_of(c, "Conv2D").update(class_name=3),
    ],
)
def test_damaged_configuration(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(ModelError, match=r"edited\.keras"):
        swiftvis.load_model(edited(tmp_path, change))


def test_weights_only(tmp_path: Path) -> None:
    with zipfile.ZipFile(fixture("3.15.1_images.keras")) as archive:
        archive.extract("model.weights.h5", tmp_path)
    with pytest.raises(UnsupportedModelError, match="whole model"):
        keras.read(tmp_path / "model.weights.h5")
    legacy = tmp_path / "legacy.h5"
    with h5py.File(fixture("2.1.6_images.h5")) as source, h5py.File(legacy, "w") as target:
        for name in source["model_weights"]:
            source.copy(f"model_weights/{name}", target)
        target.attrs.update(source["model_weights"].attrs)
    with pytest.raises(UnsupportedModelError, match="whole model"):
        keras.read(legacy)


def rewritten(tmp_path: Path, change: Callable[[h5py.File], None]) -> Path:
    path = tmp_path / "rewritten.h5"
    path.write_bytes(fixture("2.1.6_images.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def in_chunks(file: h5py.File) -> None:
    weights = file["model_weights"]
    names = weights.attrs["layer_names"]
    del weights.attrs["layer_names"]
    weights.attrs["layer_names0"], weights.attrs["layer_names1"] = names[:5], names[5:]


def as_text(file: h5py.File) -> None:
    for name in ("model_config", "keras_version", "backend"):
        file.attrs[name] = (
            file.attrs[name].decode() if isinstance(file.attrs[name], bytes) else file.attrs[name]
        )


@pytest.mark.parametrize("change", [in_chunks, as_text])
def test_ways_to_write_attributes(tmp_path: Path, change: Callable[[h5py.File], None]) -> None:
    expected, weights = keras.read(fixture("2.1.6_images.h5"))
    description, same = keras.read(rewritten(tmp_path, change))
    assert description == expected
    assert all(np.array_equal(same[name], array) for name, array in weights.items())


def linked(file: h5py.File) -> None:
    group = file["model_weights/strided/strided"]
    del group["kernel:0"]
    group["kernel:0"] = h5py.ExternalLink("other.h5", "/x")


def enormous(file: h5py.File) -> None:
    group = file["model_weights/strided/strided"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (1 << 20, 1 << 20), "f4", chunks=(64, 64))


def misshapen(file: h5py.File) -> None:
    group = file["model_weights/strided/strided"]
    del group["kernel:0"]
    group["kernel:0"] = np.zeros((3, 3, 2, 6), "f4")


def missing(file: h5py.File) -> None:
    del file["model_weights/strided"]


@pytest.mark.parametrize("change", [linked, enormous, misshapen, missing])
def test_damaged_weights(tmp_path: Path, change: Callable[[h5py.File], None]) -> None:
    with pytest.raises(ModelError):
        swiftvis.load_model(rewritten(tmp_path, change))


def test_zip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", bytes(1 << 26))
    with pytest.raises(ModelError, match="unpacks to"):
        keras.read(path)


@pytest.mark.parametrize("name", ["2.1.6_nested.h5", "3.15.1_nested.keras"])
def test_mutated_files(tmp_path: Path, name: str) -> None:
    content = fixture(name).read_bytes()
    random = np.random.default_rng(5)
    path = tmp_path / "mutated"
    for _ in range(150):
        data = bytearray(content)
        for position in random.integers(0, len(data), random.integers(1, 12)):
            data[position] = random.integers(256)
        path.write_bytes(data[: random.integers(len(data))] if random.random() < 0.2 else data)
        try:
            keras.read(path)
        except (ModelError, MemoryError):
            continue


@pytest.mark.parametrize("name", ["3.15.1_channels_first.keras", "3.15.1_sequences.keras"])
def test_gradients_at_layers_in_other_layouts(name: str) -> None:
    """The outputs of channels-first and one-dimensional layers lie on the way to the model's output."""
    model = swiftvis.load_model(fixture(name))
    x = np.random.default_rng(1).normal(size=(1, *model.inputs[0].shape[1:])).astype(np.float32)
    for layer in model.layers[1:-1]:
        gradient = model.gradient(x, model.outputs[0], wrt_tensor=layer.output)
        assert gradient.shape[1:] == layer.output_shape[1:]
