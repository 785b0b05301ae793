"""`make ui`: MLflow's server on 127.0.0.1, and the link to the newest comparison once it answers."""

from __future__ import annotations

import sys

from octant import home
from octant.cli.messages import one_line_errors
from octant.runs.settings import Tracking
from octant.servers.server import HOST, environment, hosts, port_of, serve
from octant.tracking.store import Store, client_of, locate
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


def main() -> None:
    """Start the server, print the links, wait for Ctrl-C."""
    with one_line_errors():
        port = port_of()
        store = locate(Tracking(), home.state())
        address = f"http://{HOST}:{port}/"
        links = newest_links(store, address)
        said = ["Compare the configurations of", *links] if links else ["no sweep yet: make sweep"]
        serve(command(store, port), port, environment(), "\n".join([f"MLflow answers on {address}", *said]))


if __name__ == "__main__":
    main()
