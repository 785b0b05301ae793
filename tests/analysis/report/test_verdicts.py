"""Ten shapes of sweeps: each verdict is short, and every number and sign in it is recomputed from the runs alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from octant.analysis.comparison.skewness import claim_level
from octant.analysis.question import Question
from octant.analysis.report.words import qualifications
from octant.analysis.tables import compare
from support.verdict_sweeps import Judged, shapes, sweep
from support.verdict_sweeps import judged as judge

NUMBER = r"(-?[\d.]+\d|-?\d)"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    return shapes(tmp_path_factory.mktemp("strangers"))


def scores(runs: pd.DataFrame, metric: str, **where: object) -> NDArray[np.float64]:
    """One mean a seed, in the order of the seeds, of the runs with these levels."""
    for name, level in where.items():
        runs = runs[runs[name] == level]
    return runs.groupby("seed")[metric].mean().to_numpy()


def says(said: str, pattern: str, *wanted: float) -> None:
    """The sentence is of this form, and its numbers are those wanted, at the places that they are given with."""
    found = re.fullmatch(pattern.replace("#", NUMBER), said)
    assert found, said
    for text, value in zip(found.groups(), wanted, strict=True):
        places = len(text.partition(".")[2])
        assert abs(float(text) - value) <= 0.5 * 10**-places + 1e-9, (text, value, said)


def paired(gains: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean and ends of the 95 % interval."""
    low, high = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    return float(gains.mean()), float(low), float(high)


def test_every_verdict_is_short(judged: dict[str, Judged]) -> None:
    for name, each in judged.items():
        assert len(re.findall(r"\S*\w\S*", each.said)) <= 25, (name, each.said)
        assert each.said.endswith("."), name


def test_one_factor_has_a_winner(judged: dict[str, Judged]) -> None:
    runs = judged["one factor"].runs
    gains = 100 * (scores(runs, "test_accuracy", optimizer="adam") - scores(runs, "test_accuracy", optimizer="sgd"))
    says(judged["one factor"].said, r"adam beats sgd by about # points of test accuracy \(# to #\)\.", *paired(gains))
    assert gains.mean() > 0


def test_three_levels_may_share_lead(judged: dict[str, Judged]) -> None:
    runs, said = judged["three levels"].runs, judged["three levels"].said
    each = {name: 100 * scores(runs, "test_accuracy", optimizer=name) for name in ("lion", "adam", "sgd")}
    says(said, r"lion or adam may be the best of the 3 configurations \(test accuracy between # and # "
         r"%\)\. Which one is not settled\.", *sorted(each[name].mean() for name in ("lion", "adam")))  # fmt: skip
    assert each["lion"].mean() > each["adam"].mean() > each["sgd"].mean()
    assert stats.ttest_rel(each["lion"], each["adam"]).pvalue > 0.04
    assert stats.ttest_rel(each["lion"], each["sgd"]).pvalue < 0.04 / 3


def test_few_seeds_settle_nothing(judged: dict[str, Judged]) -> None:
    runs = judged["few seeds"].runs
    gains = 100 * (scores(runs, "test_accuracy", optimizer="adam") - scores(runs, "test_accuracy", optimizer="sgd"))
    says(judged["few seeds"].said, r"3 seeds are too few to settle it: so far adam is ahead of sgd by about # points "
         r"of test accuracy\.", gains.mean())  # fmt: skip
    assert len(gains) == 3
    says(judged["one seed"].said, r"One seed can show nothing: differences between the # configurations may be luck\. "
         r"Repeat with at least # seeds\.", 3, 5)  # fmt: skip


def test_tie_is_equal_or_open(judged: dict[str, Judged]) -> None:
    runs = judged["a tie"].runs
    adam, sgd = (100 * scores(runs, "test_accuracy", optimizer=name) for name in ("adam", "sgd"))
    says(judged["a tie"].said, r"sgd and adam are equal within the margin of # points of test accuracy\.", 0.5)
    assert ttost_paired(sgd, adam, -0.5, 0.5)[0] < 0.025
    needed = TTestPower().solve_power((sgd - adam).mean() / (sgd - adam).std(ddof=1),
                                      alpha=claim_level(np.column_stack([sgd, adam])), power=0.8)  # fmt: skip
    says(judged["a tie, no margin"].said, r"Not settled: sgd is ahead of adam by about # points of test accuracy "
         r"\(# to #\); about # seeds would decide\.", *paired(sgd - adam), np.ceil(needed))  # fmt: skip


def test_sweep_that_diverged_says_nothing_else(judged: dict[str, Judged]) -> None:
    count = len(judged["all diverged"].runs)
    says(judged["all diverged"].said, "No run finished: all # diverged, so there is nothing to compare.", count)
    assert not qualifications(judged["all diverged"].verdict, judged["all diverged"].words)


def test_reversal_is_not_averaged(judged: dict[str, Judged]) -> None:
    runs = judged["a reversal"].runs
    ahead = {norm: 100 * (scores(runs, "test_accuracy", loss="a", norm=norm)
                          - scores(runs, "test_accuracy", loss="b", norm=norm)).mean()
             for norm in ("batch", "none")}  # fmt: skip
    says(judged["a reversal"].said, r"Which loss is better depends on norm: with batch, a leads by about # points; "
         r"with norm none, b leads by about # points\.", ahead["batch"], -ahead["none"])  # fmt: skip


def test_small_is_better_where_declared(judged: dict[str, Judged]) -> None:
    runs = judged["to be made small"].runs
    gains = scores(runs, "test_loss", optimizer="sgd") - scores(runs, "test_loss", optimizer="adam")
    says(judged["to be made small"].said, r"adam beats sgd by about # in test loss \(# to #; lower is better\)\.",
         *paired(gains))  # fmt: skip
    assert gains.mean() > 0


def test_60_configurations_without_a_winner(judged: dict[str, Judged]) -> None:
    runs = judged["60 configurations"].runs
    each = 100 * runs.pivot_table(index=["optimizer", "width", "init"], columns="seed", values="test_accuracy")
    rows = [*each.to_numpy()]
    ahead = [[stats.ttest_rel(other, one, alternative="greater").pvalue for other in rows if other is not one]
             for one in rows]  # fmt: skip
    may_be = each[[2 * np.nanmin(p) * (len(each) - 1) >= 0.04 for p in ahead]].mean(axis=1)
    says(judged["60 configurations"].said, r"# of the # configurations may be best \(test accuracy between # and # "
         r"%\)\. Which one is not settled\.", len(may_be), len(each), may_be.min(), may_be.max())  # fmt: skip


def test_strangers_keep_their_names(judged: dict[str, Judged]) -> None:
    runs = judged["strangers"].runs
    gains = 100 * (scores(runs, "val_acc", model="vit") - scores(runs, "val_acc", model="resnet"))
    says(judged["strangers"].said, r"vit beats resnet by about # points of val acc \(# to #\), on average over the "
         r"other choices\.", *paired(gains))  # fmt: skip


def test_qualifications_lead_with_positive_gains(judged: dict[str, Judged]) -> None:
    """Whoever is ahead is ahead by more than 0, everywhere."""
    for name, each in judged.items():
        for sentence in [each.said, *qualifications(each.verdict, each.words)]:
            for lead in re.findall(rf"(?:by|leads by) (?:about )?{NUMBER}", sentence):
                assert float(lead) > 0, (name, sentence)


def test_nothing_random_leaves_nothing_open() -> None:
    """One run a configuration, declared to draw nothing: the difference is what it is."""
    levels, means = {"loss": ["mse", "nll"]}, {("mse",): 0.21, ("nll",): 0.02}
    runs = sweep(levels, means, 1, noise=0, endpoint="gap").drop(columns="seed")
    exact = judge(runs, Question(("loss",), repeat=(), endpoint="gap", goal="min"))
    assert exact.said == "nll beats mse by 0.19 in gap (lower is better)."
    assert list(exact.comparison.pairs["shown"]) == list(exact.comparison.effects["shown"]) == [True]
    assert not any("seed" in each or "repeat" in each for each in qualifications(exact.verdict, exact.words))
    near = judge(runs, Question(("loss",), repeat=(), endpoint="gap", goal="min", margin=0.2))
    assert near.said == "nll and mse are equal within the margin of 0.2 in gap."
    same = judge(runs.assign(gap=0.1), Question(("loss",), repeat=(), endpoint="gap", goal="min"))
    assert not same.comparison.pairs["shown"].any()
    assert same.said == "mse and nll are equal in gap."
    assert "One repeat can show nothing" in Judged(runs, compare(runs, endpoint="gap")).said


def test_exact_factors_may_depend_on_one_another() -> None:
    cross = {"loss": ["a", "b"], "norm": ["batch", "none"]}
    means = {("a", "batch"): 0.95, ("b", "batch"): 0.91, ("a", "none"): 0.88, ("b", "none"): 0.92}
    exact = judge(sweep(cross, means, 1, noise=0).drop(columns="seed"), Question(("loss", "norm"), repeat=()))
    assert exact.said.startswith(
        "Which loss is better depends on norm: with batch, a leads by 4 points; with norm none, b"
    )
