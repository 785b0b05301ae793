"""IDX, the format of MNIST's files: arrays of unsigned bytes behind a big-endian header."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from octant.network.data.dataset import Array
from octant.network.data.files import complaint, reading

LARGEST = 1 << 30  # bytes of values; MNIST has 47 million
_PART = 1 << 20


@dataclass(frozen=True, eq=False)
class Idx:
    """One decoded IDX file (http://yann.lecun.com/exdb/mnist): its big-endian header as it stands in the file, and its
    uint8 values in the header's shape.
    """

    path: Path
    header: bytes
    values: Array

    def verify(self, checksum: str, remedy: str) -> None:
        """Raise InputError unless the uncompressed content has this `algorithm:hex` checksum."""
        algorithm, _, expected = checksum.partition(":")
        content = hashlib.new(algorithm, self.header, usedforsecurity=False)
        content.update(self.values.data)
        if content.hexdigest() != expected:
            wrong = f"wrong checksum: {algorithm} of its content is {content.hexdigest()}, expected {expected}"
            raise complaint(self.path, wrong, remedy)


def read_idx(path: Path, axes: int, remedy: str) -> Idx:
    """Decode an IDX file of unsigned bytes with `axes` axes, plain or `.gz`.

    Raises InputError when it cannot be read, is truncated, or its header is not that of such a file.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with reading(path, remedy), opened(path, "rb") as file:
        header = file.read(4 + 4 * axes)
        shape = _shape(path, header, axes, remedy)
        body = _at_most(file, math.prod(shape) + 1)
    if len(body) != math.prod(shape):
        count = f"{len(body)} bytes" if len(body) < math.prod(shape) else "more bytes"
        wrong = f"wrong length: {count} of values, its header announces {math.prod(shape)}"
        raise complaint(path, wrong, remedy)
    return Idx(path, header, np.frombuffer(body, np.uint8).reshape(shape))


def _shape(path: Path, header: bytes, axes: int, remedy: str) -> tuple[int, ...]:
    expected = 0x0800 + axes
    magic = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and magic != expected:
        raise complaint(path, f"wrong magic number 0x{magic:08x}, expected 0x{expected:08x}", remedy)
    if len(header) < 4 + 4 * axes:
        raise complaint(path, f"ends within its header ({len(header)} bytes)", remedy)
    shape = struct.unpack(f">{axes}I", header[4:])
    if math.prod(shape) > LARGEST:
        wrong = f"wrong length: its header announces {math.prod(shape)} bytes of values, {LARGEST} is the most"
        raise complaint(path, wrong, remedy)
    return shape


def _at_most(file: IO[bytes] | gzip.GzipFile, count: int) -> bytearray:
    """The next bytes, `count` of them at most."""
    body = bytearray()
    while len(body) < count and (part := file.read(min(count - len(body), _PART))):
        body += part
    return body


def copy_idx(source: IO[bytes] | gzip.GzipFile, target: IO[bytes]) -> None:
    """Copy an IDX file of unsigned bytes as far as its header says: a few compressed bytes may become gigabytes.

    Raises ValueError for what is no IDX file or longer than its header says.
    """
    header = source.read(4)
    axes = header[3] if header[:3] == b"\0\0\x08" and len(header) == 4 else 0
    header += source.read(4 * axes)
    if not axes or len(header) != 4 + 4 * axes:
        raise ValueError("not an IDX file")
    length = math.prod(struct.unpack(f">{axes}I", header[4:]))
    if length > LARGEST:
        raise ValueError("its header announces more than any data set here has")
    body = _at_most(source, length + 1)
    if len(body) > length:
        raise ValueError("longer than its header announces")
    target.write(header + body)
