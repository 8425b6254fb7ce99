"""Small networks of every family of torchvision, through ONNX: values and gradients as PyTorch's in float64."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import swiftvis

onnx = pytest.importorskip("onnx")

FOLDER = Path(__file__).parent / "fixtures" / "families"
_spec = importlib.util.spec_from_file_location("families", FOLDER / "families.py")
families = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(families)

NAMES = sorted(path.stem for path in FOLDER.glob("*.onnx"))


def loaded(name, folder):
    """The file with its weights beside it."""
    content = (FOLDER / f"{name}.onnx").read_bytes()
    (folder / f"{name}.onnx").write_bytes(content)
    with (folder / families.WEIGHTS).open("wb") as file:
        for tensor in onnx.ModelProto.FromString(content).graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                file.write(families.values(tensor.name, tuple(tensor.dims)).tobytes())
    return swiftvis.load_model(folder / f"{name}.onnx")


@pytest.mark.parametrize("name", NAMES)
def test_as_torch_in_float64(name, tmp_path):
    with np.load(FOLDER / f"{name}.npz") as file:
        output, gradient = file["output"], file["gradient"]
    with loaded(name, tmp_path) as model:
        x = np.repeat(families.image(name), 2, 0)  # a batch of the same image
        found = model.gradient(x, model.outputs[0], families.UNIT) * 2
        assert np.abs(model.predict(x) - output).max() <= 2e-5 * np.abs(output).max()
        assert np.abs(found - gradient).max() <= 1e-4 * np.abs(gradient).max()


def test_every_family_is_there():
    assert len(NAMES) >= 14
