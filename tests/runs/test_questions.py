"""Questions typed on the command line, from the words to effects.csv, which is recomputed in the test's own way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from itertools import combinations, product
from math import prod
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.report import pages, reports
from octant.errors import InputError
from octant.models import trainer as network
from octant.tracking.declared import declared_of
from octant.tracking.store import Connection, connect, located
from support.command import Database, run_here

TINY = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1", "workers=2")
Rows = dict[tuple[Any, ...], float]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("questions") / "home"


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of a small sweep's time; those of one sweep are drawn."""
    if request.node.name != "test_inits":
        monkeypatch.setattr(pages, "draw", lambda found: iter(()))


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OCTANT_HOME", str(home))
    return lambda name: connect(located(None), name, create=False)


def table(home: Path, experiment: str, name: str) -> pd.DataFrame:
    return pd.read_csv(home / "reports" / experiment / f"{name}.csv")


def gap(values: Rows, factors: list[str], levels: dict[str, tuple[str, str]], at: dict[str, str]) -> float:
    """The difference of differences over the named factors, the others as they are in `at`."""
    total = 0.0
    for signs in product((1, -1), repeat=len(levels)):
        chosen = {name: pair[sign < 0] for (name, pair), sign in zip(levels.items(), signs, strict=True)}
        total += prod(signs) * values[tuple((at | chosen)[name] for name in factors)]
    return total / 2 ** (len(levels) - 1)


def by_hand(runs: pd.DataFrame, factors: list[str], levels: dict[str, tuple[str, str]]) -> list[float]:
    """An effect for each seed, in percentage points: plain loops over a dictionary of cells."""
    text = runs.assign(**{name: [f"{value:g}" if isinstance(value, float) else str(value) for value in runs[name]]
                          for name in factors})  # fmt: skip
    others = [name for name in factors if name not in levels]
    rest = [dict(zip(others, values, strict=True)) for values in product(*(sorted(set(text[n])) for n in others))]
    found = []
    for _, rows in text.groupby("seed"):
        values = {tuple(row[name] for name in factors): 100 * row["test_accuracy"] for _, row in rows.iterrows()}
        found.append(mean(gap(values, factors, levels, at) for at in rest))
    return found


def check_effects(home: Path, experiment: str, factors: list[str]) -> pd.DataFrame:
    """Hold every row of effects.csv against `by_hand`; returns the table."""
    runs, effects = table(home, experiment, "results"), table(home, experiment, "effects")
    for _, row in effects.iterrows():
        names, minus, plus = row["effect"].split(" x "), str(row["minus"]).split(", "), str(row["plus"]).split(", ")
        each = by_hand(runs, factors, {n: (b, a) for n, a, b in zip(names, minus, plus, strict=True)})
        n, middle = len(each), mean(each)
        half = stats.t.ppf(0.975, n - 1) * stdev(each) / n**0.5
        flips = [abs(mean(s * e for s, e in zip(signs, each, strict=True))) for signs in product((1, -1), repeat=n)]
        p = mean(flip >= abs(middle) - 1e-12 for flip in flips)
        expected = [n, middle, middle - half, middle + half, p]
        np.testing.assert_allclose(row[["n", "estimate", "low", "high", "p"]].astype(float), expected, atol=1e-9)
    held, adjusted = 0.0, {}
    for rank, p in enumerate(sorted(effects["p"])):
        held = max(held, min(1.0, p * (len(effects) - rank)))
        adjusted[p] = held
    np.testing.assert_allclose(effects["p_holm"], effects["p"].map(adjusted), atol=1e-9)
    outside = (effects["low"] > 0) | (effects["high"] < 0)
    assert list(effects["shown"]) == list(outside & (effects["p_holm"] < 0.04))
    return effects


def test_inits(home: Path) -> None:
    words = ("-m", "init=glorot,normal,scaled", "hidden=sigmoid,tanh", "seed=range(8)", "experiment.name=inits")
    assert run_here(home, *words, *TINY) == 0
    effects = check_effects(home, "inits", ["init", "hidden"])
    assert list(effects["effect"]) == 3 * ["init x hidden"] + 3 * ["init"] + ["hidden"]
    pairs = set(zip(effects["plus"], effects["minus"], strict=True))
    assert {(a, b) for b, a in combinations(("glorot", "normal", "scaled"), 2)} | {("tanh", "sigmoid")} <= pairs
    assert len(table(home, "inits", "configurations")) == 6


DESIGNS = {
    "3 x 4": (("init=glorot,normal,scaled", "learning_rate=0.01,0.03,0.1,0.3"), ["init", "learning_rate"], 27),
    "2^4": (("loss=mse,cross_entropy", "hidden=sigmoid,tanh", "output=sigmoid,softmax", "order=file,shuffled"),
            ["loss", "hidden", "output", "order"], 14),
    "six levels": (("hidden_units=2,3,4,5,6,7",), ["hidden_units"], 15),
}  # fmt: skip


@pytest.mark.parametrize("case", DESIGNS)
def test_designs(case: str, home: Path) -> None:
    sweep, factors, rows = DESIGNS[case]
    name = f"design{list(DESIGNS).index(case)}"
    keep = [word for word in TINY if word.partition("=")[0] not in {each.partition("=")[0] for each in sweep}]
    assert run_here(home, "-m", *sweep, "seed=0,1,2", *keep, f"experiment.name={name}") == 0
    assert len(check_effects(home, name, factors)) == rows


def test_two_data_sets(home: Path, tmp_path: Path) -> None:
    """One of them with a setting that the other does not have."""
    y = np.arange(90) % 3
    np.savez(tmp_path / "own.npz", X=np.random.default_rng(0).random((90, 5)), y=y)
    words = ("dataset=digits,arrays", f"dataset.path={tmp_path / 'own.npz'}", "seed=0,1", "batch_size=10")
    assert run_here(home, "-m", *words, *(w for w in TINY if "batch" not in w), "experiment.name=two") == 0
    effects = check_effects(home, "two", ["dataset"])
    assert list(zip(effects["plus"], effects["minus"], strict=True)) == [("digits", "arrays")]
    assert (home / "reports" / "two" / "report.html").is_file()


def test_missing_cells(home: Path, store: Any) -> None:
    """A fifth of the 3 x 4 design's cells: what can be estimated is still answered."""
    connection: Connection = store("design0")
    lost = ("glorot", "0.01"), ("scaled", "0.3")
    for init, rate in lost:
        found = connection.client.search_runs(
            [connection.experiment_id], f"params.init = '{init}' and params.learning_rate = '{rate}'"
        )
        trained = [run for run in found if "fingerprint" in run.data.tags]  # the mean of the three is there, too
        assert len(trained) == 3
        for run in trained:
            connection.client.delete_run(run.info.run_id)
    reports.write(connection)
    runs, effects = table(home, "design0", "results"), table(home, "design0", "effects")
    assert len(runs) == 30
    row = effects.set_index(["effect", "plus", "minus"]).loc[("init", "normal", "glorot")]
    both = runs[runs["learning_rate"].isin([0.03, 0.1, 0.3])]
    each = both.groupby(["seed", "init"])["test_accuracy"].mean().unstack()
    assert row["estimate"] == pytest.approx(100 * (each["normal"] - each["glorot"]).mean(), abs=1e-9)
    assert "over 2 of 4" in row["note"] or "over 3 of 4" in row["note"]


def test_rates_are_compared_unless_tuned(home: Path) -> None:
    sweep = ("-m", "learning_rate=0.01,0.1", "init=glorot,scaled", "seed=0,1", *TINY)
    assert run_here(home, *sweep, "experiment.name=rates") == 0
    assert set(table(home, "rates", "effects")["effect"]) == {"learning_rate x init", "learning_rate", "init"}
    assert run_here(home, *sweep, "experiment.name=rates", "experiment.tune=learning_rate") == 0
    assert list(table(home, "rates", "effects")["effect"]) == ["init"]
    chosen, runs = table(home, "rates", "chosen"), table(home, "rates", "results")
    means = runs.groupby(["init", "learning_rate"])["validation_accuracy"].mean().unstack()
    best = {f"init={init}": rate for init, rate in means.idxmax(axis=1).items()}
    assert dict(zip(chosen["config"], chosen["learning_rate"], strict=True)) == best


def test_another_endpoint_and_goal(home: Path) -> None:
    words = ("-m", "init=glorot,scaled", "seed=0,1", "experiment.endpoint=test_loss", "experiment.goal=min")
    assert run_here(home, *words, *TINY, "experiment.name=losses") == 0
    summary, runs = table(home, "losses", "configurations"), table(home, "losses", "results")
    assert summary["mean"][0] == pytest.approx(runs.groupby("init")["test_loss"].mean().min())


def test_wrong_endpoint_stops_at_first_record(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a trainer does not say beforehand what it yields."""
    monkeypatch.setattr(network, "TRAINER", dataclasses.replace(network.TRAINER, metrics=lambda settings: ()))
    words = ("-m", "seed=0,1", "engine=numpy", "batch_size=1", "epochs=100000", "experiment.endpoint=test_acc")
    with pytest.raises(InputError, match="'test_acc' is unknown; did you mean 'test_accuracy'"):
        run_here(home, *words, "experiment.name=typo")


def test_unnamed_sweeps_have_own_folders(home: Path) -> None:
    for words in (("init=glorot,scaled",), ("hidden=sigmoid,tanh",)):
        assert run_here(home, "-m", *words, "seed=0", *TINY) == 0
    folders = sorted(path.name for path in (home / "reports").glob("octant-*"))
    assert len(folders) == 2
    tags = dict(Database(home).query("select key, value from experiment_tags where key like 'sweep.octant-%'"))
    kept = {name: json.loads(str(tags[f"sweep.{name}"]))["question"]["compare"] for name in folders}
    assert sorted(kept.values()) == [["hidden"], ["init"]]


def test_variants_leave_the_declared_sweep(home: Path, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A variant shares runs with the declared sweep and takes nothing from it."""
    assert run_here(home, "experiment=smoke", "seed=0") == 0
    said = capsys.readouterr().out
    assert "a variant of experiment smoke" in said
    assert not (home / "reports" / "smoke").exists()
    assert run_here(home, "experiment=smoke", "workers=1", "epochs=3", "seed=1,0") == 0
    assert "variant" not in capsys.readouterr().out
    own = declared_of(store("smoke")).sweep
    page = (home / "reports" / "smoke" / "results.csv").read_bytes()
    assert run_here(home, "experiment=smoke", "seed=0", "rerun=true") == 0
    assert run_here(home, "experiment=smoke", "hidden=tanh,sigmoid", "experiment.margin=1") == 0
    assert declared_of(store("smoke")).sweep == own
    assert run_here(home, "report", "smoke") == 0
    assert (home / "reports" / "smoke" / "results.csv").read_bytes() == page
    note = Database(home).query("select value from experiment_tags where key = 'mlflow.note.content' "
                                f"and value like '%{own}%'")  # fmt: skip
    assert len(note) == 1
    variant = next(path.name for path in (home / "reports").glob("smoke-*"))
    assert run_here(home, "report", "smoke", "--sweep", variant.rpartition("-")[2]) == 0
    assert run_here(home, "promote", "smoke", "--sweep", variant) == 0
    assert variant in capsys.readouterr().out
