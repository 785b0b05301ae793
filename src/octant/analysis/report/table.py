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
from octant.analysis.figures import Design
from octant.analysis.question import Question
from octant.analysis.report import words
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.drawings import drawings
from octant.analysis.report.layout import Forms, Section, bounded, ranks_section, table_of, with_contrasts
from octant.analysis.report.numbers import Count, Phrases, listed, plain_count, plural
from octant.analysis.report.origin import INTERVALS, about_margin, about_shown, claims, corrected, effects_test
from octant.analysis.report.pages import write_pages
from octant.analysis.report.paper import Paper
from octant.analysis.report.sections import tuning_section
from octant.analysis.report.vocabulary import Vocabulary, vocabulary
from octant.analysis.verdict import Verdict
from octant.runs.factors import plain_question

_MOST_PRINTED = 20  # rows of the ranking
_MOST_ASKED = 3  # factors that the question names
_CURVES = {"accuracy": "The endpoint by step: mean of each configuration.", "curves": "Each configuration by itself."}


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

    def write(self, folder: Path) -> list[Path]:
        """Write pages, figures and tables to `folder`; returns them, report.html first."""
        context: dict[str, object] = {
            "name": self.name, "question": self._heading(), "answer": self.answer, "notes": self._said()[1:],
            "warnings": words.edges(self.comparison.chosen), "lead": self._lead(), "command": self.command,
            "explore": False,
        }  # fmt: skip
        tables = {"results": self.comparison.runs} | self.comparison.tables
        drawn = drawings(self.comparison, self._design, self._drawn_curves(), self.name)
        return write_pages(folder, tables, drawn, context, self._sections, self._paper)

    @property
    def answer(self) -> str:
        """The verdict, with the levels' own words."""
        return self._said()[0]

    def printed(self) -> str:
        """The ranking and the answer for the terminal."""
        question, summary = self._question, bounded(self.comparison.summary, self._question)
        columns = {"config": "configuration", "mean": "mean, %" if question.is_share else "mean"}
        columns |= {"low": "from", "high": "to"} if self._enough else {}
        columns |= {"n": f"{question.noun}s", "diverged": "diverged"}
        table = summary.head(_MOST_PRINTED)[list(columns)].rename(columns=columns)
        text = table.to_string(index=False, float_format=lambda value: f"{value:{self._forms.number}}", na_rep="-")
        left = len(summary) - _MOST_PRINTED
        more = f"\n... {left} more, in configurations.csv" if left > 0 else ""
        return "\n".join([f"{text}{more}", "", self.answer, *self._speed()])

    @property
    def _question(self) -> Question:
        return self.comparison.question

    @cached_property
    def _design(self) -> Design:
        return replace(figures.design_of(self.comparison.runs, self._question), step="step")

    @property
    def _verdict(self) -> Verdict:
        return self.comparison.verdict

    @cached_property
    def _words(self) -> Vocabulary:
        return vocabulary(self._verdict)

    @cached_property
    def _forms(self) -> Forms:
        """The columns of the tables: shares with two decimals, others with so many that their spread has two digits."""
        summary = self.comparison.summary
        spread = float(summary.loc[summary["sd"] > 0, "sd"].median())
        spread = spread if spread > 0 else float(summary["mean"].max() - summary["mean"].min()) / 10
        places = 1 - floor(log10(spread)) if spread > 0 else -1
        number = f".{max(places, 0)}f" if -6 <= places <= 8 and spread > 0 else ".4g"
        number = ".2f" if self._question.is_share else number
        return Forms(self._question, number, self._enough, is_repeated=bool(summary["n"].max() > 1))

    @property
    def _enough(self) -> bool:
        """Whether any configuration has so many runs that an interval says something."""
        return bool(self.comparison.summary["n"].max() >= figures.ENOUGH)

    def _drawn_curves(self) -> pd.DataFrame:
        """The curves of the compared runs with their configuration; none where no run has two steps."""
        if self.curves.empty or "fingerprint" not in self.comparison.runs:
            return pd.DataFrame()
        curves = self.curves.merge(self.comparison.runs[["fingerprint", "config"]], on="fingerprint")
        curves = curves.replace([float("inf"), float("-inf")], float("nan"))
        steps = curves.dropna(subset=[self._question.metric]).groupby("fingerprint")["epoch"].nunique()
        return curves if steps.max() > 1 else pd.DataFrame()

    def _heading(self) -> str:
        compared = self._question.compare
        if 0 < len(compared) <= _MOST_ASKED:
            return plain_question(self._question, {name: name for name in compared})  # strangers' names stay
        count = len(self.comparison.summary)
        return f"Which of {count} configurations gives the {self._question.superlative} {self._question.words}?"

    def _said(self, count: Count = plain_count) -> list[str]:
        """The verdict, and what qualifies it."""
        known = replace(self._words, count=count)
        return [words.headline(self._verdict, known), *words.qualifications(self._verdict, known), *self._speed(count)]

    def _speed(self, count: Count = plain_count) -> list[str]:
        name = Configurations(self._verdict, self._words).name
        return Phrases(self._question, count).about_speed(self.comparison, name)

    def _lead(self) -> tuple[str, str]:
        """The figure of the first screen, and its caption."""
        if not self._design.factors:
            return "ranking", "The runs."
        own = f" at each configuration's own {listed(self._question.tune)}" if self._question.tune else ""
        many = ", with 95 % intervals" * self._enough
        lines = " Lines that are not parallel interact." * (len(self._design.factors) > 1)
        return "interaction", f"Mean {self._question.words}{own}{many}.{lines}"

    def _sections(self, drawn: set[str]) -> list[Section]:
        """All sections after the first screen; those without content are left out."""
        found, forms, many = self.comparison, self._forms, self._enough
        about = [note for note in found.notes if note.startswith("Effects: ")]
        lost = found.summary[found.summary["diverged"] > 0]
        ticks = f"Mean{' and 95 % interval' * many} of each configuration; one tick per run, ties overlap."
        hollow = f"Effects{' with 95 % intervals' * many}; hollow: not shown to differ from 0."
        ranking = table_of(bounded(found.summary, self._question), forms.ranking())
        effects = table_of(with_contrasts(found.effects), forms.effects())
        every = [
            Section("The ranking", self._ranked(), ranking, [("ranking", ticks)] * bool(self._design.factors),
                    csv=["configurations"]),
            ranks_section(found.ranks, forms.unit, forms.number),
            Section("Effects, interactions first", about, effects, [("effects", hollow)] * ("effects" in drawn),
                    csv=["effects"]),
            Section("Learning curves", figures=[each for each in _CURVES.items() if each[0] in drawn]),
            tuning_section(found, forms) if self._question.tune else Section(""),
            Section("All pairs" if len(found.pairs) > len(found.summary) else "Pairs", (),
                    table_of(found.pairs, forms.pairs()), csv=["pairs", "best", "verdict"]),
            Section("Diverged runs", (), table_of(lost, {"configuration": "{config}", "diverged": "{diverged_runs}"})),
            Section("What was read, and what was done with it", self.lines),
            Section("How it was measured", self._measured()),
            Section("How to repeat it", code=self.command),
        ]  # fmt: skip
        return [each for each in every if each.text or each.table or each.figures or each.code]

    def _ranked(self) -> list[str]:
        best = "smallest" if self._question.goal == "min" else "largest"
        charged = "0 %" if self._question.diverged_as == "zero" else "the worst run that finished"
        lost = bool(self.comparison.summary["diverged"].any())
        return [f"By mean {self._question.words}, the {best} first. Means and intervals are of the runs that finished"
                f"{f'; in the order, a diverged run counts as {charged}' * lost}."]  # fmt: skip

    def _measured(self, count: Count = plain_count) -> list[str]:
        """Pairing, tests, and what the words mean."""
        question, runs = self._question, self.comparison.runs
        several = runs["config"].nunique()
        paired = f"differences are paired by {listed(question.repeat)}" if self._forms.is_repeated else (
            "nothing repeats a measurement, so nothing says how it varies")  # fmt: skip
        return [
            f"{plural(several, 'configuration', count('Configurations', several))}, "
            f"{plural(len(runs), 'run', count('Runs', len(runs)))}; "
            f"{paired}.",
            f"{INTERVALS} Effects: {effects_test(runs, question)}, p adjusted by Holm's method over all effects. "
            "Pairs: paired t test, p adjusted by Holm's method over all of them.",
            *corrected(runs, question),
            *words.sources(self.comparison),
            claims(self.comparison.alpha),
            f"{about_shown(self.comparison, 'bad ones')} {about_margin(question)}",
        ]

    def _paper(self, drawn: set[str]) -> Paper:
        """The same for LaTeX."""
        captions = {stem: caption for stem, caption in [self._lead(), *_CURVES.items()] if stem in drawn}
        return Paper(
            self._heading(), self._said, self._verdict, self.comparison, self._forms, self.comparison.effects,
            tuple(self._design.factors), self._measured, "", captions,
        )  # fmt: skip
