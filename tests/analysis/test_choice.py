"""The choice of tuned values, repeated: against a plain loop, and by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import answer
from octant.analysis.comparison.intervals import sign_flip_p
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report.words import stability
from support.verdict_sweeps import grid

QUESTION = Question(("loss",), tune=("rate",))


def wide(runs: pd.DataFrame, metric: str, loss: str) -> np.ndarray:
    """Percent, (seeds x rates)."""
    return 100 * runs[runs["loss"] == loss].pivot_table(index="seed", columns="rate", values=metric).to_numpy()


def test_choice_is_repeated_as_in_a_plain_loop() -> None:
    runs = grid(key=2)
    found, rng, n = answer(runs, QUESTION), np.random.default_rng(0), 8
    validation, test = ({loss: wide(runs, metric, loss) for loss in "ab"} for metric in (QUESTION.validation,
                                                                                        "test_accuracy"))  # fmt: skip
    chosen = {loss: validation[loss].mean(axis=0).argmax() for loss in "ab"}
    means = {loss: test[loss].mean(axis=0) for loss in "ab"}
    same, square = 0, 0.0
    for _ in range(6000):
        rows = rng.integers(n, size=n)
        same += validation["a"][rows].mean(axis=0).argmax() == chosen["a"]
        again = {loss: validation[loss][rows[: n // 2]].mean(axis=0).argmax() for loss in "ab"}
        moved = {loss: means[loss][again[loss]] - means[loss][chosen[loss]] for loss in "ab"}
        square += (moved["b"] - moved["a"]) ** 2
    chance = found.chosen.set_index("config")["stability"]
    assert chance["loss=a"] == pytest.approx(same / 6000, abs=0.03)
    assert chance["loss=b"] == 1
    (pair,) = found.pairs.to_dict("records")
    assert pair["choice_error"] ** 2 == pytest.approx(square / 6000, rel=0.1)
    error = np.hypot(pair["sd"] / np.sqrt(n), pair["choice_error"])
    ends = stats.t(n - 1, pair["difference"], error).interval(0.95)
    assert (pair["low"], pair["high"]) == pytest.approx(ends)
    assert pair["p"] == pytest.approx(2 * stats.t(n - 1).sf(abs(pair["difference"]) / error))
    flips = sign_flip_p((test["b"][:, chosen["b"]] - test["a"][:, chosen["a"]])[None])[0]
    assert found.effects["p"].item() == pytest.approx(max(flips, pair["p"]))
    lead = verdict_of(found).best.lead
    assert lead.sd == pytest.approx(error * np.sqrt(n))
    assert f"loss=a ({100 * chance['loss=a']:.0f} %)" in stability(found.chosen, QUESTION)[0]


def test_clear_choice_leaves_the_numbers() -> None:
    runs = grid(key=3, gap=0.05)
    chosen = runs.merge(answer(runs, QUESTION).chosen[["config", "rate"]].assign(loss=list("ab")), on=["loss", "rate"])
    found, plain = answer(runs, QUESTION), answer(chosen, Question(("loss",)), settings=["loss"])
    for one, other in ((found.pairs, plain.pairs), (found.effects, plain.effects), (found.best, plain.best)):
        assert not one.get("choice_error", pd.Series(0)).any()
        pd.testing.assert_frame_equal(one[list(other)], other)


def test_interval_covers_what_is_chosen() -> None:
    """80 sweeps whose two best rates tie on validation and are 1 point apart on test: the mean over all such sweeps.

    Half of the sweeps choose either, by symmetry: the mean is half a point. Monte Carlo error: 2.6.
    """
    covered = {"choice": 0, "fixed": 0}
    for key in range(80):
        (pair,) = answer(grid(key + 10, n=10, better=0.01), QUESTION).pairs.to_dict("records")
        difference = pair["difference"] if pair["first"] == "loss=a" else -pair["difference"]
        covered["choice"] += abs(difference - 0.5) < (pair["high"] - pair["low"]) / 2
        covered["fixed"] += abs(difference - 0.5) < stats.t(9).isf(0.025) * pair["sd"] / np.sqrt(10)
    assert covered["choice"] / 80 > 0.9
    assert covered["fixed"] / 80 < 0.6


def test_draw_without_a_run_changes_no_choice() -> None:
    """A configuration that few seeds have lacks in many draws; the others' first value is none of its own."""
    runs = grid(key=2)
    few = runs[(runs["loss"] == "b") | ((runs["seed"] < 2) & (runs["rate"] > runs["rate"].min()))]
    best = answer(few, QUESTION).best
    assert best["probability"].sum() == pytest.approx(1)
