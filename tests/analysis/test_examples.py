"""New test examples: the two-way variance by hand, coverage by simulation, a plain two-way bootstrap, and the words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.examples import Correctness
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import measured_over, qualifications, sources
from support.predictions import OVER, asked, drawn, points, two_way


def test_two_way_variance_by_hand() -> None:
    """Of a - b: 1, 0, 0 and 1, 1, 0. Seeds add 1/18 / 2 = 1/36, examples 1/4 / 3 = 1/12; both count 1/6 / 6 = 1/36."""
    a, b = [[1, 1, 0], [1, 1, 0]], [[0, 1, 0], [0, 0, 0]]
    right, weights = np.array([a, b], dtype=bool).transpose(1, 0, 2), np.array([[1.0, -1.0]])
    added, alone = Correctness(right).variance(weights, np.arange(2))
    assert (added / 1e4, alone / 1e4) == (pytest.approx([1 / 12 - 1 / 36]), pytest.approx([1 / 12]))


def test_intervals_of_pairs_and_effects_by_hand() -> None:
    right = drawn(6, 80, key=1)
    found = asked(right)
    each = 100.0 * (right[:, 1] * 1.0 - right[:, 0])
    error, df = two_way(each)
    for row, turned in ((found.pairs.iloc[0], found.pairs["first"].iloc[0][-1] == "a"), (found.effects.iloc[0], False)):
        mean = -each.mean() if turned else each.mean()
        low, high = stats.t(df, mean, error).interval(0.95)
        p = 2 * stats.t(df).sf(abs(mean) / error)
        assert (row["low"], row["high"], row["p"]) == pytest.approx((low, high, p))
        assert np.hypot(row["sd"] / np.sqrt(6), row["examples_error"]) == pytest.approx(error)
    own, _ = two_way(100.0 * right[:, 0])
    row = found.summary.set_index("loss").loc["a"]
    assert row["high"] - row["low"] > 2 * stats.norm.isf(0.025) * own


def test_interval_covers_new_seeds_and_examples() -> None:
    """400 sweeps: Monte Carlo error of 95 % is 1.1. Seeds alone cover far less; p agrees with each interval."""
    gap, true = 0.8, points(0.8)
    covered = {"examples": 0, "repeats": 0}
    for key in range(400):
        right = drawn(8, 200, key, gap)
        each = 100.0 * (right[:, 1] * 1.0 - right[:, 0])
        t = stats.ttest_1samp(each.mean(axis=1), true)
        covered["repeats"] += t.pvalue > 0.05
        error, df = two_way(each)
        covered["examples"] += abs(each.mean() - true) < stats.t(df).isf(0.025) * error
        if key < 20:
            row = asked(right).pairs.iloc[0]
            assert (row["p"] < 0.05) == (row["low"] > 0 or row["high"] < 0)
    assert 0.935 - 0.011 < covered["examples"] / 400 < 0.97 + 0.011
    assert covered["repeats"] / 400 < 0.9


def test_probability_is_that_of_a_two_way_bootstrap() -> None:
    right = drawn(5, 60, key=3, configs=3)
    found = asked(right).best.set_index("config")["probability"]
    rng, best = np.random.default_rng(0), np.zeros(3)
    for _ in range(4000):
        seeds, examples = rng.integers(5, size=5), rng.integers(60, size=60)
        means = right[seeds].mean(axis=(0, 2)) + right.mean(axis=0)[:, examples].mean(axis=1) - right.mean(axis=(0, 2))
        top = np.isclose(means, means.max())
        best += top / top.sum()
    assert [found[f"loss={name}"] for name in "abc"] == pytest.approx(best / 4000, abs=0.03)
    assert found.max() < asked(right, replace(OVER, over="repeats")).best["probability"].max()


def test_what_it_holds_over_is_said() -> None:
    right = drawn(6, 200, key=4, gap=0.4)
    over, fixed = (verdict_of(asked(right, replace(OVER, over=each))) for each in ("examples", "repeats"))
    assert measured_over(over) == (
        "Measured over 6 seeds and 200 test examples. This holds over new seeds and new test examples like these, not "
        "for other training data."
    )
    assert "two crossed samples" in sources(asked(right))[0]
    assert fixed.elsewhere is not None
    assert (fixed.elsewhere.low, fixed.elsewhere.high) == pytest.approx((over.best.lead.low, over.best.lead.high))
    assert "new ones" not in " ".join(qualifications(fixed, vocabulary(fixed)))  # both are -1 to 5 points
    more = verdict_of(asked(drawn(20, 200, key=4, gap=0.4), replace(OVER, over="repeats")))
    said = " ".join(qualifications(more, vocabulary(more)))
    assert "the lead of b over a is about 1.8 points of test accuracy (-0.1 to 3.7), instead of 0.4 to 3.2" in said
    assert over.best.lead.needed(None, 1) is None or over.best.lead.needed(None, 1) > fixed.best.lead.needed(None, 1)


def test_seeds_alone_are_used_where_predictions_lack() -> None:
    right = drawn(6, 50, key=5)
    lacking, plain = asked(right, lost="30"), asked(right, replace(OVER, over="repeats"))
    pd.testing.assert_frame_equal(lacking.pairs, plain.pairs)
    assert measured_over(verdict_of(lacking)).endswith("as was asked: the runs did not keep their test predictions.")
    odd = Question(("loss",), over="examples", endpoint="share", share=True)
    runs = asked(right).runs.assign(share=0.5 + asked(right).runs["test_accuracy"] / 3)
    wrong = {each: {"examples": [50], "wrong": []} for each in runs["fingerprint"]}
    assert answer(runs, odd, errors=wrong).examples == "share is not the share of right test predictions"
    assert "cannot be read" in str(answer(runs, odd, errors={each: {"wrong": 1} for each in wrong}).examples)
