"""A trainer's state as the bytes of a checkpoint, without pickle: an .npz with its CRC at the end.

The arrays' names say which of them were numbers, text or bytes.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from octant.errors import InputError

if TYPE_CHECKING:
    from octant.trainer import Value

_EPOCH = "epoch of octant"
# What NumPy and zipfile raise for a file that was cut short or overwritten.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError)
_KINDS: dict[str, tuple[tuple[type, ...], Callable[[np.ndarray[Any, Any]], Value]]] = {
    "array": ((np.ndarray,), lambda stored: stored),
    "number": ((bool, int, float, np.number, np.bool_), lambda stored: stored.item()),
    "text": ((str,), str),
    "bytes": ((bytes,), lambda stored: stored.tobytes()),
}


def pack(epoch: int, state: Mapping[str, Value]) -> bytes:
    """The content of a checkpoint; raises InputError for what cannot be stored without pickle."""
    arrays = {_EPOCH: np.asarray(epoch)}
    for name, value in state.items():
        kind = next((kind for kind, (types, _) in _KINDS.items() if isinstance(value, types)), None)
        if kind is None or (isinstance(value, np.ndarray) and value.dtype.hasobject):
            raise InputError(
                f"state: {name} is of type {type(value).__name__}; allowed are arrays, numbers, text and bytes"
            )
        arrays[f"{kind} {name}"] = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue() + _crc(buffer.getvalue())  # zip's own do not cover its headers


def unpack(content: bytes) -> tuple[int, dict[str, Value]] | None:
    """(epoch, state) of a checkpoint's content; None for one that is damaged."""
    if content[-4:] != _crc(content[:-4]):
        return None
    try:
        with np.load(io.BytesIO(content[:-4]), allow_pickle=False) as stored:
            parts = {key: key.partition(" ") for key in stored.files if key != _EPOCH}
            return int(stored[_EPOCH]), {name: _KINDS[kind][1](stored[key]) for key, (kind, _, name) in parts.items()}
    except _UNREADABLE:
        return None


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")
