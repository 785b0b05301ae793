"""The examples train, each in this process; PyTorch's where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import octant
from octant.runs.records import checked
from octant.trainer import trainer

EXAMPLES = Path(__file__).parents[2] / "examples"
ALL = sorted(path.stem for path in EXAMPLES.glob("*.py"))
with_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
MARKED = [pytest.param(name, marks=with_torch) if "torch" in name else name for name in ALL]


def test_examples_are_short() -> None:
    assert set(ALL) == {"digits_forest", "digits_numpy", "digits_sgd", "digits_torch"}
    for name in ALL:
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 60, name
        assert f"{name}.py" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", MARKED)
def test_example_learns(name: str) -> None:
    settings = {} if name == "digits_forest" else {"epochs": 3}
    frame = octant.train(str(EXAMPLES / f"{name}.py"), **settings)
    assert frame["test_accuracy"].iloc[-1] > 0.8


@pytest.mark.parametrize("name", [each for each in MARKED if each != "digits_forest"])
def test_example_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    """From its state as the journal stores it."""
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
