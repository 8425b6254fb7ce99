"""The two containers: an HDF5 file with the configuration in an attribute, and a zip of JSON and HDF5."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import h5py

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras.heaps import check_heaps
from swiftvis.importers.keras.weights import ArchiveWeights, LegacyWeights, attribute_text

# A configuration is text of at most a few MB; weights hardly shrink when compressed.
_MAX_CONFIG_BYTES = 1 << 28
_MAX_WEIGHTS_EXPANSION = 20


@dataclasses.dataclass(frozen=True)
class Archive:
    """What a model file holds. `version` is Keras's (major, minor)."""

    config: dict[str, Any]
    keras_version: str
    backend: str
    weights: LegacyWeights | ArchiveWeights

    @property
    def version(self) -> tuple[int, int]:
        found = re.match(r"(\d{1,4})\.(\d{1,4})", self.keras_version)
        return (int(found[1]), int(found[2])) if found else (2, 0)

    @property
    def is_standalone_keras2(self) -> bool:
        """Keras 2 before it became a part of TensorFlow."""
        return self.version < (2, 4) and "tf" not in self.keras_version


@contextlib.contextmanager
def shielded(path: str) -> Iterator[None]:
    """Turns whatever damaged bytes provoke below into one kind of error that names the file."""
    try:
        yield
    except UnsupportedModelError as error:
        raise UnsupportedModelError(f"{path}: {error}") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise
    except (IsADirectoryError, PermissionError):
        raise
    except MemoryError:
        raise MemoryError(f"{path}: not enough memory to read this model") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        RecursionError,
        OSError,
        RuntimeError,
    ) as error:
        raise ModelError(f"{path}: the file is damaged: {error}") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        NotImplementedError,
        TypeError,
        ValueError,
    ) as error:
        detail = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path}: the file is damaged or not a Keras model ({detail})") from error


@contextlib.contextmanager
def opened(path: str) -> Iterator[Archive]:
    with open(path, "rb") as file:
        if file.read(4) == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive, _hdf5(_weights_file(archive)) as weights:
                yield _zipped(archive, weights)
            return
        if not h5py.is_hdf5(path):
            raise ModelError("this is neither an HDF5 file (.h5, .hdf5) nor a .keras archive")
        file.seek(0)
        data = file.read()
    with _hdf5(data) as file:
        yield _legacy(file)


def _hdf5(data: bytes) -> h5py.File:
    check_heaps(data)
    return h5py.File(h5py.h5f.open_file_image(data))


def _legacy(file: h5py.File) -> Archive:
    if "model_config" not in file.attrs:
        if "layer_names" in file.attrs or any(
            name in file for name in ("layers", "_layer_checkpoint_dependencies")
        ):
            raise UnsupportedModelError(
                "this file holds weights only, without the network they belong to; save the whole model with model.save"
            )
        raise ModelError("this HDF5 file holds no Keras model (it has no 'model_config')")
    if "model_weights" not in file:
        raise ModelError(
            "this file holds a network without its weights ('model_weights'); save it with model.save"
        )
    weights = file["model_weights"]
    version = (
        attribute_text(file.attrs, "keras_version") or attribute_text(weights.attrs, "keras_version") or "1"
    )
    if version.startswith("1"):
        raise UnsupportedModelError("it was saved by Keras 1; load it with Keras 2 and save it again")
    backend = attribute_text(file.attrs, "backend") or "tensorflow"
    config = _object(json.loads(attribute_text(file.attrs, "model_config") or ""), "model_config")
    return Archive(config, version, backend, LegacyWeights(weights))


def _weights_file(archive: zipfile.ZipFile) -> bytes:
    for needed in ("config.json", "model.weights.h5"):
        if needed not in archive.namelist():
            raise ModelError(f"this zip file is not a Keras model: it has no '{needed}'")
    size = archive.getinfo("model.weights.h5").compress_size
    return _member(archive, "model.weights.h5", _MAX_WEIGHTS_EXPANSION * size + 4096)


def _zipped(archive: zipfile.ZipFile, weights: h5py.File) -> Archive:
    config = _object(json.loads(_member(archive, "config.json", _MAX_CONFIG_BYTES)), "config.json")
    metadata = {}
    if "metadata.json" in archive.namelist():
        metadata = _object(json.loads(_member(archive, "metadata.json", _MAX_CONFIG_BYTES)), "metadata.json")
    return Archive(config, str(metadata.get("keras_version", "3.0")), "", ArchiveWeights(weights))


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    size = archive.getinfo(name).file_size
    if size > limit:
        raise ModelError(f"'{name}' unpacks to {size} bytes, far more than a model's")
    with archive.open(name) as member:
        return member.read(size)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"the file is damaged: {name} is not a JSON object")
    return value
