"""The report's sections: which words, table and figures stand under which title."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from octant.analysis.comparison.settings import is_number, word
from octant.analysis.figures import ENOUGH
from octant.analysis.report import words
from octant.analysis.report.findings import RATE, Findings
from octant.tracking.runs import PROVENANCE

MOST_ROWS = 50
_INTERVAL = "{low:.2f} to {high:.2f}"
_SIGNED = "{low:+.2f} to {high:+.2f}"
EFFECTS = {"effect": "{effect}", "points": "{estimate:+.2f}", "95 % interval": _SIGNED, "p": "{p:.2g}",
           "p, Holm": "{p_holm:.2g}", "shown": "{shown}"}  # fmt: skip
RANKING = {"configuration": "{config}", "mean %": "{mean:.2f}", "95 % interval": _INTERVAL, "SD": "{sd:.2f}",
           "seeds": "{n}", "best": "{best:.2f} ({best_repeat})", "worst": "{worst:.2f} ({worst_repeat})",
           "epochs to 90 %": "{epochs_to_90:.1f}", "to 95 %": "{epochs_to_95:.1f}", "diverged": "{diverged}",
           "note": "{note}"}  # fmt: skip
PAIRS = {"first": "{first}", "second": "{second}", "first less second, points": "{difference:+.2f}",
         "95 % interval": _SIGNED, "p, Holm": "{p_holm:.2g}", "seeds": "{n}", "shown": "{shown}"}  # fmt: skip
CHOSEN = {"runs": "{n}", "diverged": "{diverged}", "edge of the grid": "{edge}", "note": "{note}"}
HARDEST = {"test example": "{example}", "class": "{class}", "most often read as": "{said}",
           "wrong in % of runs": "{wrong_percent:.0f}"}  # fmt: skip
DIVERGED = {"configuration": "{config}", "rate": "{learning_rate:g}", "seed": "{seed}",
            "epoch": "{diverged_epoch:.0f}", "reason": "{diverged_reason}"}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One titled part; `figures` are stems of drawn files with their captions, the first of `table` is its header."""

    title: str
    text: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    figures: Sequence[tuple[str, str]] = ()
    code: str = ""


def lead_figure(found: Findings) -> tuple[str, str]:
    """The figure of the first screen."""
    if found.design.factors:
        what = f"Mean {found.design.endpoint}" + f" at each configuration's own {found.tuned}" * found.is_grid
        said = f"{what}, with 95 % intervals" if _enough(found) else what
        return "interaction", f"{said}. Lines that are not parallel interact."
    return "accuracy", _curves(found)


def _enough(found: Findings) -> bool:
    """Whether the figures draw intervals."""
    return bool(found.main.summary["n"].max() >= ENOUGH)


def _band(found: Findings) -> str:
    return "with a band of one SD" if _enough(found) else "without a band"


def _curves(found: Findings) -> str:
    return f"Train and test accuracy against epoch: mean over seeds, {_band(found)}."


def sections(found: Findings, drawn: set[str]) -> list[Section]:
    """All sections after the first screen; what was not drawn is said so."""
    effects, pairs, lost = found.main.effects, found.main.pairs, found.runs[found.runs["outcome"] == "diverged"]
    thick = f"Thick: test accuracy {_band(found)}; thin: train accuracy; grey: the other configurations."
    both = [("accuracy", _curves(found))] if found.design.factors else []  # else it leads
    blank = "Mean over runs; right answers (the diagonal) are left grey. All share one scale of colours."
    errors = [] if "confusion" in drawn else ["Left out: the runs kept no predictions, or made no mistake."]
    pictures = [] if "hardest" in drawn else ["No pictures: the data set is not at hand, or has none."]
    count = f"{len(lost)} of {len(found.runs)} runs."
    ticks = f"Mean{' and 95 % interval' * _enough(found)}; a tick a seed, equal ones on one another."
    # A sweep names loss, hidden and output in any case: that one of them has one level is no news.
    about = [note for note in found.main.notes if note.startswith("effects: ") and " has one level " not in note]
    hollow = [("effects", f"Effects{' with 95 % intervals' * _enough(found)}; hollow: no difference shown.")]
    said = [*words.effects(found.main), *sorted(set(effects["note"]) - {""}), *(about if len(effects) else [])]
    return [
        Section("Effects, interactions first", said, table_of(effects, EFFECTS), hollow),
        Section("The ranking", _about_ranking(found), table_of(found.main.summary, RANKING), [("ranking", ticks)]),
        Section("Learning curves", figures=[*both, ("curves", thick)]),
        *([_tuning(found)] * found.is_grid),
        Section("What is taken for what", errors, figures=[("confusion", blank)]),
        Section("The hardest test examples", pictures, table_of(found.hardest(), HARDEST),
                [("hardest", "The examples that most runs get wrong.")]),
        Section("All pairs", () if len(pairs) else ["One configuration: no pairs."], table_of(pairs, PAIRS)),
        Section("Diverged runs", [count], table_of(lost, DIVERGED)),
        Section("How it was measured", _measured(found)),
        Section("How to repeat it", table=_origin(found.runs), code=command(found)),
    ]  # fmt: skip


def table_of(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[list[str]]:
    """Header and the first rows: each cell is the row in its column's format; a dash for NaN, no empty columns."""
    if frame.empty:
        return []
    if "shown" in frame:
        frame = frame.assign(shown=frame["shown"].map({True: "yes", False: "no"}))
    records: list[Any] = frame.head(MOST_ROWS).to_dict("records")
    cells = [[form.format(**row) for form in columns.values()] for row in records]
    filled = [column for column, values in zip(columns, zip(*cells, strict=True), strict=True) if any(values)]
    cells = [[cell for column, cell in zip(columns, row, strict=True) if column in filled] for row in cells]
    rows = [[re.sub(r"^\+?(nan|<NA>|None).*", "-", cell) for cell in row] for row in cells]
    more = [[f"and {len(frame) - MOST_ROWS} more, in the csv", *[""] * (len(filled) - 1)]]
    return [filled, *rows, *(more if len(frame) > MOST_ROWS else [])]


def tuning_stems(found: Findings) -> dict[str, str]:
    """The figures of tuned settings that are numbers: stem and setting."""
    numbers = [name for name in found.question.tune if is_number(found.rates[name])]
    return {"learning_rates" if name == RATE else f"tuned_{name}": name for name in numbers}


def _tuning(found: Findings) -> Section:
    question, endpoint = found.question, found.design.endpoint
    metric = question.validation.replace("_", " ")
    text = [f"Chosen by mean {metric} alone, ties to the smaller value.", *words.edges(found.chosen)]
    stars = f"{endpoint[:1].upper()}{endpoint[1:]} against {{}}; stars mark the values chosen on the validation set."
    drawn = [(stem, stars.format(name.replace("_", " "))) for stem, name in tuning_stems(found).items()]
    title = "Learning rates" if question.tune == (RATE,) else "Tuned settings"
    return Section(title, text, _chosen(found), drawn)


def _chosen(found: Findings) -> list[list[str]]:
    question, table = found.question, found.chosen
    table = table.assign(**{name: table[name].map(word) for name in question.tune})
    # A dot in the name of a setting would mean something else in a format.
    places = {name: f"value_{at}" for at, name in enumerate((*question.tune, question.validation))}
    columns = {name.replace("_", " "): f"{{{places[name]}}}" for name in question.tune}
    form, unit = (".2f", " %") if question.is_share else (".4g", "")
    columns[question.validation.replace("_", " ") + unit] = f"{{{places[question.validation]}:{form}}}"
    return table_of(table.rename(columns=places), {"configuration": "{config}"} | columns | CHOSEN)


def _about_ranking(found: Findings) -> list[str]:
    first = found.main.summary.iloc[0]
    binomial = [
        f"The test set has {first['n_test']:.0f} examples: the binomial standard error of the first accuracy below is "
        f"{first['binomial_error']:.2f} points. So far may another test set of this size move it; it moves the "
        "configurations together, so much of that cancels in their differences.",
    ]
    return [
        *(binomial if first["n"] and pd.notna(first["binomial_error"]) else []),
        "Ranked by mean accuracy, a diverged run counting as 0 %; means and intervals are of the finished runs.",
        *(note for note in found.main.notes if not note.startswith("effects: ")),
    ]


def _measured(found: Findings) -> list[str]:
    runs = found.runs
    endpoint = found.material.asked.get("endpoint", "test_accuracy").replace("_", " ")
    return [
        f"Endpoint, declared before the sweep: {endpoint} after the last epoch. The test set chooses nothing.",
        f"{runs['config'].nunique()} configurations, {runs['seed'].nunique()} seeds, {len(runs)} runs. A seed gives "
        "every configuration the same initial weights and visiting order, so differences are paired by seed.",
        "Intervals: Student's t, 95 %, each for itself. Effects: sign-flip test, p adjusted by Holm's method over all "
        "effects. Pairs: paired t test, p adjusted by Holm's method over all pairs.",
        '"Shown" means: the interval leaves out 0, the adjusted p is below 0.05, and counting diverged runs as 0 % '
        f'would not turn the sign. Everything else is "{words.NOT_SHOWN}", which does not mean that there is none.',
    ]


def _origin(runs: pd.DataFrame) -> list[list[str]]:
    names = (
        *PROVENANCE,
        "dataset",
        "dataset_digest",
        "epochs",
        "batch_size",
        "hidden_units",
        "dtype",
        "init",
        "engine",
    )
    values = {name: sorted({str(value) for value in runs[name].dropna()}) for name in names if name in runs}
    return [["what", "value"], *([name.removeprefix("mlflow.source."), ", ".join(v)] for name, v in values.items())]


def command(found: Findings) -> str:
    """The commands that train the runs (the one that trained most of them) and write the report."""
    said = found.runs["command"].mode() if "command" in found.runs else pd.Series(dtype=str)
    name = found.material.experiment
    return f"{said.iloc[0] if len(said) else f'octant experiment={name}'}\noctant report {name}"


def training_time(found: Findings) -> str:
    """About how long the training took on one core: the last epoch's seconds, times the epochs, over all runs."""
    runs = found.runs
    # A trainer need not have a setting `epochs`: then its records are counted.
    counted = runs["fingerprint"].map(found.material.curves.groupby("fingerprint")["epoch"].max())
    seconds = float((runs["seconds_per_epoch"] * runs.get("epochs", counted)).sum())
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
