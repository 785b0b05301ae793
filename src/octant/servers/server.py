"""A server of MLflow's on 127.0.0.1: started, waited for, and ended with its workers."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from urllib.error import URLError

from octant.errors import InputError
from octant.servers.guard import GRACE_SECONDS

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # by which this machine may be asked
WAIT_SECONDS = 60
# Variables that change a server: MLflow's, those of the programs that it starts, and Python's own.
_REACHING_IN = re.compile(
    "_?MLFLOW_|UVICORN_|GUNICORN_|FLASK_|PYTHON(?!PATH$|HOME$|SAFEPATH$)|prometheus_multiproc_dir$|WEB_CONCURRENCY$"
    "|FORWARDED_ALLOW_IPS$|SERVING_MODEL_CONFIG$"
)
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def port_of(name: str = "OCTANT_PORT", given: str | None = None) -> int:
    """The port given, or else OCTANT_PORT's; raises InputError, which has the setting's name, for what is no port."""
    given = given or os.environ.get("OCTANT_PORT", "5000")
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise InputError(f"{name}: {given!r} is not a port, allowed are 1 to 65535")
    return int(given)


def environment(followed: Collection[str] = ()) -> dict[str, str]:
    """A server's environment: the user's without the variables that change servers, those in `followed` excepted.

    Telemetry and the job runner are off, and nothing on this machine is asked for through a proxy.
    """
    kept = {name: value for name, value in os.environ.items() if name in followed or not _REACHING_IN.match(name)}
    direct = ",".join(filter(None, [kept.get("no_proxy") or kept.get("NO_PROXY"), *NAMES, "::1"]))
    return kept | _QUIET | {"no_proxy": direct, "NO_PROXY": direct}


def hosts(port: int) -> str:
    """What the Host header of a request to this machine may say, as MLflow wants it: exact, with the port."""
    return ",".join([f"{name}:{port}" for name in NAMES] + (list(NAMES) if port == 80 else []))


def serve(
    command: list[str], port: int, env: Mapping[str, str], message: str, *, host: str = HOST,
    other: str = "OCTANT_PORT=5001", log: Path | None = None,
) -> None:  # fmt: skip
    """Run the server until a signal ends it; print `said` once it answers. `other` is a way to another port.

    What the server itself says goes to the file `log`, or to this terminal.
    """
    refuse_taken_port(host, port, other)
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup
            signal.signal(each, lambda signum, _: sys.exit(128 + signum))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what they put behind with SIGINT ignored
    guarded = [sys.executable, "-m", "octant.servers.guard", *command]
    with log.open("wb") if log else nullcontext() as told:
        server = subprocess.Popen(  # noqa: S603 - ours
            guarded, env=env, stdin=subprocess.PIPE, stdout=told, stderr=told, start_new_session=True
        )
    try:
        _wait_until_up(f"http://{reached(host)}:{port}/", server, str(log or "above"))
        print(message, flush=True)
        server.wait()
    except KeyboardInterrupt:
        print()  # after ^C
    finally:
        _stop(server)


def _wait_until_up(address: str, server: subprocess.Popen[bytes], output: str) -> None:
    """Return once the server answers; raises InputError when it ends or stays silent."""
    deadline = time.monotonic() + WAIT_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not reach this machine
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise InputError(f"the server ended at once (exit code {server.returncode}); its output: {output}")
        try:
            with opener.open(f"{address}health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise InputError(f"the server did not answer on {address} within {WAIT_SECONDS} s")


def reached(host: str) -> str:
    """Where a server that listens on `host` answers on this machine."""
    return HOST if host == "0.0.0.0" else host  # noqa: S104 - only compared


def refuse_taken_port(host: str, port: int, other: str = "OCTANT_PORT=5001") -> None:
    """Raise InputError for a port that another program has; `other` is a way to another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            message = (
                f"port {port} is taken; choose another: {other}" if taken else f"{host}: {error.strerror or error}"
            )
            raise InputError(message) from None


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and its workers, which share a process group of their own, as its guard does when this dies."""
    if server.stdin:
        server.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        server.wait(timeout=GRACE_SECONDS + 2)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)  # what a guard that was killed has left
    server.wait()
