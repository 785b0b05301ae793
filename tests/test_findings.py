"""The findings in experiments/ and the README: every number that a sentence quotes is a table's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ["factorial", "tuned", "mnist", "mnist-tuned", "lecture"]
RESULTS = ROOT / "benchmarks" / "results"


def quoted(page: str) -> set[str]:
    """Numbers with two decimals in the answer and in the sentence on effects."""
    lines = [line for line in page.splitlines() if line.startswith(("**Answer.", "**At one", "On average"))]
    return set(re.findall(r"[+-]?\d+\.\d\d", "\n".join(lines)))


def tabled(folder: Path) -> set[str]:
    """Every number of the folder's csv files, with two decimals, with and without its sign."""
    frames = [pd.read_csv(folder / f"{name}.csv") for name in ("configurations", "effects", "pairs")]
    numbers = np.concatenate([frame.select_dtypes("number").to_numpy().ravel() for frame in frames])
    return {form.format(number) for number in numbers for form in ("{:.2f}", "{:+.2f}")}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("page", ["README.md", "report.md"])
def test_every_number_of_the_answer_is_in_the_tables(name: str, page: str) -> None:
    folder = ROOT / "experiments" / name
    numbers = quoted((folder / page).read_text())
    assert len(numbers) >= 2
    assert numbers <= tabled(folder), numbers - tabled(folder)


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
