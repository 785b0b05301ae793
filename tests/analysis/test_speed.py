"""Endpoints of whole curves, by hand: levels, censored runs, diverged runs, seconds, means, and what is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import octant
from octant.analysis.check import change_of
from octant.analysis.comparison import Comparison, answer
from octant.analysis.endpoint import DURATION
from octant.analysis.question import Question
from octant.analysis.report.table import TableReport
from octant.analysis.speed import horizon_of, with_curve_endpoints
from octant.errors import InputError

EPOCHS = Question(("loss",), endpoint="epochs_to_test_accuracy_above_90", goal="min")
CURVES = {  # from before training to epoch 3
    "at the level": [0.5, 0.8, 0.9, 0.95],
    "never": [0.5, 0.6, 0.7, 0.8],
    "before training": [0.91, 0.8, 0.7, 0.6],
    "falls again": [0.5, 0.92, 0.85, 0.95],
}
SECONDS = [np.nan, 1.5, 2.0, 0.5]


def by_hand(question: Question, curves: dict[str, list[float]] = CURVES, metric: str = "test_accuracy") -> pd.DataFrame:
    """The runs of these curves, by name, with the question's endpoint."""
    rows = [{"fingerprint": name, "epoch": epoch, metric: value, DURATION: seconds} for name, line in curves.items()
            for epoch, (value, seconds) in enumerate(zip(line, [*SECONDS, *[1.0] * 9], strict=False))]  # fmt: skip
    runs = pd.DataFrame({"fingerprint": list(curves), "outcome": "finished"})
    return with_curve_endpoints(runs, pd.DataFrame(rows)[::-1], question).set_index("fingerprint")


def compared(times: dict[str, list[float]], **outcomes: str) -> Comparison:
    """The comparison of runs of ten epochs that reach the level after these (above ten: never), by loss and seed."""
    every = [(loss, seed, f"{loss}{seed}", at) for loss, each in times.items() for seed, at in enumerate(each)]
    rows = [{"loss": loss, "seed": seed, "fingerprint": name, "outcome": outcomes.get(name, "finished"),
             "test_accuracy": 0.95} for loss, seed, name, _ in every]  # fmt: skip
    curves = [{"fingerprint": name, "epoch": epoch, "test_accuracy": 0.95 if epoch >= at else 0.5}
              for _, _, name, at in every for epoch in range(1, 11)]  # fmt: skip
    runs = with_curve_endpoints(pd.DataFrame(rows), pd.DataFrame(curves), EPOCHS)
    return answer(runs, EPOCHS, pd.DataFrame(curves))


def summary(found: Comparison) -> pd.DataFrame:
    return found.summary.set_index("loss")


def test_first_epoch_at_the_level() -> None:
    runs = by_hand(EPOCHS)
    assert runs[EPOCHS.endpoint].to_dict() == {"at the level": 2, "never": 3, "before training": 0, "falls again": 1}
    assert runs.index[~runs["reached"]].tolist() == ["never"]


def test_seconds_add_up() -> None:
    runs = by_hand(replace(EPOCHS, endpoint="seconds_to_test_accuracy_above_90"))
    assert runs.iloc[:, -2].to_dict() == {"at the level": 3.5, "never": 4, "before training": 0, "falls again": 1.5}


def test_mean_over_shared_epochs() -> None:
    question = Question(("loss",), endpoint="mean_of_test_accuracy")
    longer = {"short": [0.1, 0.4, 0.6], "long": [0.1, 0.4, 0.8, 0.9, 1.0]}
    assert by_hand(question, longer)["mean_of_test_accuracy"].to_dict() == pytest.approx({"short": 0.5, "long": 0.6})
    assert (question.is_share, question.words) == (True, "test accuracy over all epochs")


def test_loss_gets_below() -> None:
    question = Question(("loss",), endpoint="epochs_to_test_loss_below_0.3", goal="min")
    runs = by_hand(question, {"a": [1.0, 0.5, 0.3, 0.2], "b": [1.0, 0.9, 0.8, 0.7]}, "test_loss")
    assert runs[question.endpoint].to_dict() == {"a": 2, "b": 3}
    assert (question.at_the_end.goal, question.words) == ("min", "epochs to test loss below 0.3")


def test_means_are_restricted() -> None:
    found = compared({"mse": [12, 8, 6, 12, 9], "nll": [2, 3, 2, 4, 3]})
    table = summary(found)
    assert (table.loc["mse", "mean"], table.loc["nll", "mean"]) == pytest.approx(((10 + 8 + 6 + 10 + 9) / 5, 14 / 5))
    assert table["reached"].to_dict() == {"nll": 5, "mse": 3}
    assert found.summary["loss"].tolist() == ["nll", "mse"]
    assert (horizon_of(found.runs, EPOCHS), found.effects["estimate"].abs().iloc[0]) == (10, pytest.approx(5.8))


def test_earlier_end_restricts_all() -> None:
    """One run ends at epoch 3 without the level: what the others do after it is not compared."""
    runs = by_hand(EPOCHS, {"a0": [0.1] * 4, "b0": [0.1] * 5 + [0.95], "a1": [0.1, 0.95], "b1": [0.1, 0.1, 0.95]})
    runs = runs.reset_index().assign(loss=list("abab"), seed=[0, 0, 1, 1])
    assert summary(answer(runs, EPOCHS))["mean"].to_dict() == {"a": 2, "b": 2.5}


def test_diverging_is_never_better() -> None:
    """It had the level after one epoch, and counts as the slowest of those that finished."""
    times = {"mse": [5, 6, 7, 5, 6], "nll": [1, 9, 8, 9, 8]}
    table = summary(compared(times, nll0="diverged"))
    assert (table.loc["nll", "n"], table.loc["nll", "mean"]) == (4, 8.5)
    assert table.loc["nll", "mean_diverged_as_worst"] == pytest.approx((9 + 9 + 8 + 9 + 8) / 5)
    assert table["reached"].to_dict() == {"mse": 5, "nll": 4}


def test_equal_epochs_are_not_certain() -> None:
    """The same three differences: they may be off by an epoch, so that five are needed as ever."""
    few = compared({"mse": [6, 6, 6], "nll": [5, 5, 5]})
    assert few.pairs["low"].iloc[0] < few.pairs["high"].iloc[0]


def test_unreached_values_are_not_chosen() -> None:
    """Of two rates the one that ends sooner, without the level, is no better."""
    question = Question((), ("rate",), endpoint="seconds_to_test_accuracy_above_90", goal="min")
    lines = {0.1: [0.1, 0.2, 0.95], 9.0: [0.1, 0.1]}
    runs = pd.DataFrame({"fingerprint": ["0.1", "9.0"], "rate": [*lines], "seed": 0, "outcome": "finished"})
    rows = [{"fingerprint": str(rate), "epoch": at, "test_accuracy": value, "validation_accuracy": value, DURATION: 1.0}
            for rate, line in lines.items() for at, value in enumerate(line)]  # fmt: skip
    runs = with_curve_endpoints(runs, pd.DataFrame(rows), question)
    assert runs[question.validation].tolist() == [3, 3]
    assert runs[question.endpoint].tolist() == [3, 2]
    assert answer(runs, question).chosen["rate"].tolist() == [0.1]


def test_check_has_one_horizon() -> None:
    """HEAD ends sooner without the level, which is no gain."""
    sides = [by_hand(EPOCHS, lines).reset_index().assign(loss="a", seed=range(2))
             for lines in ({"0": [0.1] * 5 + [1], "1": [0.1] * 6 + [1]}, {"2": [0.1] * 4, "3": [0.1] * 4})]  # fmt: skip
    assert change_of(*sides, EPOCHS, 0.05, ()).average.gain == 0


def test_words_of_speed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    slow, fast = ((rng.integers(low, low + 4, 10)).tolist() for low in (8, 3))
    report = TableReport("speed", compared({"mse": slow, "nll": fast}), [], "", pd.DataFrame())
    lost = sum(time > 10 for time in slow)
    said = r"nll reaches 90 % test accuracy about [\d.]+ epochs \([\d.]+ to [\d.]+\) earlier than mse\."
    assert re.fullmatch(said, report.answer)
    report.write(tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert f"{lost} of 20 finished runs did not reach 90 % test accuracy (it was reached by mse in {10 - lost} of 10)" \
           ". No run counts for more than 10 epochs" in page  # fmt: skip
    assert f"{10 - lost} of 10" in page
    assert "lower is better" not in page


def test_csv_with_a_row_per_epoch() -> None:
    lines = {("a", 0): [0.2, 0.95], ("a", 1): [0.2, 0.3, 0.95], ("b", 0): [0.2] * 4, ("b", 1): [0.2] * 3 + [0.9]}
    rows = [{"width": width, "seed": seed, "epoch": at, "val_acc": value}
            for (width, seed), line in lines.items() for at, value in enumerate(line, 1)]  # fmt: skip
    asked = {"endpoint": "epochs_to_val_acc_above_90"}
    found = octant.compare(pd.DataFrame(rows), **asked)  # type: ignore[arg-type]
    assert found.summary.set_index("width")["mean"].to_dict() == {"a": 2.5, "b": 4}
    assert found.reading == "compared: width; repeated: seed (2); endpoint: epochs_to_val_acc_above_90"
    again = octant.compare(found.runs.drop(columns="config"), **asked)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(again.pairs, found.pairs)
    assert again.summary["reached"].tolist() == [2, 1]
    percent = pd.DataFrame(rows).assign(val_acc=lambda frame: 100 * frame["val_acc"])
    assert octant.compare(percent, **asked).summary["mean"].tolist() == [2.5, 4]  # type: ignore[arg-type]


def test_level_that_nobody_reached() -> None:
    rows = [{"width": width, "seed": seed, "epoch": at, "val_acc": 0.5} for width in "ab" for seed in range(6)
            for at in range(1, 5)]  # fmt: skip
    found = octant.compare(pd.DataFrame(rows), endpoint="epochs_to_val_acc_above_90")
    report = TableReport("x", found, [], "octant compare x.csv", pd.DataFrame())
    assert report.printed().endswith("No run reached 90 % val acc, so there is nothing to compare.\n"
                                    "Name a level that runs reach, or train for longer.")  # fmt: skip


REFUSED = {
    "one row a run": ("epochs_to_val_acc_above_90", r"takes a row for each epoch of a run; here is one row per run"),
    "its last row": ("epochs_to_val_acc_above_90", r"takes a row for each epoch of a run; here is one row per run"),
    "steps": ("epochs_to_val_acc_above_90", "counts epochs, and the table has column step instead of epoch"),
    "no metric": ("epochs_to_val_ac_above_90", "no column val_ac; did you mean 'val_acc'?"),
    "a fraction": ("epochs_to_val_acc_above_0.9", r"0.9 is no level of val_acc, which is in percent"),
    "no level": ("epochs_to_val_acc", "has another form than epochs_to_METRIC_above_LEVEL"),
    "no seconds": ("seconds_to_val_acc_above_90", "the runs have no seconds for each epoch (column system/seconds_per"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_table_refusals(case: str) -> None:
    endpoint, said = REFUSED[case]
    rows = pd.DataFrame(
        {"width": [1, 1, 2, 2], "seed": [0, 0, 0, 0], "epoch": [1, 2, 1, 2], "val_acc": [0.1, 0.9, 0.2, 0.3]}
    )
    rows = rows.drop(columns="epoch")[::2] if case == "one row a run" else rows
    rows = rows[1::2].assign(epoch=[2, 9]) if case == "its last row" else rows
    rows = rows.rename(columns={"epoch": "step"}) if case == "steps" else rows
    with pytest.raises(InputError, match=re.escape(said)):
        octant.compare(rows, endpoint=endpoint)
