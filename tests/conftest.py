"""Fixtures that several rooms use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.command import run_octant
from support.warm import Warm

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a job in the background; what the tests start must hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished smoke sweep of 16 runs: its state folder and what it printed."""
    home = tmp_path_factory.mktemp("swept") / "home"
    done = run_octant(home, "experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return home, done.stdout


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """octant's commands without the imports of each."""
    with closing(Warm()) as process:
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    from support.browser import chromium

    with chromium() as opened:
        yield opened
