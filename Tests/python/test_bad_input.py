"""What users get wrong: the process survives, and the message says what was expected and what came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import swiftvis

IMAGE = np.random.default_rng(7).random((32, 32, 3), np.float32)


@pytest.mark.parametrize(
    "x",
    [
        IMAGE,
        IMAGE[None],
        [IMAGE],
        IMAGE.tolist(),
        np.asfortranarray(IMAGE),
        IMAGE[::-1, ::-1][::-1, ::-1],
        IMAGE.astype(np.float64),
        np.moveaxis(IMAGE, -1, 0),
        np.ascontiguousarray(np.moveaxis(IMAGE, -1, 0)),
        np.repeat(IMAGE, 2, axis=0)[::2],
    ],
    ids="plain batch list lists fortran negative double first first-contiguous strided".split(),
)
def test_accepted(cnn: swiftvis.Model, x) -> None:
    np.testing.assert_array_equal(cnn.gradient(x, filter_indices=1), cnn.gradient(IMAGE, filter_indices=1))


@pytest.mark.parametrize("dtype", ["u1", "i8", "f2", "f8", "?", ">f4", ">i2"])
def test_dtypes(cnn: swiftvis.Model, dtype: str) -> None:
    x = (IMAGE * 2).astype(dtype)
    np.testing.assert_array_equal(cnn.predict(x), cnn.predict(x.astype(np.float32)))


def test_the_callers_array_is_left_alone(cnn: swiftvis.Model) -> None:
    x = IMAGE.copy()
    cnn.gradient(x)
    np.testing.assert_array_equal(x, IMAGE)


@pytest.mark.parametrize("call", ["predict", "gradient"])
@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        (np.zeros((32, 32)), ValueError, "(None, 32, 32, 3)"),
        (np.zeros((1, 1, 32, 32, 3)), ValueError, "(1, 1, 32, 32, 3)"),
        (np.zeros((31, 32, 3)), ValueError, "(31, 32, 3)"),
        (np.zeros((32, 32, 4)), ValueError, "(32, 32, 4)"),
        (np.zeros((0, 32, 32, 3)), ValueError, "at least one"),
        (np.zeros((1, 0, 32, 3)), ValueError, "(1, 0, 32, 3)"),
        (np.float32(3), ValueError, "()"),
        (IMAGE.astype(complex), TypeError, "complex128"),
        (IMAGE.astype(object), TypeError, "object"),
        (IMAGE.astype(str), TypeError, "<U"),
        ("photo.png", TypeError, "load_img"),
        (None, TypeError, "NoneType"),
        ([[1, 2], [3]], ValueError, "ragged"),
        (np.full((32, 32, 3), np.nan), ValueError, "NaN"),
        (np.full((32, 32, 3), np.inf), ValueError, "inf"),
        (np.full((32, 32, 3), 1e300), ValueError, "inf"),
    ],
)
def test_bad_image(cnn: swiftvis.Model, call: str, x, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        getattr(cnn, call)(x)
    assert words.lower() in str(caught.value).lower()
    assert np.isfinite(cnn.predict(IMAGE)).all()


def test_smaller_than_the_receptive_field(make) -> None:
    kernel = {"k": np.ones((5, 5, 1, 2), "f")}
    net = make([None, None, None, 1], [make.node("conv_big", "conv2d", ["x"], {"kernel": "k"})], kernel)
    assert net.gradient(np.zeros((7, 7, 1))).shape == (1, 7, 7, 1)
    with pytest.raises(ValueError, match="conv_big"):
        net.gradient(np.zeros((3, 9, 1)))


@pytest.mark.parametrize(
    ("layer", "kind", "words"),
    [
        (99, IndexError, "16 layers"),
        (-17, IndexError, "16 layers"),
        ("nope", ValueError, "'nope'"),
        (1.0, TypeError, "float"),
        (True, TypeError, "bool"),
        (None, TypeError, "NoneType"),
    ],
)
def test_bad_layer(cnn: swiftvis.Model, layer, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        cnn.gradient(IMAGE, layer)


@pytest.mark.parametrize(
    ("filters", "kind", "words"),
    [
        (5, IndexError, "'predictions' has 5 filters"),
        (-6, IndexError, "'predictions' has 5 filters"),
        ([0, 9], IndexError, "9"),
        (2**70, IndexError, "out of range"),
        (True, TypeError, "bool"),
        (1.0, TypeError, "float"),
        (np.float32(1), TypeError, "float32"),
        ([0, 1.5], TypeError, "float"),
        (np.array([0.0]), TypeError, "float64"),
        ("1", TypeError, "str"),
        ([], ValueError, "empty"),
        ([[0]], TypeError, "list"),
    ],
)
def test_bad_filter(cnn: swiftvis.Model, filters, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        cnn.gradient(IMAGE, -1, filters)


def test_unknown_names(cnn: swiftvis.Model) -> None:
    with pytest.raises(ValueError, match=r"Unknown .*backprop_modifiers: foo"):
        cnn.gradient(IMAGE, backprop_modifier="foo")
    with pytest.raises(ValueError, match=r"Unknown .*grad_modifiers: foo"):
        swiftvis.visualization.visualize_saliency(cnn, -1, 0, IMAGE, grad_modifier="foo")
    with pytest.raises(ValueError, match=r"unknown activation 'foo' \(known: .*relu"):
        cnn.layers[-1].activation = "foo"
    with pytest.raises(TypeError, match="int"):
        cnn.layers[-1].activation = 3
    with pytest.raises(AttributeError, match="'add_1'.* has no activation"):
        cnn.get_layer("add_1").activation = "relu"
    with pytest.raises(ValueError, match="'foo'"):
        cnn.get_layer("foo")
    with pytest.raises(ValueError, match="threads"):
        swiftvis.set_threads(0)
    with pytest.raises(TypeError, match="threads"):
        swiftvis.set_threads(True)


@pytest.mark.parametrize(
    "model", [None, "model.keras", object(), IMAGE], ids="none path object array".split()
)
def test_another_kind_of_model(model) -> None:
    calls = (
        lambda: swiftvis.visualization.visualize_saliency(model, -1, 0, IMAGE),
        lambda: swiftvis.saliency(model, IMAGE),
        lambda: swiftvis.utils.utils.apply_modifications(model),
        lambda: swiftvis.utils.utils.find_layer_idx(model, "stem"),
    )
    for call in calls:
        with pytest.raises(TypeError, match="expected a model from swiftvis.load_model"):
            call()


def test_bad_wrt_tensor(cnn: swiftvis.Model, make) -> None:
    with pytest.raises(TypeError, match="tensor"):
        cnn.gradient(IMAGE, wrt_tensor=3)
    other = make([None, 2], [make.node("elsewhere", "relu", ["x"])])
    with pytest.raises(ValueError, match="'elsewhere' is not in model"):
        cnn.gradient(IMAGE, wrt_tensor=other.output)
    with pytest.raises(ValueError, match="path"):
        cnn.gradient(IMAGE, "stem", wrt_tensor=cnn.output)


def test_a_layer_called_twice_is_no_target(make) -> None:
    nodes = [make.node("a", "relu", ["x"]), make.node("b", "tanh", ["a"])]
    layers = [{"name": "twice", "class_name": "Dense", "outputs": ["a", "b"]}]
    net = make([None, 2], nodes, layers=layers)
    with pytest.raises(ValueError, match=r"'twice' is called 2 times.*get_output_at"):
        net.gradient([[1, 2]])
    tensor = net.layers[0].get_output_at(0)
    np.testing.assert_array_equal(net.gradient([[1, -2]], tensor, 0), [[1, 0]])
    with pytest.raises(ValueError, match="no call 2"):
        net.layers[0].get_output_at(2)


def test_closed_model(goldens: Path) -> None:
    with swiftvis.load_model(goldens / "plain.h5") as net:
        shape = net.input_shape
    assert shape == (None, 40, 48, 3)
    net.close()
    for use in (
        lambda: net.predict(IMAGE),
        lambda: net.gradient(IMAGE),
        lambda: net.input_shape,
        lambda: net.summary(),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(ValueError, match="closed"):
        net.save("never.safetensors")
    assert "closed" in repr(net)


# ---- Files ----


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".keras", ".safetensors", ".onnx", ""])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"version https://git-lfs", b"hello, this is text", b"\x89HDF\r\n\x1a\nxx"]
)
def test_not_a_model(tmp_path: Path, suffix: str, content: bytes) -> None:
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError)) as caught:
        swiftvis.load_model(path)
    assert len(str(caught.value)) > 10


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        swiftvis.load_model(tmp_path / "nope.h5")
    with pytest.raises(ValueError, match="folder"):
        swiftvis.load_model(tmp_path)


def test_wrong_extension_is_no_hindrance(goldens: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "model.keras"
    renamed.write_bytes((goldens / "plain.h5").read_bytes())
    assert swiftvis.load_model(renamed).name == swiftvis.load_model(goldens / "plain.h5").name


@pytest.mark.parametrize("kind", ["h5", "safetensors"])
def test_truncated_and_mutated_files(kind: str, cnn: swiftvis.Model, goldens: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.safetensors"
    cnn.save(good)
    content = (goldens / "residual.h5").read_bytes() if kind == "h5" else good.read_bytes()
    bad = tmp_path / f"bad.{kind}"
    random = np.random.default_rng(11)
    for i in range(60):
        data = bytearray(content)
        if i % 3 == 0:
            del data[random.integers(len(data)) :]
        for at in random.integers(0, min(len(data), 4096) or 1, 5):
            data[at : at + 1] = bytes([random.integers(256)])
        bad.write_bytes(data)
        try:
            swiftvis.load_model(bad).gradient(IMAGE)
        except (ValueError, TypeError, OSError, KeyError, MemoryError):
            continue


# ---- Descriptions ----


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d["nodes"].reverse(), "a"),
        (lambda d: d["nodes"][0].update(inputs=["b"]), "b"),
        (lambda d: d["nodes"][0].update(inputs=["nowhere"]), "nowhere"),
        (lambda d: d["nodes"][0].update(op="quux"), "quux"),
        (lambda d: d["nodes"][0].update(weights={"kernel": "gone"}), "gone"),
        (lambda d: d["nodes"][1].update(name="a"), "a"),
        (lambda d: d["inputs"][0].update(shape=[None, 2**40, 2**40, 3]), ""),
        (lambda d: d["inputs"][0].update(shape=[None, -3, 8, 1]), ""),
        (lambda d: d["inputs"][0].update(shape=[None, 8, 8, 2]), "a"),
        (lambda d: d["nodes"][0]["attributes"].update(strides=[0, 1]), "strides"),
        (lambda d: d["nodes"][0]["attributes"].update(strides=[2**62, 1]), ""),
        (lambda d: d.update(outputs=["nowhere"]), "nowhere"),
        (lambda d: d.pop("nodes"), "nodes"),
        (lambda d: d.update(version=99), "version"),
    ],
)
def test_bad_description(make, change, word: str) -> None:
    nodes = [
        make.node("a", "conv2d", ["x"], {"kernel": "k"}, strides=[1, 1]),
        make.node("b", "relu", ["a"]),
    ]
    description, weights = make.graph([None, 8, 8, 1], nodes), {"k": np.ones((3, 3, 1, 2), "f")}
    swiftvis.Model.from_graph(description, weights)
    change(description)
    with pytest.raises(ValueError) as caught:
        swiftvis.Model.from_graph(description, weights).gradient(np.zeros((8, 8, 1)))
    assert word in str(caught.value)


def test_wrong_weight_shape(make) -> None:
    node = make.node("fc", "dense", ["x"], {"kernel": "k"})
    for shape, word in [((3, 2), "fc"), ((2,), "fc"), ((0, 2), "(0, 2)"), ((2, 2, 2), "fc")]:
        with pytest.raises(ValueError) as caught:
            make([None, 2], [node], {"k": np.zeros(shape, "f")})
        assert word in str(caught.value)
