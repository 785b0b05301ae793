"""What the diagnostics of each epoch cost: CPU of whole runs, journal and checkpoints included, with and without.

    python benchmarks/diagnostics.py       # MNIST too, where OCTANT_MNIST names its folder

Runs with and without take turns, with one thread for BLAS as in a worker; the ratio is the median of the rounds'
ratios. The table is results/diagnostics.csv.
"""

from __future__ import annotations

import csv
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from octant import home
from octant.network.settings import DataSettings, Settings
from octant.runs.settings import parse_launch
from octant.runs.sweep import prepare_sweep
from octant.runs.worker import execute

RESULTS = Path(__file__).parent / "results" / "diagnostics.csv"
ROUNDS = 9
BAR = {"digits": 1.15, "mnist": 1.05}


def seconds(settings: Settings, cache: Path) -> float:
    """CPU time of one run in a state folder of its own, which shares the cache of decoded data."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cache").symlink_to(cache)
        home.use(Path(folder))
        launch = parse_launch(settings.model_dump() | {"experiment": {"name": "x"}, "tracking": {}})
        (run,) = prepare_sweep([launch], "octant").runs
        began = time.process_time()
        execute(run)
        return time.process_time() - began


def row(name: str, settings: Settings, rounds: int) -> dict[str, Any]:
    """One data set's line."""
    with tempfile.TemporaryDirectory() as cache:
        both = [settings.model_copy(update={"diagnostics": on}) for on in (True, False)]
        for each in both:
            seconds(each, Path(cache))
        measured = [[seconds(each, Path(cache)) for each in both] for _ in range(rounds)]
    ratio = statistics.median(on / off for on, off in measured)
    on, off = (statistics.median(column) for column in zip(*measured, strict=True))
    return {"run": name, "with, s": f"{on:.3f}", "without, s": f"{off:.3f}", "ratio": f"{ratio:.3f}",
            "bar": BAR[name], "reached": "yes" if ratio <= BAR[name] else "no"}  # fmt: skip


def rows() -> Iterator[dict[str, Any]]:
    """The digits as factorial has them, MNIST for three epochs."""
    yield row("digits", Settings(), ROUNDS)
    if root := os.environ.get("OCTANT_MNIST"):
        mnist = DataSettings(name="mnist", root=root)
        yield row("mnist", Settings(dataset=mnist, epochs=3), 3)


if __name__ == "__main__":
    with threadpool_limits(1):  # as in a worker of octant's
        found = list(rows())
    with RESULTS.open("w", newline="") as file:
        table = csv.DictWriter(file, found[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(found)
    print(RESULTS.read_text())
