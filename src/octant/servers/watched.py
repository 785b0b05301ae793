"""What the journals hold of a sweep that is being trained, as explore.html."""

from __future__ import annotations

import threading
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from octant import home
from octant.analysis.speed import with_curve_endpoints
from octant.runs.journal import FILES, Journal
from octant.runs.lines import History, Identity
from octant.seal import Json
from octant.tracking.journalled import curve_of, row_of
from octant.tracking.noted import Noted
from octant.tracking.runs import SNAPSHOTS, TEST_ERRORS

if TYPE_CHECKING:
    from octant.analysis.question import Question
    from octant.analysis.report.collect import Material
    from octant.analysis.report.explore import Explored
    from octant.analysis.report.findings import Findings

_NONE_YET = "<!DOCTYPE html><html lang=en><title>octant</title><body><p>{}</p></body></html>"


class Watched:
    """A sweep, and what was last seen of its runs; `look` by one thread, `page` by any."""

    def __init__(self, sweep: Noted) -> None:
        self.noted = sweep
        self._seen: dict[str, tuple[Identity, History]] = {}
        self._launched = True
        self._page, self._lock = ("", ""), threading.Lock()
        self._errors: dict[str, Json] = {}

    def look(self) -> bool:
        """Read what is new; whether the sweep is still being trained."""
        self._launched = self.noted.is_launched
        seen = dict(self._seen)
        for name in self.noted.runs:
            if name not in seen or seen[name][1].outcome is None:
                journal = Journal(home.state() / "journal" / name)
                if identity := journal.identity:
                    seen[name] = identity, journal.read()
        self._seen = seen
        return self._launched

    @property
    def over(self) -> int:
        """How many runs are over."""
        return sum(history.outcome is not None for _, history in self._seen.values())

    @property
    def state(self) -> str:
        """How far the sweep is, in words."""
        name, over, runs = self.noted.declared.sweep, self.over, len(self.noted.runs)
        begun = sum(history.outcome is None and bool(history.epochs) for _, history in self._seen.values())
        if self._launched:
            return f"{name}: {over} of {runs} runs are over, {begun} under way"
        if over == runs:
            return f"{name} is over: {runs} of {runs} runs"
        return f"{name}: nobody trains it now, {over} of {runs} runs are over; continue: {self.noted.declared.command}"

    @property
    def version(self) -> str:
        """Changes whenever the page does."""
        return f"{sum(len(history.epochs) for _, history in self._seen.values())}-{self.over}-{self._launched}"

    def page(self) -> tuple[str, str]:
        """The page of what was last seen, and its version."""
        with self._lock:
            version = self.version
            if self._page[1] != version:
                self._page = self._drawn(), version
            return self._page

    def _drawn(self) -> str:
        from octant.analysis.report.explore import explore_page

        shown = self.explored()
        return explore_page(shown) if shown else _NONE_YET.format(escape(f"{self.noted.declared.sweep}: no epoch yet"))

    def explored(self) -> Explored | None:
        """What was last seen: at the end what the report's explore.html has; None before the first epoch."""
        from octant.analysis.report.explored import explored  # matplotlib reads the environment when it is imported
        from octant.analysis.report.findings import find
        from octant.analysis.report.words import headline

        declared, seen = self.noted.declared, dict(self._seen)
        lines = [line for name, (_, history) in sorted(seen.items()) for line in curve_of(name, history)]
        if declared.question.metric not in set().union(*lines):
            return None
        material = self._material(seen, pd.DataFrame(lines))
        if len(material.runs) == len(self.noted.runs) and material.runs["outcome"].notna().all():
            runs = with_curve_endpoints(material.runs, material.curves, declared.question)
            found = find(replace(material, runs=runs))
            return explored(found, headline(found.verdict, found.words))
        return explored(_so_far(material), f"{self.state}.", _note_of(declared.question))

    def _material(self, seen: dict[str, tuple[Identity, History]], curves: pd.DataFrame) -> Material:
        """What the store would hold of these runs; the outcome of those under way is missing."""
        from octant.analysis.report.collect import Material, pictures_at_hand

        runs = pd.DataFrame([row_of(*each) for each in seen.values() if each[1].epochs])
        for name in (each for each in seen if seen[each][1].files and each not in self._errors):
            self._errors[name] = self._kept(name, TEST_ERRORS)
        errors = {name: kept for name, kept in self._errors.items() if kept}
        settings, declared = next(iter(seen.values()))[0]["settings"].get("dataset"), self.noted.declared
        pictures = pictures_at_hand(settings, runs) if errors else None
        return Material(declared.sweep, declared, runs, curves, errors, pictures=pictures, snapshots=self._snapshots)

    def _snapshots(self, runs: pd.DataFrame) -> dict[str, Json]:
        names = zip(runs["config"], runs["fingerprint"], strict=True)
        found = {config: self._kept(name, SNAPSHOTS) for config, name in names}
        return {config: kept for config, kept in found.items() if kept}

    def _kept(self, name: str, file: str) -> Json:
        return Journal(home.state() / "journal" / name).json(f"{FILES}/{file}")


def _so_far(material: Material) -> Findings:
    """What is known before the end, without statistics; `outcome` is missing of the runs that are under way.

    Configurations are ranked by the mean of the last epochs that there are. Tuned settings are chosen on runs that are
    over, and on those under way for a configuration that has no other.
    """
    from octant.analysis.comparison import Comparison
    from octant.analysis.comparison.settings import config_names
    from octant.analysis.comparison.tuning import choose, summarise_rates
    from octant.analysis.report.findings import Findings

    question = material.declared.question.at_the_end
    runs = material.runs.assign(config=config_names(material.runs, question.compare))
    is_over = runs["outcome"].notna()
    counted = runs[is_over | ~is_over.groupby(runs["config"]).transform("any")].fillna({"outcome": "finished"})
    chosen = rates = pd.DataFrame()
    if question.tune:
        chosen = choose(counted, question)
        rates = summarise_rates(runs[is_over], question) if is_over.any() else rates
        keys = [*question.tune, "config"]
        runs = runs.merge(chosen[keys], on=keys)
    ranking = runs.groupby("config")[question.endpoint].mean().sort_values(ascending=question.goal == "min")
    none = pd.DataFrame()
    main = Comparison(question, runs, ranking.reset_index(), none, none, (), chosen=chosen, rates=rates)
    return Findings(material, runs, main, None, None)


def _note_of(question: Question) -> str:
    """What the page has to say of itself."""
    tuned = " and ".join(name.replace("_", " ") for name in question.tune)
    chosen = f", each configuration at the {tuned} that is best on validation so far" * bool(tuned)
    place = f", its place in the chart of {tuned}" * bool(tuned)
    return (
        f"Curves are means of the runs that have come furthest{chosen}. A run under way has its curve alone: what it "
        f"got wrong{place} and its weights come when it is over."
    )
