"""Weights go from their file into the engine's memory, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import swiftvis
from swiftvis.errors import ModelError
from swiftvis.importers import keras


def config(units: int) -> dict[str, Any]:
    layers = [{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, units]}}]
    for name in ("first", "second"):
        options = {"name": name, "units": units, "use_bias": False, "trainable": True}
        layers.append({"class_name": "Dense", "config": options})
    return {"class_name": "Sequential", "config": {"name": "large", "layers": layers}}


def write_h5(path: Path, kernels: list[np.ndarray], **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.attrs.update(
            model_config=json.dumps(config(len(kernels[0]))), keras_version="2.15.0", backend="tensorflow"
        )
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = ["first", "second"]
        for name, kernel in zip(weights.attrs["layer_names"], kernels, strict=True):
            weights.create_group(name).attrs["weight_names"] = ["kernel"]
            weights[name].create_dataset("kernel", data=kernel, **options)


def write_keras(path: Path, kernels: list[np.ndarray], compression: int = zipfile.ZIP_STORED) -> None:
    inner = path.with_suffix(".weights.h5")
    with h5py.File(inner, "w") as file:
        for name, kernel in zip(("dense", "dense_1"), kernels, strict=True):
            file[f"layers/{name}/vars/0"] = kernel
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.8.0"}')
        archive.writestr("config.json", json.dumps(config(len(kernels[0]))))
        archive.write(inner, "model.weights.h5")
    inner.unlink()


PEAK = """
import sys, swiftvis
from swiftvis.importers import keras

def peak():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM"))

if sys.argv[2:]:
    import h5py
before = peak()
model = swiftvis.load_model(sys.argv[1])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["h5", "keras", "half", "chunked"])
def test_peak_memory(tmp_path: Path, kind: str) -> None:
    units = 5000
    kernels = [np.ones((units, units), np.float16 if kind == "half" else np.float32)] * 2
    path = tmp_path / ("model.keras" if kind == "keras" else "model.h5")
    if kind == "keras":
        write_keras(path, kernels)
    else:
        write_h5(path, kernels, **({"chunks": (500, 500)} if kind == "chunked" else {}))
    command = [sys.executable, "-c", PEAK, str(path), *(["h5py"] if kind == "chunked" else [])]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    path.unlink()
    assert grown < 1.2 * 2 * units**2 * 4


def kernels_of(kind: str) -> list[np.ndarray]:
    values = np.random.default_rng(1).normal(size=(2, 600, 600)) * 100
    return list(values.astype(kind))


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f2", ">f2", "<f8", "<i4", ">i2", "u1"])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}])
def test_types(tmp_path: Path, kind: str, options: dict[str, str]) -> None:
    """More values than are converted at once."""
    kernels = kernels_of(kind)
    write_h5(tmp_path / "model.h5", kernels, **options)
    for read, kernel in zip(keras.read(tmp_path / "model.h5")[1].values(), kernels, strict=True):
        assert read.dtype == np.float32
        assert np.array_equal(read, kernel.astype(np.float32))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_archives(tmp_path: Path, compression: int) -> None:
    kernels = kernels_of("<f4")
    write_keras(tmp_path / "model.keras", kernels, compression)
    model = swiftvis.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(2).normal(size=(1, 600)).astype(np.float32)
    expected = x @ kernels[0] @ kernels[1]
    assert np.abs(model.predict(x) - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_flipped_bit_in_an_archive_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    write_keras(path, kernels_of("<f4"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="CRC"):
        swiftvis.load_model(path)


@pytest.mark.parametrize("write", [write_h5, write_keras])
def test_a_file_cut_short_while_it_is_read(tmp_path: Path, write: Callable[..., None]) -> None:
    path = tmp_path / "model"
    write(path, kernels_of("<f4"))
    with pytest.raises(ModelError, match=r"model: .*cut short"), keras.opened(path) as graph:
        path.open("r+b").truncate(path.stat().st_size // 2)
        swiftvis.Model.from_graph(*graph)


class Unreadable:
    shape = (3, 2)

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def read_into(self, destination: np.ndarray) -> None:
        assert destination.shape == (6,)
        raise self.failure


@pytest.mark.parametrize("failure", [OSError("gone"), KeyboardInterrupt(), ModelError("bad")])
def test_what_a_reader_raises_reaches_the_caller(make: Any, failure: BaseException) -> None:
    node = make.node("y", "dense", ["x"], {"kernel": "k"})
    with pytest.raises(type(failure)) as caught:
        make([None, 3], [node], {"k": Unreadable(failure)})
    assert caught.value is failure


def test_shapes_are_checked_before_anything_is_read(make: Any) -> None:
    weight = Unreadable(AssertionError())
    weight.shape = (1 << 40, 1 << 20)
    with pytest.raises((ModelError, MemoryError, ValueError), match="too large"):
        make([None, 3], [make.node("y", "dense", ["x"], {"kernel": "k"})], {"k": weight})
