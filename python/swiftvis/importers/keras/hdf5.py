"""HDF5 as Keras writes it, read from a file that nobody vouches for.

The HDF5 library can hang, crash or allocate gigabytes on damaged files, and takes longer to import than a model takes to
read. This reader knows the format's first version, which h5py writes by default: superblock 0, symbol tables, contiguous
arrays, which stay in the file. What later versions added is `Foreign`, and left to the library. Every offset is checked by
`struct` or `ByteRange`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from swiftvis.errors import ModelError
from swiftvis.importers.stored import ByteRange, StoredArray

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1
# Kinds of header messages.
_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _SYMBOLS = 0x1, 0x3, 0x8, 0xC, 0x10, 0x11
# Links and attributes as later versions of the format keep them.
_LATER = {0x2, 0x6, 0xA, 0x15}
_CHUNKED = 2


class Foreign(Exception):
    """The file uses a part of HDF5 that Keras does not."""


class Node:
    """A group (`children`) or a dataset (`array`)."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.children: dict[str, Node] | None = None
        self.array: StoredArray | None = None


def parse(source: ByteRange) -> Node:
    """The whole tree. Raises ModelError, struct.error and the like for damaged files."""
    head = source.read(0, 15)
    base, root = (source.unpack("<Q", at)[0] for at in (24, 64))
    if head[:9] != _SIGNATURE + b"\0" or head[13:] != b"\x08\x08" or base != 0:
        raise Foreign
    return _Parser(source).node(root, 0)


class _Parser:
    def __init__(self, source: ByteRange) -> None:
        self._source = source
        self._seen: set[int] = set()
        self._heaps: dict[int, dict[int, bytes]] = {}

    def node(self, address: int, depth: int) -> Node:
        self._visit(address)
        if depth > 64:
            raise ModelError("the file is damaged: its groups are nested too deeply")
        node = Node()
        found: dict[int, int] = {}
        for kind, start in self._messages(address):
            if kind == _ATTRIBUTE:
                name, value = self._attribute(start)
                node.attributes[name] = value
            elif kind == _SYMBOLS:
                tree, heap = self._source.unpack("<QQ", start)
                names = self._local_heap(heap)
                node.children = {
                    self._name(names, offset): self.node(child, depth + 1)
                    for offset, child in self._symbols(tree, None)
                }
            elif kind in _LATER:
                raise Foreign
            else:
                found[kind] = start
        if node.children is None:
            node.array = self._dataset(found)
        return node

    def _visit(self, address: int) -> None:
        if address in self._seen:
            raise ModelError("the file is damaged: its parts refer to each other in a circle")
        self._seen.add(address)

    def _messages(self, address: int) -> Iterator[tuple[int, int]]:
        """(kind, offset) of every message of an object header."""
        signature = self._source.unpack("4s", address)[0]
        if signature == b"OHDR":
            raise Foreign
        if signature[:1] != b"\x01":
            raise ModelError("the file is damaged: it has lost a part")
        count, _, size = self._source.unpack("<HII", address + 2)
        blocks = [(address + 16, size)]
        while blocks:
            start, size = blocks.pop(0)
            end = start + size
            while start + 8 <= end and count > 0:
                kind, length, flags = self._source.unpack("<HHB", start)
                start, count = start + 8, count - 1
                if flags & 2:
                    raise ModelError("the file is damaged: its parts are shared")
                if kind == _CONTINUATION:
                    blocks.append(self._source.unpack("<QQ", start))
                yield kind, start
                start += length

    def _symbols(self, address: int, level: int | None) -> Iterator[tuple[int, int]]:
        """(name offset, object address) of a group's entries, from its tree of tables."""
        self._visit(address)
        signature = self._source.unpack("5s", address)[0]
        if signature[:4] == b"SNOD":
            entries = self._bytes(address + 8, 40 * self._source.unpack("<H", address + 6)[0])
            for offset, child, kind in struct.iter_unpack("<QQI20x", entries):
                if kind == 2:
                    raise ModelError("the file has symbolic links, which a Keras model never has")
                yield offset, child
            return
        if signature != b"TREE\0" or level == 0:
            raise ModelError("the file is damaged: a group's table is not one")
        own, used = self._source.unpack("<BH", address + 5)
        if level is not None and own != level - 1:
            raise ModelError("the file is damaged: a group's table is not one")
        for index in range(used):
            yield from self._below(self._source.unpack("<Q", address + 32 + 16 * index)[0], own)

    def _below(self, address: int, level: int) -> Iterator[tuple[int, int]]:
        if level == 0 and self._source.unpack("4s", address) != (b"SNOD",):
            raise ModelError("the file is damaged: a group's table is not one")
        return self._symbols(address, level)

    def _local_heap(self, address: int) -> bytes:
        if self._source.unpack("4s", address) != (b"HEAP",):
            raise ModelError("the file is damaged: a group has no names")
        size, _, start = self._source.unpack("<QQQ", address + 8)
        return self._bytes(start, size)

    @staticmethod
    def _name(heap: bytes, offset: int) -> str:
        return heap[offset : heap.index(b"\0", offset)].decode("utf-8")

    def _bytes(self, start: int, size: int) -> bytes:
        if start + size > self._source.size:
            raise ModelError("the file is damaged or cut short")
        return self._source.read(start, size)

    def _dataspace(self, start: int) -> tuple[int, ...]:
        version, rank, _, kind = self._source.unpack("<4B", start)
        if version not in (1, 2) or rank > 32 or (version == 2 and kind == 2):
            raise ModelError("the file is damaged: an array has no shape")
        return self._source.unpack(f"<{rank}Q", start + (8 if version == 1 else 4))

    def _dataset(self, found: dict[int, int]) -> StoredArray:
        if not {_DATASPACE, _DATATYPE, _LAYOUT} <= set(found):
            raise ModelError("the file is damaged: an array is incomplete")
        shape = self._dataspace(found[_DATASPACE])
        kind, size = self._datatype(found[_DATATYPE])
        start = found[_LAYOUT]
        version, layout = self._source.unpack("<BB", start)
        if version > 3 or layout == _CHUNKED:
            raise Foreign
        if version != 3 or layout > 1 or kind == "vlen":
            raise ModelError("the file is damaged: an array is nowhere")
        address = start + 4 if layout == 0 else self._source.unpack("<Q", start + 2)[0]
        count = math.prod(shape)
        if address == _UNDEFINED or address + count * size > self._source.size:
            raise ModelError(f"the file is damaged: an array claims the shape {shape}")
        return StoredArray.contiguous(self._source, address, np.dtype(kind), shape)

    def _datatype(self, start: int) -> tuple[str, int]:
        """A NumPy type, or 'vlen' for text of any length."""
        head, bits = self._source.unpack("<BB", start)
        size = self._source.unpack("<I", start + 4)[0]
        order = ">" if bits & 1 else "<"
        if head & 15 == 0 and size in (1, 2, 4, 8):
            return f"{order}{'i' if bits & 8 else 'u'}{size}", size
        if head & 15 == 1 and size in (2, 4, 8):
            bfloat16 = size == 2 and self._source.unpack("<B", start + 13) == (8,)
            return (f"{order}V2" if bfloat16 else f"{order}f{size}"), size
        if head & 15 == 3 and size:
            return f"S{size}", size
        if head & 15 == 5 and size == 2:
            return "V2", size
        if head & 15 == 9 and bits & 15 == 1 and size == 16:
            return "vlen", size
        raise ModelError("the file is damaged: it holds values of an unknown type")

    def _attribute(self, start: int) -> tuple[str, Any]:
        version, _, *sizes = self._source.unpack("<BBHHH", start)
        if version not in (1, 2, 3):
            raise ModelError("the file is damaged: an attribute is not one")
        at = start + (9 if version == 3 else 8)
        starts = []
        for size in sizes:
            starts.append(at)
            at += -(-size // 8) * 8 if version == 1 else size
        name = self._bytes(starts[0], sizes[0]).rstrip(b"\0").decode("utf-8")
        try:
            kind, size = self._datatype(starts[1])
            shape = self._dataspace(starts[2])
        except ModelError:
            return name, None  # of a kind that no attribute of Keras has
        count = math.prod(shape)
        raw = self._bytes(at, count * size)
        if kind == "vlen":
            values = [self._text(*struct.unpack_from("<IQI", raw, 16 * index)) for index in range(count)]
        else:
            values = np.frombuffer(raw, np.dtype(kind), count).tolist()
        return name, values if shape else values[0]

    def _text(self, length: int, address: int, index: int) -> bytes:
        if length == 0:
            return b""
        if address not in self._heaps:
            self._heaps[address] = dict(self._objects(address))
        text = self._heaps[address][index]
        if length > len(text):
            raise ModelError("the file is damaged: a text in it has a wrong length")
        return text[:length]

    def _objects(self, address: int) -> Iterator[tuple[int, bytes]]:
        """The objects of a global heap. Object 0 is the free space at its end."""
        if self._source.unpack("5s", address) != (b"GCOL\x01",):
            raise ModelError("the file is damaged: it has lost a text")
        at, end = address + 16, address + self._source.unpack("<Q", address + 8)[0]
        while at + 16 <= min(end, self._source.size):
            index, size = self._source.unpack("<H6xQ", at)
            if index == 0:
                return
            yield index, self._bytes(at + 16, size)
            at += 16 + -(-size // 8) * 8
