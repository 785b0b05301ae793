"""Runs a minute into the team's server on PostgreSQL, and into SQLite, from 8 launches side by side.

    python benchmarks/server.py [runs]     # needs the extra server and PostgreSQL; `octant server` itself is measured

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
from contextlib import closing, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.command import environment, run_octant
from support.services import Postgres, TeamServer, descendants

LAUNCHES = 8
SWEEP = ("experiment=smoke", "epochs=1", "engine=numpy", "workers=1", "loss=cross_entropy", "hidden=tanh",
         "output=softmax")  # fmt: skip
FINISHED = "select count(*) from runs where status = 'FINISHED' and run_uuid not in " \
           "(select run_uuid from tags where key = 'report_of')"  # fmt: skip


def cost(root: int) -> tuple[float, float]:
    """(CPU seconds, MB resident) of a process and its descendants; the CPU of those that are gone is counted too."""
    cpu = memory = 0.0
    for pid in (root, *descendants([root])):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            cpu += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return cpu, memory


def launches(home: Path, runs: int, *more: str, **env: str) -> float:
    """Seconds until all launches are over; a failed one is told."""
    each, began, children = runs // LAUNCHES, time.perf_counter(), []
    for number in range(LAUNCHES):
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


def afterwards(home: Path, runs: int, *more: str, uri: str, **env: str) -> None:
    """The same runs as one sweep, for which they are tagged anew; then its report alone, from the store."""
    began = time.perf_counter()
    done = run_octant(home, *SWEEP, f"seed=range({runs // LAUNCHES * LAUNCHES})", *more, **env)
    swept = time.perf_counter()
    report = run_octant(home, "report", "smoke", "--uri", uri, **env)
    ended = time.perf_counter()
    assert (done.returncode, report.returncode) == (0, 0), done.stderr + report.stderr
    said = (
        f"{done.stdout.splitlines()[0]}, {swept - began:.0f} s with the report; the report alone {ended - swept:.0f} s"
    )
    print(f"{said} (one epoch a run)", flush=True)


def measured(what: str, runs: int, stored: int, seconds: float, costs: str, size: float) -> None:
    """A line of the table."""
    line = f"{stored} of {runs} | {seconds:.0f} s | {60 * stored / seconds:.0f} | {costs} | {size / stored / 1024:.1f}"
    print(f"| {what} | {line} |", flush=True)


def sqlite_file(root: Path, runs: int) -> None:
    shared = root / "sqlite"
    seconds = launches(shared, runs)
    with closing(sqlite3.connect(shared / "mlflow.db")) as link:
        (stored,) = link.execute(FINISHED).fetchone()
    measured("SQLite", runs, stored, seconds, "|", (shared / "mlflow.db").stat().st_size)
    afterwards(shared, runs, uri=f"sqlite:///{shared / 'mlflow.db'}")


def team_server(root: Path, runs: int) -> None:
    with closing(Postgres(root / "postgres")) as postgres:
        postgres.start()
        with closing(TeamServer(root / "server", postgres, "bench")) as server:
            server.start()
            mlflow = int(subprocess.check_output(["pgrep", "-P", str(server.children[0].pid)]).split()[0])
            roots = (mlflow, postgres.children[0].pid)
            before = [cost(each)[0] for each in roots]
            seconds = launches(root / "home", runs, "tracking=server", **server.clients)
            after = [cost(each) for each in roots]
            stored = int(str(server.query(FINISHED)[0][0]))
            spent = [1000 * (cpu - early) / stored for (cpu, _), early in zip(after, before, strict=True)]
            costs = (
                f"MLflow {spent[0]:.0f}, PostgreSQL {spent[1]:.0f} ms a run | "
                f"MLflow {after[0][1]:.0f}, PostgreSQL {after[1][1]:.0f} MB"
            )
            size = int(str(server.query("select pg_database_size('bench')")[0][0]))
            measured("PostgreSQL server", runs, stored, seconds, costs, size)
            afterwards(root / "home", runs, "tracking=server", uri=server.address, **server.clients)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    head = "| store | stored | wall time | runs a minute | CPU | memory | KB a run |"
    print(head, "| --- " * head.count(" | ") + "| --- |", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sqlite_file(Path(folder), runs)
        team_server(Path(folder), runs)


if __name__ == "__main__":
    main()
