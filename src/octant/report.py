"""The report: tables and figures of an experiment's newest sweep, from the store alone.

python -m octant.report factorial
"""

from __future__ import annotations

import argparse
import io
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from octant import home
from octant.config import Tracking
from octant.errors import InputError
from octant.figures import accuracy_figure, accuracy_floor
from octant.journal import replace
from octant.messages import one_line_errors
from octant.tracking.runs import read_curves, read_runs
from octant.tracking.store import Connection, Store, connect, locate
from octant.tracking.view import newest_sweep, path_of


@dataclass(frozen=True)
class Report:
    """What was written, and the table for the terminal."""

    folder: Path
    table: str
    link: str
    floor: float


def folder_of(experiment: str) -> Path:
    """experiments/NAME for a question that conf/ writes down, a folder in the state otherwise."""
    written_down = (home.conf() / "experiment" / f"{experiment}.yaml").is_file()
    return (home.experiments() if written_down else home.state() / "reports") / experiment


def write(connection: Connection) -> Report:
    """Write results.csv, accuracy.png and accuracy.svg of the newest sweep; raises InputError without runs."""
    sweep = newest_sweep(connection)
    runs = read_runs(connection, sweep) if sweep else pd.DataFrame()
    if sweep is None or runs.empty:
        raise InputError(f"experiment {connection.experiment} has no finished runs; run: make sweep")
    curves = read_curves(connection, runs).merge(runs[["fingerprint", "config"]], on="fingerprint")
    folder = folder_of(connection.experiment)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "results.csv", runs.drop(columns="run_id").to_csv(index=False, lineterminator="\n").encode())
    save(accuracy_figure(curves, connection.experiment), folder / "accuracy")
    return Report(folder, summary_table(runs), path_of(connection.experiment_id, sweep), accuracy_floor(curves))


def save(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.svg; the same figure gives the same bytes."""
    with rc_context({"svg.hashsalt": "octant", "svg.fonttype": "path"}):
        for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
            replace(stem.with_suffix(f".{suffix}"), buffer.getvalue())


def summary_table(runs: pd.DataFrame) -> str:
    """Test accuracy of each configuration, mean and spread over seeds, best first, for the terminal."""
    groups = runs.groupby("config")
    accuracy = 100 * groups["test_accuracy"].agg(["mean", "std", "min", "max"])
    accuracy["runs"] = groups.size()
    accuracy["diverged"] = groups["outcome"].agg(lambda outcomes: int((outcomes == "diverged").sum()))
    accuracy = accuracy.sort_values(["mean"], ascending=False, kind="stable")
    lines = [
        f"{'configuration':32} {'test accuracy %':>15} {'SD':>6} {'min':>7} {'max':>7} {'runs':>5} {'diverged':>8}"
    ]
    for name, row in accuracy.iterrows():
        numbers = f"{row['mean']:15.2f} {row['std']:6.2f} {row['min']:7.2f} {row['max']:7.2f}"
        lines.append(f"{name:32} {numbers} {row['runs']:5.0f} {row['diverged']:8.0f}")
    return "\n".join(lines).replace("nan", "  -")


def base_address(store: Store) -> str:
    """Where the UI answers: the server itself, or what `make ui` starts for a local store."""
    if store.uri.startswith("http"):
        return store.shown.rstrip("/") + "/"
    return f"http://127.0.0.1:{os.environ.get('OCTANT_PORT', '5000')}/"


def main() -> None:
    """Command line of `make report`."""
    parser = argparse.ArgumentParser(prog="octant.report", description=__doc__)
    parser.add_argument("experiment", help="name of the experiment, such as factorial")
    parser.add_argument("--uri", default=None, help="tracking store; default: the local one")
    arguments = parser.parse_args()
    with one_line_errors():
        store = locate(Tracking(uri=arguments.uri), home.state())
        report = write(connect(store, arguments.experiment))
        print(f"{report.table}\n\nwritten to {report.folder}")


if __name__ == "__main__":
    main()
