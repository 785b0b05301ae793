"""Words never say more than the numbers: over many made-up sweeps, the sentences are held against the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octant.analysis.comparison import Comparison
from octant.analysis.report import words
from support.comparison_frames import CONFIGS, compare, diverge, frame, noise

CLAIMS = ("scores higher", "scores highest", "greater", "its lead")


@st.composite
def sweeps(draw: st.DrawFn) -> pd.DataFrame:
    seeds, configs = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    gaps = draw(st.lists(st.sampled_from([0, 0.001, 0.01, 0.08]), min_size=configs, max_size=configs))
    accuracy = noise(seeds, configs, key=draw(st.integers(0, 10_000))) - np.array(gaps)
    holes = draw(st.sets(st.tuples(st.integers(0, seeds - 1), st.integers(0, configs - 1)), max_size=2))
    for seed, config in holes if seeds > 1 else ():
        accuracy[seed, config] = np.nan
    runs = frame(accuracy, CONFIGS[:configs])
    lost = draw(st.integers(0, 2))
    for at in range(min(lost, len(runs))):
        runs = diverge(runs, runs["config"].iloc[at], int(runs["seed"].iloc[at]))
    return runs


@settings(max_examples=40, deadline=None)
@given(sweeps())
def test_the_leader_leads_only_those_it_is_shown_ahead_of(runs: pd.DataFrame) -> None:
    comparison = compare(runs)
    said = words.leader(comparison)
    finished = comparison.summary[comparison.summary["n"] > 0]
    if finished.empty:
        assert said == "no run finished"
        return
    first = finished["config"].iloc[0]
    pairs = comparison.pairs[comparison.pairs["first"] == first]
    pairs = pairs[pairs["second"].isin(finished["config"])]
    tied = set(pairs.loc[~pairs["shown"].astype(bool), "second"])
    assert (words.NOT_SHOWN in said) == bool(tied)
    if len(tied) == len(pairs):
        assert not any(claim in said for claim in CLAIMS)
        assert len(pairs) == 0 or not any(config in said for config in CONFIGS)
    elif tied:
        before, after = said.split("; ")
        beaten = set(pairs["second"]) - tied
        assert before.startswith(f"{words.NOT_SHOWN} between {first}, ")
        for group, text in ((tied, before.removeprefix(f"{words.NOT_SHOWN} between {first}, ")), (beaten, after)):
            named = {config for config in CONFIGS if config in text}
            assert named in (group, set())
            assert named or ("the other" if len(group) == 1 else f"the {len(group)} others") in text
    else:
        assert said.startswith(f"{first} scores highest, ")


@settings(max_examples=40, deadline=None)
@given(sweeps())
def test_an_interval_that_covers_0_shows_no_difference(runs: pd.DataFrame) -> None:
    comparison = compare(runs)
    sentences = words.effects(comparison)
    if comparison.effects.empty:
        assert sentences == [comparison.no_effects]
        return
    for (_, row), said in zip(comparison.effects.iterrows(), sentences, strict=True):
        covers = bool(pd.isna(row["low"]) or row["low"] <= 0 <= row["high"])
        assert (words.NOT_SHOWN in said) == (not row["shown"])
        assert not (covers and row["shown"])
        assert any(claim in said for claim in CLAIMS) == bool(row["shown"])


def effect(**changes: object) -> str:
    row = {"effect": "loss", "plus": "cross_entropy", "minus": "mse", "estimate": 1.0, "low": 0.5, "high": 1.5,
           "p_holm": 0.01, "shown": True}  # fmt: skip
    return words.effect(pd.Series(row | changes))


def test_the_sign_decides_who_scores_higher() -> None:
    assert (
        effect() == "loss: cross_entropy scores higher than mse, over the other choices (+1.00 points, +0.50 to +1.50)"
    )
    assert "mse scores higher than cross_entropy" in effect(estimate=-1.0, low=-1.5, high=-0.5)


@pytest.mark.parametrize(("estimate", "more"), [(0.8, "tanh than with sigmoid"), (-0.8, "sigmoid than with tanh")])
def test_an_interaction_says_where_the_difference_is_greater(estimate: float, more: str) -> None:
    said = effect(effect="loss x hidden", plus="cross_entropy, tanh", minus="mse, sigmoid", estimate=estimate)
    assert f"cross_entropy less mse is greater with {more}" in said


def test_a_planted_interaction_is_said_the_right_way_round() -> None:
    """cross_entropy gains 5 points with tanh and 1 point with sigmoid."""
    gain = [5 if "cross_entropy-tanh" in name else 1 if "cross_entropy" in name else 0 for name in CONFIGS]
    comparison = compare(frame(0.8 + np.array(gain) / 100 + noise(10, key=3) * 0.01))
    said = next(text for text in words.effects(comparison) if text.startswith("loss x hidden:"))
    assert "cross_entropy less mse is greater with tanh than with sigmoid (+2.0" in said


def test_why_an_interval_without_0_is_not_shown() -> None:
    assert effect(shown=False, p_holm=0.3).endswith("(+1.00 points, +0.50 to +1.50; adjusted p 0.3)")
    assert effect(shown=False, p_holm=0.01).endswith("; not so with diverged runs as 0 %)")


def test_both_halves_of_the_answer() -> None:
    one = compare(frame(noise(3, 1), CONFIGS[:1]))
    kinds: dict[str, Comparison | None] = {"shared": one, "own": one}
    said = words.answer(kinds, 0.1, "experiment tuned: 3 seeds, 30 epochs")
    assert said.startswith("At one shared learning rate (0.1), mse-sigmoid-sigmoid scores ")
    assert "; at its own, chosen on the validation set (experiment tuned: 3 seeds, 30 epochs), mse-" in said
    assert words.answer(kinds | {"shared": None}, None).startswith("At its own")
