"""Training time with the tracking server stopped and started twice in mid-sweep, against the server left alone.

    python benchmarks/outage.py [rounds]

One worker trains 16 runs of 60 epochs while a real MLflow server has the other core. Training time is the journals':
from each run's first line to its last. The two kinds of sweep take turns; printed are all times and the ratio of the
medians.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.command import Database, run_octant
from tracking.test_outage import Server, times, with_two_outages

SWEEP = ("experiment=smoke", "engine=numpy", "hidden_units=16", "batch_size=2", "epochs=60", "workers=1")


def seconds(home: Path) -> float:
    return sum(run[-1] - run[0] for run in times(home)) / 1000


def calm(server: Server, home: Path) -> float:
    done = run_octant(home, *SWEEP, "tracking=server", MLFLOW_TRACKING_URI=server.address)
    assert done.returncode == 0, done.stderr
    return seconds(home)


def disturbed(server: Server, home: Path) -> float:
    code, said = with_two_outages(server, home, *SWEEP)
    assert code in (0, 75), said
    sync = run_octant(home, "sync", MLFLOW_TRACKING_URI=server.address)
    assert sync.returncode == 0, sync.stderr
    assert Database(server.folder).statuses() == {"FINISHED": 16}
    return seconds(home)


def main() -> None:
    found: dict[str, list[float]] = {"left alone": [], "two outages": []}
    for each in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        for (name, taken), measure in zip(found.items(), (calm, disturbed), strict=True):
            with tempfile.TemporaryDirectory() as folder, closing(Server(Path(folder) / "server")) as server:
                server.start()
                taken.append(measure(server, Path(folder) / "home"))
                print(f"round {each + 1}, {name}: {taken[-1]:.2f} s", flush=True)
    alone, disturbed_times = map(median, found.values())
    print(
        f"medians: {alone:.2f} s left alone, {disturbed_times:.2f} s with two outages, x{disturbed_times / alone:.3f}"
    )


if __name__ == "__main__":
    main()
