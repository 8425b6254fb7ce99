"""A look at an HDF5 file's heaps of strings, before the HDF5 library runs in circles over damaged ones."""

from __future__ import annotations

import struct

from swiftvis.errors import ModelError

_SIGNATURE = b"GCOL\x01\0\0\0"
_HEADER = 16
# A search of the whole file for each; a model's strings fit in a few.
_MAX_SEARCHES = 32


def check_heaps(data: bytes) -> None:
    """Raises ModelError where the objects of a global heap do not add up, or a string is longer than its object."""
    heaps: dict[int, dict[int, int]] = {}
    start = data.find(_SIGNATURE)
    while start >= 0:
        heaps[start] = _objects(data, start)
        start = data.find(_SIGNATURE, start + len(_SIGNATURE))
    for start in list(heaps)[:_MAX_SEARCHES]:
        _check_strings(data, start, heaps[start])


def _check_strings(data: bytes, start: int, sizes: dict[int, int]) -> None:
    """A string is stored as its length, the address of its heap and the object's index."""
    address = struct.pack("<Q", start)
    at = data.find(address, 4)
    while at >= 0:
        length, index = data[at - 4 : at], data[at + 8 : at + 12]
        if int.from_bytes(length, "little") > sizes.get(int.from_bytes(index, "little"), 1 << 32):
            raise ModelError("the file is damaged: a text in it has a wrong length")
        at = data.find(address, at + 1)


def _objects(data: bytes, start: int) -> dict[int, int]:
    """The sizes of a collection's objects by index. Object 0 is the free space at its end."""
    sizes: dict[int, int] = {}
    if start + _HEADER > len(data):
        return sizes
    end = start + struct.unpack_from("<Q", data, start + 8)[0]
    if end > len(data):
        raise ModelError("the file is damaged or cut short: a heap in it is incomplete")
    at = start + _HEADER
    while at + _HEADER <= end:
        index, size = *struct.unpack_from("<H", data, at), *struct.unpack_from("<Q", data, at + 8)
        step = size if index == 0 else _HEADER + (size + 7) // 8 * 8
        if step < _HEADER or at + step > end:
            raise ModelError("the file is damaged: a heap in it does not add up")
        if index == 0:
            break
        sizes[index] = size
        at += step
    return sizes
