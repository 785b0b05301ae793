"""Runs that are over and delivered, moved into one file: see runs/packed.py. Every command reads them there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from octant.runs import packed
from octant.runs.disk import Busy, locked
from octant.runs.journal import Journal
from octant.tracking.prune import set_aside
from octant.tracking.receipt import is_delivered

_BATCH = 100  # runs a transaction; whoever changes a receipt waits for it
_LARGEST = 100_000_000  # bytes of a run: its files are held in memory, and a few large ones are no burden


def packable(found: Iterable[Journal]) -> list[Journal]:
    """Those with a folder of their own that are over, and that each store that is to have them has in full."""
    there = [each for each in found if each.folder.is_dir() and _is_over(each) and not each.is_live()]
    return [each for each in there if packed.size_of(each.folder) <= _LARGEST]


def _is_over(journal: Journal) -> bool:
    return bool(journal.read().outcome and journal.identity and is_delivered(journal))


def pack_runs(found: Sequence[Journal], state: Path) -> int:
    """Pack them, but for those that another process has in hand; returns how many. Raises OSError on a full disk."""
    return sum(_pack(found[first : first + _BATCH], state) for first in range(0, len(found), _BATCH))


def _pack(found: Sequence[Journal], state: Path) -> int:
    mine = []
    with ExitStack() as locks, packed.held(state):
        for journal in found:
            with suppress(Busy):
                locks.enter_context(locked(journal.folder / "lock"))
                mine.append(journal)
        ready = [each.folder for each in mine if _is_over(each)]  # something may have been sent since
        packed.add(state, ready)
        gone = [set_aside(folder, state) for folder in ready]
    for folder in gone:
        shutil.rmtree(folder)
    return len(gone)
