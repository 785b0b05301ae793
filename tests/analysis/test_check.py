"""Better, worse, equal or undecided between two codes: by simulation, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.check import alpha_of, change_of, difference
from octant.analysis.comparison import answer
from octant.analysis.power import repeats_needed
from octant.analysis.question import Question
from octant.analysis.report.change import markdown, scope_line, verdict_line
from octant.analysis.verdict import Decision
from octant.errors import InputError
from octant.seal import Json
from support.predictions import OVER, asked, drawn, two_way
from support.verdict_sweeps import grid, sweep

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


def test_undecided_says_what_would_help() -> None:
    """A loss that rises is no gain; unchanged configurations are equal; a few seeds have no interval."""
    base, head = (each.assign(test_loss=each["test_accuracy"]) for each in (runs(), runs(0.0005, key=1)))
    found = change_of(base, head, Question(("loss",), endpoint="test_loss", goal="min"), 0.03, ("loss", "seed"))
    assert found.average.gain < 0
    assert verdict_line(found, 1).startswith("undecided: HEAD's gain over BASE is about -0.001 in test loss (")

    half = pd.concat([runs().query("loss == 'a'"), runs(-0.02, key=1).query("loss == 'b'")])
    for seeds, ends in ((10, 1), (4, 0)):
        sides = [each[each["seed"] < seeds] for each in (runs(), half)]
        found = change_of(*sides, QUESTION, 0.03, ("loss", "seed"))
        table = markdown(found, ("BASE", "HEAD"), [verdict_line(found, 1)])
        row = next(line for line in table.splitlines() if line.startswith("| loss=a"))
        assert row.endswith(" | +0 |  | equal |")
        assert table.count(" to ") == (2 + table.splitlines()[0].count(" to ")) * ends

    words = half.assign(decay=np.where(half["loss"] == "a", "0.5", "auto"))  # a number in the other revision
    found = change_of(runs().assign(decay=0.5), words, QUESTION, 0.03, ("loss", "seed"))
    assert not found.same

    sides, errors = both_codes(8, 150, 1)
    line = verdict_line(change_of(*sides, OVER, 0.05, ("loss", "seed"), errors), 1)
    assert line.endswith("; 1,000 seeds on these 150 test examples would not decide it")


def test_equality_is_within_the_margin() -> None:
    small = np.linspace(-0.05, 0.05, 10)
    assert difference(small, QUESTION, 0.03).decision is Decision.EQUAL
    assert difference(small + 0.1, QUESTION, 0.03).decision is Decision.BETTER
    assert difference(20 * small, QUESTION, 0.03).decision is Decision.UNDECIDED


def test_other_configurations_are_refused() -> None:
    with pytest.raises(InputError, match="not the same configurations"):
        change_of(runs(), runs(key=1).query("loss == 'a'"), QUESTION, 0.05, ("loss", "seed"))


def both_codes(n: int, m: int, key: int) -> tuple[list[pd.DataFrame], dict[str, dict[str, Json]]]:
    """Base and head as two configurations of the same kind, each by its own code, and what their runs got wrong."""
    right, sides, errors = drawn(n, m, key), [], {}
    for at, side in enumerate("ab"):
        each = asked(right[:, [at]]).runs
        names = [f"{side}{seed}" for seed in each["seed"]]
        sides.append(each.assign(fingerprint=names))
        errors |= {name: {"examples": [m], "wrong": [[int(e), 0, 1] for e in np.flatnonzero(~right[seed, at])]}
                   for name, seed in zip(names, each["seed"], strict=True)}  # fmt: skip
    return sides, errors


def test_check_holds_over_examples_where_asked() -> None:
    """By hand; 100 changes without an effect, in which seeds alone find one far more often than at 5 %."""
    alarms = {"examples": 0, "repeats": 0}
    for key in range(100):
        sides, errors = both_codes(8, 150, key)
        found = change_of(*sides, OVER, 0.05, ("loss", "seed"), errors)
        alarms["examples"] += found.average.decision in SIGNALS
        base, head = (side["test_accuracy"].to_numpy() for side in sides)
        alarms["repeats"] += stats.ttest_rel(base, head).pvalue < 0.05
    right = drawn(8, 150, 99)
    error, df = two_way(100.0 * (right[:, 1] * 1.0 - right[:, 0]))
    found = change_of(*sides, OVER, 0.05, ("loss", "seed"), errors)
    assert found.average.high - found.average.gain == pytest.approx(stats.t(df).isf(0.025) * error)
    assert scope_line(found).startswith("Measured over 8 seeds and 150 test examples. This holds over new")
    assert alarms["examples"] / 100 < 0.05 + 2 * 0.022
    assert alarms["repeats"] / 100 > 0.12
    assert "did not keep their test predictions" in scope_line(change_of(*sides, OVER, 0.05, ("loss", "seed")))


def test_check_repeats_the_choice() -> None:
    """Both codes choose between two rates that tie on validation and are a point apart on test."""
    tied = Question(("loss",), tune=("rate",))
    sides = [grid(key).query("loss == 'a'").assign(fingerprint=lambda runs: runs.index.astype(str)) for key in (2, 9)]
    for number, side in enumerate(sides):
        side["fingerprint"] += f"-{number}"
    found = change_of(*sides, tied, 0.05, ("loss", "rate", "seed"))
    one, other = (answer(each, tied).runs.set_index("seed")["test_accuracy"] for each in sides)
    half = stats.t(7).isf(0.025) * 100 * (other - one).std() / np.sqrt(8)
    assert found.average.high - found.average.gain > 1.5 * half
    assert scope_line(found).endswith("Each revision takes its own rate; intervals include that choice.")
