"""Real services for the tests, on 127.0.0.1: each in a folder of its own, each stopped by its own process id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest

from octant import home as places
from support.command import Runs, environment

ADMIN, PASSWORD = "ann", "a-password-for-tests"
PLACES = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
)


def missing(what: str) -> NoReturn:
    """Skip and say what is missing; a failure where OCTANT_SERVICES=1 says that all are there."""
    if os.environ.get("OCTANT_SERVICES") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")


def program(name: str, package: str) -> str:
    """Path of a program of a Debian package."""
    return shutil.which(name, path=PLACES) or missing(f"{name} (apt-get install {package})")


def need_python(module: str, extra: str) -> None:
    """Demand an optional package of octant's."""
    if find_spec(module) is None:
        missing(f"{module} ({places.install(extra)})")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(happened: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of `happened`."""
    deadline = time.monotonic() + seconds
    while not (answer := happened()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return answer


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def descendants(roots: list[int]) -> list[int]:
    """The live processes that descend from others."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rsplit(")", 1)[1].split()[1])
    found, new = set[int](), set(roots)
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return sorted(found)


class Service:
    """Child processes, each the leader of a group of its own, and their common log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.children: list[subprocess.Popen[bytes]] = []

    def spawn(self, *command: object, env: dict[str, str] | None = None, **more: Any) -> subprocess.Popen[bytes]:
        with (self.folder / "service.log").open("ab") as log:
            child = subprocess.Popen(
                list(map(str, command)), env=env, stdout=log, stderr=log, start_new_session=True, **more
            )
        self.children.append(child)
        return child

    def log(self) -> str:
        return (self.folder / "service.log").read_text(errors="replace")

    def stop(self) -> None:
        """End every child, the last one first: politely, then its group."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        self.children.clear()

    def close(self) -> None:
        """For contextlib.closing: stop also after a start that failed."""
        self.stop()


class Postgres(Service):
    """A PostgreSQL cluster of its own, run by an unprivileged user, with a password."""

    def __init__(self, folder: Path) -> None:
        initdb = program("initdb", "postgresql")
        need_python("psycopg2", "server")
        super().__init__(folder)
        # It refuses to run as root.
        self.who: dict[str, Any] = (
            {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        )
        self.data, self.port = folder / "data", free_port()
        password = folder / "password"
        password.write_text(PASSWORD)
        if self.who:
            for path in (folder, password):
                shutil.chown(path, "nobody", "nogroup")
            _open_the_way(folder)
        subprocess.run(
            [initdb, "-D", self.data, "-U", "octant", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"],
            check=True, capture_output=True, env={"PATH": PLACES, "LC_ALL": "C.UTF-8"}, cwd=folder, **self.who,
        )  # fmt: skip

    def start(self) -> None:
        self.spawn(
            program("postgres", "postgresql"), "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self.folder}", cwd=self.folder, **self.who,
        )  # fmt: skip
        wait_for(lambda: answers(self.port), 30, "PostgreSQL")
        wait_for(self._accepts, 30, "PostgreSQL")

    def _accepts(self) -> bool:
        import psycopg2

        try:
            self.query("postgres", "select 1")
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self) -> None:
        for child in self.children:  # SIGINT is its fast shutdown; SIGTERM waits for clients to go
            child.send_signal(signal.SIGINT)
        super().stop()

    def uri(self, database: str) -> str:
        return f"postgresql+psycopg2://octant:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def query(self, database: str, text: str) -> list[tuple[object, ...]]:
        """All rows of a statement, outside any transaction."""
        import psycopg2

        link = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="octant", password=PASSWORD, dbname=database, connect_timeout=5
        )
        try:
            link.autocommit = True
            with link.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            link.close()


def _open_the_way(folder: Path) -> None:
    """Let the unprivileged user pass pytest's folders, which are the developer's alone."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)


class TeamServer(Service, Runs):
    """`octant server` itself, on a database of its own."""

    def __init__(self, folder: Path, postgres: Postgres, database: str, **more: str) -> None:
        need_python("flask_wtf", "server")
        super().__init__(folder)
        self.postgres, self.database, self.port = postgres, database, free_port()
        if not postgres.query("postgres", f"select 1 from pg_database where datname = '{database}'"):
            postgres.query("postgres", f"create database {database}")
        self.address = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "MLFLOW_PORT": str(self.port),
            "MLFLOW_BACKEND_STORE_URI": postgres.uri(database),
            "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "the-tests-own-key",
            "OPENBLAS_NUM_THREADS": "1",
            **more,
        }
        self.clients = {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": ADMIN,
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        }

    def start(self) -> None:
        child = self.spawn(sys.executable, "-m", "octant", "server", env=environment(self.folder, **self.settings))

        def up() -> bool:
            assert child.poll() is None, self.log()
            return "MLflow answers on" in self.log()

        wait_for(up, 120, "the server")

    def query(self, text: str) -> list[tuple[object, ...]]:
        return self.postgres.query(self.database, text)


_RAY = """
import json, sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
node = cluster.add_node(num_cpus=1)
lost = [each.process.pid for group in node.all_processes.values() for each in group]
print(json.dumps([cluster.address, lost]), flush=True)
sys.stdin.read()
cluster.shutdown()
"""


class RayCluster(Service):
    """Two Ray nodes on this machine, with a token, on 127.0.0.1 alone."""

    def __init__(self, folder: Path) -> None:
        need_python("ray", "ray")
        super().__init__(folder)
        self.sockets: Path | None = None
        # RAY_ENABLE_...=0 makes 127.0.0.1 the nodes' address, on which alone they then listen.
        self.clients = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2,
                        "RAY_USAGE_STATS_ENABLED": "0",
                        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # fmt: skip

    def start(self) -> None:
        # Sockets' paths must be short, and this folder holds sessions and logs.
        self.sockets = Path(tempfile.mkdtemp(prefix="ray-"))
        Path("/tmp/ray").mkdir(exist_ok=True)
        env = environment(self.folder, RAY_TMPDIR=str(self.sockets), OPENBLAS_NUM_THREADS="1", **self.clients)
        child = self.spawn(sys.executable, "-c", _RAY, env=env, stdin=subprocess.PIPE)

        def said() -> list[Any] | None:
            assert child.poll() is None, self.log()
            lines = [line for line in self.log().splitlines() if line.startswith('["127.0.0.1:')]
            return json.loads(lines[-1]) if lines else None

        self.address, self.second_node = wait_for(said, 90, "Ray")

    def lose_the_second_node(self) -> None:
        """All its processes at once, as when its power goes: Ray's own and the tasks they started."""
        for pid in [*self.second_node, *descendants(self.second_node)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        for child in self.children:
            if child.stdin:
                child.stdin.close()
            child.wait(30)
        super().stop()
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)


class SlurmCluster(Service):
    """One node of Slurm with a munge of its own, without systemd and without accounting."""

    def __init__(self, folder: Path) -> None:
        self.munged, self.controller = program("munged", "munge"), program("slurmctld", "slurmctld")
        self.daemon = program("slurmd", "slurmd")
        program("sbatch", "slurm-client")
        need_python("submitit", "slurm")
        if os.getuid() != 0:
            missing("root, which slurmd needs")
        super().__init__(folder)
        self.place: Path | None = None

    def start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # of root alone up to here: munge wants that
        folder.chmod(0o755)
        self.place, key, name = folder, folder / "munge.key", socket.gethostname().split(".")[0]
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.spawn(
            self.munged, "--foreground", "--force", f"--socket={folder}/munge.sock", f"--key-file={key}",
            f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed",
        )  # fmt: skip
        wait_for((folder / "munge.sock").exists, 20, "munge")
        (folder / "slurm.conf").write_text(
            f"ClusterName=octant\nSlurmctldHost={name}(127.0.0.1)\nSlurmUser=root\nAuthType=auth/munge\n"
            f"AuthInfo=socket={folder}/munge.sock\nSlurmctldPort={free_port()}\nSlurmdPort={free_port()}\n"
            "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\nReturnToService=2\nMpiDefault=none\n"
            f"StateSaveLocation={folder}/ctld\nSlurmdSpoolDir={folder}/spool\nSwitchType=switch/none\n"
            f"SlurmctldPidFile={folder}/ctld.pid\nSlurmdPidFile={folder}/slurmd.pid\nProctrackType=proctrack/pgid\n"
            "TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n"
            f"JobAcctGatherType=jobacct_gather/none\nNodeName={name} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000\n"
            f"PartitionName=main Nodes={name} Default=YES MaxTime=INFINITE State=UP\n"
        )
        self.clients = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PLACES}
        env = environment(self.folder, **self.clients)
        self.spawn(self.controller, "-D", env=env)
        self.spawn(self.daemon, "-D", env=env)

        def idle() -> bool:
            done = subprocess.run(["sinfo", "-h", "-o", "%T"], env=env, capture_output=True, text=True, check=False)
            return "idle" in done.stdout

        wait_for(idle, 60, f"Slurm ({self.log()[-500:]})")

    def stop(self) -> None:
        super().stop()
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)
