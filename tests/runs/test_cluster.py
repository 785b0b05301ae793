"""Sweeps on real clusters: the local sweep's bits, a killed task named and finished, a lost node's runs stored once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from octant import home as places
from octant.errors import InputError
from octant.runs import cluster
from octant.runs.cluster import task
from octant.runs.disk import locked
from octant.runs.run import Outcome
from octant.runs.settings import Cluster, Ray, parse_launch
from octant.runs.sweep import prepare_sweep
from support.command import Database, environment, run_octant
from support.services import Postgres, RayCluster, SlurmCluster, TeamServer, wait_for
from support.settings import settings

SMOKE = ("experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8")
LONG = ("experiment=smoke", "seed=0", "engine=numpy", "hidden_units=16", "batch_size=2", "epochs=80")
ONE_AT_A_TIME = pytest.mark.xdist_group("ray")
OPTIONS: dict[str, Any] = {
    "cluster": "ray", "tasks": 8, "runs_per_task": 100, "minutes_per_run": 1, "memory_mb": 500, "address": "auto",
}  # fmt: skip


@pytest.mark.parametrize(("runs", "sizes"), [(1, [1]), (16, [2] * 8), (20, [3] * 4 + [2] * 4), (1000, [100] * 10)])
def test_batches(runs: int, sizes: list[int]) -> None:
    batches = cluster._batches_of(Ray(**OPTIONS), list(range(runs)))  # type: ignore[arg-type]
    assert [len(batch) for batch in batches] == sizes
    assert sorted(job for batch in batches for job in batch) == list(range(runs))  # type: ignore[type-var, comparison-overlap]


@pytest.mark.parametrize("launcher", ["slurm", "ray"])
def test_missing_extra_is_one_line(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"pip install -e '.*\[{launcher}\]'"):
        cluster.check_installed(Ray(**OPTIONS).model_copy(update={"cluster": launcher}))


@pytest.mark.parametrize("given", ["threads=2", "time_limit=5"])
def test_local_limits_are_refused(given: str, tmp_path: Path) -> None:
    done = run_octant(tmp_path, *SMOKE, "hydra/launcher=ray", given)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "give a cluster's tasks hydra.launcher.minutes_per_run" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [("minutes_per_run=0", "hydra.launcher.minutes_per_run"), ("+task=3", "hydra.launcher.task"), ("tasks=x", "tasks")],
)
def test_wrong_option_is_one_line(given: str, said: str, tmp_path: Path) -> None:
    plus = "+" if given.startswith("+") else ""
    done = run_octant(tmp_path, *SMOKE, "hydra/launcher=ray", f"{plus}hydra.launcher.{given.removeprefix('+')}")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_node_without_folder_or_locks_refuses(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="does not see"):
        task.run_batch(str(tmp_path), 0)
    task.write_batch(tmp_path, 0, Ray(**OPTIONS), [type("Run", (), {"state": "x", "identity": {}})])  # type: ignore[list-item]
    with pytest.raises(RuntimeError, match="flock does not reach"):
        task.run_batch(str(tmp_path), 0)
    with locked(tmp_path / "lock"), pytest.raises(KeyError):
        task.run_batch(str(tmp_path), 0)  # it goes on, to runs that are none


def test_run_that_takes_too_long_ends(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="minutes_per_run"), task._at_most(0.001):
        signal.pause()
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


class Submitted:
    """A task in a process of this machine."""

    def __init__(self, folder: Path) -> None:
        code = f"from octant.runs.cluster import task; task.run_batch({str(folder)!r}, 0)"
        self.process = subprocess.Popen([sys.executable, "-c", code], env=environment(folder.parents[1]))

    def ended(self) -> dict[int, str]:
        return {} if self.process.poll() is None else {0: "completed"}

    def close(self) -> None:
        assert self.process.wait(60) == 0


def test_held_run_is_told_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(places, "state", lambda: tmp_path)
    third = cluster._Launcher(lambda options, folder, sizes: Submitted(folder), "octant")
    monkeypatch.setitem(cluster.LAUNCHERS, "here", third)
    values = settings(hidden_units=3, epochs=1, batch_size=100).model_dump() | {"experiment": {"name": "x"}}
    launches = [parse_launch(values | {"seed": seed, "tracking": {}}) for seed in (0, 1)]
    held, free = prepare_sweep(launches, "octant").runs
    options = Cluster(cluster="here", tasks=1, runs_per_task=100, minutes_per_run=0.03, memory_mb=500)
    with held.journal.lock():
        endings = {each[0].settings.seed: each[1] for each in cluster.train_on(options, [held, free]) if each}
    assert endings[1].outcome is Outcome.FINISHED
    assert endings[0].outcome is Outcome.FAILED
    assert f"{held.journal.folder}/lock for longer than minutes_per_run=0.03" in endings[0].reason
    assert capsys.readouterr().err == (
        f"octant: waiting for the process that trains {held.name}: it holds {held.journal.folder}/lock\n"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    postgres = Postgres(tmp_path_factory.mktemp("postgres"))
    with closing(postgres):
        postgres.start()
        with closing(TeamServer(tmp_path_factory.mktemp("server"), postgres, "cluster")) as service:
            service.start()
            yield service


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The store of the longer sweep as this machine makes it."""
    home = tmp_path_factory.mktemp("golden")
    done = run_octant(home, *LONG)
    assert done.returncode == 0, done.stderr
    return Database(home)


@pytest.fixture(params=[SlurmCluster, pytest.param(RayCluster, marks=ONE_AT_A_TIME)])
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SlurmCluster | RayCluster]:
    with closing(request.param(tmp_path / "nodes")) as service:
        service.start()
        yield service


def launcher(nodes: SlurmCluster | RayCluster) -> tuple[str, ...]:
    if isinstance(nodes, SlurmCluster):
        return ("hydra/launcher=slurm", "hydra.launcher.tasks=2")
    return ("hydra/launcher=ray", f"hydra.launcher.address={nodes.address}", "hydra.launcher.tasks=2")


def forget(server: TeamServer) -> None:
    server.query("update runs set lifecycle_stage = 'deleted'")


@pytest.mark.slow
@pytest.mark.services
def test_cluster_gives_local_bits_and_finishes(
    nodes: SlurmCluster | RayCluster, server: TeamServer, swept: tuple[Path, str], golden: Database, tmp_path: Path
) -> None:
    forget(server)
    home, where = tmp_path / "home", {**server.clients, **nodes.clients}
    done = run_octant(home, *SMOKE, *launcher(nodes), "tracking=server", **where)
    assert done.returncode == 0, done.stderr
    assert "16 trained" in done.stdout
    assert server.statuses() == {"FINISHED": 16}
    assert server.histories() == Database(swept[0]).histories()
    assert not list((home / "tasks").iterdir())

    forget(server)
    process = subprocess.Popen(
        [sys.executable, "-m", "octant", *LONG, *launcher(nodes), "tracking=server"],
        env=environment(home, **where), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    victim = wait_for(lambda: holders(home), 90, "a run under way")[0]
    os.kill(victim, signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1, said
    assert "its task ended" in said
    assert "seed=" in said
    assert "Traceback" not in said
    again = run_octant(home, *LONG, *launcher(nodes), "tracking=server", **where)
    assert again.returncode == 0, again.stderr
    assert server.statuses() == {"FINISHED": 8}
    assert server.histories() == golden.histories()


def holders(home: Path) -> list[int]:
    """The process ids, from the kernel's list of locks, of the tasks that train a run now."""
    inodes = {path.parent / "lock" for path in (home / "journal").glob("*/epochs.jsonl")}
    wanted = {str(path.stat().st_ino) for path in inodes if path.exists()}
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
    return sorted({int(fields[4]) for fields in held if fields[5].split(":")[-1] in wanted})


@pytest.mark.slow
@pytest.mark.services
@ONE_AT_A_TIME
def test_lost_ray_node_loses_no_run(server: TeamServer, golden: Database, tmp_path: Path) -> None:
    forget(server)
    with closing(RayCluster(tmp_path / "nodes")) as nodes:
        nodes.start()
        home, where = tmp_path / "home", {**server.clients, **nodes.clients}
        command = [sys.executable, "-m", "octant", *LONG, *launcher(nodes), "tracking=server"]
        process = subprocess.Popen(
            command, env=environment(home, **where), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for(lambda: len(holders(home)) == 2, 90, "a run under way on each node")
        nodes.lose_the_second_node()
        _, said = process.communicate(timeout=300)
        assert "Traceback" not in said
        assert process.returncode == 1, said
        again = run_octant(home, *LONG, *launcher(nodes), "tracking=server", **where)
        assert again.returncode == 0, again.stderr
        assert server.statuses() == {"FINISHED": 8}
        assert server.histories() == golden.histories()
