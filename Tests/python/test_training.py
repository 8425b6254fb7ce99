"""Maps while a live model is trained."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import swiftvis
from swiftvis import SaliencyCallback, panel
from swiftvis.live.models import as_model

LIBRARY = os.environ.get("SWIFTVIS_TEST_KERAS", "keras")
if os.environ.setdefault("KERAS_BACKEND", "jax") == "jax":
    pytest.importorskip("jax", reason="needs JAX: pip install jax")
keras = pytest.importorskip(LIBRARY, reason="needs Keras 3: pip install keras jax")

IMAGES = np.random.default_rng(2).random((3, 16, 12, 3), np.float32)
CLASSES = np.array([0, 1, 1])


@pytest.fixture
def model() -> Any:
    inputs = keras.layers.Input((16, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="tanh")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    made = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    made.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return made


def test_files_and_grid_every_second_epoch(model: Any, tmp_path: Path) -> None:
    watch = SaliencyCallback(
        IMAGES, CLASSES, every=2, folder=tmp_path / "maps", grid=tmp_path / "out" / "grid.png"
    )
    model.fit(IMAGES, CLASSES, epochs=5, verbose=0, callbacks=[watch])
    model.evaluate(IMAGES, CLASSES, verbose=0, callbacks=[watch])
    assert watch.epochs == [2, 4] and [m.shape for m in watch.maps] == [(3, 16, 12)] * 2
    assert not np.array_equal(*watch.maps)  # of the weights at that time
    names = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert names == [f"epoch_000{epoch}_image_{image}.png" for epoch in (2, 4) for image in range(3)]
    with Image.open(tmp_path / "maps" / names[0]) as picture:
        assert picture.size == (12, 16) and picture.mode == "RGB"
    with Image.open(tmp_path / "out" / "grid.png") as grid:
        assert grid.width > 3 * 96 and grid.height > 3 * 128


def test_the_map_is_of_the_logit(model: Any, tmp_path: Path) -> None:
    watch = SaliencyCallback(IMAGES[0], 1, grid=tmp_path / "grid.png")
    watch.update(model, 1)
    ours = swiftvis.load_model(model)
    ours.layers[-1].activation = "linear"
    expected = swiftvis.saliency(ours.with_modifications(), IMAGES[0], 1)
    assert np.allclose(watch.maps[0][0], (expected - expected.min()) / np.ptp(expected), atol=1e-6)
    assert as_model(model).layers[-1].activation == "softmax"


def test_many_epochs_are_spread_over_twelve_columns(model: Any, tmp_path: Path, monkeypatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("swiftvis.live.training.shown", shown.append)
    watch = SaliencyCallback(IMAGES[:1, :, :, :1].repeat(3, -1), show=True)
    for epoch in range(1, 31):
        watch.update(model, epoch)
    assert shown[-1].width == shown[12].width > shown[0].width


def test_a_notebook_displays_the_grid(monkeypatch) -> None:
    displayed: list[Any] = []
    notebook = SimpleNamespace(get_ipython=lambda: 1, display=SimpleNamespace(display=displayed.append))
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    picture = panel.grid([("image", [np.zeros((8, 8, 3), np.uint8)])])
    panel.shown(picture)
    assert displayed == [picture]


def test_tensorboard(model: Any, tmp_path: Path, monkeypatch) -> None:
    written: list[Any] = []

    class SummaryWriter:
        def __init__(self, log_dir: str) -> None:
            assert log_dir == str(tmp_path)

        def add_image(self, name: str, picture: np.ndarray, step: int, dataformats: str) -> None:
            written.append((name, picture.shape, step, dataformats))

        def flush(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=SummaryWriter))
    SaliencyCallback(IMAGES[:1], log_dir=tmp_path).update(model, 3)
    assert written == [("saliency/image_0", (16, 12, 3), 3, "HWC")]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        SaliencyCallback(IMAGES, log_dir=tmp_path)


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say what becomes of the maps"):
        SaliencyCallback(IMAGES)
    with pytest.raises(ValueError, match="one filter for each of the 3 images, got 2"):
        SaliencyCallback(IMAGES, [0, 1], folder=tmp_path)
    with pytest.raises(ValueError, match="a picture for each of the 3 images, got 1"):
        SaliencyCallback(IMAGES, folder=tmp_path, pictures=IMAGES[:1])
    with pytest.raises(ValueError, match="every must be at least 1"):
        SaliencyCallback(IMAGES, folder=tmp_path, every=0)
