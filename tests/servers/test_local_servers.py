"""What octant starts on 127.0.0.1: deaf to strangers and to the user's environment, gone with the command."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from octant.servers import server, team
from support.command import environment, run_octant
from support.services import Service, answers, descendants, free_port, wait_for

Home = tuple[Path, str]
# Each would change the server, or keep the command from finding it.
REACHING_IN = {
    "http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9",
    "MLFLOW_STATIC_PREFIX": "/mlflow", "MLFLOW_HOST": "192.0.2.1", "MLFLOW_PORT": "1", "MLFLOW_APP": "none",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "*", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*", "MLFLOW_UVICORN_OPTS": "--no",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true", "MLFLOW_ARTIFACTS_ONLY": "true", "MLFLOW_WORKERS": "9",
    "MLFLOW_EXPOSE_PROMETHEUS": "/proc/none", "_MLFLOW_STATIC_PREFIX": "/mlflow", "UVICORN_ROOT_PATH": "/x",
    "UVICORN_PORT": "1", "SERVING_MODEL_CONFIG": '{"hidden": "none"}',
    "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "0",
}  # fmt: skip


@contextmanager
def started(folder: Path, home: Path, word: str, **more: str) -> Iterator[tuple[int, int]]:
    """The command and its port, once it says that its server answers."""
    port = free_port()
    with closing(Service(folder)) as service:
        env = environment(home, OCTANT_PORT=str(port), **more)
        child = service.spawn(sys.executable, "-m", "octant", word, env=env)

        def up() -> bool:
            assert child.poll() is None, service.log()
            return "stop it with Ctrl-C" in service.log() or "viewStateShareKey" in service.log()

        wait_for(up, 90, word)
        yield child.pid, port


def status(port: int, path: str = "/", body: str | None = None, **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request("GET" if body is None else "POST", path, body, headers)
        return link.getresponse().status


def alive(pids: list[int]) -> list[int]:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    return [pid for pid in pids if lives(pid)]


@pytest.fixture(scope="module")
def promoted(swept: Home) -> Path:
    assert run_octant(swept[0], "promote", "smoke").returncode == 0
    return swept[0]


def test_ui_answers_to_its_own_names_only(swept: Home, tmp_path: Path) -> None:
    """In an environment that would open or break it, killed in the end: nothing of it stays."""
    api, json_type = "/api/2.0/mlflow/experiments/create", {"Content-Type": "application/json"}
    with started(tmp_path, swept[0], "ui", **REACHING_IN) as (pid, port):
        for name in ("octant.localhost", "localhost"):
            assert status(port) == status(port, Host=f"{name}:{port}") == 200
        for host in ("10.evil.com", f"10.evil.com:{port}", "192.168.evil.com", "172.16.evil.com", "evil.com",
                     "10.0.0.1", f"127.0.0.1:{port + 1}", "fd00:evil", f"127.0.0.1:{port}.evil.com"):  # fmt: skip
            assert status(port, Host=host) == 403, host
            assert status(port, api, '{"name": "foreign"}', Host=host, **json_type) == 403, host
        assert status(port, api, '{"name": "foreign"}', Origin="http://10.evil.com", **json_type) == 403
        link = r"smoke  http://octant\.localhost:\d+/#/experiments/1/runs\?\S+viewStateShareKey=smoke-\S+\n"
        assert re.fullmatch(link, (tmp_path / "service.log").read_text())
        left = descendants([pid])
        assert len(left) >= 2
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(left), 15, "the end of the server")
        assert not answers(port)


def test_served_champion_answers_readers_only(promoted: Path, tmp_path: Path) -> None:
    good = json.dumps({"inputs": [[0.5] * 64]})
    json_type = {"Content-Type": "application/json"}
    with started(tmp_path, promoted, "serve", **REACHING_IN) as (pid, port):
        assert status(port, "/invocations", good, **json_type) == 200
        for host in ("10.evil.com", f"192.168.evil.com:{port}", "evil.com"):
            assert status(port, "/invocations", good, Host=host, **json_type) == 400, host
        deep = "[" * 100_000
        bodies = [deep, deep + "]" * 100_000, f'{{"inputs": {deep}{"]" * 100_000}}}', '{"inputs": ' + "9" * 5000 + "}",
                  '{"inputs": [[' + "9" * 400 + "]]}", '{"inputs": null}', '{"inputs": {}}', '{"inputs": {"a": [1]}}',
                  '{"dataframe_split": 1}', '{"dataframe_split": {"data": 1, "columns": 2}}', '{"instances": {"a": 1}}',
                  '{"dataframe_records": {"a": {"b": 1}}}', '{"params": 1}', "[]", "1", "null", '"x"', "",
                  '{"inputs": [[1], [1, 2]]}', f'{{"inputs": [[{deep}{"]" * 100_000}]], "params": {{}}}}']  # fmt: skip
        answered = {body[:40]: status(port, "/invocations", body, **json_type) for body in bodies}
        assert {body: code for body, code in answered.items() if code != 400} == {}
        assert status(port, "/invocations", good) == 400
        for kind in ("text/csv", "application/vnd.apache.parquet"):
            assert status(port, "/invocations", deep, **{"Content-Type": kind}) == 400, kind
        assert status(port, "/invocations", good, **{"Content-Type": "text/plain"}) == 415
        left = descendants([pid])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(left), 15, "the end of the server")


STUBBORN = (
    "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path({!r}).touch(); "
    "time.sleep(99)"
)


def test_workers_of_dead_server_end(tmp_path: Path) -> None:
    """The server ends when it is told to; its worker does not."""
    worker = STUBBORN.format(str(tmp_path / "deaf"))
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {worker!r}]); time.sleep(99)"
    guard = subprocess.Popen(
        [sys.executable, "-m", "octant.servers.guard", sys.executable, "-c", code], stdin=subprocess.PIPE,
        start_new_session=True, env=dict(os.environ),
    )  # fmt: skip
    assert guard.stdin
    wait_for((tmp_path / "deaf").exists, 20, "server and worker")
    left = descendants([guard.pid])
    guard.stdin.close()
    guard.wait(20)
    wait_for(lambda: not alive(left), 5, "the end of both")


def test_guard_hands_on_exit_code() -> None:
    command = [sys.executable, "-m", "octant.servers.guard", sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as guard:
        assert guard.wait(20) == 7


def test_no_variable_of_mlflow_reaches_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that MLflow's own source declares."""
    import mlflow.environment_variables as declared

    source = Path(declared.__file__).read_text()
    names = set(re.findall(r'EnvironmentVariable\(\s*"(_?MLFLOW\w+)"', source))
    assert len(names) > 200
    for name in names | team.FOLLOWED | REACHING_IN.keys() | {"PYTHONWARNINGS", "FLASK_APP", "WEB_CONCURRENCY"}:
        monkeypatch.setenv(name, "sentinel")
    given = {name for name, value in server.environment().items() if value == "sentinel"}
    assert given <= {"http_proxy", "HTTP_PROXY", "all_proxy"}
    followed = {name for name, value in server.environment(team.FOLLOWED).items() if value == "sentinel"}
    assert followed - given == team.FOLLOWED
    documented = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    assert {name for name in team.FOLLOWED if f"`{name}`" not in documented} == set()


@pytest.mark.parametrize("given", ["", "example.org"])
def test_loopback_is_reached_without_proxies(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.request import proxy_bypass_environment

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", given)
    for name, value in server.environment().items():
        if name.lower() == "no_proxy":
            monkeypatch.setenv(name, value)
    assert proxy_bypass_environment("127.0.0.1:5000")
    assert proxy_bypass_environment("localhost:5000")
    assert bool(proxy_bypass_environment("example.org")) == (given == "example.org")
