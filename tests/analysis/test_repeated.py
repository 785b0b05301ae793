"""Limits for repeated looks: published values, simulation, and what the tables and verdicts make of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.intervals import holm, student
from octant.analysis.comparison.repeated import Looks, limits
from octant.analysis.decide import decided
from octant.analysis.question import Question
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import looked, qualifications
from octant.analysis.verdict import Decision
from support.verdict_sweeps import judged, sweep

PLAN = (5, 10, 15, 20, 25, 30, 35, 40)
SWEEPS = 10_000


def test_limits_are_the_published_ones() -> None:
    """Five equal looks at 5 %, two-sided, Pocock's spending: Reboussin et al., Controlled Clinical Trials 21, 2000."""
    z = stats.norm.isf(np.array(limits((1, 2, 3, 4, 5), 0.05)) / 2)
    assert z == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 28])
def test_level_is_spent_in_full(alpha: float) -> None:
    """By a million simulated sums of normal numbers, whose spread is known; uneven looks."""
    planned, rng = (7, 10, 15, 22), np.random.default_rng(3)
    total, crossed = np.zeros(1_000_000), np.zeros(1_000_000, dtype=bool)
    for before, now, limit in zip((0, *planned), planned, limits(planned, alpha), strict=False):
        total += np.sqrt(now - before) * rng.normal(size=len(total))
        crossed |= np.abs(total) > np.sqrt(now) * stats.norm.isf(limit / 2)
        spent = alpha * np.log1p((np.e - 1) * now / planned[-1])
        assert crossed.mean() == pytest.approx(spent, abs=4 * np.sqrt(spent / len(total)))


def test_p_at_the_limit_is_the_level() -> None:
    for repeats in (5, 17, 40):
        looks = Looks(PLAN, repeats)
        for alpha in (0.05, 0.05 / 28, 1e-6):
            p = np.array([limits(PLAN, alpha)[len(looks.made) - 1]])
            assert looks.adjusted(p) == pytest.approx(alpha, rel=2e-3)
        grid = np.geomspace(1e-16, 1, 400)
        assert (np.diff(looks.adjusted(grid)) > 0).all()
        assert (looks.adjusted(grid) >= grid).all()
        assert looks.adjusted(np.array([0.0, 1.0, np.nan])) == pytest.approx([0, 1, np.nan], nan_ok=True)
    assert Looks((), 12).adjusted(grid) is grid
    assert Looks((), 12).nominal() == pytest.approx(0.05)


def test_false_alarms_stay_rare_under_looks() -> None:
    """Four equal configurations, looked at until 40 repeats; the error of 5 % is 0.2 points."""
    values = np.random.default_rng(1).normal(size=(SWEEPS, 4, 40))
    first, second = np.array(list(combinations(range(4), 2))).T
    pairs, ever, naive = (
        values[:, first] - values[:, second],
        np.zeros(SWEEPS, dtype=bool),
        np.zeros(SWEEPS, dtype=bool),
    )
    for n in PLAN:
        p = student(pairs[:, :, :n]).p
        ever |= Looks(PLAN, n).adjusted(p).min(axis=1) * 6 < 0.05
        naive |= p.min(axis=1) * 6 < 0.05
    assert 0.04 < ever.mean() < 0.055
    assert naive.mean() > 0.12


def test_difference_of_the_margin_is_rarely_called_equal() -> None:
    rng, called = np.random.default_rng(2), 0
    for values in rng.normal(0.5, 1, size=(1500, 40)):
        looks = [student(values[:n], level=1 - Looks(PLAN, n).nominal()) for n in PLAN]
        called += any(decided(0.5, float(t.low), float(t.high), 5, False, 0.5) is Decision.EQUAL for t in looks)
    assert called / 1500 < 0.025 + 2 * np.sqrt(0.025 * 0.975 / 1500)


def test_tables_hold_under_looks() -> None:
    """Recomputed by scipy: p by the limits' inverse, intervals at one less the limit of the look."""
    runs = sweep({"optimizer": list("abc")}, {("a",): 0.9, ("b",): 0.903, ("c",): 0.93}, 10)
    question = Question(("optimizer",), looks=PLAN)
    table = answer(runs, question).pairs
    wide = 100 * runs.pivot_table(index="seed", columns="optimizer", values="test_accuracy")
    found = [
        stats.ttest_rel(wide[a], wide[b]) for a, b in zip(table["first"].str[-1], table["second"].str[-1], strict=True)
    ]
    level = 1 - limits(PLAN, 0.05)[1]
    assert table["p"].to_numpy() == pytest.approx(Looks(PLAN, 10).adjusted(np.array([each.pvalue for each in found])))
    assert table["p_holm"].to_numpy() == pytest.approx(holm(table["p"].to_numpy()))
    assert table["low"].to_numpy() == pytest.approx([each.confidence_interval(level).low for each in found])
    summary = answer(runs, question).summary.set_index("config").loc["optimizer=c"]
    own, upwards = wide["c"], stats.skew(wide, bias=False).mean() > 0
    ends = stats.t.interval(level, 9, own.mean(), own.std(ddof=1) / np.sqrt(10))
    assert (summary["low"], summary["high"])[not upwards] == pytest.approx(ends[not upwards])


@pytest.mark.parametrize(("third", "margin", "is_decided"), [(0.9, None, False), (0.9, 2.0, True), (0.95, None, True)])
def test_decided_means_nothing_is_left_open(third: float, margin: float | None, is_decided: bool) -> None:
    """The best is level with another one, level within a margin, or ahead; the worst two are level throughout."""
    means = {("a",): 0.8, ("b",): 0.8, ("c",): 0.9, ("d",): third}
    runs = sweep({"optimizer": list("abcd")}, means, 15)
    verdict = judged(runs, Question(("optimizer",), margin=margin, looks=PLAN)).verdict
    assert verdict.is_decided is is_decided


def test_factors_are_decided_as_well() -> None:
    levels = {"loss": ["a", "b"], "norm": ["on", "off"]}
    means = {("a", "on"): 0.95, ("a", "off"): 0.9, ("b", "on"): 0.9, ("b", "off"): 0.9}
    assert not judged(sweep(levels, means, 15), Question(tuple(levels), looks=PLAN)).verdict.is_decided
    assert judged(sweep(levels, means, 15), Question(tuple(levels), margin=1.0, looks=PLAN)).verdict.is_decided


@pytest.mark.parametrize(("seeds", "said"), [
    (5, "Looked once, after 5 of at most 40 seeds; limits for repeated looks (Lan and DeMets 1983)."),
    (17, "Looked 3 times, after 5, 10 and 15 of at most 40 seeds; limits for repeated looks (Lan and DeMets 1983)."),
    (40, "Looked 8 times, after 5, 10, ... 40 of at most 40 seeds; limits for repeated looks (Lan and DeMets 1983)."),
])  # fmt: skip
def test_report_says_how_often_it_was_looked(seeds: int, said: str) -> None:
    runs: pd.DataFrame = sweep({"optimizer": ["a", "b"]}, {("a",): 0.9, ("b",): 0.93}, seeds)
    verdict = judged(runs, Question(("optimizer",), looks=PLAN)).verdict
    assert looked(verdict) == [said]
    assert said in qualifications(verdict, vocabulary(verdict))
    assert looked(judged(runs, Question(("optimizer",))).verdict) == []
