"""Why, and explore.html, as a real small sweep gives them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from octant.analysis.report import explored
from octant.analysis.report.findings import Findings, find
from octant.network.data import load
from octant.network.settings import DataSettings
from octant.tracking.receipt import journals
from support.command import Database, run_octant
from support.comparison_frames import frame, noise
from support.report_frames import material

ROOT = Path(__file__).parents[2]
LEVELS = {"squared error": "mse", "cross-entropy": "cross_entropy"}


@pytest.fixture(scope="module")
def report(swept: tuple[Path, str]) -> Path:
    return swept[0] / "reports" / "smoke"


@pytest.fixture(scope="module")
def why(report: Path) -> pd.DataFrame:
    return pd.read_csv(report / "why.csv").set_index(["config", "epoch"])


def test_why_csv_has_journals_means(swept: tuple[Path, str], why: pd.DataFrame) -> None:
    values: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for journal in journals(swept[0]):
        for line in journal.read().epochs:
            for name in why.columns:
                config = str((journal.identity or {})["configuration"])
                values[config, line["epoch"], name].append(line["metrics"][name])
    assert len(why) == 8 * 4
    assert len(values) == why.size
    for (config, epoch, name), each in values.items():
        assert len(each) == 2
        assert why.loc[(config, epoch), name] == pytest.approx(sum(each) / 2, rel=1e-12)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "OCTANT_MNIST" not in os.environ:
        pytest.skip("missing: the four files of MNIST in a folder that OCTANT_MNIST names")
    folder = tmp_path_factory.mktemp("mnist")
    train = load(DataSettings(name="mnist", root=os.environ["OCTANT_MNIST"]), "float32", folder / "cache").train
    np.savez(folder / "some.npz", X=train.X[:2000], y=train.labels[:2000])
    words = ("experiment=smoke", "dataset=arrays", f"dataset.path={folder / 'some.npz'}", "epochs=2")
    done = run_octant(folder / "home", *words)
    assert done.returncode == 0, done.stderr
    return next((folder / "home" / "reports").iterdir())


@pytest.mark.parametrize("data", ["report", "mnist"])
def test_every_number_of_why_is_in_the_csv(data: str, request: pytest.FixtureRequest) -> None:
    check_why(request.getfixturevalue(data))


def test_published_sentences_have_their_numbers() -> None:
    reports = [ROOT / "experiments" / name for name in ("factorial", "tuned", "mnist", "mnist-tuned")]
    for report in reports:  # of the eight; the lecture's four differ in more than the loss
        check_why(report)


def check_why(report: Path) -> None:
    """Each sentence says, for two configurations that differ in the loss, what why.csv holds; all eight are said of."""
    why = pd.read_csv(report / "why.csv").set_index(["config", "epoch"])
    section = (report / "report.md").read_text().split("## Why\n")[1].split("![")[0]
    pattern = re.compile(
        r"Hidden (\w+) \+ output (\w+): (.+) starts at (\S+), (\d+) % of (.+)'s (\S+); after epoch 1 they are at (\S+)"
        r" and (\S+) \((\d+) %\), with (\S+) % and (\S+) % test accuracy\."
    )
    assert section.split("\n\n")[0].strip() == "Gradient of W1, one example, means over seeds:"
    said = [pattern.fullmatch(line) for line in section.strip().split("\n\n")[1:]]
    configs = set[str]()
    for each in said:
        assert each
        hidden, output, low, start, percent, high, more, after, later, ratio, *right = each.groups()
        at = [f"{LEVELS[level]}-{hidden}-{output}" for level in (low, high)]
        configs |= {*at}
        first, second = ([float(why["gradient_W1"][config, epoch]) for config in at] for epoch in (0, 1))
        assert (start, more) == tuple(f"{value:.2g}" for value in first)
        assert (after, later) == tuple(f"{value:.2g}" for value in second)
        assert (percent, ratio) == tuple(f"{100 * x / y:.0f}" for x, y in (first, second))
        assert right == [f"{100 * why['test_accuracy'][config, 1]:.2f}" for config in at]
    assert len(said) == 4
    assert configs == set(why.index.get_level_values("config"))
    assert len(configs) == 8


def test_why_has_a_figure_everywhere(report: Path, swept: tuple[Path, str]) -> None:
    assert (report / "why.svg").stat().st_size > 1000
    page = (report / "report.html").read_text()
    assert page.index('id="learning-curves"') < page.index('id="why"') < page.index('id="what-is-taken-for-what"')
    assert '<figure class="why">' in page
    assert 'href="explore.html"' in page
    (run,) = Database(swept[0]).query("select run_uuid from tags where key = 'kind' and value = 'report'")
    logged = swept[0] / "artifacts" / "smoke" / str(run[0]) / "artifacts"
    for name in ("why.csv", "explore.html"):
        assert (logged / name).read_bytes() == (report / name).read_bytes()
    assert f"explore     {report / 'explore.html'}\n" in swept[1]


def test_explore_has_the_sweep(report: Path, why: pd.DataFrame) -> None:
    html = (report / "explore.html").read_text()
    assert len(html) < 5e6
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    data = json.loads(found[1])
    ranking = list(pd.read_csv(report / "configurations.csv")["config"])
    assert list(data["configs"]) == list(data["snapshots"]) == ranking[:8]
    assert list(data["metrics"]) == ["test_accuracy", "train_accuracy", "gradient_W1", "saturation_output",
                                     "saturation_hidden"]  # fmt: skip
    for config, each in data["configs"].items():
        own = why.loc[config]
        assert each["values"]["test_accuracy"] == pytest.approx(list(100 * own["test_accuracy"]), rel=1e-5)
        assert each["values"]["gradient_W1"] == pytest.approx(list(own["gradient_W1"]), rel=1e-5)
    hardest = pd.read_csv(report / "hardest.csv")
    assert [each["example"] for each in data["examples"]] == list(hardest["example"])
    assert all(each["shape"] == [8, 8] for each in data["examples"])


def small(snapshots: Any) -> Findings:
    return find(dataclasses.replace(material(frame(noise(5))), snapshots=snapshots))


def test_large_snapshots_are_left_out() -> None:
    """As many of the best configurations' as fit into the page, and how many do not."""
    asked = []

    def read(size: int, runs: pd.DataFrame) -> dict[str, Any]:
        asked.append(list(runs["config"]))
        return {config: {"W1": "A" * size} for config in runs["config"]}

    few = explored.explored(small(lambda runs: read(700_000, runs)))
    assert list(few.snapshots) == list(few.ranking[:3])
    assert few.left_out == 5
    assert explored.explored(small(lambda runs: read(100, runs))).left_out == 0
    assert asked[0] == list(few.ranking)


def test_examples_have_the_majority_answer() -> None:
    found = small(lambda runs: {})
    first = found.material.errors
    config = found.main.summary["config"].iloc[0]
    runs = list(found.compared.loc[found.compared["config"] == config, "fingerprint"])
    for count, answer in ((1, "5"), (2, "5"), (3, "9")):
        errors = {name: {**each, "wrong": [[3, 5, 9]] * (name in runs[:count])} for name, each in first.items()}
        told = find(dataclasses.replace(found.material, errors=errors))
        assert explored._answer(told, config, {"example": 3, "class": "5"}) == answer


def test_labels_are_of_runs_trainer() -> None:
    runs = frame(noise(2))
    assert find(material(runs.assign(trainer="network"))).labels["loss=mse"] == "squared error"
    for trainer in ("/gone/mine.py", "/gone/mine.py::train=fit", "not_installed"):
        found = find(material(runs.assign(trainer=trainer)))
        assert (found.labels, found.reasons) == ({}, {})
        assert found.why.empty
