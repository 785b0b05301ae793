"""JSON as it is kept on disk: with a checksum at the end, so that a flipped bit is noticed when it is read."""

from __future__ import annotations

import re
import zlib
from typing import Any

Json = Any  # a value of a JSON file: whoever reads it knows what it is
_END = re.compile(rb', "crc": "[0-9a-f]{8}"\}\n\Z')
_LENGTH = 21


def sealed(text: str) -> bytes:
    """A JSON object, which is not empty, as a line whose last key is the CRC-32 of all before it."""
    body = text.encode()
    return b'%s, "crc": "%08x"}\n' % (body[:-1], zlib.crc32(body))


def is_sealed(content: bytes) -> bool:
    """Whether `content` ends as `sealed` ends it."""
    return _END.search(content) is not None


def unsealed(content: bytes) -> bytes | None:
    """The JSON that was sealed; None unless every bit is as it was."""
    body = content[:-_LENGTH] + b"}"
    whole = is_sealed(content) and content[-11:-3] == b"%08x" % zlib.crc32(body)
    return body if whole else None
