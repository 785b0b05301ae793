"""What explore.html shows of a sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from octant.analysis.figures.curves import metrics_of, to_the_end
from octant.analysis.question import Question
from octant.analysis.report.drawings import tuning_stems
from octant.analysis.report.explore import Explored
from octant.analysis.report.findings import Findings

MOST_SNAPSHOTS = 8  # configurations
_SNAPSHOT_BYTES = 2_400_000  # of all of them; the page must stay under 5 MB, and Bokeh takes 1.5


def explored(found: Findings, answer: str, note: str = "") -> Explored:
    """Curves as the figures have them, the median runs' snapshots, the hardest examples, and one tuned setting."""
    curves, ranking = to_the_end(found.curves), list(found.main.summary["config"])
    setting = next(iter(tuning_stems(found.main).values()), None)
    kept, left_out = _snapshots(found, ranking)
    return Explored(
        found.material.experiment,
        found.material.declared.text,
        answer,
        curves,
        _drawn(curves, found.question.at_the_end) | found.reasons,
        ranking,
        found.design,
        kept,
        list(found.mistakes.pictures(found.material.pictures, ranking[:MOST_SNAPSHOTS])),
        (setting, found.main.tuning(setting)) if setting else None,
        left_out,
        note,
    )


def _drawn(curves: pd.DataFrame, question: Question) -> dict[str, str]:
    """The endpoint first, then its fellow on the training data, with what the axis says."""
    unit = ", %" if question.is_share else ""
    scores = reversed(metrics_of(curves, question.endpoint))
    return {name: f"{name.replace('_', ' ')}{unit}" for name in scores if name in curves}


def _snapshots(found: Findings, ranking: list[str]) -> tuple[dict[str, object], int]:
    """What the best configurations' median runs kept, as far as there is room, and how many are left out."""
    median = found.main.runs[found.main.runs["run_id"].isin(found.typical())].set_index("config", drop=False)
    wanted = [config for config in ranking if config in median.index]
    read: Mapping[str, object] = found.material.snapshots(median.loc[wanted[:MOST_SNAPSHOTS]])
    sizes = np.cumsum([len(json.dumps(read[config])) for config in wanted if config in read])
    kept = [config for config in wanted if config in read][: int((sizes <= _SNAPSHOT_BYTES).sum())]
    return {config: read[config] for config in kept}, len(wanted) - len(kept) if read else 0
