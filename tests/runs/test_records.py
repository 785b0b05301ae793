"""Each thing that a trainer's records can have wrong, and the line that says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from octant.errors import InputError
from octant.runs.records import checked
from octant.trainer import Epoch

GOOD = {"loss": 1.0}


class Tensor:
    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        if len(self.values) != 1:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return self.values[0]


def records(*given: Any) -> Iterator[Any]:
    yield from given


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (None, "train returns None; it must be a generator"),
        ([Epoch(1, GOOD)], "train returns a value of type list; it must be a generator"),
        (records(), "the trainer yields no record"),
        (records(GOOD), "the trainer yields a value of type dict; allowed is octant.Epoch"),
        (records(Epoch(2, GOOD)), "the trainer begins with epoch 2; the first is 1, or 0 before training"),
        (records(Epoch(1.5, GOOD)), "the trainer yields epoch 1.5; an epoch's number is a whole number"),  # type: ignore[arg-type]
        (records(Epoch(1, GOOD), Epoch(3, GOOD)), "the trainer yields epoch 3 after epoch 1; number them by one"),
        (records(Epoch(1, GOOD), Epoch(1, GOOD)), "the trainer yields epoch 1 after epoch 1; number them by one"),
        (records(Epoch(1, {"loss": "low"})), "epoch 1: loss is 'low'; a metric is one number"),  # type: ignore[dict-item]
        (records(Epoch(1, {"loss": np.ones(2)})), "epoch 1: loss is a value of type ndarray; a metric is one number"),  # type: ignore[dict-item]
        (records(Epoch(1, {"loss": Tensor(1, 2)})), "epoch 1: loss is a value of type Tensor"),  # type: ignore[dict-item]
        (records(Epoch(1, [1.0])), "epoch 1: metrics is a value of type list; allowed are numbers by name"),  # type: ignore[arg-type]
        (records(Epoch(1)), "epoch 1 has the metrics none"),
        (records(Epoch(1, GOOD), Epoch(2, {"cost": 1.0})), "epoch 2 has the metrics cost; the epochs before it have "),
        (records(Epoch(1, GOOD, {"net": object()})), "state: net is of type object; allowed are arrays, numbers"),
        (records(Epoch(1, GOOD, {"net": {"W": np.ones(2)}})), "state: net is of type dict; allowed are arrays"),
        (records(Epoch(1, GOOD, [1])), "state is of type list"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_wrong_record_is_one_line(given: Any, line: str) -> None:
    with pytest.raises(InputError) as refused:
        list(checked(given))
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [1, 1.0, True, np.float32(1), np.int64(1), np.ones(()), np.ones(1), Tensor(1)])
def test_numbers_of_any_library_are_metrics(value: Any) -> None:
    (record,) = checked(records(Epoch(np.int64(1), {"loss": value})))  # type: ignore[arg-type]
    assert (record.number, record.metrics) == (1, {"loss": 1.0})
    assert type(record.number) is int
    assert type(record.metrics["loss"]) is float


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf"), -np.inf])
def test_metric_not_finite_is_divergence(value: Any) -> None:
    found = list(checked(records(Epoch(1, GOOD), Epoch(2, {"loss": value}), Epoch(3, GOOD))))
    assert [each.diverged for each in found] == [None, f"loss is {float(value)}"]


def test_run_goes_on_where_its_state_was() -> None:
    known = [{"epoch": 1, "metrics": GOOD}, {"epoch": 2, "metrics": GOOD}]
    for first in (1, 2, 3):
        assert [each.number for each in checked(records(Epoch(first, GOOD)), known)] == [first]
    for first in (0, 4):
        with pytest.raises(InputError, match=f"goes on with epoch {first}, the journal ends with epoch 2"):
            list(checked(records(Epoch(first, GOOD)), known))


def test_nothing_may_be_left_to_train() -> None:
    """A run that was killed between its last state and its outcome: a trainer has nothing more to yield."""
    known = [{"epoch": 1, "metrics": GOOD}, {"epoch": 2, "metrics": GOOD}]
    assert list(checked(records(), known, Epoch(2, GOOD))) == [Epoch(2, GOOD)]
    for resumed in (Epoch(1, GOOD), None):
        with pytest.raises(InputError, match="the trainer yields no record"):
            list(checked(records(), known, resumed))


def test_seconds_are_measured_or_given() -> None:
    (first,) = checked(records(Epoch(1, GOOD)))
    (second,) = checked(records(Epoch(1, GOOD, seconds=3.0)))
    assert 0 <= (first.seconds or -1) < 1
    assert second.seconds == 3.0
