"""IDX, the format of MNIST's four files (http://yann.lecun.com/exdb/mnist): big-endian header, then bytes."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from octant.network.data.files import complaint, reading
from octant.network.data.parts import Array


@dataclass(frozen=True, eq=False)
class Idx:
    """One decoded file: its header as it stands in the file, and its uint8 values in the header's shape."""

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
    with reading(path, remedy), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.read(4 + 4 * axes)
        body = file.read()
    shape = _shape(path, header, axes, remedy)
    if len(body) != math.prod(shape):
        wrong = f"wrong length: {len(body)} bytes of values, its header announces {math.prod(shape)}"
        raise complaint(path, wrong, remedy)
    return Idx(path, header, np.frombuffer(body, np.uint8).reshape(shape))


def _shape(path: Path, header: bytes, axes: int, remedy: str) -> tuple[int, ...]:
    expected = 0x0800 + axes
    magic = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and magic != expected:
        raise complaint(path, f"wrong magic number 0x{magic:08x}, expected 0x{expected:08x}", remedy)
    if len(header) < 4 + 4 * axes:
        raise complaint(path, f"ends within its header ({len(header)} bytes)", remedy)
    return struct.unpack(f">{axes}I", header[4:])
