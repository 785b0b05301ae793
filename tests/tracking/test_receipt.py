"""Receipts on the disk: what earlier octants wrote is read, what makes no sense counts as not told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octant.runs.journal import Journal
from octant.tracking.receipt import Delivery, Receipt, State

OLD = {"store": "local", "experiment": "x", "sweep": "s", "tagged": "s", "sent": 3, "status": "FINISHED",
       "run_id": "r", "trash": []}  # fmt: skip


def read(folder: Path, told: dict[str, object]) -> Receipt:
    delivery = Delivery(Journal(folder), "key")
    delivery.path.write_text(json.dumps(told))
    return delivery.receipt()


def test_old_receipts_are_read(tmp_path: Path) -> None:
    receipt = read(tmp_path, OLD)
    assert receipt == Receipt("local", "x", "s", "s", State.FINISHED, 3, run_id="r")
    assert receipt.is_final
    fresh = read(tmp_path, {"store": "local", "experiment": "x", "status": None, "run_id": None})
    assert (fresh.status, fresh.is_new) == (State.WANTED, True)


@pytest.mark.parametrize("wrong", [{"sent": "none"}, {"status": "DONE"}, {"run_id": 1}, {"trash": "r"}])
def test_nonsense_counts_as_untold(wrong: dict[str, object], tmp_path: Path) -> None:
    (name,) = wrong
    receipt = read(tmp_path, OLD | wrong)
    assert getattr(receipt, name) == getattr(Receipt(), name)
    assert receipt.experiment == "x"


@pytest.mark.parametrize("change", [{"status": "KILLED"}, {"tagged": "other"}, {"trash": ["r0"]}, {"run_id": None}])
def test_what_is_owed_is_not_final(change: dict[str, object], tmp_path: Path) -> None:
    assert not read(tmp_path, OLD | change).is_final


def test_receipts_survive_the_disk(tmp_path: Path) -> None:
    delivery = Delivery(Journal(tmp_path), "key")
    receipt = Receipt("local", "x", "s", status=State.KILLED, sent=2, trash=("a", "b"))
    delivery.save(receipt)
    assert delivery.receipt() == receipt
