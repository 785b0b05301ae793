"""Whether a large sweep costs as much a run as a small one: one-epoch digits runs, the launcher's CPU and memory.

    python benchmarks/flat.py              # 104 and 10,000 runs; about 10 minutes on a quiet machine

CPU seconds are the launcher's own, between a tenth and all of the runs being in the store; memory is its resident size
then, before the report. `report`, `doctor` and `sync` are CPU seconds of the whole command, once all is delivered, and
again when `octant pack --yes` has put the journals into one file; `files` are those of the journals.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import processes

RESULTS = Path(__file__).parent / "results" / "flat.csv"
TICK = os.sysconf("SC_CLK_TCK")
COUNT = "select count(*) from runs where status = 'FINISHED'"


def delivered(home: Path) -> int:
    """Runs that the store has in full."""
    try:
        with sqlite3.connect(f"file:{home}/mlflow.db?mode=ro", uri=True, timeout=5) as store:
            return int(store.execute(COUNT).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def launcher(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def sweep(home: Path, seeds: int) -> tuple[float, float]:
    """Milliseconds of the launcher's CPU per run, and its MB at the end of the delivery."""
    words = ["experiment=smoke", "epochs=1", f"seed=range({seeds})"]
    seen: list[tuple[int, float, float]] = []
    with subprocess.Popen([sys.executable, "-m", "octant", *words], env=os.environ | {"OCTANT_HOME": str(home)},
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        while process.poll() is None and (not seen or seen[-1][0] < 8 * seeds):
            if (count := delivered(home)) >= 8 * seeds // 10:
                seen.append((count, *launcher(process.pid)))
            time.sleep(1)
    (first, began, _), (last, ended, size) = seen[0], seen[-1]
    return 1000 * (ended - began) / (last - first), size


def command(home: Path, *words: str) -> float:
    """CPU seconds of a command."""
    return processes.timed([sys.executable, "-m", "octant", *words], {"OCTANT_HOME": str(home)})[1]


def files(home: Path) -> int:
    """Of the journals, in folders and in the pack."""
    return sum(path.is_file() for path in (home / "journal").rglob("*")) + len(list(home.glob("packed.sqlar")))


def main() -> None:
    rows: list[list[object]] = [["what", "runs", "value", "unit", "load"]]
    for seeds in (13, 1250):
        with tempfile.TemporaryDirectory() as folder:
            home, runs = Path(folder), 8 * seeds
            cpu, size = sweep(home, seeds)
            digest = next((home / "sweeps").glob("*.json")).stem.rpartition("-")[2]
            (home / "reports" / f"smoke-{digest}" / ".kept.json").unlink()  # so that it is drawn anew
            found = {"launcher a run": (cpu, "ms CPU"), "launcher's memory": (size, "MB")}
            for words in (("doctor",), ("sync",), ("report", "smoke", "--sweep", digest)):
                found[words[0]] = (command(home, *words), "s CPU")
            found["files"] = (files(home), "")
            found["pack"] = (command(home, "pack", "--yes"), "s CPU")
            found["files, packed"] = (files(home), "")
            for word in ("doctor", "sync"):
                found[f"{word}, packed"] = (command(home, word), "s CPU")
            rows += [[what, runs, f"{value:.1f}", unit, f"{os.getloadavg()[0]:.1f}"]
                     for what, (value, unit) in found.items()]  # fmt: skip
    with RESULTS.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
