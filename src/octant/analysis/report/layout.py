"""What pages are made of: sections, and tables in one form for a sweep's report and for that of any table of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from octant.analysis.figures.statistics import contrast
from octant.analysis.power import ENOUGH
from octant.analysis.question import Question

MOST_ROWS = 50


@dataclass(frozen=True)
class Section:
    """One titled part; `figures` are stems of drawn files with their captions, the first of `table` is its header.

    `csv` has the stems of the files that hold all of its numbers.
    """

    title: str
    text: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    figures: Sequence[tuple[str, str]] = ()
    code: str = ""
    csv: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        """Where links to it lead, as GitHub makes it of a title."""
        return re.sub(r"[^a-z -]", "", self.title.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Forms:
    """The columns of tables: header and format. `number` is the format of a mean, `is_enough` whether there are
    intervals, `is_repeated` whether any configuration has several runs.
    """

    question: Question
    number: str
    is_enough: bool
    is_repeated: bool

    @property
    def unit(self) -> str:
        """Behind a mean's name: percent of a share; other endpoints have the unit that they were logged in."""
        return ", %" if self.question.is_share else f", {self.question.unit}" if self.question.unit else ""

    def ranking(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of the table of configurations."""
        n, noun = self.number, f"{self.question.noun}s"
        interval = {"95 % interval": f"{{low:{n}}} to {{high:{n}}}"} if self.is_enough else {}
        spread = interval | {"SD": f"{{sd:{n}}}", noun: "{n}", "best": f"{{best:{n}}} ({{best_repeat}})",
                             "worst": f"{{worst:{n}}} ({{worst_repeat}})"}  # fmt: skip
        first = {"configuration": "{config}", f"mean{self.unit}": f"{{mean:{n}}}"}
        reached = {f"reached {self.question.target}": "{reached} of {n}"} if self.question.unit else {}
        told = {**(more or {}), **reached, "diverged": "{diverged}", "note": "{note}"}
        return first | (spread if self.is_repeated else {}) | told

    def effects(self) -> dict[str, str]:
        """Of the table of effects, which has a column `contrast`; see `with_contrasts`."""
        sure = {"p": "{p:.2g}", "p, Holm": "{p_holm:.2g}"} if self.is_repeated else {}
        odds = (
            {"log-odds": "{log_odds:+.2f}", "p, log-odds": "{log_odds_p:.2g}"}
            if sure and self.question.is_share
            else {}
        )
        return {"contrast": "{contrast}", **self._difference("estimate"), **sure, "shown": "{shown}", **odds}

    def pairs(self) -> dict[str, str]:
        """Of the table of pairs."""
        sure = {"p, Holm": "{p_holm:.2g}", f"{self.question.noun}s": "{n}"} if self.is_repeated else {}
        return {"first": "{first}", "less": "{second}", **self._difference("difference"), **sure, "shown": "{shown}"}

    def best(self) -> dict[str, str]:
        """Of the table of the best, with a column `may_be_best` in words."""
        n, unit = self.number, self._difference("lead")
        lead = {name.replace("difference", "lead"): form for name, form in unit.items()}
        lead = {name: form.replace("{low", "{lead_low").replace("{high", "{lead_high") for name, form in lead.items()}
        mean = {f"95 %, mean{self.unit}": f"{{low:{n}}} to {{high:{n}}}"} if self.is_enough else {}
        return {"configuration": "{config}", "may be best": "{may_be_best}", "probability": "{probability:.2f}",
                **lead, **mean}  # fmt: skip

    def _difference(self, column: str) -> dict[str, str]:
        n, unit = self.number, "points" if self.question.is_share else self.question.unit or self.question.words
        interval = {"95 % interval": f"{{low:+{n}}} to {{high:+{n}}}"} if self.is_enough else {}
        return {f"difference, {unit}": f"{{{column}:+{n}}}"} | interval


def bounded(summary: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The table of configurations with intervals for 5 repeats and more, those of shares inside 0 and 100 %."""
    summary = summary.assign(low=summary["low"].where(summary["n"] >= ENOUGH), high=summary["high"].where(
        summary["n"] >= ENOUGH))  # fmt: skip
    if not question.is_share:
        return summary
    return summary.assign(low=summary["low"].clip(0, 100), high=summary["high"].clip(0, 100))


def ranks_section(ranks: pd.DataFrame, unit: str, number: str) -> Section:
    """The ranks over data sets; without content where there are none."""
    if ranks.empty:
        return Section("Ranks over data sets")
    names = list(ranks.columns.drop(["config", "mean_rank"]))
    places = {name: f"data {at}" for at, name in enumerate(names)}  # a name may mean something in a format
    columns = {f"{name}{unit}": f"{{{place}:{number}}}" for name, place in places.items()}
    text = ["The best in a data set has rank 1; equal ones share the mean of their ranks. The means over each "
            "data set's runs stand beside; diverged runs count in them as in the ranking."]  # fmt: skip
    rows = table_of(
        ranks.rename(columns=places), {"configuration": "{config}", "mean rank": "{mean_rank:.2f}"} | columns
    )
    caption = "Rank in each data set, one tick each, equal ones on one another; the marker is the mean rank."
    return Section("Ranks over data sets", text, rows, [("ranks", caption)], csv=["ranks"])


def with_contrasts(effects: pd.DataFrame) -> pd.DataFrame:
    """The table of effects with what each compares in one column, `contrast`."""
    return effects.assign(contrast=[contrast(row) for _, row in effects.iterrows()])


def table_of(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[list[str]]:
    """Header and the first rows: each cell is the row in its column's format; a dash for NaN, no empty columns."""
    if frame.empty:
        return []
    if "shown" in frame:
        frame = frame.assign(shown=frame["shown"].map({True: "yes", False: "no"}))
    records = frame.head(MOST_ROWS).to_dict("records")
    cells = [[form.format_map(row) for form in columns.values()] for row in records]
    filled = [column for column, values in zip(columns, zip(*cells, strict=True), strict=True) if any(values)]
    cells = [[cell for column, cell in zip(columns, row, strict=True) if column in filled] for row in cells]
    rows = [[re.sub(r"^\+?(nan|<NA>|None)( to .*| of .*| \(.*)?$", "-", cell) for cell in row] for row in cells]
    more = [[f"and {len(frame) - MOST_ROWS} more, in the csv", *[""] * (len(filled) - 1)]]
    return [filled, *rows, *(more if len(frame) > MOST_ROWS else [])]
