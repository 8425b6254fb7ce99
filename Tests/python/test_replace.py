"""Layers whose code is not run, replaced by the caller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import swiftvis
from swiftvis import cli
from swiftvis.errors import UnsupportedModelError

FIXTURES = Path(__file__).parent / "fixtures" / "keras"


@pytest.fixture
def with_lambda(tmp_path: Path) -> Path:
    """A fixture whose first rescaling is a Lambda in a nested model, and whose noise is a Lambda too."""
    path = tmp_path / "lambda.h5"
    path.write_bytes((FIXTURES / "keras3.15.1_normalized.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layer_named(config, "Rescaling").update(
            class_name="Lambda", config={"name": "rescaling", "function": "f"}
        )
        file.attrs["model_config"] = json.dumps(config)
    return path


def layer_named(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == class_name)


def test_as_the_layer_itself(with_lambda: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("f")
    model = swiftvis.load_model(with_lambda, replace={"rescaling": swiftvis.Rescaling(1 / 128, -0.5)})
    original = swiftvis.load_model(FIXTURES / "keras3.15.1_normalized.h5")
    np.testing.assert_array_equal(model.predict(x), original.predict(x))
    each = swiftvis.load_model(
        with_lambda, replace={"rescaling": swiftvis.Rescaling([1 / 128] * 3, [-0.5] * 3)}
    )
    np.testing.assert_allclose(each.predict(x), original.predict(x), rtol=1e-5)
    bare = swiftvis.load_model(with_lambda, replace={"rescaling": swiftvis.Identity()})
    np.testing.assert_allclose(bare.predict(x / 128 - 0.5), original.predict(x), rtol=1e-3)


def test_the_refusal_says_how(with_lambda: Path) -> None:
    with pytest.raises(
        UnsupportedModelError, match=r'rescaling \(Lambda\)[^"]*replace={"rescaling": swiftvis.Rescaling'
    ):
        swiftvis.load_model(with_lambda)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lambda_9", r"no layer 'lambda_9'.* here: rescaling$"),
        ("hidden", r"computes layer 'hidden'.*: rescaling$"),
    ],
)
def test_names(with_lambda: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        swiftvis.load_model(with_lambda, replace={name: swiftvis.Identity()})


def test_values(with_lambda: Path, fixtures: Path) -> None:
    with pytest.raises(TypeError, match="swiftvis.Rescaling"):
        swiftvis.load_model(with_lambda, replace={"rescaling": lambda x: x})  # type: ignore[dict-item]
    for scale, offset in ((float("nan"), 0), ([1, 2], [1, 2, 3]), ([], 0)):
        with pytest.raises(ValueError, match="Rescaling"):
            swiftvis.Rescaling(scale, offset)


def test_inside_a_nested_model_of_either_format(tmp_path: Path) -> None:
    for source in ("keras3.15.1_nested.h5", "keras2.1.6_nested.h5"):
        path = tmp_path / source
        path.write_bytes((FIXTURES / source).read_bytes())
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            inner = next(layer for layer in config["config"]["layers"] if layer["name"] == "inner")
            gate = layer_named(inner, "Activation")
            gate.update(class_name="Lambda", config={"name": gate["name"]})
            file.attrs["model_config"] = json.dumps(config)
        with pytest.raises(UnsupportedModelError, match=r"inner/inner_gate \(Lambda\)"):
            swiftvis.load_model(path)
        model = swiftvis.load_model(path, replace={"inner/inner_gate": swiftvis.Rescaling(2.0)})
        assert model.predict(np.ones((1, 8, 8, 4), "f")).shape == (1, 3)


def test_convert(with_lambda: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out.safetensors"
    assert (
        cli.main(["convert", str(with_lambda), str(out), "--replace", "rescaling=rescale:0.0078125,-0.5"])
        == 0
    )
    x = np.random.default_rng(0).normal(size=(1, 5, 4, 3)).astype("f")
    expected = swiftvis.load_model(FIXTURES / "keras3.15.1_normalized.h5").predict(x)
    np.testing.assert_array_equal(swiftvis.load_model(out).predict(x), expected)
    assert cli.main(["convert", str(with_lambda), str(out), "--replace", "rescaling=identity"]) == 0
    assert cli.main(["convert", str(with_lambda), str(out)]) == 2
    with pytest.raises(SystemExit):
        cli.main(["convert", str(with_lambda), str(out), "--replace", "rescaling=twice"])
    assert "rescale" in capsys.readouterr().err
