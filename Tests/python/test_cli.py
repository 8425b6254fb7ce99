from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import swiftvis
from swiftvis.cli import main


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_explains_the_coffee(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model, photo = examples / "models" / "efficientnet_lite0.safetensors", examples / "images" / "coffee.png"
    out = tmp_path / "out.png"
    assert main(["explain", str(photo), "--model", str(model), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    first, *_ = text.splitlines()
    assert first.startswith("espresso") and float(first.split()[-1]) > 0.9
    assert str(out) in text and len(text.split("\n\n")[0].splitlines()) == 5
    with Image.open(out) as picture:
        assert picture.width > 3 * picture.height and len(np.unique(np.asarray(picture))) > 100


def test_explains_a_layer(goldens: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out.jpg"
    options = [
        "--layer",
        "conv2d_1",
        "--filter",
        "1",
        "2",
        "--backprop-modifier",
        "rectified",
        "--range",
        "-1,1",
    ]
    options += ["--sigma", "2", "--colormap", "viridis", "--out", str(out)]
    assert main(["explain", str(photo), "--model", str(goldens / "residual.h5"), *options]) == 0
    assert "layer conv2d_1, filter 1, 2" in capsys.readouterr().out
    assert out.stat().st_size > 1000


def test_explains_a_regression(
    goldens: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out.png"
    assert main(["explain", str(photo), "--model", str(goldens / "regression.h5"), "--out", str(out)]) == 0
    assert "unit 0" in capsys.readouterr().out


def test_converts(goldens: Path, tmp_path: Path, image: np.ndarray, capsys: pytest.CaptureFixture) -> None:
    names, out = tmp_path / "names.txt", tmp_path / "model.safetensors"
    names.write_text("a\nb\nc\nd\ne\n")
    assert main(["convert", str(goldens / "residual.h5"), str(out), "--half", "--classes", str(names)]) == 0
    assert "MB" in capsys.readouterr().out
    found = swiftvis.load_model(out)
    assert found.classes == ["a", "b", "c", "d", "e"]
    wanted = swiftvis.load_model(goldens / "residual.h5").predict(image)
    np.testing.assert_allclose(found.predict(image), wanted, atol=0.02)


BAD = {
    "no photo": (["explain", "{missing}", "--model", "{model}", "--out", "{out}"], "No such file"),
    "not a photo": (["explain", "{names}", "--model", "{model}", "--out", "{out}"], "cannot identify image"),
    "no model": (["explain", "{photo}", "--model", "{missing}", "--out", "{out}"], "No such file"),
    "not a model": (["explain", "{photo}", "--model", "{photo}", "--out", "{out}"], "not a model"),
    "layer": (["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--layer", "nope"], "'nope'"),
    "filter": (
        ["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--filter", "99"],
        "out of range",
    ),
    "sigma": (["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--sigma", "-1"], "sigma"),
    "alpha": (["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--alpha", "2"], "alpha"),
    "colormap": (
        ["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--colormap", "x"],
        "viridis",
    ),
    "range": (["explain", "{photo}", "--model", "{model}", "--out", "{out}", "--range", "1"], "0,1"),
    "picture kind": (["explain", "{photo}", "--model", "{model}", "--out", "{out}.xyz"], "xyz"),
    "no command": ([], "COMMAND"),
    "no out": (["explain", "{photo}", "--model", "{model}"], "--out"),
    "convert to": (["convert", "{model}", "{out}.h5"], ".safetensors"),
    "classes": (["convert", "{model}", "{out}.safetensors", "--classes", "{names}"], "5 class names"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_are_one_line(
    case: str, goldens: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "names.txt").write_text("a\n")
    places = {"missing": tmp_path / "missing", "model": goldens / "residual.h5", "photo": photo}
    places |= {"out": tmp_path / "out.png", "names": tmp_path / "names.txt"}
    arguments, word = BAD[case]
    try:
        code = main([argument.format(**places) for argument in arguments])
    except SystemExit as stop:  # argparse's way
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("swiftvis: error: ") and error.count("\n") == 1 and word in error


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "swiftvis", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"swiftvis {swiftvis.__version__}"
