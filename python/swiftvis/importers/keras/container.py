"""The two containers: an HDF5 file with the configuration in an attribute, and a zip of JSON and HDF5."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from swiftvis.errors import ModelError, UnsupportedModelError
from swiftvis.importers.keras import hdf5, hdf5_library
from swiftvis.importers.keras.keras1 import Keras1Weights, translated
from swiftvis.importers.keras.weights import ArchiveWeights, LegacyWeights, attribute_text
from swiftvis.importers.stored import ByteRange

# A configuration is text of at most a few MB; weights hardly shrink when compressed.
_MAX_CONFIG_BYTES = 1 << 28
_MAX_WEIGHTS_EXPANSION = 20
# Bytes of a checksum read at once.
_PIECE = 1 << 18


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
    """What the file holds. The weights stay in it, and can be read while the context lasts."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        magic = file.read(8)
        if magic[:4] == b"PK\x03\x04":
            yield _zipped(stack.enter_context(zipfile.ZipFile(file)), file, stack)
        elif magic == b"\x89HDF\r\n\x1a\n":
            yield _legacy(_hdf5(ByteRange(file, 0, file.seek(0, io.SEEK_END)), stack))
        else:
            raise ModelError("this is neither an HDF5 file (.h5, .hdf5) nor a .keras archive")


def _hdf5(source: ByteRange, stack: contextlib.ExitStack) -> hdf5.Node:
    try:
        return hdf5.parse(source)
    except hdf5.Foreign:
        return stack.enter_context(hdf5_library.parsed(source))


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
    config = _object(json.loads(attribute_text(file.attributes, "model_config") or ""), "model_config")
    if version is None or version.startswith("1."):
        old = Keras1Weights(weights)
        return Archive(translated(config), version or "1.0", old.backend, old)
    backend = attribute_text(file.attributes, "backend") or "tensorflow"
    return Archive(config, version, backend, LegacyWeights(weights))


def _weights_file(archive: zipfile.ZipFile, file: BinaryIO) -> ByteRange:
    """The weights: where Keras put them uncompressed, or unpacked in memory."""
    for needed in ("config.json", "model.weights.h5"):
        if needed not in archive.namelist():
            raise ModelError(f"this zip file is not a Keras model: it has no '{needed}'")
    entry = archive.getinfo("model.weights.h5")
    if entry.compress_type != zipfile.ZIP_STORED:
        data = _member(archive, "model.weights.h5", _MAX_WEIGHTS_EXPANSION * entry.compress_size + 4096)
        return ByteRange(io.BytesIO(data), 0, len(data))
    size = 0
    with archive.open(entry) as member:  # read once for its checksum
        while piece := member.read(_PIECE):
            size += len(piece)
    file.seek(entry.header_offset + 26)
    start = entry.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
    return ByteRange(file, start, size)


def _zipped(archive: zipfile.ZipFile, file: BinaryIO, stack: contextlib.ExitStack) -> Archive:
    weights = _hdf5(_weights_file(archive, file), stack)
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
