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

from octant.analysis.figures import design_of
from octant.analysis.question import Question
from octant.analysis.report import explored
from octant.analysis.report.findings import Findings, find
from octant.analysis.why import FACTOR, contrasts
from octant.analysis.why import sentence as told
from octant.models.trainer import REASONS
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


def test_neurons_sentence_tells_the_plateau() -> None:
    """Squared error hands back a (1 - a) of what cross-entropy does; each number from why.csv."""
    report, line, tenth = ROOT / "experiments" / "neuron", {}, {}
    why = pd.read_csv(report / "why.csv").set_index(["config", "epoch"])
    for loss in LEVELS.values():
        line[loss] = why.loc[f"loss={loss}"]
        distance = line[loss]["output_distance"]
        tenth[loss] = 0.9 * distance[0] + 0.1 * min(why["output_distance"])
        line[loss]["past"] = (distance <= tenth[loss]).cumsum()
    a = 1 - line["mse"]["output_distance"][0]
    slow, fast = (line[loss]["gradient_W2"] for loss in ("mse", "cross_entropy"))
    assert slow[0] / fast[0] == pytest.approx(a * (1 - a), rel=1e-9)
    epochs = [int((line[loss]["past"] == 0).sum()) for loss in ("mse", "cross_entropy")]
    right = [f"{line[loss]['output_distance'][1]:.4g}" for loss in ("mse", "cross_entropy")]
    heading, sentence = section(report)
    assert heading == "Gradient of W2, one example:"
    assert sentence == (
        f"Squared error starts at {slow[0]:.2g}, {100 * slow[0] / fast[0]:.0f} % of cross-entropy's {fast[0]:.2g}; "
        f"after epoch 1 they are at {slow[1]:.2g} and {fast[1]:.2g} ({100 * slow[1] / fast[1]:.0f} %), with {right[0]} "
        f"and {right[1]} output distance. It takes squared error {epochs[0]} epochs to go the first tenth of its way, "
        f"to {tenth['mse']:.4g}, and cross-entropy {epochs[1]}."
    )
    assert epochs[0] > 10 * epochs[1]
    table = pd.read_csv(report / "why.csv")
    design = design_of(pd.read_csv(report / "results.csv"), Question(("loss",), repeat=(), endpoint="output_distance",
                                                                     goal="min"))  # fmt: skip
    (found,) = contrasts(table, design, REASONS)
    assert told(found, design, "Squared error", "cross-entropy").replace("takes Sq", "takes sq") == sentence


def section(report: Path) -> list[str]:
    return (report / "report.md").read_text().split("## Why\n")[1].split("![")[0].strip().split("\n\n")


def check_why(report: Path) -> None:
    """Each sentence says, for two configurations that differ in the loss, what why.csv holds; all eight are said of."""
    why = pd.read_csv(report / "why.csv").set_index(["config", "epoch"])
    pattern = re.compile(
        r"Hidden (\w+) \+ output (\w+): (.+) starts at (\S+), (\d+) % of (.+)'s (\S+); after epoch 1 they are at (\S+)"
        r" and (\S+) \((\d+) %\), with (\S+) % and (\S+) % test accuracy\."
    )
    heading, *lines = section(report)
    assert heading == "Gradient of W1, one example, means over seeds:"
    said = [pattern.fullmatch(line) for line in lines]
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


def test_first_reason_that_differs_is_told() -> None:
    """A pair without hidden layers has a gradient of its own; reasons that do not differ are passed over."""
    rows = [
        (loss, hidden, epoch) for loss in ("mse", "cross_entropy") for hidden in ("none", "tanh") for epoch in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["loss", "hidden", "epoch"]).assign(test_accuracy=0.5, saturation_output=0.0)
    table["config"] = "loss=" + table["loss"] + " hidden=" + table["hidden"]
    size = table["loss"].map({"mse": 1.0, "cross_entropy": 4.0})
    table["gradient_W1"], table["gradient_W2"] = size.where(table["hidden"] != "none"), 2 * size
    design = design_of(table, Question(("loss", "hidden")))
    reasons = ["gradient_W1", "saturation_output", "gradient_W2"]
    found = {each.low: (each.reason, each.start) for each in contrasts(table, design, reasons)}
    assert found == {"loss=mse hidden=none": ("gradient_W2", (2, 8)), "loss=mse hidden=tanh": ("gradient_W1", (1, 4))}
    alike = table.assign(gradient_W1=1.0, gradient_W2=np.where(table["loss"] == "mse", 1.0, FACTOR - 0.01))
    assert not list(contrasts(alike, design, reasons))


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
    assert list(data["metrics"]) == ["test_accuracy", "train_accuracy", *REASONS]
    for config, each in data["configs"].items():
        own = why.loc[config]
        assert each["values"]["test_accuracy"] == pytest.approx(list(100 * own["test_accuracy"]), rel=1e-5)
        assert each["values"]["gradient_W1"] == pytest.approx(list(own["gradient_W1"]), rel=1e-5)
    results = pd.read_csv(report / "results.csv")
    ends = sorted((run["config"], run["values"]["test_accuracy"][-1]) for run in data["runs"])
    wanted = sorted(zip(results["config"], 100 * results["test_accuracy"], strict=True))
    assert [config for config, _ in ends] == [config for config, _ in wanted]
    assert [end for _, end in ends] == pytest.approx([end for _, end in wanted], rel=1e-5)
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

    few = explored.explored(small(lambda runs: read(700_000, runs)), "")
    assert list(few.snapshots) == list(few.ranking[:3])
    assert few.left_out == 5
    assert explored.explored(small(lambda runs: read(100, runs)), "").left_out == 0
    assert asked[0] == list(few.ranking)


def test_examples_have_the_majority_answer() -> None:
    found = small(lambda runs: {})
    first = found.material.errors
    config = found.main.summary["config"].iloc[0]
    runs = list(found.main.runs.loc[found.main.runs["config"] == config, "fingerprint"])
    for count, answer in ((1, "5"), (2, "5"), (3, "9")):
        errors = {name: {**each, "wrong": [[3, 5, 9]] * (name in runs[:count])} for name, each in first.items()}
        told = find(dataclasses.replace(found.material, errors=errors))
        assert told.mistakes.answer(config, {"example": 3, "class": "5"}) == answer


def test_labels_are_of_runs_trainer() -> None:
    runs = frame(noise(2))
    assert find(material(runs.assign(trainer="network"))).labels["loss=mse"] == "squared error"
    for trainer in ("/gone/mine.py", "/gone/mine.py::train=fit", "not_installed"):
        found = find(material(runs.assign(trainer=trainer)))
        assert (found.labels, found.reasons) == ({}, {})
        assert found.why.empty
