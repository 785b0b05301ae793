"""`octant ui`: MLflow's server on 127.0.0.1, and a link to each experiment's comparison once it answers."""

from __future__ import annotations

import argparse
import sys

from octant import home
from octant.errors import InputError, printable
from octant.servers.server import HOST, environment, hosts, port_of, serve
from octant.tracking.declared import DECLARED, NEWEST
from octant.tracking.store import Store, client_of, located
from octant.tracking.view import UI_HOST, path_of
from octant.trainer.subcommand import Subcommand


def _command(store: Store, port: int) -> list[str]:
    """The server's command line: one worker, this machine only, and not for pages of other sites.

    By default MLflow takes any host's name that begins as a private address does, such as 10.example.com.
    """
    names = f"{UI_HOST}:{port},{hosts(port)}"
    options = ["--host", HOST, "--port", str(port), "--workers", "1", "--allowed-hosts", names]
    options += ["--cors-allowed-origins", ",".join(f"http://{each}" for each in names.split(","))]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, *options]


def _links(store: Store, address: str) -> list[str]:
    """A line for each experiment that has a sweep, the one changed last first; one with variants alone: its newest."""
    experiments = client_of(store).search_experiments(order_by=["last_update_time DESC"])
    found = [(each, each.tags.get(DECLARED) or each.tags[NEWEST]) for each in experiments if NEWEST in each.tags]
    names = [each.name if DECLARED in each.tags else sweep for each, sweep in found]
    names = [printable(" ".join(name.split())) for name in names]  # others may make experiments
    width = max(map(len, names), default=0)
    return [
        f"{name:{width}}  {address}{path_of(each.experiment_id, sweep)}"
        for name, (each, sweep) in zip(names, found, strict=True)
    ]


def _run(options: argparse.Namespace) -> int:
    """Start the server, print the links, wait for Ctrl-C; what MLflow says goes to ui.log in the state folder."""
    port, store = port_of(), located(options.uri)
    if store.artifacts is None:
        raise InputError(f"--uri: {store.shown} is a server already; open it in a browser")
    address = f"http://{UI_HOST}:{port}/"
    lines = _links(store, address) or [f"no sweep yet: octant experiment=factorial    {address}"]
    serve(_command(store, port), port, environment(), "\n".join(lines), log=home.made() / "ui.log")
    return 0


COMMAND = Subcommand(_run)
