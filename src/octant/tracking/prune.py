"""Journals that no command needs any more: see `superseded`. What MLflow has stays there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from octant.errors import InputError
from octant.runs.disk import Busy, make_folder
from octant.runs.fingerprint import HALF
from octant.runs.journal import Journal
from octant.tracking.receipt import journals, placed


def superseded(state: Path) -> list[Journal]:
    """The journals that may go: a run of an earlier code, trained again by a later one, that its stores have in full.

    That is: it finished or diverged; a run of the same trainer, settings and data, but other code, was over after it;
    at least one store is to have it, and each that is has it. Journals of the latest code stay: without them the same
    command would train their runs again. Without the others, `code=` cannot take those runs any more, and
    `octant sync` cannot log their files again.
    """
    over = {each: _kind(each) for each in journals(state) if each.read().outcome and each.identity}
    latest: dict[tuple[str, str], Journal] = {}
    for journal in sorted(over, key=lambda each: ((each.folder / "epochs.jsonl").stat().st_mtime_ns, each.fingerprint)):
        latest[over[journal]] = journal
    sent: dict[str, bool] = {}
    for each in placed(state):
        name = each.journal.fingerprint
        sent[name] = sent.get(name, True) and each.is_done()
    old = [each for each, kind in over.items() if latest[kind] is not each]
    return [each for each in old if sent.get(each.fingerprint) and not each.is_live()]


def size(found: Iterable[Journal]) -> int:
    """Their bytes."""
    return sum(path.stat().st_size for each in found for path in each.folder.rglob("*") if path.is_file())


def remove(found: Iterable[Journal], state: Path) -> int:
    """Delete the journals, each as a whole, whenever the process is killed; returns how many."""
    count = 0
    for journal in found:
        # A launch throws away what a killed process has left under such a name.
        gone = state / "cache" / f".partial-{os.getpid()}-{journal.fingerprint}"
        make_folder(gone.parent)
        try:
            with journal.lock():
                journal.folder.replace(gone)
        except Busy:
            continue
        except OSError as error:
            raise InputError(f"{journal.folder}: cannot be deleted: {error.strerror}") from None
        shutil.rmtree(gone)
        count += 1
    return count


def _kind(journal: Journal) -> tuple[str, str]:
    """What two runs have in common that differ in nothing but the code: trainer, settings and data."""
    identity = journal.identity
    return (str(identity.get("trainer_file") or identity["trainer"]) if identity else "", journal.fingerprint[:HALF])
