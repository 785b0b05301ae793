"""The set that may be best, the winner's intervals and its probability, by hand and by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.best import _lead, _probability, behind
from octant.analysis.comparison.intervals import ALPHA, student
from octant.analysis.question import Question
from support.verdict_sweeps import sweep

QUESTION = Question(("optimizer",))


def pairs_of(values: np.ndarray) -> pd.DataFrame:
    """The table of pairs that `behind` reads, from repeats x configurations; nothing is shown by itself."""
    columns = [(a, b) for a in range(values.shape[1]) for b in range(a)]
    t = student(np.array([values[:, a] - values[:, b] for a, b in columns]))
    return pd.DataFrame({"first": [a for a, _ in columns], "second": [b for _, b in columns], "difference": t.mean,
                         "difference_diverged_as_zero": t.mean, "p": t.p, "shown": False})  # fmt: skip


def test_what_is_behind_by_hand() -> None:
    """Shown by comparison with the best, not over all pairs."""
    means = {("a",): 0.905, ("b",): 0.904, ("c",): 0.9, ("d",): 0.902}
    runs = sweep({"optimizer": list("abcd")}, means, 8, 0.0028, key=4)
    table = answer(runs, QUESTION)
    wide = runs.pivot_table(index="seed", columns="optimizer", values="test_accuracy")
    p = {(a, b): stats.ttest_rel(wide[a], wide[b], alternative="greater").pvalue for a, b in product("abcd", repeat=2)
         if a != b}  # fmt: skip
    out = {b for b in "abcd" if min(p[a, b] for a in "abcd" if a != b) * 2 * 3 < 0.04}
    assert out
    assert set(table.not_told_apart) == {f"optimizer={name}" for name in {*"abcd"} - out}
    assert table.best.set_index("config")["may_be_best"].sum() == 4 - len(out)


@pytest.mark.parametrize("law", ["equal spreads", "spreads 1:18", "paired", "tied"])
def test_best_is_rarely_left_out(law: str) -> None:
    """300 sweeps of 8 equal configurations, 8 repeats; each is the best: 2,400 chances, with an error of 0.3 points."""
    rng, left_out, picked = np.random.default_rng(5), 0, 0
    for _ in range(300):
        values = rng.normal(size=(8, 8)) * (np.geomspace(0.1, 1.8, 8) if law == "spreads 1:18" else 1)
        values = values + 2 * rng.normal(size=(8, 1)) * (law == "paired")
        values = np.round(2 * values) / 2 if law == "tied" else values
        left_out += len(behind(pairs_of(values), QUESTION, 8, ALPHA))
        _, low, high = _lead(values, int(values.mean(axis=0).argmax()))
        picked += low <= 0 <= high
    assert left_out / 2400 < 0.05
    assert picked / 300 > 0.95 - 3 * 0.0126


def test_probability_is_that_of_all_resamples() -> None:
    gains = np.array([[1.0, 2.0, 0.0], [3.0, 1.5, 0.0], [2.0, 2.2, 9.0]])
    means = np.array([gains[list(rows)].mean(axis=0) for rows in product(range(3), repeat=3)])
    wanted = (means == means.max(axis=1, keepdims=True)).mean(axis=0)
    assert _probability(gains) == pytest.approx(wanted, abs=0.04)


def test_intervals_of_the_picked_are_wider() -> None:
    runs = sweep({"optimizer": list("abcd")}, dict.fromkeys([("a",), ("b",), ("c",), ("d",)], 0.9), 6)
    found = answer(runs, QUESTION)
    row = found.best.iloc[0]
    values = 100 * runs[runs["optimizer"] == row["config"][-1]]["test_accuracy"]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(1 - 0.05 / 4)
    assert row["high"] == pytest.approx(high)
    assert row["low"] < low  # the tail of these runs is on that side
    assert row["lead_low"] < 0 < row["lead_high"]


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_unit_moves_no_probability(scale: float) -> None:
    rng = np.random.default_rng(0)
    rows = [{"optimizer": name, "seed": seed, "loss": 1 + 0.02 * rng.normal() * (name < "c"), "outcome": "finished"}
            for seed in range(6) for name in "abc"]  # fmt: skip
    runs, question = pd.DataFrame(rows), Question(("optimizer",), endpoint="loss", goal="min")
    assert (answer(runs.assign(loss=scale * runs["loss"]), question).best.eval("high - low") > 0).all()
    plain, scaled = (answer(each, question).best for each in (runs, runs.assign(loss=scale * runs["loss"])))
    np.testing.assert_allclose(scaled["probability"], plain["probability"])
    for name in ("low", "high", "lead", "lead_low", "lead_high"):
        np.testing.assert_allclose(scaled[name] / scale, plain[name])
