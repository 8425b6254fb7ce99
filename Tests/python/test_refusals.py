"""What cannot be computed is told at once and all of it, before any weight is read: these files have none that could be."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import pytest

import swiftvis
from swiftvis.errors import UnsupportedModelError

FIXTURES = Path(__file__).parent / "fixtures"


def refused(path):
    with pytest.raises(UnsupportedModelError) as error:
        swiftvis.load_model(path)
    return str(error.value)


def test_keras(tmp_path):
    with zipfile.ZipFile(FIXTURES / "keras" / "keras3.15.1_images.keras") as archive:
        config = json.loads(archive.read("config.json"))
        metadata = archive.read("metadata.json")
    layers = [layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv2D"]
    layers[0]["class_name"], layers[-1]["class_name"] = "Strange", "Odd"
    empty = io.BytesIO()
    h5py.File(empty, "w").close()
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", metadata)
        archive.writestr("model.weights.h5", empty.getvalue())
    message = refused(tmp_path / "x.keras")
    for layer in (layers[0], layers[-1]):
        assert layer["config"]["name"] in message and layer["class_name"] in message


def test_onnx(tmp_path):
    """The weights are in another file."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(FIXTURES / "families" / "resnet.onnx", load_external_data=False)
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    nodes[0].op_type, nodes[1].op_type, nodes[1].domain = "ConvInteger", "NhwcConv", "com.microsoft"
    model.opset_import.add(domain="com.microsoft", version=1)
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with (tmp_path / "weights").open("wb") as file:
        file.truncate(2**27)  # a hole
    message = refused(tmp_path / "x.onnx")
    opset = next(entry.version for entry in model.opset_import if not entry.domain)
    assert f"{nodes[0].name} (ConvInteger, opset {opset})" in message
    assert f"{nodes[1].name} (com.microsoft.NhwcConv, opset 1)" in message
