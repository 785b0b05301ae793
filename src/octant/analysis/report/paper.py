"""report.tex: answer, tables, figures and methods for a paper; each number of the answer and the tables is a macro."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from octant import __version__
from octant.analysis.comparison import Comparison
from octant.analysis.comparison.settings import is_number
from octant.analysis.report import words
from octant.analysis.report.layout import Forms, bounded, table_of, with_contrasts
from octant.analysis.report.macros import Macros, row_names
from octant.analysis.report.numbers import Count, listed
from octant.analysis.verdict import Verdict

FIGURES = ("interaction", "accuracy")  # also saved as pdf
_NOT_IN_A_PAPER = ("best", "worst", "note")


@dataclass(frozen=True)
class Paper:
    """What the page of a report says, for LaTeX: the answer and its notes with their numbers, `effects` as the page
    shows them, the sentences of "How it was measured", `origin` a sentence on versions, captions by the stem of a
    figure.
    """

    title: str
    answer: Callable[[Count], list[str]]
    verdict: Verdict
    comparison: Comparison
    forms: Forms
    effects: pd.DataFrame
    factors: Sequence[str]
    measured: Callable[[Count], list[str]]
    origin: str
    captions: Mapping[str, str]

    @cached_property
    def macros(self) -> Macros:
        """Those of this document."""
        cells = self.verdict.cells
        texts = [*dict.fromkeys([*cells, *(each for cell in cells.values() for pair in cell.items() for each in pair)])]
        return Macros(names=dict(zip(texts, row_names([(each,) for each in texts]), strict=True)))

    def document(self) -> str:
        """The LaTeX source."""
        text, count = self.macros.text, self.macros.count
        answer, *notes = self.answer(count)
        context = {
            "title": text(self.title),
            "answer": text(answer),
            "notes": text(" ".join(note for note in notes if note != words.measured_over(self.verdict, count))),
            "tables": [(text(caption), text(file), len(rows[0]), [[text(cell) for cell in row] for row in rows])
                       for caption, file, rows in self._tables() if rows],
            "methods": [text(line) for line in self._methods() if line],
            "figures": [(stem, text(self.captions[stem])) for stem in FIGURES if stem in self.captions],
            "macros": {name: value for name, value in self.macros.values.items() if name in self.macros.used},
            "strange": self.macros.declarations(),
        }  # fmt: skip
        # Braces mean something else in LaTeX.
        environment = Environment(
            loader=PackageLoader("octant.analysis.report"), undefined=StrictUndefined, trim_blocks=True,
            variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
            comment_start_string="<#", comment_end_string="#>", keep_trailing_newline=True, autoescape=False,  # noqa: S701
        )  # fmt: skip
        return environment.get_template("report.tex").render(context)

    def _tables(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Caption, csv file and rows of each table."""
        numbers, forms, found = self.macros.numbers, self.forms, self.comparison
        effects, pairs, best = found.effects, found.pairs, found.best
        summary = bounded(found.summary, found.question)
        ranked = numbers(summary, "", [(name,) for name in summary["config"]])
        columns = {name: form for name, form in forms.ranking().items() if name not in _NOT_IN_A_PAPER}
        yield "The configurations, best first.", "configurations.csv", table_of(ranked, columns)
        if len(effects):
            keys = [(f"{row['effect']} {row['plus']}", row["minus"]) for _, row in effects.iterrows()]
            shown = numbers(with_contrasts(self.effects), "Effect", keys)
            yield "Effects, interactions first.", "effects.csv", table_of(shown, forms.effects())
        if len(found.chosen):
            yield "Tuned settings.", "chosen.csv", self._chosen()
        if len(pairs):
            shown = numbers(pairs, "Pair", list(zip(pairs["first"], pairs["second"], strict=True)))
            yield "Pairs: the first less the second.", "pairs.csv", table_of(shown, forms.pairs())
        if len(best) > 1 and forms.is_repeated:
            shown = numbers(best, "Best", [(name,) for name in best["config"]])
            shown = shown.assign(may_be_best=best["may_be_best"].map({True: "yes", False: "no"}))
            caption = "The best one; its intervals hold after picking it, for all configurations at once."
            yield caption, "best.csv", table_of(shown, forms.best())
        if len(found.ranks):
            shown = numbers(found.ranks[["config", "mean_rank"]], "Rank", [(name,) for name in found.ranks["config"]])
            columns = {"configuration": "{config}", "mean rank": "{mean_rank:.2f}"}
            yield "Mean ranks over the data sets; 1 is the best.", "ranks.csv", table_of(shown, columns)

    def _chosen(self) -> list[list[str]]:
        question, chosen = self.comparison.question, self.comparison.chosen
        # A dot in the name of a setting would mean something else in a format.
        places = {name: f"value {at}" for at, name in enumerate((*question.tune, question.validation))}
        shown = self.macros.numbers(chosen, "Chosen", [(name,) for name in chosen["config"]]).rename(columns=places)
        forms = {name: ":g" if is_number(chosen[name]) else "" for name in question.tune}
        forms |= {question.validation: f":{self.forms.number}"} if question.validation in chosen else {}
        columns = {name: f"{{{places[name]}{form}}}" for name, form in forms.items()}
        return table_of(shown, {"configuration": "{config}"} | columns)

    def _methods(self) -> Iterator[str]:
        question, runs, count = self.comparison.question, self.comparison.runs, self.macros.count
        if self.factors:
            yield f"Compared: {listed(self.factors)}."
        if question.tune:
            yield f"Tuned for each configuration: {listed(question.tune)}. {words.chosen_by(question)}"
        yield from self.measured(count)
        lost = int((runs["outcome"] == "diverged").sum())
        yield f"{count('Diverged', lost)} of the {count('Compared', len(runs))} compared runs diverged."
        if self.verdict.repeats > 1:
            yield words.measured_over(self.verdict, count)
        yield self.origin
        yield f"Compared with octant {__version__}."
