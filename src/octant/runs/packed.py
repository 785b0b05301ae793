"""Packed runs: the journals of many runs in one file, so that 100,000 runs are not 700,000 files.

    <state>/packed.sqlar    in SQLite's archive format: `sqlite3 packed.sqlar -At` lists it, -Ax extracts
    <state>/packed.lock     held, shared, while a receipt changes, and alone while a run moves; not empty once one has

A file of a run lies in the run's folder, in the pack, or in both, and is then the same in both: a run is in the pack
before its folder goes, and back in its folder, whole, before it leaves the pack and anything of it changes. So a kill
at any moment loses and doubles nothing.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from octant.errors import InputError
from octant.locks import lock_alone, lock_shared
from octant.runs.disk import make_folder, replace
from octant.seal import Json

FILE, LOCK = "packed.sqlar", "packed.lock"
PATIENCE_SECONDS = 60.0
_TABLE = "create table if not exists sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)"
_OF_RUN = "name >= ? || '/' and name < ? || '0'"  # 0 comes after /
_NAME = 64  # characters of a fingerprint


def file_of(folder: Path, name: str) -> bytes | None:
    """A file of the run whose folder that would be; None where it is not packed."""
    state, _, run = str(folder).rsplit("/", 2)  # Path.parents takes as long as the query
    rows = _query(state, "select data from sqlar where name = ?", f"{run}/{name}")
    return rows[0][0] if rows else None


def names(folder: Path) -> list[str]:
    """The run's files in the pack."""
    rows = _query(_state(folder), f"select name from sqlar where {_OF_RUN}", folder.name, folder.name)  # noqa: S608
    return [name.removeprefix(f"{folder.name}/") for (name,) in rows]


def fingerprints(state: Path) -> list[str]:
    """Every run in the pack."""
    return [name for (name,) in _query(str(state), f"select distinct substr(name, 1, {_NAME}) from sqlar")]  # noqa: S608


def size_of(folder: Path) -> int:
    """Bytes of a run in its folder and in the pack."""
    text = f"select ifnull(sum(length(data)), 0) from sqlar where {_OF_RUN}"  # noqa: S608
    packed = _query(_state(folder), text, folder.name, folder.name)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) + sum(each for (each,) in packed)


@contextmanager
def held(state: Path, lock_it: Callable[[BinaryIO], None] = lock_alone) -> Iterator[BinaryIO]:
    """Hold the lock of the pack, alone: no run moves, no receipt changes."""
    make_folder(state)
    with (state / LOCK).open("ab") as lock:
        lock_it(lock)
        yield lock


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold while a file of the run changes: a packed run is back in its folder first."""
    with held(folder.parents[1], lock_shared) as lock:
        if names(folder):
            lock_alone(lock)
            _unpack(folder)
        yield


def _unpack(folder: Path) -> None:
    for name in names(folder):
        if (content := file_of(folder, name)) is not None:
            make_folder((folder / name).parent)
            replace(folder / name, content)
    with _writing(folder.parents[1]) as pack:
        pack.execute(f"delete from sqlar where {_OF_RUN}", (folder.name, folder.name))  # noqa: S608


def add(state: Path, folders: Sequence[Path]) -> None:
    """Copy these runs into the pack, so that their folders may go; `held` and the lock of each must be held.

    Raises OSError, such as on a full disk; then they lie where they lay.
    """
    files = {folder: [path for path in folder.rglob("*") if _is_kept(path, folder)] for folder in folders}
    with _writing(state) as pack:
        for path in (each for found in files.values() for each in found):
            content = path.read_bytes()
            row = (_name(path, state), 0o100644, int(time.time()), len(content), content)
            pack.execute("insert or replace into sqlar values (?, ?, ?, ?, ?)", row)
    (state / LOCK).write_text(f"{FILE} holds the journals of packed runs\n")
    for folder, found in files.items():
        if any(file_of(folder, str(path.relative_to(folder))) != path.read_bytes() for path in found):
            raise OSError(errno.EIO, "a run was read back differently", str(state / FILE))


def _is_kept(path: Path, folder: Path) -> bool:
    """Whether it is content of the run, and neither a lock nor a killed process's draft."""
    is_lock = path.parent == folder and path.name.endswith("lock")
    return path.is_file() and not is_lock and not re.search(r"\.\d+\.tmp$", path.name)


def _name(path: Path, state: Path) -> str:
    return str(path.relative_to(state / "journal"))


def _state(folder: Path) -> str:
    return str(folder).rsplit("/", 2)[0]  # Path.parents takes as long as the query


def _query(state: str, text: str, *values: str) -> list[tuple[Json, ...]]:
    file = f"{state}/{FILE}"
    try:
        there = os.stat(file)  # noqa: PTH116 - nor Path.stat: this is for each file that is not in its folder
    except FileNotFoundError:
        _refuse_lost(state)
        return []
    with _explained(file):
        return _opened(file, there.st_ino, os.getpid()).execute(text, values).fetchall()


def _refuse_lost(state: str) -> None:
    with suppress(FileNotFoundError):
        if os.stat(f"{state}/{LOCK}").st_size:  # noqa: PTH116
            raise InputError(f"{state}/{FILE} is gone: {_REMEDY}")


@cache
def _opened(file: str, inode: int, process: int) -> sqlite3.Connection:
    """For reading, again and again: a connection is not another process's, and not another file's."""
    return _connect(file)


def _connect(file: str) -> sqlite3.Connection:
    pack = sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    pack.execute("pragma auto_vacuum=full")  # what leaves gives its bytes back
    pack.execute("pragma synchronous=extra")  # or a power cut could take back what folders were deleted for
    pack.execute(_TABLE)
    return pack


@contextmanager
def _writing(state: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, synced at its end."""
    file = str(state / FILE)
    with _explained(file), closing(_connect(file)) as pack, pack:
        pack.execute("begin immediate")
        yield pack


_REMEDY = (
    f"it holds the journals of packed runs; put a copy of it back, or move it and {LOCK} away: then these runs count "
    "as never trained, and those that are trained again replace what MLflow has of them"
)


@contextmanager
def _explained(file: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:  # full, locked, not writable
        raise OSError(errno.EIO, str(error), file) from None
    except sqlite3.DatabaseError as error:
        raise InputError(f"{file} is damaged ({error}): {_REMEDY}") from None
