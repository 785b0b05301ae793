"""Locks, and writing that survives a kill and a power cut: syncing a file does not sync the names in its folder."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from octant.locks import lock_alone
from octant.seal import Json, is_sealed, sealed, unsealed

SAY_SECONDS = 2.0  # of waiting, before it is said what for
_C = ctypes.CDLL(None, use_errno=True)


class Busy(Exception):
    """Another live process holds the lock."""


@contextmanager
def locked(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the kernel frees it when the process dies.

    Raises Busy when it is not to be had within `wait` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        _take(file, path, wait)
        if _is_at(file, path):
            yield
            return
    with locked(path, wait=wait):  # whoever held it has deleted it since
        yield


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _take(file: BinaryIO, path: Path, wait: float) -> None:
    began = time.monotonic()
    while True:
        try:
            return lock_alone(file, wait=False)
        except BlockingIOError:
            waited = time.monotonic() - began
        if waited >= wait:
            raise Busy(path) from None
        if waited > SAY_SECONDS:
            say_waiting(f"another process, which holds {path}")
        time.sleep(0.02)


@cache
def say_waiting(what: str) -> None:
    """Say, once per process, what keeps it waiting."""
    print(f"octant: waiting for {what}", file=sys.stderr)


@contextmanager
def _opened(place: Path) -> Iterator[int]:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_file_systems(places: Iterable[Path]) -> None:
    """Bring all that was written to the file systems of these folders to their disks, each once."""
    for place in {place.stat().st_dev: place for place in places if place.exists()}.values():
        _sync_file_system(place)


def _sync_file_system(place: Path) -> None:
    """Bring all that was written to the file system of `place` to its disk."""
    failed = errno.ENOSYS
    if hasattr(_C, "syncfs"):  # Linux
        with _opened(place) as descriptor:
            failed = _C.syncfs(descriptor) and ctypes.get_errno()
    if failed == errno.ENOSYS:
        os.sync()
    elif failed:
        raise OSError(failed, os.strerror(failed), str(place))


def replace(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that after any crash either the old or the new content is there."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Replace `path` by `value`, which is not empty, as JSON with a CRC."""
    replace(path, sealed(json.dumps(value, indent=1, sort_keys=True)))


def read_json(path: Path) -> dict[str, Json] | None:
    """The JSON object in `path`, or None when it is missing or damaged; raises OSError when it cannot be read.

    A file without a CRC, such as an earlier octant's or one that a person wrote, is taken as it is: a flipped bit in
    the CRC's own key leaves the rest whole.
    """
    try:
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        return None


def parse_json(content: bytes) -> dict[str, Json] | None:
    """The JSON object that is a file's content, or None for a damaged one."""
    try:
        value = json.loads((unsealed(content) or b"") if is_sealed(content) else content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
