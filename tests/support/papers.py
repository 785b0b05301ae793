"""report.tex of sweeps of many kinds, and how it is read: macros, numbers, tables, and the csv files beside it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from octant.analysis.comparison import Comparison
from octant.analysis.guess import Asked
from octant.analysis.question import Question
from octant.analysis.report import pages
from octant.analysis.report import table as reports_of_tables
from octant.analysis.report.findings import find
from octant.analysis.report.table import TableReport
from octant.analysis.tables import compare_file
from support.comparison_frames import CONFIGS, A, diverge, frame, noise
from support.predictions import OVER, asked, drawn
from support.report_frames import grid, material
from support.verdict_sweeps import judged, sweep

ROOT = Path(__file__).parents[2]
NASTY = ("a&b", "50 %", "$x^2$", "#1_{}~", "\\input{x}", "[a]*", "--lr", "한국어", "β=0.9", "naïve", "nanogpt", "0.1",
         "01", "Adam", "adam", '"it\'s"', "<b>|", "\\octRuns{}", "🦊", "two\nlines", "ﬁ\u0301", "`x`")  # fmt: skip


@dataclass(frozen=True)
class Document:
    folder: Path
    name: str = ""

    @property
    def text(self) -> str:
        return (self.folder / "report.tex").read_text(encoding="utf-8")

    @property
    def macros(self) -> dict[str, str]:
        found = re.findall(r"^\\newcommand\{\\(oct\w+)\}\{(.*)\}$", self.text, re.M)
        assert len(dict(found)) == len(found), "a macro is defined twice"
        return {name: value for name, value in found if name not in ("octVerdict", "octQualifications")}

    def number(self, name: str) -> Decimal:
        plain = re.sub(r"\\ensuremath\{(.*)\}", r"\1", self.macros[name])
        return Decimal(re.sub(r"\\cdot10\^\{(-?\d+)\}", r"e\1", plain))

    def tables(self) -> dict[str, list[list[str]]]:
        """Rows of cells by the stem of the csv file, the header first."""
        found = re.findall(r"\\texttt\{(\w+)\.csv\}.*?\\toprule\n(.*?)\\end\{longtable\}", self.text, re.S)
        return {stem: [re.split(r"(?<!\\) & ", line.removesuffix(" \\\\")) for line in body.splitlines()
                       if line.endswith(" \\\\")] for stem, body in found}  # fmt: skip

    def rows(self, stem: str, kind: str | None = None) -> list[dict[str, str]]:
        """Those of the csv file that are about a comparison; about the document's own, its first, if none is named."""
        with (self.folder / f"{stem}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        kind = kind or (rows[0].get("learning_rates") if rows else None)
        return [row for row in rows if row.get("learning_rates") == kind]

    @property
    def said(self) -> set[str]:
        """The macros of the Result paragraph."""
        return {*re.findall(r"\\(oct\w+)\{\}", self.result)}

    @property
    def result(self) -> str:
        """The text of the Result paragraph."""
        found = dict(re.findall(r"^\\newcommand\{\\(oct\w+)\}\{(.*)\}$", self.text, re.M))
        return f"{found['octVerdict']} {found['octQualifications']}"


def table(runs: Path | pd.DataFrame, folder: Path, **words: object) -> None:
    file = folder / "runs.csv"
    if isinstance(runs, pd.DataFrame):
        runs.to_csv(file, index=False)
        runs = file
    comparison, lines = compare_file(runs, replace(Asked(), **words))  # type: ignore[arg-type]
    TableReport("the_runs", comparison, lines, "octant compare", pd.DataFrame()).write(folder)


def own(runs: pd.DataFrame, folder: Path, theirs: pd.DataFrame | None = None, **words: str) -> None:
    known = material(runs, **words)
    pages.write_files(find(known if theirs is None else replace(known, companion=theirs)), folder)


def of(comparison: Comparison, folder: Path) -> None:
    TableReport("the_runs", comparison, ["question"], "octant compare", pd.DataFrame()).write(folder)


def strangers() -> pd.DataFrame:
    means = {(name,): 0.5 + at / 100 for at, name in enumerate(NASTY)}
    return sweep({"the_model": NASTY}, means, 5, endpoint="val_acc").drop(columns="outcome")


def to_be_made_small() -> pd.DataFrame:
    means = {("adam", "a"): 3.1e-5, ("sgd", "a"): 4.2e-5, ("adam", "b"): 2e-5, ("sgd", "b"): 7e-5}
    return sweep({"optimizer": ["adam", "sgd"], "norm": ["a", "b"]}, means, 6, 3e-6, "test_loss")


def of_speed() -> pd.DataFrame:
    """Ten epochs of each run; b does not reach the level with one seed of five."""
    level = {"a": [3, 4, 3, 5, 4], "b": [8, 7, 9, 11, 8]}
    return pd.DataFrame([
        {"net": net, "seed": seed, "epoch": epoch, "val_acc": 0.95 if epoch >= at else 0.5}
        for net, each in level.items() for seed, at in enumerate(each) for epoch in range(1, 11)])  # fmt: skip


def collapsed() -> pd.DataFrame:
    runs = frame(noise(5))
    runs.loc[(runs["config"] == A) & (runs["seed"] == 3), "test_accuracy"] = 0.1
    return runs


def lost(*levels: str) -> pd.DataFrame:
    """All runs of these diverged."""
    runs = sweep(ONE, APART, 5)
    runs.loc[runs["optimizer"].isin(levels), ["outcome", "test_accuracy"]] = ["diverged", np.nan]
    return runs


def exact() -> pd.DataFrame:
    return sweep({"loss": ["mse", "nll"]}, {("mse",): 0.21, ("nll",): 0.02}, 1, 0, "gap").drop(columns="seed")


def planted(*gains: float) -> pd.DataFrame:
    """What cross-entropy gains in each cell of hidden and output activation, in points."""
    lead = np.array([gains[at % 4] * ("cross_entropy" in name) for at, name in enumerate(CONFIGS)])
    return frame(0.8 + lead / 100 + noise(10, key=3) * 0.01)


ONE, TWO = {"optimizer": ["adam", "sgd"]}, {"loss": ["a", "b"], "norm": ["batch", "none"]}
THREE = {"optimizer": ["adam", "lion", "sgd"], "norm": ["batch", "none"]}
REVERSING = {("a", "batch"): 0.95, ("b", "batch"): 0.91, ("a", "none"): 0.88, ("b", "none"): 0.92}
CROSSING = {("adam", "batch"): 0.95, ("lion", "batch"): 0.93, ("sgd", "batch"): 0.9,
            ("adam", "none"): 0.92, ("lion", "none"): 0.86, ("sgd", "none"): 0.88}  # fmt: skip
APART, TIED, LOOKS = {("adam",): 0.93, ("sgd",): 0.92}, {("adam",): 0.92, ("sgd",): 0.92}, (5, 10, 15, 20)
WRITTEN: dict[str, Callable[[Path], None]] = {
    "factorial": partial(table, ROOT / "experiments" / "factorial" / "results.csv"),
    "small": partial(table, to_be_made_small(), goal="min", margin=1e-6),
    "strangers": partial(table, strangers()),
    "once": partial(table, strangers().query("seed == 0")),
    "sweep": partial(own, diverge(frame(noise() - np.linspace(0, 0.06, 8)), A, 2)),
    "datasets": partial(table, ROOT / "experiments" / "datasets" / "results.csv", repeat=("dataset", "seed")),
    "tuned": partial(own, grid(), shared_rate="0.3"),
}
ANSWERS: dict[str, Callable[[Path], None]] = {  # more kinds of sentences
    "mnist": partial(table, ROOT / "experiments" / "mnist" / "results.csv"),
    "splits": partial(table, ROOT / "experiments" / "factorial-splits" / "results.csv", repeat=("split_seed", "seed")),
    "companion": partial(own, frame(noise(5)), theirs=grid(best=3).assign(epochs=6), companion="tuned"),
    "collapsed": partial(own, collapsed()),
    "depends": partial(own, planted(-5, -6, 9, 8)),
    "combinations": partial(own, planted(5, 0, 0, -5)),
    "reversal": lambda folder: of(judged(sweep(TWO, REVERSING), Question(tuple(TWO))).comparison, folder),
    "three": lambda folder: of(judged(sweep(THREE, CROSSING), Question(tuple(THREE))).comparison, folder),
    "one factor": lambda folder: of(judged(sweep(ONE, APART, 8), Question(tuple(ONE))).comparison, folder),
    "turned": lambda folder: of(
        judged(sweep(ONE, dict(zip(APART, [0.92, 0.93], strict=True)), 8), Question(tuple(ONE))).comparison, folder
    ),
    "few": lambda folder: of(judged(sweep(ONE, APART, 3), Question(tuple(ONE))).comparison, folder),
    "too few": lambda folder: of(judged(sweep(TWO, REVERSING, 5), Question(tuple(TWO))).comparison, folder),
    "all lost": lambda folder: of(judged(lost("adam", "sgd"), Question(tuple(ONE))).comparison, folder),
    "alone": lambda folder: of(judged(lost("sgd"), Question(tuple(ONE))).comparison, folder),
    "margin": lambda folder: of(
        judged(sweep(ONE, TIED, 12, 0.002), Question(tuple(ONE), margin=0.5)).comparison, folder
    ),
    "undecided": lambda folder: of(judged(sweep(ONE, TIED, 12, 0.002), Question(tuple(ONE))).comparison, folder),
    "looks": lambda folder: of(judged(sweep(ONE, APART, 17), Question(tuple(ONE), looks=LOOKS)).comparison, folder),
    "exact": partial(table, exact(), repeat=(), goal="min"),
    "speed": partial(table, of_speed(), endpoint="epochs_to_val_acc_above_90"),
    "examples": lambda folder: of(asked(drawn(20, 200, 4, 0.4), replace(OVER, over="repeats")), folder),
}
MINIMISED = {"small", "exact", "speed"}


def written(name: str, folder: Path, with_figures: bool = False) -> Document:
    """The report of a sweep; its figures are drawn, but not rendered, or left out: they take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "rendered", lambda figure: (b"<svg/>", b"png"))
        patch.setattr(pages, "as_pdf", lambda figure: b"%PDF")
        if not with_figures:
            patch.setattr(pages, "draw", lambda found: [])
            patch.setattr(reports_of_tables, "drawings", lambda *about: [])
        (WRITTEN | ANSWERS)[name](folder)
    return Document(folder, name)
