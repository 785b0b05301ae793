"""`octant ui`: MLflow's server on 127.0.0.1, and the link to the newest comparison once it answers."""

from __future__ import annotations

import argparse
import sys

from octant.errors import InputError
from octant.servers.server import HOST, environment, hosts, port_of, serve
from octant.tracking.store import Store, client_of, located
from octant.tracking.view import NEWEST, path_of


def command(store: Store, port: int) -> list[str]:
    """The server's command line: one worker, this machine only, and not for pages of other sites.

    By default MLflow takes any host's name that begins as a private address does, such as 10.example.com.
    """
    options = ["--host", HOST, "--port", str(port), "--workers", "1", "--allowed-hosts", hosts(port)]
    options += ["--cors-allowed-origins", ",".join(f"http://{each}" for each in hosts(port).split(","))]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, *options]


def newest_links(store: Store, address: str) -> list[str]:
    """A line for each experiment that has a sweep, the one changed last first."""
    experiments = client_of(store).search_experiments(order_by=["last_update_time DESC"])
    return [
        f"{each.name:12} {address}{path_of(each.experiment_id, each.tags[NEWEST])}"
        for each in experiments
        if NEWEST in each.tags
    ]


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(options: argparse.Namespace) -> int:
    """Start the server, print the links, wait for Ctrl-C."""
    port, store = port_of(), located(options.uri)
    if store.artifacts is None:
        raise InputError(f"--uri: {store.shown} is a server already; open it in a browser")
    address = f"http://{HOST}:{port}/"
    links = newest_links(store, address)
    lines = ["Compare the configurations of", *links] if links else ["no sweep yet: octant experiment=factorial"]
    serve(command(store, port), port, environment(), "\n".join([f"MLflow answers on {address}", *lines]))
    return 0
