"""The metrics that the network announces are those of its records."""

from __future__ import annotations

from typing import Any

import pytest

from octant.models.trainer import TRAINER
from support.settings import DIGITS, settings

KINDS: list[dict[str, Any]] = [
    {},
    {"hidden": "none"},
    {"diagnostics": False},
    {"dataset": DIGITS | {"validation_fraction": 0.0}},
]


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_announced_metrics_are_logged(changes: dict[str, Any]) -> None:
    chosen = settings(epochs=1, **changes)
    for record in TRAINER.train(chosen, None):
        assert set(record.metrics) == set(TRAINER.metrics(chosen))
