"""The report of any table of runs: a sweep's pages, figures and tables, less what only octant's own runs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor, log10
from pathlib import Path

import pandas as pd

from octant.analysis import figures
from octant.analysis.comparison import Comparison
from octant.analysis.decide import verdict_of
from octant.analysis.figures import Design
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.drawings import drawings
from octant.analysis.report.layout import bounded
from octant.analysis.report.pages import embedded, filled_in, render
from octant.analysis.report.speed import about_speed
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import edges, headline, qualifications
from octant.analysis.verdict import Verdict
from octant.runs.disk import replace as write_file
from octant.runs.factors import plain_question

MOST_PRINTED = 20  # rows of the ranking
MOST_ASKED = 3  # factors that the question names


@dataclass(frozen=True)
class TableReport:
    """A comparison, and what its page says besides: the `lines` that were printed, the question first, the `command`
    that writes the page again, and `curves`: the endpoint, and its fellow on the training data, by step.
    """

    name: str
    comparison: Comparison
    lines: Sequence[str]
    command: str
    curves: pd.DataFrame

    @cached_property
    def design(self) -> Design:
        """How the figures draw the configurations."""
        return replace(figures.design_of(self.comparison.runs, self.comparison.question), step="step")

    @cached_property
    def verdict(self) -> Verdict:
        """What the comparison comes to."""
        return verdict_of(self.comparison)

    @property
    def endpoint(self) -> str:
        """The endpoint in words."""
        return self.design.endpoint

    @cached_property
    def number(self) -> str:
        """The format of a mean: shares with two decimals, others with so many that their spread has two digits."""
        if self.comparison.question.is_share:
            return ".2f"
        summary = self.comparison.summary
        spread = float(summary.loc[summary["sd"] > 0, "sd"].median())
        spread = spread if spread > 0 else float(summary["mean"].max() - summary["mean"].min()) / 10
        places = 1 - floor(log10(spread)) if spread > 0 else -1
        return f".{max(places, 0)}f" if -6 <= places <= 8 and spread > 0 else ".4g"

    @property
    def repeated(self) -> bool:
        """Whether any configuration has several runs that finished."""
        return bool(self.comparison.summary["n"].max() > 1)

    @property
    def enough(self) -> bool:
        """Whether any configuration has so many that an interval says something."""
        return bool(self.comparison.summary["n"].max() >= figures.ENOUGH)

    def write(self, folder: Path) -> list[Path]:
        """Write pages, figures and tables to `folder`; returns them, report.html first."""
        from octant.analysis.report.table_sections import all_sections, lead, paper

        folder.mkdir(parents=True, exist_ok=True)
        tables = {"results": self.comparison.runs} | self.comparison.tables
        files = {f"{name}.csv": table.to_csv(index=False, lineterminator="\n").encode()
                 for name, table in tables.items()}  # fmt: skip
        pictures, alt = render(drawings(self.comparison, self.design, self.drawn_curves, self.name))
        files |= pictures
        chosen = self.comparison.chosen
        context: dict[str, object] = {
            "name": self.name,
            "question": heading(self),
            "answer": answer_of(self),
            "notes": notes(self),
            "warnings": edges(chosen) if len(chosen) else [],
            "lead": lead(self),
            "sections": all_sections(self, set(alt)),
            "command": self.command,
            "tables": [f"{name}.csv" for name in tables],
            "alt": alt,
            "explore": False,
            "image": embedded(pictures),
        }
        texts = {name: filled_in(name, context) for name in ("report.html", "report.md")}
        texts["report.tex"] = paper(self, set(alt)).document()
        files = {name: text.encode() for name, text in texts.items()} | files
        for name, content in files.items():
            write_file(folder / name, content)
        return [folder / name for name in files]

    @cached_property
    def drawn_curves(self) -> pd.DataFrame:
        """The curves of the compared runs with their configuration; none where no run has two steps."""
        if self.curves.empty or "fingerprint" not in self.comparison.runs:
            return pd.DataFrame()
        curves = self.curves.merge(self.comparison.runs[["fingerprint", "config"]], on="fingerprint")
        curves = curves.replace([float("inf"), float("-inf")], float("nan"))
        steps = curves.dropna(subset=[self.comparison.question.metric]).groupby("fingerprint")["epoch"].nunique()
        return curves if steps.max() > 1 else pd.DataFrame()


def notes(report: TableReport) -> list[str]:
    """What qualifies the verdict, a sentence each."""
    words = vocabulary(report.verdict)
    name = Configurations(report.verdict, words).name
    return [*qualifications(report.verdict, words), *about_speed(report.comparison, name)]


def heading(report: TableReport) -> str:
    """The question."""
    question = report.comparison.question
    if 0 < len(question.compare) <= MOST_ASKED:
        return plain_question(question, {name: name for name in question.compare})  # strangers' names stay
    count = len(report.comparison.summary)
    return f"Which of {count} configurations gives the {question.superlative} {report.endpoint}?"


def answer_of(report: TableReport) -> str:
    """The verdict, with the levels' own words."""
    return headline(report.verdict, vocabulary(report.verdict))


def printed(report: TableReport) -> str:
    """The ranking and the answer for the terminal."""
    question = report.comparison.question
    summary = bounded(report.comparison.summary, question)
    columns = {"config": "configuration", "mean": "mean, %" if question.is_share else "mean"}
    columns |= {"low": "from", "high": "to"} if report.enough else {}
    columns |= {"n": f"{question.noun}s", "diverged": "diverged"}
    table = summary.head(MOST_PRINTED)[list(columns)].rename(columns=columns)
    text = table.to_string(index=False, float_format=lambda value: f"{value:{report.number}}", na_rep="-")
    more = f"\n... {len(summary) - MOST_PRINTED} more, in configurations.csv" if len(summary) > MOST_PRINTED else ""
    speed = about_speed(report.comparison, Configurations(report.verdict, vocabulary(report.verdict)).name)
    return "\n".join([f"{text}{more}", "", answer_of(report), *speed])
