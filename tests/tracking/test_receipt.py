"""Receipts on the disk: what earlier octants wrote is read, what makes no sense counts as not told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from octant.runs.disk import Busy
from octant.runs.journal import Journal
from octant.tracking.receipt import Delivery, Receipt, State, place
from octant.tracking.store import Store

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


def test_wish_waits_for_the_sender(tmp_path: Path) -> None:
    """Neither of two that write one receipt loses what the other has written; nobody waits for who hangs."""
    store = Store("sqlite:////x.db", "x")
    delivery = place(store, "x", "s-1", Journal(tmp_path))
    with delivery.lock():
        before = delivery.receipt()
        assert not place(store, "x", "s-1", Journal(tmp_path)).wishes  # it is wished for already
        waits = place(store, "x", "s-2", Journal(tmp_path))
        with pytest.raises(Busy):
            waits.settle()
        assert delivery.receipt() == before
        delivery.save(replace(before, sent=7))
    waits.settle()
    assert (delivery.receipt().sweep, delivery.receipt().sent) == ("s-1 s-2", 7)
    delivery.save(replace(delivery.receipt(), sent=8))
    waits.settle()  # once only
    assert delivery.receipt().sent == 8
    assert not waits.wishes
