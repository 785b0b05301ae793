"""Words never say more than the numbers: over many made-up sweeps, the sentences are held against the tables."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report import numbers
from octant.analysis.report.vocabulary import Vocabulary, vocabulary
from octant.analysis.report.words import headline, qualifications
from octant.analysis.verdict import Decision, Difference
from octant.trainer import trainer
from support.comparison_frames import CONFIGS, compare, diverge, frame, noise
from support.verdict_sweeps import judged, sweep

CLAIMS = (" beats ", "is the best", "leads by")
LABELS = trainer("network").labels


@st.composite
def sweeps(draw: st.DrawFn) -> pd.DataFrame:
    seeds, configs = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    gaps = draw(st.lists(st.sampled_from([0, 0.001, 0.01, 0.08]), min_size=configs, max_size=configs))
    accuracy = noise(seeds, configs, key=draw(st.integers(0, 10_000))) - np.array(gaps)
    holes = draw(st.sets(st.tuples(st.integers(0, seeds - 1), st.integers(0, configs - 1)), max_size=2))
    for seed, config in holes if seeds > 1 and seeds * configs > 2 else ():
        accuracy[seed, config] = np.nan
    runs = frame(accuracy, CONFIGS[:configs])
    lost = draw(st.integers(0, 2))
    for at in range(min(lost, len(runs))):
        runs = diverge(runs, runs["config"].iloc[at], int(runs["seed"].iloc[at]))
    return runs


@settings(max_examples=60, deadline=None)
@given(sweeps())
def test_claims_rest_on_what_is_shown(runs: pd.DataFrame) -> None:
    comparison = compare(runs)
    verdict = verdict_of(comparison)
    words = vocabulary(verdict, LABELS)
    said = headline(verdict, words)
    assert len(re.findall(r"\S*\w\S*", said)) <= 25, said
    shown = set(comparison.effects.query("shown")["effect"]) if len(comparison.effects) else set()
    pairs = comparison.pairs[comparison.pairs["shown"].astype(bool)]
    claims = [claim for claim in CLAIMS if claim in said]
    if verdict.repeats < 5:
        assert not claims, said
    assert not claims or len(pairs) or shown, said
    finished = comparison.summary[comparison.summary["n"] > 0]
    if "the best of the" in said and " or " not in said:
        assert {each.second for each in verdict.best.against if each.low > 0} == set(finished["config"]) - {
            verdict.best.names[0]}  # fmt: skip
    assert all(each[-1] == "." for each in qualifications(verdict, words))


@settings(max_examples=30, deadline=None)
@given(sweeps())
def test_leaders_are_those_not_told_apart(runs: pd.DataFrame) -> None:
    comparison = compare(runs)
    verdict = verdict_of(comparison)
    few = comparison.pairs[comparison.pairs["n"] < 5]
    small = {*few["first"], *few["second"]}
    assert set(verdict.best.leaders) - small == set(comparison.not_told_apart) - small
    assert all(each.gain >= -1e-9 or each.n < verdict.repeats or verdict.diverged for each in verdict.best.against)


def test_clashing_level_names_are_told_apart() -> None:
    words = Vocabulary(
        {"loss=mse": "squared error"}, {"loss": ("mse",), "hidden": ("sigmoid",), "output": ("sigmoid",)}
    )
    cell = {"loss": "mse", "hidden": "sigmoid", "output": "sigmoid"}
    assert words.configuration(cell) == "squared error + hidden sigmoid + output sigmoid"
    assert Vocabulary({}, {"model.dropout": ("True", "False")}).level("model.dropout", "True") == "dropout True"
    assert Vocabulary({}, {"width": ("16", "32")}).level("width", "16") == "width 16"


def difference(gain: float, low: float, high: float, n: int = 10) -> Difference:
    return Difference("a", "b", n, gain, 1.0, low, high, 0.01, Decision.BETTER)


@pytest.mark.parametrize(
    ("gain", "low", "high", "wanted"),
    [(0.884, 0.743, 1.025, "about 0.9 points of test accuracy (0.7 to 1.0)"),
     (0.214, 0.168, 0.260, "about 0.21 points of test accuracy (0.17 to 0.26)"),
     (0.12, -0.03, 0.27, "about 0.12 points of test accuracy (-0.03 to 0.27)"),
     (0.18, 0.01, 0.35, "about 0.18 points of test accuracy (0.01 to 0.35)"),
     (23.07, 19.75, 26.39, "about 23 points of test accuracy (20 to 26)")],
)  # fmt: skip
def test_numbers_have_the_places_they_bear(gain: float, low: float, high: float, wanted: str) -> None:
    assert numbers.Phrases(Question(("a",))).by(difference(gain, low, high)) == wanted


def test_percent_belongs_to_shares_alone() -> None:
    loss = Question(("a",), endpoint="test_loss", goal="min")
    assert (
        numbers.Phrases(loss).by(difference(0.05, 0.04, 0.06))
        == "about 0.05 in test loss (0.04 to 0.06; lower is better)"
    )
    assert numbers.Phrases(loss).span([0.31, 0.35]) == "test loss between 0.31 and 0.35; lower is better"
    assert numbers.Phrases(Question(("a",))).span([98.31, 98.61]) == "test accuracy between 98.3 and 98.6 %"


@pytest.mark.parametrize(
    ("repeat", "noun"),
    [(("seed",), "seed"), (("dataset.split_seed",), "split"), (("fold",), "fold"), (("random_state",), "repeat"),
     (("seed", "fold"), "repeat"), ((), "repeat")],
)  # fmt: skip
def test_repeats_are_called_by_what_repeats(repeat: tuple[str, ...], noun: str) -> None:
    assert Question(("loss",), repeat=repeat).noun == noun


def test_planted_interaction_has_its_sign() -> None:
    """cross_entropy gains 5 points with tanh and loses 1 point with sigmoid."""
    gain = [5 if "cross_entropy-tanh" in name else -1 if "cross_entropy" in name else 0 for name in CONFIGS]
    comparison = compare(frame(0.8 + np.array(gain) / 100 + noise(10, key=3) * 0.01))
    verdict = verdict_of(comparison)
    said = headline(verdict, vocabulary(verdict, LABELS))
    assert said.startswith("Which loss is better depends on hidden activation: with sigmoid, squared error leads by ")
    assert "; with tanh, cross-entropy leads by" in said


@pytest.mark.parametrize(
    ("with_sigmoid", "state"),
    [((0, 0), "is not settled"), ((0, 5), "is only partly settled"), ((-5, 5), "depends on output activation")],
)
def test_settled_in_part_is_said(with_sigmoid: tuple[int, int], state: str) -> None:
    """cross_entropy gains 9 points with tanh; with sigmoid what is given for the output sigmoid and softmax."""
    own = dict(zip(("sigmoid", "softmax"), with_sigmoid, strict=True))
    gain = [(9 if "-tanh-" in name else own[name.split("-")[2]]) * ("cross_entropy" in name) for name in CONFIGS]
    verdict = verdict_of(compare(frame(0.8 + np.array(gain) / 100 + noise(10, key=3) * 0.01)))
    said = headline(verdict, vocabulary(verdict, LABELS))
    assert re.search(rf"with tanh, cross-entropy leads by .* points; with sigmoid it {state}\.$", said)


@pytest.mark.parametrize(("log_odds", "said"), [(True, "not shown: the scale may make it"), (False, "shown, unlike")])
def test_effect_of_the_scale_is_said(log_odds: bool, said: str) -> None:
    """Two factors that add up in log-odds, from 62 to 99 %, or in points."""
    loss, hidden, _ = np.array(list(product((0, 1), repeat=3))).T
    odds = 1 / (1 + np.exp(-0.5 - 2 * loss - 2 * hidden))
    mean = odds if log_odds else 0.6 + 0.19 * loss + 0.19 * hidden
    verdict = verdict_of(compare(frame(mean + noise(10, key=3) * 0.01)))
    phrases = [each for each in qualifications(verdict, vocabulary(verdict, LABELS)) if each.startswith("In log-odds")]
    wanted = f"the effect of loss x hidden activation is {said}"
    assert len(phrases) == 1
    assert wanted in phrases[0]


def test_small_difference_may_be_equal() -> None:
    """A lead that is shown, and smaller than anybody cares: equal within the margin."""
    levels = {"optimizer": ["adam", "sgd"]}
    runs = sweep(levels, {("adam",): 0.921, ("sgd",): 0.92}, 20, 0.0005)
    assert " beats " in judged(runs, Question(("optimizer",))).said
    assert "equal within the margin of 0.5 points" in judged(runs, Question(("optimizer",), margin=0.5)).said


def test_charged_runs_take_a_claim_back() -> None:
    runs = sweep({"optimizer": ["adam", "sgd"]}, {("adam",): 0.93, ("sgd",): 0.9}, 10)
    lost = runs["optimizer"].eq("adam") & (runs["seed"] < 4)
    runs.loc[lost, ["outcome", "test_accuracy"]] = ["diverged", np.nan]
    verdict = judged(runs, Question(("optimizer",))).verdict
    assert verdict.best.decision is Decision.UNDECIDED
    assert any("4 of 20 runs diverged" in each for each in qualifications(verdict, vocabulary(verdict)))


def test_repeats_are_planned_for_what_is_open() -> None:
    """b is shown to be behind a; c, whose mean is lower and which scatters, may still be as good."""
    runs = sweep({"optimizer": list("abc")}, {("a",): 0.93, ("b",): 0.929, ("c",): 0.926}, 10, 0.0001)
    luck = np.random.default_rng(1).normal(size=10)
    runs.loc[runs["optimizer"] == "c", "test_accuracy"] += 0.02 * (luck - luck.mean())
    verdict = judged(runs, Question(("optimizer",))).verdict
    needed = verdict.table.set_index("second")["repeats_needed"]
    assert needed.isna().to_dict() == {"optimizer=b": True, "optimizer=c": False}
    said = " ".join([headline(verdict, vocabulary(verdict)), *qualifications(verdict, vocabulary(verdict))])
    assert f"About {needed['optimizer=c']} seeds would decide between the first and c." in said


def test_too_few_seeds_for_any_effect_are_said() -> None:
    """Two levels each: 3 effects, the smallest p of 5 seeds is 2 / 2^5, adjusted above 4 %; 8 are enough."""
    cross = {"loss": ["a", "b"], "norm": ["batch", "none"]}
    means = {("a", "batch"): 0.95, ("b", "batch"): 0.91, ("a", "none"): 0.95, ("b", "none"): 0.91}
    for seeds, told in ((5, True), (7, True), (8, False)):
        verdict = judged(sweep(cross, means, seeds, 0.001), Question(("loss", "norm"))).verdict
        said = f"{seeds} seeds are too few to show any of the 3 effects, however large: at least 8 are needed."
        assert (said in qualifications(verdict, vocabulary(verdict))) is told
        assert (3 * 2 / 2**seeds >= 0.04) is told


def test_plural_factors_are_plural() -> None:
    assert [numbers.is_plural(name) for name in ("initial weights", "hidden units", "loss", "bias", "axis", "radius")
            ] == [True, True, False, False, False, False]  # fmt: skip
    assert numbers.Phrases(Question(("a",))).by(difference(1.0, 0.0, 2.0)) == "about 1 point of test accuracy (0 to 2)"
