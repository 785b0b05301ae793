"""New test examples: the two-way variance by hand, coverage by simulation, a plain two-way bootstrap, and the words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.examples import Correctness
from octant.analysis.comparison.settings import config_names
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import measured_over, qualifications, sources

OVER = Question(("loss",), over="examples")
Right = np.ndarray[Any, np.dtype[np.bool_]]


def drawn(n: int, m: int, key: int, gap: float = 0.0, configs: int = 2) -> Right:
    """Which examples are right (repeats x configurations x examples): each has a difficulty, each seed its luck."""
    rng = np.random.default_rng(key)
    hard = 6 - 3.5 * rng.normal(size=m) + rng.normal(size=(configs, m))
    logits = hard + 0.3 * rng.normal(size=(n, configs, 1)) + gap * np.arange(configs)[:, None]
    return rng.random((n, configs, m)) < special.expit(logits)


def asked(right: Right, question: Question = OVER, lost: str = "") -> Comparison:
    """The comparison of these runs, with what each got wrong; `lost` is a run that kept nothing."""
    n, k, m = right.shape
    rows = [{"loss": "abcdefgh"[at], "seed": seed, "outcome": "finished", "test_accuracy": right[seed, at].mean(),
             "fingerprint": f"{seed}{at}", "n_test": m} for seed in range(n) for at in range(k)]  # fmt: skip
    errors = {f"{seed}{at}": {"examples": [m], "wrong": [[int(e), 0, 1] for e in np.flatnonzero(~right[seed, at])]}
              for seed in range(n) for at in range(k) if f"{seed}{at}" != lost}  # fmt: skip
    runs = pd.DataFrame(rows).assign(config=lambda frame: config_names(frame, ["loss"]))
    return answer(runs, question, errors=errors)


def two_way(each: np.ndarray) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean of repeats x examples, by sums over single numbers."""
    n, m = each.shape
    mean, rows, columns = each.mean(), each.mean(axis=1), each.mean(axis=0)
    seeds = sum((row - mean) ** 2 for row in rows) / (n - 1) / n
    other = sum((column - mean) ** 2 for column in columns) / (m - 1) / m
    rest = sum((each[i, j] - rows[i] - columns[j] + mean) ** 2 for i in range(n) for j in range(m))
    more = max(other - min(seeds, rest / (n - 1) / (m - 1) / n / m), 0)
    return np.sqrt(seeds + more), (seeds + more) ** 2 / (seeds**2 / (n - 1) + more**2 / (m - 1))


def test_two_way_variance_by_hand() -> None:
    """Of a - b: 1, 0, 0 and 1, 1, 0. Seeds add 1/18 / 2 = 1/36, examples 1/4 / 3 = 1/12; both count 1/6 / 6 = 1/36."""
    a, b = [[1, 1, 0], [1, 1, 0]], [[0, 1, 0], [0, 0, 0]]
    found = Correctness(np.array([a, b], dtype=bool).transpose(1, 0, 2)).variance(np.array([[1.0, -1.0]]), np.arange(2))
    assert found / 1e4 == pytest.approx([1 / 12 - 1 / 36])


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
    gap, x = 0.8, np.polynomial.hermite_e.hermegauss(120)
    sd = np.sqrt(3.5**2 + 1 + 0.3**2)
    a, b = ((x[1] * special.expit(6 + shift + sd * x[0])).sum() / x[1].sum() for shift in (0, gap))
    covered = {"examples": 0, "repeats": 0}
    for key in range(400):
        right = drawn(8, 200, key, gap)
        each = 100.0 * (right[:, 1] * 1.0 - right[:, 0])
        t = stats.ttest_1samp(each.mean(axis=1), 100 * (b - a))
        covered["repeats"] += t.pvalue > 0.05
        error, df = two_way(each)
        covered["examples"] += abs(each.mean() - 100 * (b - a)) < stats.t(df).isf(0.025) * error
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
