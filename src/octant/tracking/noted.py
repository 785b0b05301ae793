"""Launched sweeps, for those who watch them: <state>/sweeps/NAME.json, and a lock that is held while one is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from octant import home
from octant.errors import InputError, unknown_word
from octant.locks import lock_shared
from octant.runs.disk import Busy, locked, make_folder, read_json, write_json
from octant.tracking.declared import Declared, asked, read_declared

if TYPE_CHECKING:
    from octant.runs.sweep import Sweep


@dataclass(frozen=True)
class Noted:
    """What was launched: the question, and the fingerprint of each run."""

    declared: Declared
    runs: tuple[str, ...]
    file: Path

    @property
    def is_launched(self) -> bool:
        """Whether a process has it in hand now."""
        try:
            with locked(self.file.with_suffix(".lock")):
                return False
        except Busy:
            return True

    @classmethod
    def read(cls, name: str | None = None) -> Noted:
        """The sweep of that name or digest, or the one launched last; raises InputError where there is none."""
        files = sorted((home.state() / "sweeps").glob("*.json"), key=lambda file: file.stat().st_mtime)
        if not files:
            raise InputError(f"no sweep was launched in {home.state()} yet; start one: octant experiment=factorial")
        found = [file for file in files if name in (None, file.stem, file.stem.rpartition("-")[2])]
        if not found:
            raise InputError(unknown_word("sweep", name, [file.stem for file in files[-10:]]))
        kept = read_json(found[-1])
        if kept is None:
            raise InputError(f"{found[-1]} is damaged; the sweep's command writes it again")
        runs = kept.pop("runs")
        return cls(read_declared(found[-1].stem, kept), tuple(runs), found[-1])


@contextmanager
def noted(sweep: Sweep) -> Iterator[None]:
    """Write the sweep down, and hold its lock: shared, so that two commands may train the same sweep."""
    folder = home.made() / "sweeps"
    make_folder(folder)
    file = folder / f"{sweep.name}.json"
    with file.with_suffix(".lock").open("ab") as lock:
        lock_shared(lock)
        write_json(file, {**asked(sweep), "runs": [run.fingerprint for run in sweep.runs]})
        yield
