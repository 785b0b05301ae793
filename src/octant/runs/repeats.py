"""Whether a seed did anything: a trainer that ignores it repeats nothing."""

from __future__ import annotations

from collections.abc import Sequence

from octant.runs.run import Run
from octant.trainer import flat, trainer


def ignored_seed(runs: Sequence[Run]) -> str:
    """A line where all seeds of the same other settings gave the same numbers in every epoch; or nothing."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        others = {name: value for name, value in flat(run.settings).items() if name != "seed"}
        groups.setdefault(repr(others), []).append(run)
    several = [each for each in groups.values() if len(each) > 1]
    same = [each for each in several if _equal(each)]
    if not same:
        return ""
    label = trainer(runs[0].trainer).label
    seeds = ", ".join(str(run.settings.seed) for run in same[0][:5])
    count = f"; {len(same)} of {len(several)} configurations" if len(several) > 1 else ""
    return f"{label}: seeds {seeds} gave the same numbers in every epoch ({same[0][0].name}{count}): is the seed used?"


def _equal(runs: Sequence[Run]) -> bool:
    records = ([line["metrics"] for line in run.journal.read().epochs] for run in runs)
    first = next(records)
    return bool(first) and all(each == first for each in records)  # reads on only while they are
