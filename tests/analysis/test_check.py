"""Better, worse, equal or undecided between two codes: by simulation, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from octant.analysis.check import alpha_of, change_of, difference
from octant.analysis.power import repeats_needed
from octant.analysis.question import Question
from octant.analysis.report.change import markdown, verdict_line
from octant.analysis.verdict import Decision
from octant.errors import InputError
from support.verdict_sweeps import sweep

QUESTION = Question(("loss",), margin=0.1)
SIGNALS = (Decision.BETTER, Decision.WORSE)


def runs(change: float = 0.0, key: int = 0, seeds: int = 10, noise: float = 0.004) -> pd.DataFrame:
    means = {("a",): 0.90 + change, ("b",): 0.92 + change}
    frame = sweep({"loss": ["a", "b"]}, means, seeds, noise, key=key)
    return frame.assign(fingerprint=[f"{key}{change}-{i}" for i in range(len(frame))])


def test_levels_add_up_to_five_percent() -> None:
    assert sum(map(alpha_of, range(1, 100_000))) == pytest.approx(0.05, abs=1e-6)
    assert alpha_of(3) == pytest.approx(0.0034, abs=5e-5)


def test_no_difference_is_never_shown() -> None:
    """200 tries with one BASE, whose noise they all share; one ledger."""
    rng = np.random.default_rng(18)
    base = rng.normal(scale=0.4, size=10)
    tries = [difference(rng.normal(scale=0.4, size=10) - base, QUESTION, alpha_of(k)) for k in range(1, 201)]
    assert not [each for each in tries if each.decision in SIGNALS]


def test_false_alarms_in_fifty_attempts() -> None:
    """400 sequences; 5 % and two Monte Carlo errors of 1.1 %. At a fixed 5 % most sequences would hold one."""
    rng, alarms = np.random.default_rng(7), np.zeros((400, 2), dtype=bool)
    for sequence in alarms:
        base = rng.normal(scale=0.4, size=10)
        for k in range(1, 51):
            gains = rng.normal(scale=0.4, size=10) - base
            decisions = (difference(gains, QUESTION, alpha).decision for alpha in (alpha_of(k), 0.05))
            sequence |= [each in SIGNALS for each in decisions]
    spent, fixed = alarms.mean(axis=0)
    assert spent <= 0.05 + 2 * 0.011
    assert fixed > 0.3


@pytest.mark.parametrize("attempt", [1, 3])
def test_planted_loss_has_planned_power(attempt: int) -> None:
    """2,000 checks of a loss of 0.5 points, without a margin; the Monte Carlo error of 80 % is 0.9 points."""
    planned = repeats_needed(0.5, 0.6, 0, alpha=alpha_of(attempt))
    assert planned is not None
    gains = np.random.default_rng(attempt).normal(-0.5, 0.6, size=(2000, planned))
    found = [difference(each, Question(()), alpha_of(attempt)).decision is Decision.WORSE for each in gains]
    assert 0.78 < np.mean(found) < 0.9


def test_average_agrees_with_hand() -> None:
    base, head = runs(), runs(-0.01, key=1)
    change = change_of(base, head, QUESTION, 0.05, ("loss", "seed"))
    wide = [100 * each.groupby("seed")["test_accuracy"].mean() for each in (base, head)]
    gains = wide[1] - wide[0]
    assert change.average.gain == pytest.approx(gains.mean())
    assert change.average.sd == pytest.approx(gains.std())
    assert change.decision is Decision.WORSE
    assert change_of(head, base, QUESTION, 0.05, ("loss", "seed")).decision is Decision.BETTER
    table = markdown(change, ("BASE abc1234", "HEAD def5678"), [verdict_line(change, 1), "Attempt 1."])
    assert table.startswith("**worse: HEAD is worse than BASE by about ")
    assert len([line for line in table.splitlines() if line.startswith("| ")]) == 4
    assert "on average over 2 configurations, 10 seeds; p = " in table


def test_same_numbers_are_equal() -> None:
    two = runs(seeds=2)
    change = change_of(two, two, QUESTION, 0.05, ("loss", "seed"))
    assert verdict_line(change, 1) == "equal: the same numbers in all 4 runs"
    refactored = two.assign(fingerprint=[f"other {i}" for i in range(4)], seconds_per_epoch=2.0)
    assert change_of(two, refactored, QUESTION, 0.05, ("loss", "seed")).decision is Decision.EQUAL
    assert change_of(two, runs(0.01, seeds=2), QUESTION, 0.05, ("loss", "seed")).decision is Decision.UNDECIDED


def test_all_diverged_is_worse() -> None:
    head = runs(key=1).assign(outcome="diverged", test_accuracy=np.nan)
    change = change_of(runs(), head, QUESTION, 0.01, ("loss", "seed"))
    assert (change.decision, change.diverged) == (Decision.WORSE, (0, 20))


def test_equality_is_within_the_margin() -> None:
    small = np.linspace(-0.05, 0.05, 10)
    assert difference(small, QUESTION, 0.03).decision is Decision.EQUAL
    assert difference(small + 0.1, QUESTION, 0.03).decision is Decision.BETTER
    assert difference(20 * small, QUESTION, 0.03).decision is Decision.UNDECIDED


def test_other_configurations_are_refused() -> None:
    with pytest.raises(InputError, match="not the same configurations"):
        change_of(runs(), runs(key=1).query("loss == 'a'"), QUESTION, 0.05, ("loss", "seed"))
