"""`octant server`: MLflow for a team, on PostgreSQL, with names and passwords. docs/scaling.md has every setting.

All settings are MLflow's own environment variables; what is missing or unsafe is refused here, before it starts.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import urlsplit

from octant import home
from octant.errors import InputError
from octant.servers.server import environment, hosts, port_of, reached, serve
from octant.trainer.subcommand import Subcommand

MLFLOW_S_OWN = "password1234"  # the administrator's in every MLflow for years
# Said in two words: as one it would be taken for a real address, and its password hidden.
DATABASE = "postgresql+psycopg2:// and, without a space, user:password@host:5432/name"
SHORTEST = 12  # characters of a password or key
NEEDED = {
    "MLFLOW_BACKEND_STORE_URI": f"the database, {DATABASE}",
    "MLFLOW_ARTIFACTS_DESTINATION": "where the server keeps files: an absolute folder or s3://bucket/path",
    "MLFLOW_AUTH_ADMIN_USERNAME": "the first administrator",
    "MLFLOW_AUTH_ADMIN_PASSWORD": f"the administrator's first password, {SHORTEST} characters or more",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": f"a random text that stays the same, {SHORTEST} characters or more",
}
DEFAULTS = {"MLFLOW_HOST": "127.0.0.1", "MLFLOW_PORT": "5000", "MLFLOW_WORKERS": "2"}
# All that the server follows; docs/scaling.md has each.
FOLLOWED = {*NEEDED, *DEFAULTS, "MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
            "MLFLOW_S3_ENDPOINT_URL"}  # fmt: skip


def settings(given: Mapping[str, str]) -> dict[str, str]:
    """The server's environment. Raises InputError, without quoting a secret, for what is missing or unsafe."""
    for name, what in NEEDED.items():
        if not given.get(name):
            raise InputError(f"set {name} in the environment: {what}; see docs/scaling.md")
    for name in ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"):
        if len(given[name]) < SHORTEST or given[name] == MLFLOW_S_OWN:
            raise InputError(f"{name} is too short or everybody's: {SHORTEST} characters or more of your own")
    database, files = given["MLFLOW_BACKEND_STORE_URI"], given["MLFLOW_ARTIFACTS_DESTINATION"]
    if not database.startswith("postgresql+psycopg2://") or database.count("@") > 1:
        wanted = f"{DATABASE}, with %40 for an @ in the password"
        raise InputError(f"MLFLOW_BACKEND_STORE_URI: a team's server keeps its runs in {wanted}")
    if not (files.startswith("/") or urlsplit(files).netloc):
        raise InputError(f"MLFLOW_ARTIFACTS_DESTINATION: {files} is neither an absolute folder nor an address")
    if importlib.util.find_spec("flask_wtf") is None or importlib.util.find_spec("psycopg2") is None:
        raise InputError(f"the server's packages are missing: {home.install('server')}")
    chosen = DEFAULTS | dict(given)
    host, port = chosen["MLFLOW_HOST"], port_of("MLFLOW_PORT", chosen["MLFLOW_PORT"])
    if host != "127.0.0.1" and not given.get("MLFLOW_SERVER_ALLOWED_HOSTS"):
        raise InputError(f"MLFLOW_HOST={host}: set MLFLOW_SERVER_ALLOWED_HOSTS to the names that clients use")
    return {"MLFLOW_SERVER_ALLOWED_HOSTS": hosts(port)} | chosen


def _write_access(folder: Path, database: str) -> Path:
    """The access rules, readable by this user alone: users live in the same database, so one backup has all."""
    rules = ConfigParser(interpolation=None)
    rules["mlflow"] = {
        "default_permission": "EDIT",  # every member may log to every experiment; only its owner may delete
        "database_uri": database,
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": "60",  # a password is hashed once per minute, not at every request
    }
    home.make(folder.parent)
    folder.mkdir(exist_ok=True)
    path = folder / "basic_auth.ini"
    # A file of its own, moved into place: neither an old one's mode nor where a link points is heeded.
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    home.discard_drafts(folder)
    only_new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(draft, only_new, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - mode
        rules.write(file)
    draft.replace(path)
    return path


def _run(options: argparse.Namespace) -> int:
    if options.uri:
        raise InputError("--uri: the server's database is what MLFLOW_BACKEND_STORE_URI says; leave --uri out")
    chosen = settings(environment(FOLLOWED))
    host, port = chosen["MLFLOW_HOST"], chosen["MLFLOW_PORT"]
    access = _write_access(home.state() / "server", chosen["MLFLOW_BACKEND_STORE_URI"])
    # No secret among the arguments: `ps` shows those to everybody.
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--serve-artifacts"]
    env = chosen | {"MLFLOW_AUTH_CONFIG_PATH": str(access)}
    answers = f"MLflow answers on http://{reached(host)}:{port}/\nstop it with Ctrl-C"
    serve(command, int(port), env, answers, host=host, other="MLFLOW_PORT=5001")
    return 0


COMMAND = Subcommand(_run)
