"""The findings in experiments/ and the README: every number that a sentence quotes is a table's."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from octant.network.settings import Settings
from octant.runs.settings import parse_launch

FIRST_EDITION = 2  # its number for the rules of the numerics
ROOT = Path(__file__).parents[2]
SHIPPED = ["factorial", "tuned", "mnist", "mnist-tuned", "lecture"]
RESULTS = ROOT / "benchmarks" / "results"


NUMBER = r"([+-]?\d+\.\d\d)"


def said(page: str) -> str:
    """The answer and the sentence on effects."""
    begins = ("**Answer.", "**At one", "On average")
    return "\n".join(line for line in page.splitlines() if line.startswith(begins))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("page", ["README.md", "report.md"])
def test_every_effect_is_said_as_its_row_has_it(name: str, page: str) -> None:
    folder = ROOT / "experiments" / name
    effects = pd.read_csv(folder / "effects.csv")
    kind = effects["learning_rates"].iloc[0] if len(effects) else "shared"
    sentence = said((folder / page).read_text())
    found = re.findall(
        rf"(loss|hidden|output): (?:(\w+) scores higher than (\w+), over[^(]*|no difference shown) "
        rf"\({NUMBER} points, {NUMBER} to {NUMBER}",
        sentence,
    )
    assert (
        len(found)
        == len(effects[(effects["order"] == 1) & (effects["learning_rates"] == kind)])
        == ("On average" in sentence) * 3
    )
    for effect, winner, loser, *numbers in found:
        row = effects[(effects["effect"] == effect) & (effects["learning_rates"] == kind)].iloc[0]
        assert numbers == [f"{row[column]:+.2f}" for column in ("estimate", "low", "high")]
        assert bool(winner) == bool(row["shown"])
        if winner:
            assert (winner, loser) == ((row["plus"], row["minus"])[:: 1 if row["estimate"] > 0 else -1])


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("page", ["README.md", "report.md"])
def test_the_answer_names_each_kind_s_leader_with_its_interval(name: str, page: str) -> None:
    folder = ROOT / "experiments" / name
    configurations = pd.read_csv(folder / "configurations.csv")
    answer = said((folder / page).read_text()).splitlines()[0]
    parts = re.split(r"; at its own, ", answer)
    kinds = ["shared", "own"][: len(parts)]
    assert set(configurations["learning_rates"]) == set(kinds)
    for kind, part in zip(kinds, parts, strict=True):
        rows = configurations[configurations["learning_rates"] == kind].sort_values("mean", ascending=False)
        first = rows.iloc[0]
        interval = f"{first['mean']:.2f} % ({first['low']:.2f} to {first['high']:.2f})"
        leads = any(f"{first['config']}{verb}, {interval}" in part for verb in ("", " scores highest"))
        means = f"(means from {rows['mean'].min():.2f} to {rows['mean'].max():.2f} %)"
        assert leads != (means in part), part


@pytest.mark.parametrize("name", SHIPPED)
def test_published_runs_have_the_settings_told(name: str) -> None:
    """Each fingerprint again, from the settings in the table, by the first edition's rule: it trained these runs."""
    runs = pd.read_csv(ROOT / "experiments" / name / "results.csv")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = OmegaConf.to_container(compose("config", [f"experiment={name}"]), resolve=True)
    assert isinstance(composed, dict)
    chosen = [key for key in Settings.model_fields if key in runs and key != "dataset"]
    for row in runs.to_dict("records"):
        settings, _ = parse_launch({**composed, **{key: row[key] for key in chosen}})
        decisive = settings.model_dump(exclude={"dataset": {"root", "path", "label"}})
        text = json.dumps([decisive, row["dataset_digest"], FIRST_EDITION], sort_keys=True)
        assert hashlib.sha256(text.encode()).hexdigest() == row["fingerprint"]


@pytest.mark.parametrize("name", ["factorial", "mnist", "lecture"])
def test_the_means_are_those_of_the_runs(name: str) -> None:
    """From results.csv, by hand."""
    folder = ROOT / "experiments" / name
    runs = pd.read_csv(folder / "results.csv")
    told = pd.read_csv(folder / "configurations.csv").query("learning_rates == 'shared'").set_index("config")
    for config, group in runs.groupby("config"):
        values = 100 * group["test_accuracy"].to_numpy()
        assert told.loc[config, "n"] == len(values)
        assert told.loc[config, "mean"] == pytest.approx(values.mean(), abs=1e-9)
        assert told.loc[config, "sd"] == pytest.approx(values.std(ddof=1), abs=1e-9)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_runs_came_from_a_clean_commit(name: str) -> None:
    page = (ROOT / "experiments" / name / "report.md").read_text()
    assert re.search(r"\| git_state \| clean \|", page)


def test_the_readme_s_sweep_of_mnist() -> None:
    """8 x 465 epochs of the lecture's loop, 60,000 examples each, beside what `benchmarks/sweeps.py` measured."""
    readme = (ROOT / "README.md").read_text()
    ours = pd.read_csv(RESULTS / "sweeps.csv").query("runs == 8")["seconds"].item()
    loop = re.search(r"\| lecture's loop \| float64 \| 1 \| (\d+)", (RESULTS / "engines.md").read_text())
    assert loop is not None
    theirs = 8 * 465 * 60_000 * float(loop[1]) / 1e6
    assert f"took {ours:.0f} s" in readme
    assert f"{theirs / 3600:.0f} hours" in readme
    assert f"some {10 * round(theirs / ours / 10)} times" in readme


def test_the_answer_has_the_tables_numbers() -> None:
    """Each lead of one loss over the other in the README, with its sign in the winner's favour."""
    text = " ".join((ROOT / "README.md").read_text().split("## Two commands")[0].split())
    told = {
        ("factorial", "shared"): ("cross_entropy", "by ([0-9.]+) points of test accuracy at one shared learning rate"),
        ("factorial", "own"): ("cross_entropy", "by ([0-9.]+) when each configuration takes its own"),
        ("mnist", "shared"): ("mse", "squared error leads by ([0-9.]+) points at that shared rate"),
        ("mnist", "own"): ("cross_entropy", r"cross-entropy leads again, by (\d\.\d+)"),
    }
    for (name, rate), (winner, pattern) in told.items():
        effects = pd.read_csv(ROOT / "experiments" / name / "effects.csv")
        loss = effects[(effects["effect"] == "loss") & (effects["learning_rates"] == rate)].iloc[0]
        found = re.search(pattern, text)
        assert found, pattern
        assert winner == (loss["plus"] if loss["estimate"] > 0 else loss["minus"])
        assert float(found[1]) == round(abs(loss["estimate"]), 2)
        assert loss["shown"]


def test_the_shared_rate_is_the_one_that_the_yaml_says() -> None:
    """Of the rates of `tuned`, the one whose worst configuration has the best mean validation accuracy."""
    runs = pd.read_csv(ROOT / "experiments" / "tuned" / "results.csv")
    worst = 100 * runs.groupby(["learning_rate", "config"])["validation_accuracy"].mean().groupby("learning_rate").min()
    said = (ROOT / "conf" / "experiment" / "factorial.yaml").read_text()
    assert worst.idxmax() == 0.1
    for rate in (0.03, 0.1, 0.3):
        assert f"{worst[rate]:.1f} % at {rate:g}" in said
