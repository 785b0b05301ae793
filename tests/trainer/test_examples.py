"""The examples train, each in this process, and answer one question together."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import octant
from octant.runs.records import checked
from octant.trainer import trainer
from support.command import Database, environment, run_here
from support.examples import EXAMPLES, marked, need

ALL = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_examples_are_short() -> None:
    assert set(ALL) == {"digits_forest", "digits_numpy", "digits_sgd", "digits_torch"}
    for name in ALL:
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 60, name
        assert f"{name}.py" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", marked(ALL))
def test_example_learns(name: str) -> None:
    need(name)
    settings = {} if name == "digits_forest" else {"epochs": 3}
    frame = octant.train(str(EXAMPLES / f"{name}.py"), **settings)
    assert frame["test_accuracy"].iloc[-1] > 0.8


@pytest.mark.parametrize("name", marked(each for each in ALL if each != "digits_forest"))
def test_example_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    """From its state as the journal stores it."""
    need(name)
    from octant.runs.journal import Journal

    found = trainer(str(EXAMPLES / f"{name}.py"))
    values = found.parse({"epochs": 3})
    journal = Journal(tmp_path)
    numbers: list[Any] = []
    for record in checked(found.train(values, None)):
        numbers.append(record.metrics)
        if record.number == 1:
            journal.checkpoint(1, record.state or {}, force=True)
    saved = journal.load_checkpoint()
    assert saved is not None
    assert [each.metrics for each in checked(found.train(values, saved[1]), [{"epoch": 1, "metrics": numbers[0]}])] == (
        numbers[1:]
    )


@pytest.mark.parametrize("third", marked(["digits_forest", "digits_torch"]))
def test_three_trainers_answer_one_question(third: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NumPy, scikit-learn and a third: by a command each into one experiment, then compared (docs/trainers.md)."""
    need(third)
    home, trainers = tmp_path / "home", ["digits_numpy", "digits_sgd", third]
    here = environment(home, PYTHONPATH=str(Path(octant.__file__).parents[1]))
    for name in trainers:
        words = [f"{name}.py", "-m", "seed=range(5)", "experiment.name=three"]
        done = subprocess.run(
            [sys.executable, *words], cwd=EXAMPLES, env=here, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    compare = ["compare", "--experiment", "three", "--compare", "trainer"]
    assert run_here(home, *compare, "--endpoint", "test_accuracy", "--out", str(tmp_path / "page")) == 0
    answer = capsys.readouterr().out
    assert answer.startswith("compared: trainer; repeated: seed (5); endpoint: test_accuracy")
    shown = dict(re.findall(r"trainer=(\w+) +([\d.]+) .* 5 +0$", answer, re.M))
    rows = Database(home).query(
        "select t.value, avg(m.value) from latest_metrics m join tags t using (run_uuid) "
        "where t.key = 'trainer' and m.key = 'test_accuracy' group by 1 order by 2 desc"
    )
    assert [*shown.items()] == [(name, f"{100 * float(str(mean)):.2f}") for name, mean in rows]
    assert set(shown) == set(trainers)
    headline = answer.split("\n\n")[2]
    assert str(rows[0][0]) in headline
    assert "of the 3 configurations" in headline
    assert "They may be what makes the difference" in answer
    page = (tmp_path / "page" / "report.html").read_text()
    assert all(name in page for name in trainers)
    assert run_here(home, "report", "three") == 0
    assert f"octant {' '.join(compare)}" in capsys.readouterr().out
