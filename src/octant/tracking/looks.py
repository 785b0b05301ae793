"""How the runs of a sweep are told apart in MLflow: a short name each, and the colour of its configuration."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from octant.analysis.names import names_of
from octant.analysis.palette import HUES, Styles, in_order
from octant.analysis.question import Question
from octant.runs.run import Run
from octant.trainer import flat

_ASIDE = re.compile(r"(experiment|tracking|workers|threads|time_limit|rerun|code|trainer|hydra)\b")


def looks(runs: Sequence[Run], question: Question) -> dict[str, dict[str, str]]:
    """Fingerprint -> the run's tags of MLflow's: its name and its colour, as figures of the sweep have it."""
    rows = [flat(run.settings) for run in runs]
    factors = {name: in_order(row.get(name) for row in rows) for name in question.compare}
    drawn = Styles({name: levels for name, levels in factors.items() if len(levels) > 1})
    colours = [drawn.of(row).colour for row in rows] if drawn.levels else [HUES[0]] * len(rows)
    names = names_of(rows, question) if len(runs) > 1 else [_typed(runs[0])]
    return {
        run.fingerprint: {"mlflow.runName": name, "mlflow.runColor": colour}
        for run, name, colour in zip(runs, names, colours, strict=True)
    }


def _typed(run: Run) -> str:
    """What the command of a single run sets, such as `loss=mse seed=3`."""
    command = shlex.split(str(run.identity["provenance"].get("command", "")))
    given = [word for word in command if "=" in word and not _ASIDE.match(word)]
    return " ".join(given) or run.configuration or "defaults"
