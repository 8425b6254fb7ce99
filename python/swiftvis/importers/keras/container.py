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

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras import hdf5, hdf5_library
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


def opened(path: str) -> Archive:
    with open(path, "rb") as file:
        magic = file.read(8)
        if magic[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                return _zipped(archive)
        if magic != b"\x89HDF\r\n\x1a\n":
            raise ModelError("this is neither an HDF5 file (.h5, .hdf5) nor a .keras archive")
        file.seek(0)
        return _legacy(_hdf5(file.read()))


def _hdf5(data: bytes) -> hdf5.Node:
    try:
        return hdf5.parse(data)
    except hdf5.Foreign:
        return hdf5_library.parse(data)


def _legacy(file: hdf5.Node) -> Archive:
    children = file.children or {}
    if "model_config" not in file.attributes:
        if (
            "layer_names" in file.attributes
            or "layers" in children
            or "_layer_checkpoint_dependencies" in children
        ):
            raise UnsupportedModelError(
                "this file holds weights only, without the network they belong to; save the whole model with model.save"
            )
        raise ModelError("this HDF5 file holds no Keras model (it has no 'model_config')")
    if "model_weights" not in children:
        raise ModelError(
            "this file holds a network without its weights ('model_weights'); save it with model.save"
        )
    weights = children["model_weights"]
    version = attribute_text(file.attributes, "keras_version") or attribute_text(
        weights.attributes, "keras_version"
    )
    if version is None or version.startswith("1"):
        raise UnsupportedModelError("it was saved by Keras 1; load it with Keras 2 and save it again")
    backend = attribute_text(file.attributes, "backend") or "tensorflow"
    config = _object(json.loads(attribute_text(file.attributes, "model_config") or ""), "model_config")
    return Archive(config, version, backend, LegacyWeights(weights))


def _weights_file(archive: zipfile.ZipFile) -> bytes:
    for needed in ("config.json", "model.weights.h5"):
        if needed not in archive.namelist():
            raise ModelError(f"this zip file is not a Keras model: it has no '{needed}'")
    size = archive.getinfo("model.weights.h5").compress_size
    return _member(archive, "model.weights.h5", _MAX_WEIGHTS_EXPANSION * size + 4096)


def _zipped(archive: zipfile.ZipFile) -> Archive:
    weights = _hdf5(_weights_file(archive))
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
