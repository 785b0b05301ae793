"""Summary and pairs by hand, the order of rows, and everything that can be lacking."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.summary import first_epochs
from octant.analysis.decide import verdict_of
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import headline
from octant.errors import InputError
from support.comparison_frames import CONFIGS, QUESTION, A, B, compare, diverge, frame, noise


def curves_of(runs: pd.DataFrame, epochs: int = 8) -> pd.DataFrame:
    """Curves that come within 1/2, 1/4, 1/8, ... of their final accuracy."""
    every = [
        runs[["fingerprint"]].assign(epoch=epoch, test_accuracy=runs["test_accuracy"] * (1 - 0.5**epoch))
        for epoch in range(epochs)
    ]
    return pd.concat(every, ignore_index=True)


def test_summary_by_hand() -> None:
    row = compare(frame([[0.90], [0.92], [0.97]], [A])).summary.iloc[0]
    assert (row["n"], row["mean"], row["sd"]) == (3, pytest.approx(93), pytest.approx(np.sqrt(13)))
    assert row["high"] == pytest.approx(93 + stats.t.ppf(0.975, 2) * np.sqrt(13 / 3))
    assert (row["best_repeat"], row["best"]) == ("seed 2", pytest.approx(97))
    assert (row["worst_repeat"], row["worst"]) == ("seed 0", 90)
    assert row["binomial_error"] == pytest.approx(100 * np.sqrt(0.93 * 0.07 / 360))
    assert (row["loss"], row["hidden"], row["output"]) == ("mse", "sigmoid", "sigmoid")


def test_epochs_to_share_of_final_accuracy() -> None:
    runs = frame([[0.8], [0.5]], [A])
    accuracies = {0: [0.1, 0.72, 0.70, 0.77, 0.8], 1: [0.1, 0.2, 0.46, 0.47, 0.5]}
    curves = pd.DataFrame(
        [
            {"fingerprint": f"{A}/{seed}/0.1", "epoch": epoch, "test_accuracy": accuracy}
            for seed, values in accuracies.items()
            for epoch, accuracy in enumerate(values)
        ]
    )
    first = first_epochs(lay_out(runs, QUESTION), curves)
    assert list(first["to_90"]) == [1, 2]  # 0.72 and 0.45
    assert list(first["to_95"]) == [3, 4]  # 0.76 and 0.475
    row = compare(runs, curves).summary.iloc[0]
    assert (row["epochs_to_90"], row["epochs_to_95"], row["note"]) == (1.5, 3.5, "")
    only = curves[curves["fingerprint"] == f"{A}/0/0.1"]
    row = compare(runs, only).summary.iloc[0]
    assert (row["epochs_to_90"], row["note"]) == (1, "no curve for 1 of 2 runs")
    assert np.isnan(compare(runs).summary["epochs_to_90"][0])


def test_pairs_are_paired_by_seed() -> None:
    accuracy = noise(10) + np.linspace(0, 0.05, 8)
    pairs = compare(frame(accuracy)).pairs
    assert len(pairs) == 28
    for _, row in pairs.iterrows():
        first, second = (100 * accuracy[:, CONFIGS.index(row[side])] for side in ("first", "second"))
        theirs = stats.ttest_rel(first, second)
        interval = theirs.confidence_interval()
        ours = (row["difference"], row["low"], row["high"], row["p"])
        expected = ((first - second).mean(), interval.low, interval.high, theirs.pvalue)
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_set_not_told_apart_from_best() -> None:
    accuracy = noise(10)[:, :4] + np.array([0.05, 0.05, 0.0, -0.2])
    comparison = compare(frame(accuracy, CONFIGS[:4]))
    best, *others = comparison.not_told_apart
    assert best == comparison.summary["config"][0]
    assert {best, *others} == set(CONFIGS[:2])
    assert (comparison.pairs["difference"] >= 0).all()


def test_lead_from_other_seeds_is_no_win() -> None:
    # A leads on average, by its last two seeds, which B lacks; where both ran B wins each time.
    paired = noise(12, 2) + np.array([0.0, 0.02])
    paired[10:] = [0.999, np.nan]
    paired[:10, 0] -= 0.002 * np.arange(10)
    comparison = compare(frame(np.where(np.arange(12)[:, None] < 10, paired - 0.2, paired), [A, B]))
    row = comparison.pairs.iloc[0]
    assert (comparison.summary["config"][0], row["first"]) == (A, A)
    assert row["shown"]
    assert row["difference"] < 0
    assert comparison.not_told_apart == (B,)
    verdict = verdict_of(comparison)  # the sentence is that of the row
    assert verdict.best.names == (B, A)
    assert headline(verdict, vocabulary(verdict)).startswith("softmax beats sigmoid by about ")


def test_no_noise_ranks_but_shows_nothing() -> None:
    comparison = compare(frame(np.tile([0.9, 0.8], (3, 1)), [A, B]))
    row = comparison.pairs.iloc[0]
    assert (row["difference"], row["p"], row["shown"]) == (pytest.approx(10), 0.25, False)
    one_example = 4.302653 * 100 / 360 / 3  # t(2) at 97.5 %, and an SD as if one of three were off by one
    assert (row["low"], row["high"]) == pytest.approx((10 - one_example, 10 + one_example))


def test_unequal_seeds_pair_on_the_common_ones() -> None:
    row = compare(frame([[0.9, 0.8], [0.9, 0.7], [0.1, np.nan], [np.nan, 0.9]], [A, B])).pairs.iloc[0]
    assert (row["n"], abs(row["difference"])) == (2, pytest.approx(15))
    assert f"{B} has no run with seed 2" in row["note"]
    assert f"{A} has no run with seed 3" in row["note"]


@pytest.mark.parametrize("last", [np.nan, 0.11])
def test_diverged_run_counted_and_named(last: float) -> None:
    runs = diverge(frame(noise(10)), B, 3, epoch=7, last=last)
    comparison = compare(runs, curves_of(runs))
    row = comparison.summary.set_index("config").loc[B]
    kept = 100 * np.delete(noise(10)[:, 1], 3)
    assert (row["n"], row["diverged"], row["diverged_runs"]) == (9, 1, "seed 3 at epoch 7")
    assert row["mean"] == pytest.approx(kept.mean())
    assert row["mean_diverged_as_zero"] == pytest.approx(kept.sum() / 10)
    assert comparison.summary["config"].iloc[-1] == B
    name = f"left out: {B} diverged with seed 3 at epoch 7"
    touched = (comparison.pairs["first"] == B) | (comparison.pairs["second"] == B)
    assert (comparison.pairs.loc[touched, "note"] == name).all()
    assert (comparison.pairs.loc[touched, "n"] == 9).all()
    assert (comparison.pairs.loc[~touched, "n"] == 10).all()
    assert (comparison.effects["n"] == 9).all()
    assert (comparison.effects["note"] == name).all()


def test_survivors_do_not_win_by_attrition() -> None:
    # Where it finishes B is better by 5 points, surely; but two of its ten runs blow up.
    runs = frame(noise(10, 2) + np.array([0, 0.05]), [A, B])
    assert compare(runs).not_told_apart == (B,)
    for seed in (0, 1):
        runs = diverge(runs, B, seed)
    comparison = compare(runs)
    assert comparison.summary["config"][0] == A
    row = comparison.pairs.iloc[0]
    assert row["difference"] < 0 < row["difference_diverged_as_zero"]
    assert not row["shown"]
    assert comparison.not_told_apart == (A, B)


def test_always_diverged_ranks_last() -> None:
    runs = frame(noise(10))
    for seed in range(10):
        runs = diverge(runs, A, seed, epoch=seed)
    comparison = compare(runs, curves_of(runs))
    row = comparison.summary.iloc[-1]
    assert (row["config"], row["n"], row["diverged"], row["note"]) == (A, 0, 10, "no run finished")
    assert np.isnan(row["mean"])
    assert A not in comparison.not_told_apart
    assert "1 of 8 combinations of loss, hidden, output have no finished run" in " ".join(comparison.notes)
    assert "loss x hidden x output" not in set(comparison.effects["effect"])
    assert comparison.effects["note"].str.contains("combinations of the other factors").all()


def test_one_seed_gives_means_and_no_intervals() -> None:
    comparison = compare(frame(noise(1)))
    for table in (comparison.summary, comparison.effects, comparison.pairs):
        assert table[["sd", "low", "high"]].isna().all(axis=None)
        assert table["note"].str.contains("no interval").all()
    assert set(comparison.not_told_apart) == set(CONFIGS)


@pytest.mark.parametrize("accuracy", [0.0, 1.0, 0.9])
def test_no_spread_at_all(accuracy: float) -> None:
    comparison = compare(frame(np.full((10, 8), accuracy)))
    assert (comparison.summary["sd"] == 0).all()
    assert (comparison.pairs["p"] == 1).all()
    assert (comparison.effects["p"] == 1).all()
    assert (comparison.effects["estimate"] == 0).all()
    assert len(comparison.not_told_apart) == 8


def test_one_configuration_alone() -> None:
    comparison = compare(frame(noise(5, 1), [A]))
    assert comparison.not_told_apart == (A,)
    assert comparison.pairs.empty


def test_no_common_seed() -> None:
    row = compare(frame([[0.9, np.nan], [np.nan, 0.8]], [A, B])).pairs.iloc[0]
    assert row["n"] == 0
    assert row["note"].startswith("no seed in common")


def _with(**changes: object) -> pd.DataFrame:
    return frame(noise(2)).assign(**changes)


BAD = {
    "runs: none to compare": frame(noise(2)).head(0),
    "runs: no column seed": frame(noise(2)).drop(columns="seed"),
    "more than one run; drop one": pd.concat([frame(noise(2))] * 2),
    "seed 0: test_accuracy is nan": _with(test_accuracy=np.nan),
    "seed 0: test_accuracy is 97.0": _with(test_accuracy=97.0),
    "outcome: 'finish' is unknown; did you mean 'finished'": _with(outcome="finish"),
    "test sets of": _with(n_test=range(16)),
    "without its configuration or seed": _with(seed=np.nan),
}


@pytest.mark.parametrize("line", BAD)
def test_bad_frames_are_one_clear_line(line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        compare(BAD[line])
    assert "\n" not in str(caught.value)


RUNS = diverge(diverge(frame(noise(10, key=5)), B, 3), B, 4)
CURVES = curves_of(RUNS, epochs=2)
ORDERED = compare(RUNS, CURVES)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(80)), seeds=st.permutations(range(160)))
def test_order_of_the_rows_does_not_matter(order: list[int], seeds: list[int]) -> None:
    one, other = ORDERED, compare(RUNS.iloc[order], CURVES.iloc[seeds])
    for name in ("summary", "effects", "pairs"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.not_told_apart == other.not_told_apart


def test_thousand_runs_are_quick() -> None:
    runs = frame(noise(125))
    curves = curves_of(runs, epochs=30)
    began = time.process_time()
    compare(runs, curves)
    assert time.process_time() - began < 2
