"""IDX, compressed, as far as its header says: what a few compressed bytes become is not taken on trust."""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

LARGEST = 1 << 30  # bytes of values; MNIST has 47 million
_PART = 1 << 20


def at_most(file: BinaryIO, count: int) -> bytearray:
    """The next bytes, `count` of them at most."""
    body = bytearray()
    while len(body) < count and (part := file.read(min(count - len(body), _PART))):
        body += part
    return body


def copy_idx(source: BinaryIO, target: BinaryIO) -> None:
    """Copy an IDX file of unsigned bytes; raises ValueError as soon as it is none or longer than its header says."""
    header = source.read(4)
    axes = header[3] if header[:3] == b"\0\0\x08" and len(header) == 4 else 0
    header += source.read(4 * axes)
    if not axes or len(header) != 4 + 4 * axes:
        raise ValueError("not an IDX file")
    length = math.prod(struct.unpack(f">{axes}I", header[4:]))
    if length > LARGEST:
        raise ValueError("its header announces more than any data set here has")
    target.write(header)
    left = length + 1
    while left and (part := source.read(min(left, _PART))):
        target.write(part)
        left -= len(part)
    if not left:
        raise ValueError("longer than its header announces")
