"""`make ui`: MLflow's server on 127.0.0.1, and the link to the newest comparison once it answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from urllib.error import URLError

from octant import home
from octant.config import Tracking
from octant.errors import InputError
from octant.messages import one_line_errors
from octant.tracking.store import Store, client_of, locate
from octant.tracking.view import NEWEST, path_of

HOST = "127.0.0.1"
WAIT_SECONDS = 60


def command(store: Store, port: int) -> list[str]:
    """The server's command line: one worker, this machine only."""
    options = ["--host", HOST, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, *options]


def environment() -> dict[str, str]:
    """Telemetry off, no job runner."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return os.environ | quiet


def wait_until_up(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; raises InputError when it ends or stays silent."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise InputError(f"the server ended at once (exit code {server.returncode}); see its output above")
        try:
            with urllib.request.urlopen(f"{address}health", timeout=1):  # noqa: S310 - always http on 127.0.0.1
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise InputError(f"the server did not answer on {address} within {WAIT_SECONDS} s")


def newest_links(store: Store, address: str) -> list[str]:
    """A line for each experiment that has a sweep, the one changed last first."""
    experiments = client_of(store).search_experiments(order_by=["last_update_time DESC"])
    return [
        f"{each.name:12} {address}{path_of(each.experiment_id, each.tags[NEWEST])}"
        for each in experiments
        if NEWEST in each.tags
    ]


def main() -> None:
    """Start the server, print the links, wait for Ctrl-C."""
    with one_line_errors():
        port = int(os.environ.get("OCTANT_PORT", "5000"))
        store = locate(Tracking(), home.state())
        address = f"http://{HOST}:{port}/"
        links = newest_links(store, address)
        refuse_taken(port, "make ui PORT=5001")
        server = subprocess.Popen(command(store, port), env=environment(), start_new_session=True)  # noqa: S603
        try:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            wait_until_up(address, server)
            print("\nMLflow answers on", address, "- stop it with Ctrl-C", flush=True)
            print(
                "\n".join(["Compare the configurations of", *links] if links else ["no sweep yet: make sweep"]),
                flush=True,
            )
            server.wait()
        except KeyboardInterrupt:
            print("\nstopped")
        finally:
            stop(server)


def refuse_taken(port: int, instead: str, host: str = HOST) -> None:
    """Raise InputError when another program listens on the port."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise InputError(f"port {port} is taken; choose another: {instead}") from None


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and its worker, which share a process group of their own."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
