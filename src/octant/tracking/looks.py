"""How the runs of a sweep are told apart in MLflow: a short name each, and the colour of its configuration."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from octant.analysis.palette import HUES, in_order, is_numeric, styles, word
from octant.analysis.question import Question
from octant.runs.run import Run
from octant.trainer import flat

WIDTH = 20  # letters of a name that MLflow's table of runs shows
_ASIDE = re.compile(r"(experiment|tracking|workers|rerun|code|trainer|hydra)\b")
# Letters of a word (0: all of them) and how a number says which setting it is; the first that fits is taken.
_STYLES = ((0, "name"), (0, "initials"), (0, "bare"), (6, "initials"), (6, "bare"), (4, "initials"), (4, "bare"),
           (3, "bare"), (2, "bare"), (1, "bare"))  # fmt: skip


def looks(runs: Sequence[Run], question: Question) -> dict[str, dict[str, str]]:
    """Fingerprint -> the run's tags of MLflow's: its name and its colour, as figures of the sweep have it."""
    rows = [flat(run.settings) for run in runs]
    factors = {name: _levels(rows, name) for name in question.compare}
    drawn = styles({name: levels for name, levels in factors.items() if len(levels) > 1})
    colours = [drawn.colour(row) for row in rows] if drawn.levels else [HUES[0]] * len(rows)
    names = run_names(rows, question) if len(runs) > 1 else [_typed(runs[0])]
    return {
        run.fingerprint: {"mlflow.runName": name, "mlflow.runColor": colour}
        for run, name, colour in zip(runs, names, colours, strict=True)
    }


def asked(sweep: Any) -> Question:
    """What a sweep's runs are compared by: everything that varies but the seed, unless the sweep says otherwise."""
    rows = [flat(run.settings) for run in sweep.runs]
    varied = [name for name in rows[0] if len(_levels(rows, name)) > 1 and name != "seed"]
    question: Question | None = getattr(sweep, "question", None)
    return question or Question(tuple(varied))


def run_names(rows: Sequence[Mapping[str, Any]], question: Question) -> list[str]:
    """A name for each run, from what varies: all different within their first `WIDTH` letters."""
    levels = {name: _levels(rows, name) for name in question.settings}
    levels = {name: each for name, each in levels.items() if len(each) > 1}
    for letters, style in _STYLES:
        tokens = {name: _tokens(name, each, letters, style, question) for name, each in levels.items()}
        names = [" ".join(tokens[name][word(row.get(name))] for name in levels) for row in rows]
        if max(map(len, names)) <= WIDTH and len(set(names)) == len(names):
            return names
    return [f"{place} {name}" for place, name in enumerate(names, start=1)]


def _levels(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[str, ...]:
    return in_order(row.get(name) for row in rows)


def _tokens(name: str, levels: Sequence[str], letters: int, style: str, question: Question) -> dict[str, str]:
    """Level -> what stands for it in a name: a word by itself, a number behind its setting's name or initials."""
    if not is_numeric(levels) and not {"True", "False"} & set(levels):
        while letters and len({level[:letters] for level in levels}) < len(levels):
            letters += 1
        return {level: level[: letters or None] for level in levels}
    last = name.rpartition(".")[2]
    initials = "".join(part[0] for part in last.split("_") if part)
    short = initials if name in question.repeat else ""
    before = {"name": f"{last}=", "initials": f"{initials}=", "bare": short}[style]
    return {level: f"{before}{level}" for level in levels}


def _typed(run: Run) -> str:
    """What the command of a single run sets, such as `loss=mse seed=3`."""
    command = shlex.split(str(run.identity["provenance"].get("command", "")))
    given = [word for word in command if "=" in word and not _ASIDE.match(word)]
    return " ".join(given) or run.configuration or "defaults"
