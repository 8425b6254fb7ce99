"""PyTorch's files, recognised by their content. They hold pickles, which are code: what one would import is read from its
opcodes, and nothing is run or loaded."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path

# torch.save's before PyTorch 1.6 begin with a pickled number.
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
_LARGEST_PICKLE = 1 << 22
_PICKLES = 4  # of an old file: number, version, machine, and the object itself
_HOW = (
    "make the network in Python, load them (network.load_state_dict(torch.load(path, weights_only=True))), and give it to "
    "swiftvis.from_torch(network, example_input); or run `swiftvis convert package.module:function OUT.safetensors "
    "--weights FILE --input 1,3,224,224`"
)


def complaint(path: Path, head: bytes) -> str | None:
    """What a file of PyTorch's is and what to do with it. None for other files."""
    try:
        if head.startswith(_LEGACY):
            with path.open("rb") as stream:
                return _of_pickle(stream.read(_LARGEST_PICKLE))
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(path) as archive:
                return _of_archive(archive)
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        pass
    return None


def _of_archive(archive: zipfile.ZipFile) -> str | None:
    names = archive.namelist()
    parts = {name.partition("/")[2] for name in names}
    if any("exported_program" in name or name.endswith("archive_format") for name in names):
        return "this is a program of torch.export: give swiftvis.from_torch(torch.export.load(path).module(), example_input)"
    if "constants.pkl" in parts and any(part.startswith("code/") for part in parts):
        return (
            "this is TorchScript, whose code is never run: give the nn.Module that it was made of to "
            "swiftvis.from_torch(module, example_input), or export it to ONNX"
        )
    entry = next((info for info in archive.infolist() if info.filename.endswith("/data.pkl")), None)
    if entry is None:
        return None
    with archive.open(entry) as stream:
        return _of_pickle(stream.read(_LARGEST_PICKLE))


def _of_pickle(data: bytes) -> str:
    if classes := _classes(data):
        return (
            f"this is a pickled PyTorch module ({classes[0]}), which only its own code can load: load it there and give it "
            "to swiftvis.from_torch(module, example_input)"
        )
    return f"this holds PyTorch weights without the network: {_HOW}"


def _classes(data: bytes) -> list[str]:
    """What unpickling would import besides tensors and plain containers."""
    found, strings, stream = [], ["", ""], io.BytesIO(data)
    for _ in range(_PICKLES):
        try:
            for opcode, argument, _position in pickletools.genops(stream):
                if opcode.name == "GLOBAL":
                    found.append(str(argument).replace(" ", "."))
                elif opcode.name == "STACK_GLOBAL":
                    found.append(".".join(strings))
                elif isinstance(argument, str):
                    strings = [strings[1], argument]
        except (ValueError, IndexError, OverflowError):  # the end, or damaged
            break
    return [name for name in found if not _is_plain(name)]


def _is_plain(name: str) -> bool:
    first = name.partition(".")[0]
    return first in ("collections", "builtins", "__builtin__", "_codecs", "numpy", "argparse") or (
        first == "torch" and not name.startswith("torch.nn.modules")
    )
