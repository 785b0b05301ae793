"""Runs a minute into the team's server on PostgreSQL, and into SQLite, from 8 launches side by side.

    python benchmarks/server.py [runs]     # needs octant[server] and PostgreSQL; `make server` itself is measured

Every launch trains one-epoch runs on the digits and delivers them. Printed as markdown: wall time until the store
has every run, requests' cost on the server (CPU, resident memory with its workers), size of the store a run.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from conftest import environment
from services import Postgres, TeamServer

LAUNCHES = 8
SWEEP = ("experiment=smoke", "epochs=1", "engine=numpy", "workers=1", "loss=cross_entropy", "hidden=tanh",
         "output=softmax")  # fmt: skip
FINISHED = "select count(*) from runs where status = 'FINISHED' and run_uuid not in " \
           "(select run_uuid from tags where key = 'report_of')"  # fmt: skip


def group(leader: int) -> tuple[float, float]:
    """(CPU seconds, MB resident) of the live processes in a session."""
    cpu = memory = 0.0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return cpu, memory


def launches(root: Path, runs: int, *more: str, shared: Path | None = None, **env: str) -> float:
    """Seconds until all launches are over; a failed one ends the benchmark."""
    each, began, children = runs // LAUNCHES, time.perf_counter(), []
    for number in range(LAUNCHES):
        home = shared or root / f"home-{number}"
        seeds = f"seed=range({number * each},{(number + 1) * each})"
        command = [sys.executable, "-m", "octant", *SWEEP, seeds, *more]
        quiet = {"OPENBLAS_NUM_THREADS": "1", **env}
        children.append(
            subprocess.Popen(command, env=environment(home, **quiet), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        )
    for child in children:
        _, said = child.communicate()
        print(f"exit code {child.returncode} {said.decode()[-300:]}" if child.returncode else "", end="", flush=True)
    return time.perf_counter() - began


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shared = root / "sqlite"
        seconds = launches(root, runs, shared=shared)
        with sqlite3.connect(shared / "mlflow.db") as link:
            (stored,) = link.execute(FINISHED).fetchone()
        size = (shared / "mlflow.db").stat().st_size / stored / 1024
        print(
            f"| SQLite | {stored} of {runs} | {seconds:.0f} s | {60 * stored / seconds:.0f} | | | {size:.1f} |",
            flush=True,
        )
        postgres = Postgres(root / "postgres")
        postgres.start()
        server = TeamServer(root / "server", postgres, "bench")
        server.start()
        pid = int(subprocess.check_output(["pgrep", "-P", str(server.children[0].pid)]).split()[0])
        cpu, _ = group(pid)
        seconds = launches(root, runs, "tracking=server", **server.clients)
        stored = int(str(server.query(FINISHED)[0][0]))
        spent, memory = group(pid)
        size = int(str(server.query("select pg_database_size('bench')")[0][0])) / max(stored, 1) / 1024
        print(
            f"| PostgreSQL server | {stored} of {runs} | {seconds:.0f} s | {60 * stored / seconds:.0f} | "
            f"{1000 * (spent - cpu) / max(stored, 1):.0f} ms a run | {memory:.0f} MB | {size:.1f} |",
            flush=True,
        )
        server.stop()
        postgres.stop()


if __name__ == "__main__":
    main()
