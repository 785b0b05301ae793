"""What explore.html shows of a sweep."""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd

from octant.analysis.figures.curves import metrics_of, to_the_end
from octant.analysis.question import Question
from octant.analysis.report import words
from octant.analysis.report.drawings import tuning_stems
from octant.analysis.report.explore import Explored
from octant.analysis.report.findings import Findings
from octant.seal import Json

MOST_SNAPSHOTS = 8  # configurations
_SNAPSHOT_BYTES = 2_400_000  # of all of them; the page must stay under 5 MB, and Bokeh takes 1.5


def explored(found: Findings) -> Explored:
    """Curves as the figures have them, the median runs' snapshots, the hardest examples, and one tuned setting."""
    curves, ranking = to_the_end(found.curves), list(found.main.summary["config"])
    setting = next(iter(tuning_stems(found.main).values()), None) if found.is_grid else None
    kept, left_out = _snapshots(found, ranking)
    return Explored(
        found.material.experiment,
        found.material.declared.text,
        words.headline(found.verdict, found.words),
        curves,
        drawn(curves, found.question) | found.reasons,
        ranking,
        found.design,
        kept,
        list(_examples(found, ranking[:MOST_SNAPSHOTS])),
        (setting, found.main.tuning(setting)) if setting else None,
        left_out,
    )


def drawn(curves: pd.DataFrame, question: Question) -> dict[str, str]:
    """The endpoint first, then its fellow on the training data, with what the axis says."""
    unit = ", %" if question.is_share else ""
    scores = reversed(metrics_of(curves, question.endpoint))
    return {name: f"{name.replace('_', ' ')}{unit}" for name in scores if name in curves}


def _snapshots(found: Findings, ranking: list[str]) -> tuple[dict[str, object], int]:
    """What the best configurations' median runs kept, as far as there is room, and how many are left out."""
    median = found.compared[found.compared["run_id"].isin(found.typical())].set_index("config", drop=False)
    wanted = [config for config in ranking if config in median.index]
    read: Mapping[str, object] = found.material.snapshots(median.loc[wanted[:MOST_SNAPSHOTS]])
    sizes = np.cumsum([len(json.dumps(read[config])) for config in wanted if config in read])
    kept = [config for config in wanted if config in read][: int((sizes <= _SNAPSHOT_BYTES).sum())]
    return {config: read[config] for config in kept}, len(wanted) - len(kept) if read else 0


def _examples(found: Findings, configs: list[str]) -> Iterator[dict[str, object]]:
    """The hardest test examples as pictures (one byte a pixel, in base64), and what most runs of `configs` say."""
    data = found.material.test
    if data is None or not data.image_shape:
        return
    for row in found.hardest.to_dict("records"):
        pixels = np.asarray(data.test.X[row["example"]], dtype=float)
        grey = np.rint(255 * np.clip(pixels / (pixels.max() or 1.0), 0, 1)).astype(np.uint8)
        answers = {config: _answer(found, config, row) for config in configs}
        yield {"example": int(row["example"]), "class": row["class"], "shape": list(data.image_shape), "said": answers,
               "pixels": base64.b64encode(grey.tobytes()).decode()}  # fmt: skip


def _answer(found: Findings, config: str, row: Mapping[Hashable, Json]) -> str:
    """What most of the configuration's runs take the example for; its class where no wrong answer is as frequent."""
    wrong = found.mistakes[(found.mistakes["config"] == config) & (found.mistakes["example"] == row["example"])]
    runs = int((found.with_errors["config"] == config).sum())
    counts = wrong["said"].value_counts().sort_index()
    if counts.empty or runs - len(wrong) >= counts.max():
        return str(row["class"])
    return found.class_names[int(counts.idxmax())]
