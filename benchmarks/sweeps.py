"""What a tracked run costs beyond its training, how that grows, and how long whole sweeps take.

    python benchmarks/sweeps.py            # needs a quiet machine; about 5 minutes, 10 with OCTANT_MNIST

Every figure is a wall time of the real command line in a fresh state folder. The cost of a run is the sweep's time
less its training (the journals' own seconds, spread over the workers), divided by the number of runs.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
WORKERS = len(os.sched_getaffinity(0))
ONE_EPOCH = ("experiment=smoke", "epochs=1", "loss=cross_entropy", "hidden=sigmoid", "output=softmax")


def octant(home: Path, *arguments: str) -> float:
    """Run the command line; seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "octant", *arguments]
    done = subprocess.run(command, env=os.environ | {"OCTANT_HOME": str(home)}, capture_output=True, text=True)
    if done.returncode not in (0, 2):
        raise SystemExit(done.stderr)
    return time.perf_counter() - began


def training(home: Path) -> float:
    """Seconds of training that the journals tell of."""
    lines = (line for path in (home / "journal").glob("*/epochs.jsonl") for line in path.read_text().splitlines())
    return sum(json.loads(line).get("seconds", 0.0) for line in lines)


def cost_of_a_run(runs: int) -> dict[str, object]:
    """A sweep of `runs` one-epoch digits runs with a warm data and compile cache."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        octant(home, "epochs=1", "seed=999999")
        base = training(home)
        seconds = octant(home, *ONE_EPOCH, f"seed=range({runs})")
        spent = (training(home) - base) / WORKERS
        return row(
            "tracked one-epoch runs", runs, seconds, f"{1000 * (seconds - spent) / runs:.0f} ms a run beyond training"
        )


class Memory(threading.Thread):
    """Largest resident size, in MB, of any process that works for `home`, and their largest sum of private memory."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._mark, self.largest, self.private, self._on = f"OCTANT_HOME={home}\0".encode(), 0.0, 0.0, True

    def run(self) -> None:
        while self._on:
            private = 0.0
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if (
                        self._mark in (entry / "environ").read_bytes()
                        and b"forkserver" in (entry / "cmdline").read_bytes()
                    ):
                        facts = dict(
                            line.split(":", 1) for line in (entry / "smaps_rollup").read_text().splitlines()[1:]
                        )
                        self.largest = max(self.largest, int(facts["Rss"].split()[0]) / 1024)
                        private += int(facts["Private_Dirty"].split()[0]) / 1024
                except (OSError, KeyError, ValueError):
                    continue
            self.private = max(self.private, private)
            time.sleep(0.5)

    def stop(self) -> None:
        self._on = False
        self.join()


def row(what: str, runs: int, seconds: float, note: str = "") -> dict[str, object]:
    print(f"{what:38} {runs:5} runs {seconds:8.2f} s  {note}", flush=True)
    return {"what": what, "runs": runs, "seconds": round(seconds, 3), "note": note}


def answers() -> list[dict[str, object]]:
    """How long the command line takes to say something; medians of five."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            row(what, 0, statistics.median(octant(Path(folder), *arguments) for _ in range(5)), "median of 5")
            for what, arguments in {
                "octant --help": ("--help",),
                "a config error": ("learning_rate=-1",),
                "a misspelt word": ("loss=msee",),
                "an error in a sweep": ("experiment=factorial", "learning_rate=-1"),
            }.items()
        ]


def digits() -> list[dict[str, object]]:
    """`make sweep` once installed: everything cold, then nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder) / "numba")
        cold = row("factorial, cold compile cache", 80, octant(home, "experiment=factorial"))
        again = row("factorial again, nothing to train", 80, octant(home, "experiment=factorial"))
        del os.environ["NUMBA_CACHE_DIR"]
        return [cold, again]


def mnist(root: str) -> list[dict[str, object]]:
    """The eight on MNIST, one example at a time, 30 epochs, both evaluations every epoch, warm cache."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        octant(home, "dataset=mnist", f"dataset.root={root}", "dtype=float32", "epochs=1", "batch_size=1000")
        memory = Memory(home)
        memory.start()
        seconds = octant(home, "experiment=mnist", "seed=0", f"dataset.root={root}")
        memory.stop()
        note = f"largest worker {memory.largest:.0f} MB resident, all workers' private memory {memory.private:.0f} MB"
        return [row("mnist, 30 epochs, batch 1", 8, seconds, note)]


def main() -> None:
    rows = answers()
    rows += [cost_of_a_run(runs) for runs in (10, 50, 200, 1000)]
    rows += digits()
    if root := os.environ.get("OCTANT_MNIST"):
        rows += mnist(root)
    else:
        print("mnist: skipped, OCTANT_MNIST does not name a folder with its four files")
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "sweeps.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["what", "runs", "seconds", "note"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
