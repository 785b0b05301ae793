"""Journals that no command needs any more: see `superseded`. What MLflow has stays there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from octant.errors import InputError
from octant.runs import packed
from octant.runs.disk import Busy, make_folder
from octant.runs.fingerprint import HALF
from octant.runs.journal import Journal
from octant.tracking.receipt import is_delivered, journals


def superseded(state: Path) -> list[Journal]:
    """The journals that may go: a run of an earlier code, trained again by a later one, that its stores have in full.

    That is: it finished or diverged; a run of the same trainer, settings and data, but other code, was over after it;
    at least one store is to have it, and each that is has it. Journals of the latest code stay: without them the same
    command would train their runs again. Without the others, `code=` cannot take those runs any more, and
    `octant sync` cannot log their files again.
    """
    ended = {each: outcome["time"] for each in journals(state) if each.identity and (outcome := each.read().outcome)}
    kinds = {each: _kind(each) for each in ended}
    latest = {kinds[each]: each for each in sorted(ended, key=lambda each: (ended[each], each.fingerprint))}
    old = [each for each, kind in kinds.items() if latest[kind] is not each]
    return [each for each in old if is_delivered(each) and not each.is_live()]


def size(found: Iterable[Journal]) -> int:
    """Their bytes."""
    return sum(packed.size_of(each.folder) for each in found)


def remove(found: Iterable[Journal], state: Path) -> int:
    """Delete the journals, each as a whole, whenever the process is killed; returns how many."""
    count = 0
    for journal in found:
        try:
            with journal.lock():
                gone = set_aside(journal.folder, state)
        except Busy:
            continue
        except OSError as error:
            raise InputError(f"{journal.folder}: cannot be deleted: {error.strerror}") from None
        shutil.rmtree(gone)
        count += 1
    return count


def set_aside(folder: Path, state: Path) -> Path:
    """Take a run's folder out of the journals, to be deleted; a launch deletes what a killed process has left so."""
    gone = state / "cache" / f".partial-{os.getpid()}-{folder.name}"
    make_folder(gone.parent)
    return folder.replace(gone)


def _kind(journal: Journal) -> tuple[str, str]:
    """What two runs have in common that differ in nothing but the code: trainer, settings and data."""
    identity = journal.identity
    return (str(identity.get("trainer_file") or identity["trainer"]) if identity else "", journal.fingerprint[:HALF])
