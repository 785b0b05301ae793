"""The journal: the durable local record of a run, written before anything is sent to MLflow.

    <state>/journal/<fingerprint>/
        run.json         what the run is: settings, data, provenance (written once)
        epochs.jsonl     one line per epoch, and a last line with the outcome; append-only
        attempts.jsonl   one line per attempt: its first epoch, commit, versions and machine
        checkpoint.npz   the trainer's state after an epoch, replaced atomically
        files/           what the trainer logs at the end
        failure.txt      traceback of the last attempt, when it raised
        lock             held by the process that trains the run

Files of a run that is over may lie in a pack instead: see packed.py. `content` reads either.

Lines are flushed at once, so they survive a kill; synced at least once per second, at the end and before anybody is
told of them, so they survive a power loss. Each line and file ends with a CRC. What was torn or has a flipped bit
counts as not there: it is cut off when the run is taken up again, and trained again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from octant.runs import packed
from octant.runs.checkpoint import pack, unpack
from octant.runs.disk import Busy, locked, make_folder, parse_json, replace, sync_folder, write_json
from octant.runs.fingerprint import fingerprint
from octant.runs.lines import EpochLine, History, Identity, OutcomeLine
from octant.seal import Json, sealed, unsealed

if TYPE_CHECKING:
    from octant.trainer import Value

SYNC_SECONDS = 1.0
CHECKPOINTS_SHARE = 0.05  # of the time of a run, at most
ATTEMPTS = "attempts.jsonl"
FILES = "files"
OUTCOMES = ("finished", "diverged")


class Journal:
    """One run's folder. Reading needs no lock; `append`, `checkpoint` and `finish` are for the lock's holder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._synced = self._saved = time.monotonic()
        self._pause = SYNC_SECONDS  # between two checkpoints

    @property
    def fingerprint(self) -> str:
        """The run's fingerprint, which names the folder."""
        return self.folder.name

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder.parents[1]

    @property
    def identity(self) -> Identity | None:
        """Content of run.json, or None before the run was begun and where it is not of this run."""
        value: Json = self.json("run.json")
        return value if value and _fingerprint_in(value) == self.fingerprint else None

    @property
    def is_damaged(self) -> bool:
        """True if epochs were recorded but run.json is unreadable; such a run must be trained again."""
        return self.identity is None and self.read().size > 0

    @property
    def failure(self) -> str | None:
        """Traceback of the last attempt, when it raised."""
        content = self.content("failure.txt")
        return None if content is None else content.decode("utf-8", "replace")

    def content(self, name: str) -> bytes | None:
        """A file's content, from the folder or the pack; None where there is none."""
        path = f"{self.folder}/{name}"
        if (found := _read(path)) is not None:
            return found
        kept = packed.file_of(self.folder, name)
        return _read(path) if kept is None else kept  # another process may have unpacked it in between

    def json(self, name: str) -> dict[str, Json] | None:
        """The JSON object in a file; None where that is missing or damaged."""
        content = self.content(name)
        return None if content is None else parse_json(content)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run's lock, with its files in the folder; raises Busy when another process trains this run."""
        with locked(self.folder / "lock"):
            with packed.changing(self.folder):
                pass  # nobody packs it now
            yield

    def is_live(self) -> bool:
        """Whether a process holds the run's lock now; a lock that cannot be opened is nobody's."""
        if not (self.folder / "lock").exists():
            return False
        try:
            with locked(self.folder / "lock"):
                return False
        except Busy:
            return True
        except OSError:
            return False

    def read(self) -> History:
        """All complete lines, as far as they are whole and in sequence; an outcome if all that it tells of is there."""
        content = self.content("epochs.jsonl") or b""
        epochs: list[EpochLine] = []
        size = 0
        for line in content.splitlines(keepends=True):
            body = unsealed(line)
            entry: Json = json.loads(body) if body else {}
            if self._is_over(entry, epochs):
                return History(epochs, entry, size + len(line))
            if "outcome" in entry or not _follows(entry.get("epoch"), epochs):
                break
            size += len(line)
            epochs.append(entry)
        return History(epochs, None, size)

    def _is_over(self, entry: dict[str, Json], epochs: list[EpochLine]) -> bool:
        """Whether a line is an outcome that stands: a finished run has the last state and the files it tells of."""
        if entry.get("outcome") != "finished":
            return entry.get("outcome") in OUTCOMES
        last = self.load_checkpoint(state=False) if entry["has_state"] else None
        if entry["has_state"] and (last is None or last[0] != epochs[-1]["epoch"]):
            return False
        return all(_checksum(self.content(f"{FILES}/{name}")) == crc for name, crc in entry["files"].items())

    def begin(self, identity: Identity) -> History:
        """Make the folder ready for an attempt: identity written, torn line cut, old failure gone."""
        make_folder(self.folder)
        history = self.read()
        if self.identity is None:
            write_json(self.folder / "run.json", identity)
        path = self.folder / "epochs.jsonl"
        if path.exists() and path.stat().st_size > history.size:
            os.truncate(path, history.size)
        (self.folder / "failure.txt").unlink(missing_ok=True)
        return history

    def append(self, line: EpochLine | OutcomeLine, *, sync: bool = False) -> None:
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

    def checkpoint(self, epoch: int, state: Mapping[str, Value], *, force: bool = False) -> None:
        """Replace the checkpoint, if the last one is long enough ago or `force`.

        That is a second, and as long as makes what the last one took a small share of the time. The lines are synced
        first: after a power loss no checkpoint is ahead of its lines.
        """
        began = time.monotonic()
        if not force and began - self._saved < self._pause:
            return
        with (self.folder / "epochs.jsonl").open("ab") as file:
            os.fsync(file.fileno())
        self._synced = time.monotonic()
        replace(self.folder / "checkpoint.npz", pack(epoch, state))
        self._saved = time.monotonic()
        self._pause = max(SYNC_SECONDS, (self._saved - began) / CHECKPOINTS_SHARE)

    def load_checkpoint(self, *, state: bool = True) -> tuple[int, dict[str, Value]] | None:
        """(epoch, state) of the last checkpoint, or None when there is none that can be read."""
        try:
            content = self.content("checkpoint.npz")
        except OSError:
            return None
        return unpack(content, state=state) if content else None

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


def _follows(epoch: object, epochs: list[EpochLine]) -> bool:
    """Whether this number comes after those lines: trainers begin with 0, before training, or with 1."""
    return epoch == epochs[-1]["epoch"] + 1 if epochs else epoch in (0, 1)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - half of Path.read_bytes' time
            return file.read()
    except FileNotFoundError:
        return None


def _checksum(content: bytes | None) -> int | None:
    return None if content is None else zlib.crc32(content)


def _fingerprint_in(identity: Identity) -> str | None:
    try:
        code = identity["code"]["digest"]
        return fingerprint(identity["settings"], identity["places"], identity["dataset"]["digest"], code)
    except (KeyError, TypeError, AttributeError):
        return None
