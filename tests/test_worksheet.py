"""The worksheet's answers against fresh runs; both languages give the same numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_1samp

from octant.network.data import load
from octant.network.settings import Settings
from octant.network.training import train
from support.settings import parse_settings

DOCS = Path(__file__).parents[1] / "docs"
MSE = {"loss": "mse", "hidden": "sigmoid", "output": "sigmoid", "epochs": 1}
CIRCLES = {"dataset": {"name": "circles", "examples": 1000, "noise": 0.1, "test_fraction": 0.2}}
# question, settings, metric, epoch, the answer and how far a machine may be from it, as the pages have it
ANSWERS: list[tuple[int, dict[str, Any], str, int, float, float, str]] = [
    (1, MSE, "test_accuracy", 1, 0.29, 0.03, "29 %"),
    (1, MSE | {"loss": "cross_entropy"}, "test_accuracy", 1, 0.91, 0.03, "91 %"),
    (2, MSE, "gradient_W1", 0, 0.36, 0.005, "0.36"),
    (2, MSE | {"loss": "cross_entropy"}, "gradient_W1", 0, 1.49, 0.005, "1.49"),
    (3, MSE, "gradient_W1", 1, 0.12, 0.01, "0.12"),
    (3, MSE | {"loss": "cross_entropy"}, "gradient_W1", 1, 1.20, 0.06, "1.20"),
    (4, MSE | {"learning_rate": 0.4}, "test_accuracy", 1, 0.86, 0.03, "86 %"),
    (6, MSE | {"hidden": "tanh"}, "gradient_W1", 0, 1.40, 0.005, "1.40"),
    (7, {"hidden": "none"}, "test_accuracy", 30, 0.972, 0.01, "97.2 %"),
    (7, {"hidden": "tanh"}, "test_accuracy", 30, 0.983, 0.01, "98.3 %"),
    (7, CIRCLES | {"hidden": "none"}, "test_accuracy", 30, 0.6, 0.06, "60 %"),
    (7, CIRCLES | {"hidden": "tanh"}, "test_accuracy", 30, 0.98, 0.02, "98 %"),
    (8, {"hidden": "tanh", "epochs": 3}, "saturation_hidden", 0, 0.0, 0.005, "0 %"),
    (8, {"hidden": "tanh", "epochs": 3, "init": "uniform"}, "saturation_hidden", 0, 0.36, 0.01, "36 %"),
    (8, {"hidden": "tanh", "epochs": 3}, "test_accuracy", 3, 0.95, 0.03, "95 %"),
    (8, {"hidden": "tanh", "epochs": 3, "init": "uniform"}, "test_accuracy", 3, 0.89, 0.03, "89 %"),
    (9, {"hidden": "tanh", "learning_rate": 3.0, "epochs": 5}, "test_accuracy", 5, 0.09, 0.03, "9 %"),
    (9, {"hidden": "tanh", "learning_rate": 3.0, "epochs": 5}, "saturation_hidden", 1, 1.0, 0.005, "100 %"),
    (9, {"hidden": "tanh", "learning_rate": 3.0, "epochs": 5}, "gradient_W1", 1, 0.0, 0.01, "0.01"),
]


def sections(name: str) -> dict[int, str]:
    parts = re.split(r"^\*\*(\d+)\. ", (DOCS / name).read_text(), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: f"{each[0]}-{each[2]}-{each[6].split()[0]}")
def test_answers_are_those_of_runs(answer: tuple[int, dict[str, Any], str, int, float, float, str]) -> None:
    question, values, metric, epoch, expected, margin, text = answer
    settings = parse_settings(values)
    assert isinstance(settings, Settings)
    found = next(r for r in train(settings, load(settings.dataset)) if r.epoch == epoch)
    assert found.metrics[metric] == pytest.approx(expected, abs=margin)
    assert all(text in sections(page)[question] for page in ("worksheet.md", "worksheet.ko.md"))


def test_last_answer_is_paired_by_seed() -> None:
    """Of five seeds: the first lead, their mean and its interval, within what another machine may make of it."""
    data = load(parse_settings({}).dataset)
    ends = [[[*train(parse_settings({"loss": loss, "seed": seed}), data)][-1].metrics["test_accuracy"]
             for loss in ("mse", "cross_entropy")] for seed in range(5)]  # fmt: skip
    leads = [100 * (theirs - ours) for ours, theirs in ends]
    low, high = ttest_1samp(leads, 0).confidence_interval(0.95)
    assert leads[0] == pytest.approx(100 / len(data.test), abs=0.6)
    for text, value, margin in (
        ("0.3", leads[0], 0.6),
        ("0.4", sum(leads) / 5, 0.3),
        ("0.1", low, 0.5),
        ("0.8", high, 0.5),
    ):
        assert value == pytest.approx(float(text), abs=margin)
        assert all(text in sections(page)[10] for page in ("worksheet.md", "worksheet.ko.md"))


def test_both_languages_have_the_same_commands() -> None:
    english, korean = (re.findall(r"^    (octant .*)$", (DOCS / page).read_text(), re.MULTILINE)
                       for page in ("worksheet.md", "worksheet.ko.md"))  # fmt: skip
    assert english == korean
    assert len(sections("worksheet.md")) == len(sections("worksheet.ko.md")) == 10
