"""A trainer's state as the bytes of a checkpoint, without pickle: an .npz with its CRC at the end.

The arrays' names say which of them were numbers, text or bytes.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from octant.errors import InputError

if TYPE_CHECKING:
    from octant.trainer import Value

_EPOCH = "epoch of octant"
# What NumPy and zipfile raise for a file that was cut short or overwritten.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError)
_BACK: dict[str, Callable[[np.ndarray], Value]] = {
    "array": lambda stored: stored,
    "number": lambda stored: stored.item(),
    "text": str,
    "bytes": lambda stored: stored.tobytes(),
    "json": lambda stored: json.loads(str(stored)),
}
_TYPES = (((bool, float, np.number, np.bool_), "number"), ((str,), "text"), ((bytes,), "bytes"))


def check_state(state: object) -> None:
    """Raise InputError for a state that cannot be stored without pickle."""
    if state is None:
        return
    if not isinstance(state, Mapping):
        kind = type(state).__name__
        raise InputError(f"state is of type {kind}; allowed are arrays, numbers, text and bytes by name")
    for name, value in state.items():
        _kind(name, value)


def pack(epoch: int, state: Mapping[str, Value]) -> bytes:
    """The content of a checkpoint; raises InputError for what cannot be stored without pickle."""
    arrays = {_EPOCH: np.asarray(epoch)}
    for name, value in state.items():
        kind = _kind(name, value)
        plain: Value = json.dumps(value) if kind == "json" else value
        arrays[f"{kind} {name}"] = np.frombuffer(plain, np.uint8) if kind == "bytes" else np.asarray(plain)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with buffer.getbuffer() as content:  # hundreds of megabytes are not copied
        crc = _crc(content)
    buffer.seek(0, io.SEEK_END)
    buffer.write(crc)  # zip's own do not cover its headers
    return buffer.getvalue()


def _kind(name: str, value: object) -> str:
    """How a part of the state is stored; what JSON gives back as it was, such as a generator's state, is."""
    if not isinstance(name, str):
        raise InputError(f"state: {name!r} is no name; allowed are texts")
    for types, kind in _TYPES:
        if isinstance(value, types):
            return kind
    if hasattr(value, "__array__") and not np.asarray(value).dtype.hasobject:
        return "array"  # a tensor comes back as NumPy's
    with suppress(TypeError, ValueError, RecursionError):
        if json.loads(json.dumps(value)) == value:
            return "json"
    raise InputError(
        f"state: {name} is of type {type(value).__name__}; allowed are arrays, numbers, text and bytes, and lists and "
        "dicts of numbers and text; give each array a name of its own"
    )


def unpack(content: bytes, *, state: bool = True) -> tuple[int, dict[str, Value]] | None:
    """(epoch, state) of a checkpoint's content, without the state if not asked for; None for one that is damaged."""
    whole = memoryview(content)
    if whole[-4:] != _crc(whole[:-4]):
        return None
    try:
        with np.load(io.BytesIO(whole[:-4]), allow_pickle=False) as stored:
            parts = {key: key.partition(" ") for key in stored.files if key != _EPOCH} if state else {}
            return int(stored[_EPOCH]), {name: _BACK[kind](stored[key]) for key, (kind, _, name) in parts.items()}
    except _UNREADABLE:
        return None


def _crc(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")
