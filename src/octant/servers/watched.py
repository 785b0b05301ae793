"""What the journals hold of a sweep that is being trained, as explore.html."""

from __future__ import annotations

import threading
from dataclasses import replace
from html import escape

import pandas as pd

from octant import home
from octant.analysis.comparison.settings import config_names
from octant.errors import InputError
from octant.runs.disk import read_json
from octant.runs.journal import FILES, Journal
from octant.runs.lines import History, Identity
from octant.seal import Json
from octant.tracking.noted import Noted
from octant.tracking.runs import SNAPSHOTS
from octant.trainer import flat, trainer
from octant.trainer.files import is_file

_NONE_YET = "<!DOCTYPE html><html lang=en><title>octant</title><body><p>{}</p></body></html>"


class Watched:
    """A sweep, and what was last seen of its runs; `look` by one thread, `page` by any."""

    def __init__(self, sweep: Noted) -> None:
        self.noted = sweep
        self._seen: dict[str, tuple[Identity, History]] = {}
        self._launched = True
        self._page, self._lock = ("", ""), threading.Lock()

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
                self._page = self._drawn(dict(self._seen)), version
            return self._page

    def _drawn(self, seen: dict[str, tuple[Identity, History]]) -> str:
        from octant.analysis.figures import design_of  # matplotlib reads the environment when it is imported
        from octant.analysis.report.explore import Explored, explore_page
        from octant.analysis.report.explored import drawn

        runs = [{**_plain(identity), "fingerprint": name, "dataset_digest": identity["dataset"]["digest"]}
                for name, (identity, _) in seen.items()]  # fmt: skip
        lines = [{"fingerprint": name, "epoch": line["epoch"], **line["metrics"]}
                 for name, (_, history) in seen.items() for line in history.epochs]  # fmt: skip
        if self.noted.declared.question.endpoint not in set().union(*lines):
            return _NONE_YET.format(escape(f"{self.noted.declared.sweep}: no epoch yet"))
        declared = self.noted.declared
        # What is tuned is not chosen before the end: each of its values is a configuration of its own.
        question = replace(declared.question, compare=(*declared.question.compare, *declared.question.tune), tune=())
        table = pd.DataFrame(runs)
        table = table.assign(config=config_names(table, question.compare))
        curves = pd.DataFrame(lines).merge(table[["fingerprint", "config"]], on="fingerprint")
        labels, reasons = _words(next(iter(seen.values()))[0])
        last = curves.groupby(["config", "fingerprint"], sort=True)[question.endpoint].last()
        ranking = last.groupby("config").mean().sort_values(ascending=question.goal == "min", kind="stable")
        shown = Explored(
            declared.sweep,
            declared.text,
            f"{self.state}. Means are of the runs there are so far.",
            curves,
            drawn(curves, question) | {name: each for name, each in reasons.items() if name in curves},
            list(ranking.index),
            design_of(table, question, labels),
            self._snapshots(last, list(ranking.index)),
        )
        return explore_page(shown)

    def _snapshots(self, last: pd.Series, ranking: list[str]) -> dict[str, Json]:
        """What the median of each configuration's finished runs kept, the best eight's."""
        from octant.analysis.report.explored import MOST_SNAPSHOTS

        found: dict[str, Json] = {}
        for config in ranking[:MOST_SNAPSHOTS]:
            runs = [name for name in last[config].sort_values().index if self._seen[name][1].is_finished]
            if runs:
                median = runs[(len(runs) - 1) // 2]
                found[config] = read_json(home.state() / "journal" / median / FILES / SNAPSHOTS)
        return {config: kept for config, kept in found.items() if kept}


def _plain(identity: Identity) -> dict[str, object]:
    """The settings, flat; a list as its text, as MLflow has it."""
    found = flat(identity["settings"])
    return {name: str(value) if isinstance(value, list | dict) else value for name, value in found.items()}


def _words(identity: Identity) -> tuple[dict[str, str], dict[str, str]]:
    """The trainer's labels and reasons; none for a file, which may have changed, nor where it is not at hand."""
    try:
        known = None if is_file(identity["trainer"]) or "trainer_file" in identity else trainer(identity["trainer"])
    except InputError:
        known = None
    return (dict(known.labels), dict(known.reasons)) if known else ({}, {})
