"""Designs of any shape: effects recomputed from the runs one by one, in the test's own way."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.comparison import Comparison, answer
from octant.analysis.question import Question
from octant.errors import InputError
from support.comparison_frames import QUESTION, TUNED

ROOT = Path(__file__).parents[2]


def runs_of(factors: dict[str, list[Any]], seeds: int = 6, key: int = 0, **repeats: list[Any]) -> pd.DataFrame:
    """One run per cell and repeat, with effects of every order."""
    rng, repeat = np.random.default_rng(key), repeats or {"seed": list(range(seeds))}
    names = [*factors, *repeat]
    table = pd.DataFrame(list(product(*factors.values(), *repeat.values())), columns=names)
    return table.assign(score=rng.normal(size=len(table)).round(3) + 5, outcome="finished")


def ask(runs: pd.DataFrame, *compare: str, **more: Any) -> Comparison:
    return answer(runs, Question(compare, **({"endpoint": "score"} | more)))


def by_hand(
    runs: pd.DataFrame, factors: dict[str, tuple[Any, Any]], others: list[str], repeat: list[str]
) -> list[float]:
    """The effect of each complete repeat: differences of differences, within each combination of `others`."""

    def gap(rows: pd.DataFrame, left: list[str]) -> float:
        if not left:
            return float(rows["score"].mean()) if len(rows) else float("nan")
        minus, plus = factors[left[0]]
        return gap(rows[rows[left[0]] == plus], left[1:]) - gap(rows[rows[left[0]] == minus], left[1:])

    found: dict[Any, list[float]] = {}
    for _, rows in runs.groupby(others) if others else [((), runs)]:
        each = {at: gap(one, list(factors)) / 2 ** (len(factors) - 1) for at, one in rows.groupby(repeat)}
        if not all(np.isnan(value) for value in each.values()):
            for at, value in each.items():
                found.setdefault(at, []).append(value)
    return [float(np.mean(values)) for values in found.values() if not np.isnan(values).any()]


def check(comparison: Comparison, runs: pd.DataFrame, factors: list[str], repeat: list[str] | None = None) -> int:
    """Hold every row against `by_hand` and scipy; returns how many there are."""
    for _, row in comparison.effects.iterrows():
        names = row["effect"].split(" x ")
        levels = {
            name: {f"{value:g}" if isinstance(value, float) else str(value): value for value in runs[name].unique()}
            for name in names
        }
        minus, plus = row["minus"].split(", "), row["plus"].split(", ")
        pairs = {n: (levels[n][a], levels[n][b]) for n, a, b in zip(names, minus, plus, strict=True)}
        each = by_hand(runs, pairs, [name for name in factors if name not in names], repeat or ["seed"])
        assert row["n"] == len(each)
        interval = stats.ttest_1samp(each, 0).confidence_interval()
        signs = np.array(list(product((-1, 1), repeat=len(each))))
        p = np.mean(np.abs(signs @ each) >= abs(sum(each)) - 1e-9)
        expected = [np.mean(each), np.std(each, ddof=1), interval.low, interval.high, p]
        np.testing.assert_allclose(row[["estimate", "sd", "low", "high", "p"]].astype(float), expected, atol=1e-9)
    p = comparison.effects["p"].to_numpy()
    held = [max(min(1, q * (p >= q).sum()) for q in p[p <= one]) for one in p]
    np.testing.assert_allclose(comparison.effects["p_holm"], held, atol=1e-9)
    return len(comparison.effects)


@pytest.mark.parametrize("name", ["factorial", "mnist", "tuned", "mnist-tuned", "lecture"])
def test_published_tables_to_the_last_byte(name: str) -> None:
    folder = ROOT / "experiments" / name
    runs = pd.read_csv(folder / "results.csv")
    grid = runs["learning_rate"].nunique() > 1
    comparison = answer(runs, TUNED if grid else QUESTION)
    tables = {"effects": comparison.effects, "pairs": comparison.pairs}
    tables = {key: table.assign(learning_rates="own" if grid else "shared") for key, table in tables.items()}
    tables |= {"chosen": comparison.chosen, "learning_rates": comparison.rates} if grid else {}
    for file, table in tables.items():
        published = pd.read_csv(folder / f"{file}.csv", dtype=str, keep_default_na=False)
        if (
            "learning_rates" in table
        ):  # the comparison at the other kind of learning rates follows, with its own columns
            published = published.loc[published["learning_rates"] == table["learning_rates"].iloc[0], [*table]]
        assert published.to_csv(index=False) == table.to_csv(index=False), file


def test_lecture_s_own_factors_have_effects() -> None:
    runs = pd.read_csv(ROOT / "experiments" / "lecture" / "results.csv").assign(
        score=lambda t: 100 * t["test_accuracy"]
    )
    comparison = answer(runs, QUESTION)
    assert any("output moves together with loss" in note for note in comparison.notes)
    assert list(comparison.effects["effect"]) == ["loss x hidden", "loss", "hidden"]
    assert check(comparison, runs, ["loss", "hidden"]) == 3


GRID = {"init": ["glorot", "normal", "scaled"], "width": [8, 16, 32, 64]}
DESIGNS = {
    "3 x 2": ({"init": ["glorot", "normal", "scaled"], "hidden": ["sigmoid", "tanh"]}, 3 + 3 + 1),
    "3 x 4": (GRID, 3 * 6 + 3 + 6),
    "2^4": ({name: ["off", "on"] for name in "abcd"}, 4 + 6 + 4),
    "six levels": ({"width": [1, 2, 4, 8, 16, 32]}, 15),
    "2 x 3 x 2": ({"a": ["x", "y"], "b": [0.1, 0.2, 1.0], "c": ["p", "q"]}, 3 + 3 + 1 + 3 + 1 + 3 + 1),
}  # fmt: skip


@pytest.mark.parametrize("case", DESIGNS)
def test_effects_of_any_design(case: str) -> None:
    factors, rows = DESIGNS[case]
    runs = runs_of(factors, key=len(case))
    comparison = ask(runs.sample(frac=1, random_state=0), *factors)
    assert check(comparison, runs, list(factors)) == rows
    orders = list(comparison.effects["order"])
    assert orders == sorted(orders, reverse=True)
    assert comparison.notes == ()


def test_twenty_percent_of_the_cells_missing() -> None:
    runs = runs_of({"a": ["x", "y", "z"], "b": [1, 2, 3, 4, 5]})
    for a, b in (("x", 1), ("y", 3), ("z", 5)):
        runs = runs[~((runs["a"] == a) & (runs["b"] == b))]
    comparison = ask(runs, "a", "b")
    # a x b: within each of 3 pairs of a, 3 levels of b are complete.
    assert check(comparison, runs, ["a", "b"]) == 3 * 3 + 3 + 10
    assert comparison.notes[0].startswith(
        "Effects: 3 of 15 combinations of a, b have no finished run (x, 1; y, 3; z, 5)"
    )
    assert "cannot be estimated" in comparison.notes[1]
    main = comparison.effects[comparison.effects["effect"] == "a"]
    assert set(main["note"].str.extract(r"(over \d of \d)")[0]) == {"over 3 of 5"}


def test_missing_runs_leave_their_repeat_out() -> None:
    runs = runs_of({"a": ["x", "y"], "b": [1, 2]}).drop(index=[0, 7])
    comparison = ask(runs, "a", "b")
    assert check(comparison, runs, ["a", "b"]) == 3
    assert set(comparison.effects["n"]) == {4}
    assert "2 of 24 runs are lacking" in comparison.notes[0]
    assert comparison.effects["note"].str.contains("a=x b=1 has no run with seed 0").all()


def test_lost_runs_leave_large_designs_answered() -> None:
    runs = runs_of({"a": ["x", "y"], "b": list(range(20))}, seeds=6)
    runs.loc[[6 * cell + cell // 3 % 6 for cell in range(0, 40, 3)], "outcome"] = "diverged"
    comparison = ask(runs, "a", "b")
    row = comparison.effects.set_index("effect").loc["a"]
    finished = runs[runs["outcome"] == "finished"].pivot(index="seed", columns=["b", "a"], values="score")
    whole = [b for b in range(20) if finished[b].notna().all(axis=None)]
    assert (row["n"], row["note"]) == (6, f"with 6 seeds no adjusted p can be below 1: too few to show an effect; over "
                                          f"{len(whole)} of 20 combinations of the other factors")  # fmt: skip
    assert row["estimate"] == pytest.approx(np.mean([(finished[b]["y"] - finished[b]["x"]).mean() for b in whole]))
    worst = runs["score"].where(runs["outcome"] == "finished", runs.loc[runs["outcome"] == "finished", "score"].min())
    means = runs.assign(score=worst).groupby("a")["score"].mean()
    assert row["estimate_diverged_as_worst"] == pytest.approx(means["y"] - means["x"])


def test_nested_factor_compared_where_it_exists() -> None:
    sgd = runs_of({"optimizer": ["sgd"], "width": [8, 16], "momentum": [0.0, 0.9]})
    adam = runs_of({"optimizer": ["adam"], "width": [8, 16]}, key=1)
    runs = pd.concat([sgd, adam], ignore_index=True)
    comparison = ask(runs, "optimizer", "width", "momentum")
    effects = comparison.effects.set_index("effect")["estimate"]
    assert list(effects.index) == ["optimizer x width", "width x momentum", "optimizer", "width", "momentum"]
    assert any("momentum exists only with optimizer sgd" in note for note in comparison.notes)
    gap = sgd.loc[sgd["momentum"] == 0.9, "score"].mean() - sgd.loc[sgd["momentum"] == 0.0, "score"].mean()
    assert effects["momentum"] == pytest.approx(gap, abs=1e-9)
    assert effects["optimizer"] == pytest.approx(sgd["score"].mean() - adam["score"].mean(), abs=1e-9)
    wide = {name: each[each["width"] == 16]["score"].mean() - each[each["width"] == 8]["score"].mean()
            for name, each in (("sgd", sgd), ("adam", adam))}  # fmt: skip
    assert effects["width"] == pytest.approx((wide["sgd"] + wide["adam"]) / 2, abs=1e-9)
    assert effects["optimizer x width"] == pytest.approx((wide["sgd"] - wide["adam"]) / 2, abs=1e-9)


def test_factors_that_move_together_are_one() -> None:
    runs = runs_of({"a": ["x", "y"], "b": [1, 2]}).assign(twin=lambda t: t["a"] + t["a"])
    comparison = ask(runs, "a", "twin", "b")
    assert "Effects: twin moves together with a: the rows of a are the effect of both" in comparison.notes
    assert check(comparison, runs, ["a", "b"]) == 3


def test_crossed_repeats_pair_splits() -> None:
    runs = runs_of({"a": ["x", "y", "z"]}, seed=[0, 1, 2], split=[5, 6])
    comparison = ask(runs, "a", repeat=("seed", "split"))
    means = runs.groupby(["a", "split"], as_index=False)["score"].mean()  # seeds of one split are not independent
    assert check(comparison, means, ["a"], ["split"]) == 3
    assert set(comparison.pairs["n"]) == {2}
    assert comparison.summary["best_repeat"].str.fullmatch(r"split \d").all()
    with pytest.raises(InputError, match=r"^split varies \(5, 6\) and is neither compared, tuned nor repeated"):
        ask(runs, "a")


def test_what_varies_unseen_is_error() -> None:
    runs = runs_of(GRID)
    with pytest.raises(InputError, match=r"^width varies \(8, 16, 32, 64\) and is neither"):
        ask(runs, "init")
    followed = runs.assign(digest=runs["init"] + "1", rows=runs["seed"] % 2)
    notes = answer(followed, Question(("init", "width"), endpoint="score"), settings=["digest", "rows"]).notes
    assert notes == (
        "Not compared, although it differs between configurations: digest. It may be what makes the difference",
    )
    both = answer(
        followed.assign(rows=followed["digest"]),
        Question(("init", "width"), endpoint="score"),
        settings=["digest", "rows"],
    ).notes
    assert both == (
        "Not compared, although they differ between configurations: digest, rows. They may be what makes the "
        "difference",
    )


def test_goal_min_ranks_the_smallest_first() -> None:
    runs = runs_of({"a": ["x", "y", "z"]}, seeds=10)
    runs["score"] += runs["a"].map({"x": 20, "y": 0, "z": 10})
    runs.loc[[10, 11], "outcome"] = "diverged"
    comparison = ask(runs, "a", goal="min")
    worst = runs.loc[runs["outcome"] == "finished", "score"].max()
    assert list(comparison.summary["config"]) == ["a=y", "a=z", "a=x"]
    row = comparison.summary.iloc[0]
    assert row["mean_diverged_as_worst"] == pytest.approx((runs.loc[12:19, "score"].sum() + 2 * worst) / 10)
    assert row["best"] == runs.loc[12:19, "score"].min()
    first = comparison.pairs.iloc[0]
    assert (first["first"], first["second"], first["difference"] < 0) == ("a=y", "a=z", True)
    assert row["binomial_error"] != row["binomial_error"]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_units_do_not_change_answer(scale: float) -> None:
    runs = runs_of({"a": ["x", "y"], "b": [1, 2]}, seeds=10)
    one, other = (ask(table, "a", "b").effects for table in (runs, runs.assign(score=scale * runs["score"])))
    np.testing.assert_allclose(other["estimate"], scale * one["estimate"], rtol=1e-9)
    np.testing.assert_array_equal(other["p"], one["p"])


def test_several_settings_are_tuned_together() -> None:
    runs = runs_of({"a": ["x", "y"], "rate": [0.1, 1.0], "decay": [0, 1]})
    best = {"x": (1.0, 0), "y": (0.1, 1)}
    at = [best[a] == (rate, decay) for a, rate, decay in zip(runs["a"], runs["rate"], runs["decay"], strict=True)]
    runs["held_out"] = np.where(at, 9.0, 5.0) + runs["seed"]
    comparison = ask(runs, "a", tune=("rate", "decay"), validation_metric="held_out")
    chosen = comparison.chosen.set_index("config")
    assert {name[2:]: (row["rate"], row["decay"]) for name, row in chosen.iterrows()} == best
    assert chosen["edge"].to_dict() == {"a=x": "largest rate, smallest decay", "a=y": "smallest rate, largest decay"}
    assert list(comparison.runs["score"].sort_values()) == list(runs.loc[at, "score"].sort_values())
    assert len(comparison.rates) == 8
    flat = ask(runs.assign(held_out=1.0), "a", tune=("rate", "decay"), validation_metric="held_out").chosen
    assert set(zip(flat["rate"], flat["decay"], strict=True)) == {(0.1, 0)}
    small = ask(runs, "a", tune=("rate", "decay"), validation_metric="held_out", goal="min").chosen
    assert set(small["rate"]) == {0.1}


def test_names_follow_one_rule() -> None:
    words = {"loss": ["mse"], "hidden": ["tanh"], "output": ["sigmoid", "softmax"], "init": ["glorot"]}
    runs = runs_of(words)
    assert set(ask(runs, *words).summary["config"]) == {
        "mse-tanh-sigmoid init=glorot", "mse-tanh-softmax init=glorot"}  # fmt: skip
    assert set(ask(runs, "output", "hidden").summary["config"]) == {
        "output=sigmoid hidden=tanh", "output=softmax hidden=tanh"}  # fmt: skip
    rates = runs_of({"rate": [0.1234567, 0.1234568, 2.0]})
    assert set(ask(rates, "rate").summary["config"]) == {"rate=0.1234567", "rate=0.1234568", "rate=2"}


def test_all_pairs_up_to_sixty_then_the_best() -> None:
    for levels, rows in ((60, 60 * 59 // 2), (61, 60)):
        comparison = ask(runs_of({"a": list(range(levels))}, seeds=3), "a")
        assert len(comparison.pairs) == rows
        assert any("compared with the best one alone" in note for note in comparison.notes) == (levels > 60)
        assert comparison.pairs["first"].iloc[0] == comparison.summary["config"].iloc[0]


def test_table_of_effects_stays_readable() -> None:
    comparison = ask(runs_of({name: list(range(10)) for name in "abc"}, seeds=2), "a", "b", "c")
    assert set(comparison.effects["order"]) == {1}
    assert "Effects: 6,075 of 2 factors would make the table unreadable: left out" in comparison.notes
    wide = ask(runs_of({"a": list(range(61)), "b": [0, 1]}, seeds=2), "a", "b")
    assert list(wide.effects["effect"]) == ["b"]
    assert "Effects: a has 61 levels, too many for a table of effects: see the pairs" in wide.notes


def test_ten_thousand_runs_are_quick() -> None:
    import time

    runs = runs_of({name: list(range(10)) for name in "abc"}, seeds=10).sample(frac=0.97, random_state=0)
    began = time.process_time()
    assert len(ask(runs, "a", "b", "c").summary) == 1000
    assert time.process_time() - began < 30


def test_setting_cannot_take_a_table_s_column() -> None:
    with pytest.raises(InputError, match="a setting cannot be called n; rename the column"):
        ask(runs_of({"n": [1, 2]}), "n")


def test_every_pair_of_levels_is_row() -> None:
    effects = ask(runs_of(GRID), *GRID).effects
    rows = effects[effects["effect"] == "init"]
    assert list(zip(rows["minus"], rows["plus"], strict=True)) == list(combinations(GRID["init"], 2))
    columns = ["effect", "plus", "minus", "estimate", "low", "high", "p", "p_holm", "shown", "n"]
    assert set(columns) <= set(effects)
