"""The journal: the durable local record of a run, written before anything is sent to MLflow.

    <state>/journal/<fingerprint>/
        run.json         what the run is: settings, data, provenance (written once)
        epochs.jsonl     one line an epoch, and a last line with the outcome; append-only
        attempts.jsonl   one line per attempt: its first epoch, commit, versions and machine
        checkpoint.npz   the trainer's state after an epoch, replaced atomically
        files/           what the trainer logs at the end
        failure.txt      traceback of the last attempt, when it raised
        lock             held by the process that trains the run

Lines are flushed at once, so they survive a kill; synced at least once a second, at the end and before anybody is
told of them, so they survive a power loss. Each line and file ends with a CRC. What was torn or has a flipped bit
counts as not there: it is cut off when the run is taken up again, and trained again.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from octant.errors import InputError
from octant.runs.fingerprint import fingerprint
from octant.seal import is_sealed, sealed, unsealed

SYNC_SECONDS = 1.0
SAY_SECONDS = 2.0  # of waiting, before it is said what for
ATTEMPTS = "attempts.jsonl"
FILES = "files"
OUTCOMES = ("finished", "diverged")
# What NumPy and zipfile raise for a file that was cut short or overwritten.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError)


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
        yield


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: syncing a file does not promise that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power loss."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _take(file: BinaryIO, path: Path, wait: float) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited >= wait:
                raise Busy(path) from None
        else:
            return
        if waited > SAY_SECONDS:
            say_waiting(f"another process, which holds {path}")
        time.sleep(0.02)


@cache
def say_waiting(what: str) -> None:
    """Say, once a process, what keeps it waiting."""
    print(f"octant: waiting for {what}", file=sys.stderr)


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


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value`, which is not empty, as JSON with a CRC."""
    replace(path, sealed(json.dumps(value, indent=1, sort_keys=True)))


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`, or None when it is missing or damaged; raises OSError when it cannot be read.

    A file without a CRC, such as an earlier octant's or one that a person wrote, is taken as it is: a flipped bit in
    the CRC's own key leaves the rest whole.
    """
    try:
        content = path.read_bytes()
        value = json.loads((unsealed(content) or b"") if is_sealed(content) else content)
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Story:
    """What a journal tells: the epoch lines, and the outcome line once the run is over."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    outcome: dict[str, Any] | None = None
    size: int = 0  # bytes of complete, valid lines


class Journal:
    """One run's folder. Reading needs no lock; `append`, `checkpoint` and `finish` are for the lock's holder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._synced = self._saved = time.monotonic()

    @property
    def fingerprint(self) -> str:
        """The run's fingerprint, which names the folder."""
        return self.folder.name

    @property
    def identity(self) -> dict[str, Any] | None:
        """Content of run.json, or None before the run was begun and where it is not of this run."""
        value = read_json(self.folder / "run.json")
        return value if value and _fingerprint_in(value) == self.fingerprint else None

    @property
    def is_damaged(self) -> bool:
        """Whether there are numbers and nothing that says of what: then they are worth nothing."""
        return self.identity is None and self.read().size > 0

    @property
    def failure(self) -> str | None:
        """Traceback of the last attempt, when it raised."""
        path = self.folder / "failure.txt"
        return path.read_text("utf-8", "replace") if path.exists() else None

    def lock(self) -> Any:
        """Context manager holding the run's lock; raises Busy when another process trains this run."""
        return locked(self.folder / "lock")

    def is_live(self) -> bool:
        """Whether a process holds the run's lock now; a lock that cannot be opened is nobody's."""
        if not (self.folder / "lock").exists():
            return False
        try:
            with self.lock():
                return False
        except Busy:
            return True
        except OSError:
            return False

    def read(self) -> Story:
        """All complete lines, as far as they are whole and in sequence; an outcome if all that it tells of is there."""
        try:
            content = (self.folder / "epochs.jsonl").read_bytes()
        except FileNotFoundError:
            return Story()
        epochs: list[dict[str, Any]] = []
        size = 0
        for line in content.splitlines(keepends=True):
            body = unsealed(line)
            entry = json.loads(body) if body else {}
            if self._is_over(entry, epochs):
                return Story(epochs, entry, size + len(line))
            if "outcome" in entry or not _follows(entry.get("epoch"), epochs):
                break
            size += len(line)
            epochs.append(entry)
        return Story(epochs, None, size)

    def _is_over(self, entry: Mapping[str, Any], epochs: list[dict[str, Any]]) -> bool:
        """Whether a line is an outcome that stands: a finished run has the last state and the files it tells of."""
        if entry.get("outcome") != "finished":
            return entry.get("outcome") in OUTCOMES
        last = self.load_checkpoint() if entry["has_state"] else None
        if entry["has_state"] and (last is None or last[0] != epochs[-1]["epoch"]):
            return False
        return all(_checksum(self.folder / FILES / name) == crc for name, crc in entry["files"].items())

    def begin(self, identity: Mapping[str, Any]) -> Story:
        """Make the folder ready for an attempt: identity written, torn line cut, old failure gone."""
        make_folder(self.folder)
        story = self.read()
        if self.identity is None:
            write_json(self.folder / "run.json", identity)
        path = self.folder / "epochs.jsonl"
        if path.exists() and path.stat().st_size > story.size:
            os.truncate(path, story.size)
        (self.folder / "failure.txt").unlink(missing_ok=True)
        return story

    def append(self, line: Mapping[str, Any], *, sync: bool = False) -> None:
        """Add one line, flushed; synced when a second has passed since the last sync or when `sync`."""
        data = sealed(json.dumps(line))
        with (self.folder / "epochs.jsonl").open("ab", buffering=0) as file:
            before = file.tell()
            if file.write(data) != len(data):
                os.ftruncate(file.fileno(), before)
                raise OSError(28, "No space left on device", str(self.folder))
            if sync or time.monotonic() - self._synced >= SYNC_SECONDS:
                os.fsync(file.fileno())
                self._synced = time.monotonic()

    def sync(self) -> None:
        """Bring the lines to the disk, whoever wrote them."""
        with suppress(FileNotFoundError), (self.folder / "epochs.jsonl").open("rb") as file:
            os.fsync(file.fileno())
            sync_folder(self.folder)

    def checkpoint(self, epoch: int, state: Mapping[str, Any], *, force: bool = False) -> None:
        """Replace the checkpoint when a second has passed since the last one, or when `force`.

        The lines are synced first: after a power loss no checkpoint is ahead of its lines.
        """
        if not force and time.monotonic() - self._saved < SYNC_SECONDS:
            return
        with (self.folder / "epochs.jsonl").open("ab") as file:
            os.fsync(file.fileno())
        self._synced = time.monotonic()
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{_EPOCH: np.int64(epoch)}, **_packed(state))
        content = buffer.getvalue()
        replace(self.folder / "checkpoint.npz", content + _crc(content))  # zip's own do not cover its headers
        self._saved = time.monotonic()

    def load_checkpoint(self) -> tuple[int, dict[str, Any]] | None:
        """(epoch, state) of the last checkpoint, or None when there is none that can be read."""
        try:
            content = (self.folder / "checkpoint.npz").read_bytes()
            if content[-4:] != _crc(content[:-4]):
                return None
            with np.load(io.BytesIO(content[:-4]), allow_pickle=False) as stored:
                return int(stored[_EPOCH]), _unpacked({name: stored[name] for name in stored.files if name != _EPOCH})
        except _UNREADABLE:
            return None

    def keep(self, files: Mapping[str, bytes]) -> dict[str, int]:
        """Write what is to be logged at the end; returns the CRC-32 of each file, which the outcome line tells."""
        for name, content in files.items():
            (self.folder / FILES).mkdir(exist_ok=True)
            replace(self.folder / FILES / name, content)
        return {name: zlib.crc32(content) for name, content in files.items()}

    def fail(self, text: str) -> None:
        """Keep the traceback of an attempt that raised."""
        replace(self.folder / "failure.txt", text.encode())

    def discard(self) -> None:
        """Forget the run's numbers, for `rerun=true`; the lock must be held."""
        for name in ("epochs.jsonl", ATTEMPTS, "checkpoint.npz", "failure.txt", "run.json"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / FILES, ignore_errors=True)


def _follows(epoch: object, epochs: list[dict[str, Any]]) -> bool:
    """Whether this number comes after those lines: trainers begin with 0, before training, or with 1."""
    return epoch == epochs[-1]["epoch"] + 1 if epochs else epoch in (0, 1)


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def _checksum(path: Path) -> int | None:
    try:
        return zlib.crc32(path.read_bytes())
    except FileNotFoundError:
        return None


# A state by kind: NumPy's files keep arrays, and this says which of them were numbers, text or bytes.
_EPOCH = "epoch of octant"
_BACK: dict[str, Callable[[Any], Any]] = {
    "array": lambda stored: stored,
    "number": lambda stored: stored.item(),
    "text": str,
    "bytes": lambda stored: stored.tobytes(),
    "json": lambda stored: json.loads(str(stored)),
}
_TYPES: tuple[tuple[Any, str], ...] = (((bool, float, np.number, np.bool_), "number"), (str, "text"), (bytes, "bytes"))


def check_state(state: Mapping[str, Any] | None) -> None:
    """Raise InputError for a state that cannot be stored without pickle."""
    if state is not None and not isinstance(state, Mapping):
        raise InputError(
            f"state is of type {type(state).__name__}; allowed are arrays, numbers, text and bytes by name"
        )
    for name, value in (state or {}).items():
        _kind(name, value)


def _packed(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state as arrays whose names tell their kind; raises InputError for what cannot be stored without pickle."""
    packed: dict[str, Any] = {}
    for name, value in state.items():
        kind = _kind(name, value)
        plain: Any = json.dumps(value) if kind == "json" else value
        packed[f"{kind} {name}"] = np.frombuffer(plain, np.uint8) if kind == "bytes" else np.asarray(plain)
    return packed


def _kind(name: str, value: Any) -> str:
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


def _unpacked(stored: Mapping[str, Any]) -> dict[str, Any]:
    parts = {key: key.partition(" ") for key in stored}
    return {name: _BACK[kind](stored[key]) for key, (kind, _, name) in parts.items()}


def _fingerprint_in(identity: Mapping[str, Any]) -> str | None:
    try:
        code = identity["code"]["digest"]
        return fingerprint(identity["settings"], identity["places"], identity["dataset"]["digest"], code)
    except (KeyError, TypeError, AttributeError):
        return None
