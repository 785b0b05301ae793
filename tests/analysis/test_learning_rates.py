"""The rate is chosen on validation accuracy alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from octant.analysis.comparison.tuning import choose, runs_at, summarise_rates
from octant.errors import InputError
from support.comparison_frames import TUNED, A, B, compare, diverge, frame, noise


def grid(accuracies: dict[float, list[float]], config: str = A) -> pd.DataFrame:
    """Validation accuracies by rate, one per seed."""
    return pd.concat([frame(np.c_[values], [config], rate) for rate, values in accuracies.items()])


# Both sum to 964 of 360, but the second mean comes out larger in the last bit.
TIE = np.array([[320, 324, 320], [320, 325, 319]]) / 360
CASES = {
    "the highest mean": ({0.01: [0.5, 0.5], 0.1: [0.9, 0.6], 1.0: [0.7, 0.7]}, 0.1, ""),
    "ties to the smaller": ({0.01: [0.5], 0.1: [0.9], 1.0: [0.9], 10.0: [0.1]}, 0.1, ""),
    "ties that rounding breaks": ({0.01: [0], 0.1: TIE[0], 1.0: TIE[1], 9.0: [0]}, 0.1, ""),
    "the smallest": ({0.01: [0.9], 0.1: [0.8]}, 0.01, "smallest"),
    "the largest": ({0.01: [0.7], 0.1: [0.8]}, 0.1, "largest"),
    "the only": ({0.1: [0.8]}, 0.1, "only"),
}


@pytest.mark.parametrize("case", CASES)
def test_choice(case: str) -> None:
    accuracies, rate, edge = CASES[case]
    row = choose(grid(accuracies), TUNED).iloc[0]
    assert (row["learning_rate"], row["edge"]) == (rate, edge)
    assert row["validation_accuracy"] == pytest.approx(100 * np.mean(accuracies[rate]))
    assert row["n"] == len(accuracies[rate])


def test_test_set_chooses_nothing() -> None:
    runs = pd.concat([frame(noise(5, key=k), learning_rate=10.0**k) for k in range(4)], ignore_index=True)
    runs["validation_accuracy"] = noise(20, key=9).ravel()
    chosen = choose(runs, TUNED)
    assert chosen["learning_rate"].nunique() > 1
    tests = [column for column in runs if "test" in column]
    shuffled = runs.assign(test_accuracy=np.random.default_rng(0).permutation(runs["test_accuracy"]))
    for other in (shuffled, runs.drop(columns=tests), runs.assign(test_accuracy=np.nan)):
        pd.testing.assert_frame_equal(chosen, choose(other, TUNED))
    pd.testing.assert_frame_equal(chosen, choose(runs.sample(frac=1, random_state=1), TUNED))


@pytest.mark.parametrize("last", [np.nan, 0.99])
def test_no_rate_that_blows_up_is_chosen(last: float) -> None:
    runs = grid({0.1: [0.8, 0.8, 0.8], 1.0: [0.9, 0.9, 0.99]})
    blown = (runs["learning_rate"] == 1.0) & (runs["seed"] < 2)
    runs.loc[blown, ["outcome", "validation_accuracy"]] = ["diverged", last]
    row = choose(runs, TUNED).iloc[0]
    assert (row["learning_rate"], row["diverged"]) == (0.1, 0)


def test_configurations_compared_at_own_rates() -> None:
    runs = pd.concat([grid({0.1: [0.9, 0.91], 1.0: [0.5, 0.5]}), grid({0.1: [0.6, 0.6], 1.0: [0.7, 0.8]}, B)])
    chosen = choose(runs, TUNED)
    assert dict(zip(chosen["config"], chosen["learning_rate"], strict=True)) == {A: 0.1, B: 1.0}
    summary = compare(runs_at(runs, chosen, TUNED)).summary.set_index("config")
    assert summary["mean"].to_dict() == pytest.approx({A: 90.5, B: 75.0})


def test_rates_are_summarised_for_the_picture() -> None:
    runs = diverge(grid({0.1: [0.9, 0.8, 0.7]}), A, 2)
    row = summarise_rates(runs, TUNED).iloc[0]
    assert (row["n"], row["diverged"]) == (2, 1)
    assert row["mean"] == pytest.approx(85)
    assert row["mean_diverged_as_zero"] == pytest.approx(170 / 3)


def test_unequal_seeds_are_said() -> None:
    chosen = choose(grid({0.1: [0.9, 0.9], 1.0: [0.8]}), TUNED)
    assert chosen["note"][0] == "not every value was run with the same seeds"


def test_no_validation_split_is_one_clear_line() -> None:
    runs = grid({0.1: [0.9]}).assign(validation_accuracy=np.nan)
    with pytest.raises(InputError, match="seed 0: validation_accuracy is nan"):
        choose(runs, TUNED)
    with pytest.raises(InputError, match="more than one run"):
        choose(pd.concat([grid({0.1: [0.9]})] * 2), TUNED)
