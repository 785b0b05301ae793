"""A GPU for each worker: none is taken twice while there are free ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from octant.runs import devices


def test_each_worker_takes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VARIABLE, "3, 5")
    gpus, seen, locks = devices.visible(), [], []
    for _ in range(3):
        locks.append(devices.take_one(tmp_path, gpus))
        seen.append(os.environ[devices.VARIABLE])
    assert (gpus, seen) == (["3", "5"], ["3", "5", "3"])
    os.close(locks[1] or 0)  # its worker has ended
    locks[1] = devices.take_one(tmp_path, gpus)
    assert os.environ[devices.VARIABLE] == "5"
    for lock in locks:
        os.close(lock or 0)


def test_single_gpu_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VARIABLE, "7")
    assert devices.take_one(tmp_path, devices.visible()) is None
    assert os.environ[devices.VARIABLE] == "7"
    monkeypatch.setenv(devices.VARIABLE, "")
    assert devices.visible() == []
