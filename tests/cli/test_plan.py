"""How many repeats to plan, against statsmodels and simulation; and the line that says so."""

from __future__ import annotations

import re
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from octant.analysis.comparison import answer
from octant.analysis.question import Question
from octant.cli import plan
from octant.errors import InputError
from support.verdict_sweeps import sweep

MEANS = {("a",): 0.90, ("b",): 0.91, ("c",): 0.92}
QUESTION = Question(("optimizer",))


def pilot(**kept: object) -> pd.DataFrame:
    return sweep({"optimizer": list("abc")}, MEANS, 6).assign(**kept)


def test_plan_agrees_with_statsmodels() -> None:
    runs = pilot(epochs=10, seconds_per_epoch=2.0)
    said = plan.line(answer(runs, QUESTION), runs, 0.5, 0.9)
    wide = 100 * runs.pivot_table(index="seed", columns="optimizer", values="test_accuracy")
    spreads = sorted((wide[a] - wide[b]).std(ddof=1) for a, b in ("ab", "ac", "bc"))
    typical, most = (int(np.ceil(TTestPower().solve_power(0.5 / sd, alpha=0.04 / 2, power=0.9))) for sd in spreads[1:])
    assert said.startswith(f"{typical} seeds show a difference of 0.5 points of test accuracy with a power of 90 % in "
                           f"a typical pair, {most} in every pair; ")  # fmt: skip
    assert f"about {typical * 3 * 10 * 2 / 60:.2g} minutes on one core" in said


def test_planned_repeats_have_power() -> None:
    """4,000 sweeps with the planned number of repeats; the error of 80 % is 0.6 points."""
    runs = pilot()
    said = plan.line(answer(runs, QUESTION), runs, 0.5, 0.8)
    planned, sd = int(said.split()[0]), float(re.search(r"differences ([\d.]+),", said)[1])  # type: ignore[index]
    assert "minutes" not in said
    gains = np.random.default_rng(1).normal(0.5, sd, size=(4000, planned))
    shown = stats.ttest_1samp(gains, 0, axis=1).pvalue * 2 < 0.04
    assert 0.77 < shown.mean() < 0.86


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
