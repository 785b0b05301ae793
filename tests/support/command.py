"""octant's command line in a state folder of its own, and what it left there."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path


def environment(home: Path, **more: str) -> dict[str, str]:
    """A stranger's environment: nothing of the developer's, state in `home`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "OCTANT_MNIST") if name in os.environ}
    return kept | {"OCTANT_HOME": str(home)} | more


def run_octant(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m octant ...` to its end."""
    command = [sys.executable, "-m", "octant", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(home, **more), check=False)


def run_here(home: Path, *words: str) -> int:
    """Run the command line in this process, which saves its start; returns the exit code."""
    from octant.cli import main
    from octant.tracking import launching

    before = (sys.argv[:], signal.getsignal(signal.SIGINT), os.environ.get("OCTANT_HOME"))
    os.environ["OCTANT_HOME"] = str(home)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, when it is first used
            return main.run(words)
    finally:
        launching.launches.clear()
        launching.commands.clear()
        sys.argv[:], handler, folder = before
        signal.signal(signal.SIGINT, handler)
        os.environ.pop("OCTANT_HOME") if folder is None else os.environ.update(OCTANT_HOME=folder)


class Runs:
    """MLflow's tables, read without MLflow: an independent look at what was logged."""

    def query(self, text: str) -> list[tuple[object, ...]]:
        """All rows of a SELECT."""
        raise NotImplementedError

    def histories(self) -> dict[tuple[str, str], list[tuple[int, float]]]:
        """(fingerprint, metric) -> [(step, value), ...] of active runs, without durations."""
        rows = self.query(
            "select t.value, m.key, m.step, m.value from metrics m join runs r using (run_uuid) "
            "join tags t on t.run_uuid = r.run_uuid and t.key = 'fingerprint' "
            "where r.lifecycle_stage = 'active' and m.key not like 'system/%' order by 1, 2, 3, 4"
        )
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for fingerprint, key, step, value in rows:
            found.setdefault((str(fingerprint), str(key)), []).append((int(str(step)), float(str(value))))
        return found

    def statuses(self) -> dict[str, int]:
        """Status -> number of active runs, without those that hold a report or a mean."""
        rows = self.query(
            "select status, count(*) from runs where lifecycle_stage = 'active' "
            "and run_uuid not in (select run_uuid from tags where key = 'kind') group by 1"
        )
        return {str(status): int(str(count)) for status, count in rows}


class Database(Runs):
    """The tables of a SQLite store."""

    def __init__(self, home: Path) -> None:
        self._path = home / "mlflow.db"

    def query(self, text: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self._path}?mode=ro", uri=True) as connection:
            rows = connection.execute(text).fetchall()
        connection.close()
        return rows
