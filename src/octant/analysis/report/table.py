"""The report of any table of runs: a sweep's pages, figures and tables, less what only octant's runs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path

import pandas as pd

from octant.analysis.comparison import Comparison
from octant.analysis.report.collect import Material
from octant.analysis.report.findings import Findings
from octant.analysis.report.pages import Parts, write_files
from octant.analysis.report.sections import Section, table_of, tuning
from octant.analysis.report.words import NOT_SHOWN, edges, listed

MOST_PRINTED = 20  # rows of the ranking


@dataclass(frozen=True)
class TableReport:
    """A comparison, and what its page says besides: the `lines` that were printed, the question first, the `command`
    that writes the page again, and the endpoint and its training fellow by step (fingerprint, epoch, metrics).
    """

    name: str
    comparison: Comparison
    lines: Sequence[str]
    command: str
    curves: pd.DataFrame

    @property
    def endpoint(self) -> str:
        """The endpoint in words."""
        return self.comparison.question.endpoint.replace("_", " ")

    @property
    def number(self) -> str:
        """The format of a mean: shares with two decimals, others with so many that their spread has two digits."""
        if self.comparison.question.is_share:
            return ".2f"
        summary = self.comparison.summary
        spread = float(summary.loc[summary["sd"] > 0, "sd"].median())
        spread = spread if spread > 0 else float(summary["mean"].max() - summary["mean"].min())
        places = 1 - floor(log10(spread)) if spread > 0 else -1
        return f".{max(places, 0)}f" if -6 <= places <= 8 and spread > 0 else ".4g"

    @property
    def unit(self) -> str:
        """Behind a mean: percent of a share; other endpoints have the unit that they were logged in."""
        return " %" if self.comparison.question.is_share else ""

    @property
    def points(self) -> str:
        """Behind the difference of two means."""
        return " points" if self.comparison.question.is_share else ""

    def write(self, folder: Path) -> list[Path]:
        """Write pages, figures and tables to `folder`; returns them, report.html first."""
        found = self._findings()
        parts = Parts(
            answer=answer(self),
            effects="",
            warnings=edges(found.chosen) if found.is_grid else [],
            sections=lambda drawn: _sections(self, found, drawn),
            tables={"results": found.runs} | dict(self.comparison.tables),
            command=self.command,
            pages=("report.html", "report.md"),
        )
        return write_files(found, folder, parts)

    def _findings(self) -> Findings:
        main = self.comparison
        curves = self.curves if len(self.curves) else _no_curves(main)
        runs = main.runs if "fingerprint" in main.runs else main.runs.assign(fingerprint=main.runs.index.astype(str))
        material = Material(self.name, self.name, {"endpoint": main.question.endpoint}, runs, curves)
        return Findings(material, runs, runs, main, None, None, chosen=main.chosen, rates=main.rates)


def answer(report: TableReport) -> str:
    """What is ahead of what, in one sentence."""
    comparison, number, unit = report.comparison, report.number, report.unit
    finished = comparison.summary[comparison.summary["n"] > 0]
    if finished.empty:
        return "No run finished."
    first, top = finished.iloc[0], comparison.not_told_apart
    mean = f"{first['mean']:{number}}{unit}"
    if len(finished) == 1:
        return f"{first['config']}: mean {report.endpoint} {mean}; there is nothing to compare it with."
    if len(top) == len(finished):
        span = f"{finished['mean'].min():{number}} to {finished['mean'].max():{number}}{unit}"
        return f"{NOT_SHOWN.capitalize()} between the {len(finished)} configurations (mean {report.endpoint} {span})."
    if len(top) > 1:
        others = listed(top[1:], "and") if len(top) <= 4 else f"{len(top) - 1} others"
        return (f"{first['config']} is first with a mean {report.endpoint} of {mean}; {NOT_SHOWN} between it and "
                f"{others}; the other {len(finished) - len(top)} are behind.")  # fmt: skip
    ahead = comparison.pairs[comparison.pairs["first"] == first["config"]]
    lead = ahead.loc[(comparison.question.sign * ahead["difference"]).idxmin()]
    return (f"{first['config']} is best with a mean {report.endpoint} of {mean}; it is ahead of {lead['second']} by "
            f"{abs(lead['difference']):{number}}{report.points}.")  # fmt: skip


def printed(report: TableReport) -> str:
    """The ranking and the answer for the terminal."""
    summary, question = report.comparison.summary, report.comparison.question
    columns = {"config": "configuration", "mean": f"mean{report.unit}", "low": "from", "high": "to",
               "n": f"{question.noun}s", "diverged": "diverged"}  # fmt: skip
    table = summary.head(MOST_PRINTED)[list(columns)].rename(columns=columns)
    text = table.to_string(index=False, float_format=lambda value: f"{value:{report.number}}", na_rep="-")
    more = f"\n... {len(summary) - MOST_PRINTED} more, in configurations.csv" if len(summary) > MOST_PRINTED else ""
    return f"{text}{more}\n\n{answer(report)}"


def _sections(report: TableReport, found: Findings, drawn: set[str]) -> list[Section]:
    comparison, n = report.comparison, report.number
    question = comparison.question
    noun, unit, points = f"{question.noun}s", report.unit, f",{report.points}" if report.points else ""
    interval, signed = f"{{low:{n}}} to {{high:{n}}}", f"{{low:+{n}}} to {{high:+{n}}}"
    effects = {"effect": "{effect}", "plus": "{plus}", "minus": "{minus}", f"difference{points}": f"{{estimate:+{n}}}",
               "95 % interval": signed, "p, Holm": "{p_holm:.2g}", noun: "{n}", "shown": "{shown}"}  # fmt: skip
    ranking = {"configuration": "{config}", f"mean{unit}": f"{{mean:{n}}}", "95 % interval": interval,
               "SD": f"{{sd:{n}}}", noun: "{n}", "best": f"{{best:{n}}} ({{best_repeat}})",
               "worst": f"{{worst:{n}}} ({{worst_repeat}})", "diverged": "{diverged}", "note": "{note}"}  # fmt: skip
    pairs = {"first": "{first}", "second": "{second}", f"first minus second{points}": f"{{difference:+{n}}}",
             "95 % interval": signed, "p, Holm": "{p_holm:.2g}", noun: "{n}", "shown": "{shown}"}  # fmt: skip
    notes = [note for note in comparison.notes if note.startswith("effects: ")]
    lost = comparison.summary[comparison.summary["diverged"] > 0]
    small, better = ("smaller", "ascending") if question.goal == "min" else ("larger", "descending")
    charged = "0 %" if question.diverged_as == "zero" else "the worst finished run"
    ranked = [f"Ranked by mean {report.endpoint}, {better}: {small} is better. Means and intervals are of the runs "
              f"that finished{f'; in the order a diverged run counts as {charged}' * bool(len(lost))}."]  # fmt: skip
    curves = [(stem, caption) for stem, caption in _CURVES.items() if stem in drawn]
    listed_runs = {"configuration": "{config}", "diverged": "{diverged_runs}"}
    sections = [
        Section("The ranking", ranked, table_of(comparison.summary, ranking), [("ranking", _RANKING)]),
        Section("Effects, interactions first", notes, table_of(comparison.effects, effects), [("effects", _EFFECTS)]),
        *([Section("Learning curves", figures=curves)] if curves else []),
        *([tuning(found)] if found.is_grid else []),
        Section("All pairs", () if len(comparison.pairs) else ["One configuration: no pairs."],
                table_of(comparison.pairs, pairs)),
        *([Section("Diverged runs", (), table_of(lost, listed_runs))] if len(lost) else []),
        Section("What was read, and what was done with it", report.lines),
        Section("How it was measured", _measured(report)),
        Section("How to repeat it", code=report.command),
    ]  # fmt: skip
    return [section for section in sections if section.text or section.table or section.figures or section.code]


_RANKING = "Mean and 95 % interval of each configuration; one tick per run."
_EFFECTS = "Effects with 95 % intervals; hollow: no difference shown."
_CURVES = {"accuracy": "The endpoint by step: mean of each configuration.", "curves": "Each configuration by itself."}


def _measured(report: TableReport) -> list[str]:
    question, runs = report.comparison.question, report.comparison.runs
    repeats = listed(question.repeat) if question.repeat else ""
    return [
        f"{runs['config'].nunique()} configurations, {len(runs)} runs"
        + (f"; differences are paired by {repeats}." if repeats else "; nothing repeats a measurement."),
        "Intervals: Student's t, 95 %, each for itself. Effects: sign-flip test, p adjusted by Holm's method over all "
        "effects. Pairs: paired t test, p adjusted by Holm's method over all pairs.",
        '"Shown" means: the interval leaves out 0, the adjusted p is below 0.05, and counting diverged runs as bad '
        f'runs would not turn the sign. Everything else is "{NOT_SHOWN}", which does not mean that there is none.',
    ]


def _no_curves(comparison: Comparison) -> pd.DataFrame:
    return pd.DataFrame({"fingerprint": [], "epoch": [], comparison.question.endpoint: []}).astype({"fingerprint": str})
