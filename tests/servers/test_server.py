"""The team's server as documented: refuses strangers, keeps every point, comes back from a backup."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest

from octant.errors import InputError
from octant.servers.team import NEEDED, _write_access, settings
from support.command import Database, Runs, run_octant
from support.services import ADMIN, PASSWORD, Postgres, TeamServer, program

COMPLETE = {
    "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://ann:s3cret-s3cret@127.0.0.1/mlflow",
    "MLFLOW_ARTIFACTS_DESTINATION": "/srv/artifacts",
    "MLFLOW_AUTH_ADMIN_USERNAME": "ann",
    "MLFLOW_AUTH_ADMIN_PASSWORD": "s3cret-s3cret",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "s3cret-s3cret",
}
SMOKE = ("experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8")


@pytest.fixture(autouse=True)
def _extra_there(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "services" not in request.keywords:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: object())


@pytest.mark.parametrize("name", NEEDED)
def test_nothing_has_a_default_that_is_a_secret(name: str) -> None:
    with pytest.raises(InputError, match=name):
        settings({key: value for key, value in COMPLETE.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "password"),
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "short"),
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "password1234"),
        ("MLFLOW_BACKEND_STORE_URI", "sqlite:///s3cret.db"),
        ("MLFLOW_BACKEND_STORE_URI", "postgresql+psycopg2://ann:s3c@s3cret@127.0.0.1/mlflow"),
        ("MLFLOW_PORT", "99999"),
        ("MLFLOW_ARTIFACTS_DESTINATION", "./relative"),
        ("MLFLOW_PORT", "five"),
    ],
)
def test_unsafe_settings_are_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        settings(COMPLETE | {name: value})
    assert "s3cret" not in str(caught.value)


def test_other_address_wants_client_names() -> None:
    chosen = settings(COMPLETE)
    assert chosen["MLFLOW_HOST"] == "127.0.0.1"
    assert chosen["MLFLOW_SERVER_ALLOWED_HOSTS"] == "127.0.0.1:5000,localhost:5000"
    with pytest.raises(InputError, match="MLFLOW_SERVER_ALLOWED_HOSTS"):
        settings(COMPLETE | {"MLFLOW_HOST": "0.0.0.0"})
    settings(COMPLETE | {"MLFLOW_HOST": "0.0.0.0", "MLFLOW_SERVER_ALLOWED_HOSTS": "mlflow.example.org"})


def test_access_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = _write_access(tmp_path / "server", "postgresql+psycopg2://ann:100%@h/x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "100%@h" in path.read_text()


@pytest.mark.parametrize("linked", [False, True])
def test_older_access_file_is_replaced(linked: bool, tmp_path: Path) -> None:
    """Neither its mode nor the place to which it points is heeded."""
    folder, other = tmp_path / "server", tmp_path / "other"
    folder.mkdir()
    other.write_text("somebody's")
    (folder / "basic_auth.ini").symlink_to(other) if linked else (folder / "basic_auth.ini").touch(0o666)
    path = _write_access(folder, "postgresql+psycopg2://ann:word@h/x")
    assert path.lstat().st_mode & 0o7777 == 0o600
    assert not path.is_symlink()
    assert other.read_text() == "somebody's"
    assert [each.name for each in folder.iterdir()] == ["basic_auth.ini"]


def test_empty_environment_is_refused(tmp_path: Path) -> None:
    done = run_octant(tmp_path, "server")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "user:password@host:5432/name; see docs/scaling.md" in done.stderr


def test_password_argument_is_refused(tmp_path: Path) -> None:
    done = run_octant(tmp_path, "tracking.uri=http://ann:s3cret@127.0.0.1:1")
    assert done.returncode == 2
    assert "MLFLOW_TRACKING_PASSWORD" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert not (tmp_path / "journal").exists()
    address = "http://ann:s3cret@127.0.0.1:1"
    for given in (f"tracking.uri={address}", f"tracking={{uri: '{address}'}}", "tracking.uri=ann:s3cret@host:1"):
        refused = run_octant(tmp_path, "-m", "seed=0,1", given, MLFLOW_TRACKING_URI=address)
        assert refused.returncode == 2
        assert "s3cret" not in refused.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with closing(Postgres(tmp_path_factory.mktemp("postgres"))) as service:
        service.start()
        yield service


@pytest.fixture(scope="module")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    with closing(TeamServer(tmp_path_factory.mktemp("server"), postgres, "team")) as service:
        service.start()
        yield service


def ask(server: TeamServer, *, body: bytes | None = None, user: str = ADMIN, **headers: str) -> int:
    """Status code of a request for the experiments, or to create one."""
    from base64 import b64encode

    path = "search?max_results=1" if body is None else "create"
    request = urllib.request.Request(f"{server.address}/api/2.0/mlflow/experiments/{path}", data=body)
    request.add_header("Content-Type", "application/json")
    if user:
        request.add_header("Authorization", "Basic " + b64encode(f"{user}:{PASSWORD}".encode()).decode())
    for name, value in headers.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.slow
@pytest.mark.services
def test_strangers_are_refused(server: TeamServer) -> None:
    assert ask(server) == 200
    assert ask(server, user="") == 401
    assert ask(server, user="mallory") == 401
    assert ask(server, Host="evil.example") == 403
    assert ask(server, Host=f"127.0.0.1:{server.port + 1}") == 403
    assert ask(server, body=b'{"name": "foreign"}', Origin="http://evil.example") == 403
    assert server.query("select count(*) from experiments where name = 'foreign'") == [(0,)]
    assert ask(server, body=b'{"name": "own"}', Origin=server.address) == 200
    for entry in Path("/proc").glob("[0-9]*/cmdline"):  # secrets are not for `ps`
        try:
            assert PASSWORD.encode() not in entry.read_bytes(), entry
        except OSError:
            continue


@pytest.mark.slow
@pytest.mark.services
def test_sweep_equals_local_one_to_the_bit(server: TeamServer, swept: tuple[Path, str], tmp_path: Path) -> None:
    done = run_octant(tmp_path, *SMOKE, "tracking=server", **server.clients)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert server.statuses() == {"FINISHED": 16}
    assert server.histories() == Database(swept[0]).histories()
    files = list((server.folder / "artifacts").rglob("test_errors.json"))
    assert len(files) == 16
    again = run_octant(tmp_path, *SMOKE, "tracking=server", **server.clients)
    assert "0 trained, 16 were there already" in again.stdout, again.stderr
    assert server.statuses() == {"FINISHED": 16}
    wrong = run_octant(
        tmp_path / "other", *SMOKE, "seed=0", "tracking=server",
        **server.clients | {"MLFLOW_TRACKING_PASSWORD": "not-the-password"},
    )  # fmt: skip
    assert wrong.returncode == 75
    assert "Traceback" not in wrong.stderr
    assert "not-the-password" not in wrong.stderr
    late = run_octant(tmp_path / "other", "sync", **server.clients)
    assert "8 sent" in late.stdout, late.stderr


def tables(database: Runs, names: list[str]) -> dict[str, object]:
    return {name: database.query(f"select count(*) from {name}")[0][0] for name in names}


def run_ids(database: Runs) -> set[object]:
    return {row[0] for row in database.query("select run_uuid from runs")}


@pytest.mark.slow
@pytest.mark.services
def test_store_moves_and_comes_back(postgres: Postgres, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run_octant(home, *SMOKE).returncode == 0
    assert run_octant(home, "promote", "smoke").returncode == 0
    old, names = Database(home), ["runs", "metrics", "params", "tags", "logged_models", "inputs", "model_versions"]
    with closing(TeamServer(tmp_path / "server", postgres, "moved")) as server:
        server.start()
        where = server.settings | server.clients
        done = run_octant(home, "move", **where)
        assert done.returncode == 0, done.stderr
        assert "25 runs" in done.stdout  # 16, the eight means and the report
        assert len(list((home / "journal").glob("*/tracking-*.json"))) == 32  # 16 of the old store, 16 of the new
        assert tables(server, names) == tables(old, names)
        assert server.histories() == old.histories()
        assert run_ids(server) == run_ids(old)
        again = run_octant(home, *SMOKE, "tracking=server", **server.clients)
        assert "0 trained, 16 were there already" in again.stdout, again.stderr
        assert server.statuses() == {"FINISHED": 16}
        assert run_ids(server) - run_ids(old) <= {row[0] for row in server.query(REPORTS)}
        assert ask(server, body=b'{"name": "after"}') == 200  # ids go on after the copied ones
        champion = run_octant(home, "predict", str(digit(tmp_path)), "--uri", server.address, **server.clients)
        assert champion.returncode == 0, champion.stderr
        twice = run_octant(home, "move", **where)
        assert twice.returncode == 2
        assert "already has runs" in twice.stderr
        dump, files = tmp_path / "octant.dump", tmp_path / "server" / "artifacts"
        link = postgres.uri("moved").replace("+psycopg2", "")
        subprocess.run([program("pg_dump", "postgresql"), "--format=custom", f"--file={dump}", link], check=True)
        kept = shutil.copytree(files, tmp_path / "files")
        before = server.histories()
    with closing(
        TeamServer(tmp_path / "second", postgres, "restored", MLFLOW_ARTIFACTS_DESTINATION=str(kept))
    ) as server:
        link = postgres.uri("restored").replace("+psycopg2", "")
        subprocess.run([program("pg_restore", "postgresql"), "--no-owner", f"--dbname={link}", str(dump)], check=True)
        server.start()
        assert server.histories() == before
        assert server.statuses() == {"FINISHED": 16}
        champion = run_octant(home, "predict", str(digit(tmp_path)), "--uri", server.address, **server.clients)
        assert champion.returncode == 0, champion.stderr


REPORTS = "select run_uuid from tags where key = 'report_of'"


def digit(folder: Path) -> Path:
    """An array that octant predict takes: one picture's row."""
    np.savez(folder / "digit.npz", X=np.zeros((1, 64)))
    return folder / "digit.npz"


@pytest.mark.slow
@pytest.mark.services
def test_runs_in_postgresql_are_compared(postgres: Postgres, tmp_path: Path) -> None:
    postgres.query("postgres", "create database strangers")
    postgres.query("postgres", "create database bare")
    program = (
        "import sys, mlflow\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.set_experiment('mlp')\n"
        "for optimizer in ('adam', 'sgd'):\n  for seed in range(3):\n    with mlflow.start_run():\n"
        "      mlflow.log_params({'optimizer': optimizer, 'seed': seed})\n"
        "      mlflow.log_metric('val_acc', 0.9 + seed / 100 * (optimizer == 'sgd'))"
    )
    logged = subprocess.run([sys.executable, "-c", program, postgres.uri("strangers")], capture_output=True, text=True)
    assert logged.returncode == 0, logged.stderr
    address = postgres.uri("strangers").replace(f":{PASSWORD}@", "@").replace("+psycopg2", "")

    def compared(uri: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_octant(tmp_path / "home", "compare", "--uri", uri, "--out", str(tmp_path / "out"), **more)

    done = compared(address, PGPASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "compared: optimizer; repeated: seed (3); endpoint: val_acc, last step" in done.stdout
    wrong = [(address, "wrong", 75), (postgres.uri("strangers"), "", 2), (f"{address}?password={PASSWORD}", "", 2),
             (address.replace("/strangers", "/bare"), PASSWORD, 2)]  # fmt: skip
    for uri, password, code in wrong:
        refused = compared(uri, PGPASSWORD=password)
        assert (refused.returncode, refused.stderr.count("\n")) == (code, 1), refused.stderr
        assert PASSWORD not in refused.stderr
    assert postgres.query("bare", "select count(*) from pg_tables where schemaname = 'public'") == [(0,)]
