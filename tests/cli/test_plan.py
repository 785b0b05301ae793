"""How many repeats to plan, against statsmodels and simulation; and the line that says so."""

from __future__ import annotations

import re
from argparse import Namespace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from octant.analysis.comparison import answer
from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.question import Question
from octant.analysis.report.numbers import duration
from octant.cli import plan
from octant.errors import InputError
from support.command import run_here
from support.predictions import OVER, asked, drawn, points, two_way
from support.verdict_sweeps import grid, sweep

MEANS = {("a",): 0.90, ("b",): 0.91, ("c",): 0.92}
QUESTION = Question(("optimizer",))


def pilot(**kept: object) -> pd.DataFrame:
    return sweep({"optimizer": list("abc")}, MEANS, 6).assign(**kept)


def test_plan_agrees_with_statsmodels() -> None:
    runs = pilot(epochs=10, seconds_per_epoch=2.0)
    comparison = answer(runs, QUESTION)
    said, alpha = plan.line(comparison, runs, 0.5, 0.9), comparison.alpha
    wide = 100 * runs.pivot_table(index="seed", columns="optimizer", values="test_accuracy")
    spreads = sorted((wide[a] - wide[b]).std(ddof=1) for a, b in ("ab", "ac", "bc"))
    typical, most = (int(np.ceil(TTestPower().solve_power(0.5 / sd, alpha=alpha / 2, power=0.9))) for sd in spreads[1:])
    assert said.startswith(f"{typical} seeds show a difference of 0.5 points of test accuracy with a power of 90 % in "
                           f"a typical pair, {most} in every pair; ")  # fmt: skip
    assert f"; the first take about {typical} minutes on one core" in said  # of 3 x 10 epochs, 2 s each


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.25, "0.25 seconds"), (1, "1 second"), (10.4, "10 seconds"), (59, "59 seconds"), (60, "1 minute"),
     (150, "2.5 minutes"), (5340, "89 minutes"), (5400, "1.5 hours"), (360_000, "100 hours")],
)  # fmt: skip
def test_durations_have_their_unit(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_planned_repeats_have_power() -> None:
    """4,000 sweeps with the planned number of repeats; the error of 80 % is 0.6 points."""
    runs = pilot()
    comparison = answer(runs, QUESTION)
    said = plan.line(comparison, runs, 0.5, 0.8)
    planned, sd = int(said.split()[0]), float(re.search(r"differences ([\d.]+),", said)[1])  # type: ignore[index]
    assert "minutes" not in said
    gains = np.random.default_rng(1).normal(0.5, sd, size=(4000, planned))
    shown = stats.ttest_1samp(gains, 0, axis=1).pvalue * 2 < comparison.alpha
    assert 0.77 < shown.mean() < 0.86


def shown(gap: float, seeds: int, examples: int) -> float:
    """How often 300 sweeps over new seeds and examples show the gap; the Monte Carlo error of 80 % is 2.3 points."""
    found = (100.0 * (right[:, 1] * 1.0 - right[:, 0]) for right in (drawn(seeds, examples, key, gap)
                                                                     for key in range(300)))  # fmt: skip
    tests = ((each.mean(), *two_way(each)) for each in found)
    return float(np.mean([2 * stats.t(df).sf(abs(mean) / error) < ALPHA for mean, error, df in tests]))


def test_planned_seeds_have_power_over_examples() -> None:
    """More than seeds alone would need: the examples' part stays."""
    pilot = drawn(60, 400, key=2, gap=0.6)
    found, alone = (asked(pilot, each) for each in (OVER, Question(("loss",))))
    said, few = (plan.line(each, each.runs, points(0.6), 0.8) for each in (found, alone))
    assert "the 400 test examples add a standard error of 0." in said
    seeds = int(said.split()[0])
    assert seeds > int(few.split()[0])
    assert 0.76 < shown(0.6, seeds, 400) < 0.9
    assert shown(0.6, int(few.split()[0]), 400) < 0.75


def test_planned_examples_have_power() -> None:
    found = asked(drawn(60, 400, key=2, gap=0.3))
    said = plan.line(found, found.runs, points(0.3), 0.8)
    told = re.match(
        r"no number of seeds shows .* on 400 test examples; about (\S+) test examples and (\d+) seeds", said
    )
    assert told, said
    assert 0.76 < shown(0.3, int(told[2]), int(told[1].replace(",", ""))) < 0.95
    assert shown(0.3, 100, 400) < 0.77


def test_plan_says_what_is_not_known_of_examples() -> None:
    found = asked(drawn(6, 50, key=5), lost="30")
    said = plan.line(found, found.runs, 2.0, 0.8)
    assert "not over new test examples, as was asked: the runs did not keep their test predictions" in said


def test_choice_is_part_of_the_spread() -> None:
    """Two rates tie on validation and are a point apart on test: the choice decides as much as the seeds."""
    runs, question = grid(key=2), Question(("loss",), tune=("rate",))
    found = answer(runs, question)
    (pair,) = found.pairs.to_dict("records")
    sd = np.sqrt(pair["sd"] ** 2 + 8 * pair["choice_error"] ** 2)
    assert plan.spreads(found)["sd"].tolist() == pytest.approx([sd])
    planned = int(np.ceil(TTestPower().solve_power(0.5 / sd, alpha=ALPHA, power=0.8)))
    said = plan.line(found, runs, 0.5, 0.8)
    assert said.startswith(f"{planned} seeds ")
    assert ", with the choice of rate" in said


def test_more_folds_are_no_plan() -> None:
    runs = pilot().rename(columns={"seed": "fold"})
    found = answer(runs, Question(("optimizer",), repeat=("fold",)))
    with pytest.raises(InputError, match="only more examples decide"):
        plan.line(found, runs, 0.5, 0.8)


def test_too_small_a_difference_is_said() -> None:
    assert plan.line(answer(pilot(), QUESTION), pilot(), 0.001, 0.8).startswith(
        "more than 1,000 seeds: 0.001 is too small"
    )


def test_plan_needs_a_spread() -> None:
    one = pilot().query("seed == 0")
    with pytest.raises(InputError, match="no spread between seeds to plan with; run at least 5 seeds"):
        plan.line(answer(one, QUESTION), one, 0.5, 0.8)
    for wrong in ({"detect": 0.0, "power": 0.8}, {"detect": float("nan"), "power": 0.8}, {"detect": 1.0, "power": 1.0}):
        with pytest.raises(InputError, match="is no "):
            plan.COMMAND.run(Namespace(experiment="x", uri=None, sweep=None, **wrong))


def test_pilot_is_trained_and_planned_from(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its seeds are those of the word, not the yaml's; bad words end it with the launch's own line and code."""
    asked = ["plan", "smoke", "--detect", "5", "--pilot", "seed=range(5)", "hidden_units=4", "epochs=1"]
    assert run_here(tmp_path, *asked) == 0
    told = capfd.readouterr().out
    assert ", from 5 seeds; " in told
    spread = float(re.search(r"differences ([\d.]+),", told)[1])  # type: ignore[index]
    runs = pd.read_csv(next(tmp_path.glob("reports/smoke*/**/results.csv")))
    wide = 100 * runs.pivot_table(index="seed", columns="config", values="test_accuracy")
    gaps = [(wide[a] - wide[b]).std(ddof=1) for a, b in combinations(wide, 2)]
    assert spread == pytest.approx(np.median(gaps), rel=0.05)
    assert run_here(tmp_path, *asked[:-1], "epochs=none") == 2
    assert "epochs" in capfd.readouterr().err
    with pytest.raises(InputError, match="say one of the two"):
        run_here(tmp_path, *asked, "--sweep", "smoke-1")
