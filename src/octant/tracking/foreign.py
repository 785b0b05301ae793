"""Runs that octant never trained: any experiment of any MLflow store, as frames. Nothing is written there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from urllib.request import url2pathname

import pandas as pd

from octant import home
from octant.errors import InputError, StoreAway, UnusableStore, nearest, printable, without_credentials
from octant.tracking.runs import histories, value_of
from octant.tracking.search import search
from octant.tracking.sqlite import refuse_other_schema, refuse_unusable
from octant.tracking.store import Connection, Store, located, use_mlflow

if TYPE_CHECKING:
    from mlflow.entities import Run

# Runs that octant logs beside those it trained: the report of a sweep, the mean curves of its configurations.
_KINDS = ("kind", "octant.kind")
_MOST = 1000  # experiments that are named as a misspelt one's neighbours
MOST_POINTS = 1_000_000  # of curves: more take minutes to read and to draw
_SYSTEM = "system/"  # MLflow's own measurements of the machine


@dataclass(frozen=True)
class Logged:
    """An experiment's runs, the oldest first: params and the last step's metrics, outcome, fingerprint (the run's id).

    `keys` names the columns that were logged as metrics, and the metric behind each: where a param and a metric
    have one name, the metric's column is `metrics.NAME`, and `lines` says so. A metric that was logged as NaN is
    infinite here; NaN means that it was not logged.
    """

    runs: pd.DataFrame
    keys: dict[str, str]
    lines: list[str]


@contextmanager
def opened(uri: str | None, experiment: str | None) -> Iterator[tuple[Connection, list[str]]]:
    """The experiment, and a line on how its store is read; the experiment's name may be left out where there is one.

    `uri` is an address (of a server, or postgresql://), or the path of a SQLite file or of a folder of MLflow's file
    store, which MLflow copies to a temporary database. Raises InputError for a store or experiment that is not there.
    """
    folder = _file_store(uri)
    if folder is None:
        yield _connected(_store(uri), experiment), []
        return
    with TemporaryDirectory(prefix="octant-") as place:
        store = _migrated(folder, Path(place) / "copy.db")
        line = f"{folder} is a file store: read through a temporary copy that mlflow migrate-filestore makes"
        yield _connected(store, experiment), [line]


def read_logged(connection: Connection) -> Logged:
    """All runs of the experiment that are not in the trash; raises InputError where there are none."""
    found = [run for run in search(connection, "") if not any(name in run.data.tags for name in _KINDS)]
    if not found:
        raise InputError(f"experiment {connection.experiment} has no runs")
    found.sort(key=lambda run: (run.info.start_time or 0, run.info.run_id))
    params = {name for run in found for name in run.data.params}
    names = {name: None for run in found for name in run.data.metrics if not name.startswith(_SYSTEM)}
    keys = {f"metrics.{name}" if name in params else name: name for name in names}
    both = sorted(params & set(names))
    lines = [f"both a param and a metric: {', '.join(both)}; the metric is called metrics.{both[0]}"] if both else []
    return Logged(pd.DataFrame([_row(run, keys) for run in found]), keys, lines)


def read_histories(
    connection: Connection, run_ids: Sequence[str], keys: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """Every step of some metrics: columns fingerprint (the run's id), epoch (the step) and those of `keys`, which says
    what each metric is called in the store; and a line where there are too many to be read.
    """
    most = len(connection.client.get_metric_history(run_ids[0], next(iter(keys.values()))))
    if (points := most * len(run_ids) * len(keys)) > MOST_POINTS:
        empty = pd.DataFrame({"fingerprint": [], "epoch": [], **{name: [] for name in keys}}).astype(
            {"fingerprint": str}
        )
        return empty, [f"learning curves left out: about {points:,} points"]
    found = histories(connection, list(run_ids), list(keys.values()), 2 * most)
    long = pd.DataFrame(found, columns=["fingerprint", "epoch", "name", "value"])
    long["name"] = long["name"].map({key: name for name, key in keys.items()})
    wide = long.pivot_table(index=["fingerprint", "epoch"], columns="name", values="value", aggfunc="last")
    return wide.reset_index().rename_axis(columns=None).reindex(columns=["fingerprint", "epoch", *keys]), []


def _row(run: Run, keys: dict[str, str]) -> dict[str, object]:
    tags, metrics = run.data.tags, run.data.metrics
    status = "diverged" if tags.get("outcome") == "diverged" else run.info.status.lower()
    return {
        **{printable(name): value_of(printable(text)) for name, text in run.data.params.items()},
        **{
            column: math.inf if math.isnan(metrics[key]) else metrics[key]
            for column, key in keys.items()
            if key in metrics
        },
        "outcome": status,
        "fingerprint": run.info.run_id,
        **{name: tags[name] for name in ("trainer",) if name in tags},
    }


def _file_store(uri: str | None) -> Path | None:
    """The folder of a file store that `uri` names; raises InputError for a path where nothing is."""
    if uri is None or (urlsplit(uri).scheme not in ("", "file")):
        return None
    path = Path(url2pathname(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri)
    if not path.exists():
        raise InputError(f"there is no store at {path}")
    return path if path.is_dir() else None


def _migrated(folder: Path, database: Path) -> Store:
    use_mlflow()
    from mlflow.exceptions import MlflowException
    from mlflow.store.fs2db import migrate

    store = Store(f"sqlite:///{database}", str(folder), database.parent)
    try:
        with redirect_stdout(StringIO()):
            migrate(folder, store.uri, progress=False)
    except MlflowException as error:
        raise UnusableStore(f"{folder} is no store of MLflow's: {' '.join(str(error).split())[:200]}") from None
    return store


def _store(uri: str | None) -> Store:
    """The store at `uri`, relative SQLite paths as MLflow reads them; raises InputError for one that is not there."""
    if uri and urlsplit(uri).scheme.partition("+")[0] == "postgresql":
        return _database(uri)
    if uri and not urlsplit(uri).scheme:
        uri = f"sqlite:///{Path(uri).resolve()}"
    elif uri and uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
        uri = f"sqlite:///{Path(uri.removeprefix('sqlite:///')).resolve()}"
    store = located(uri)
    if store.artifacts is not None:
        database = Path(store.uri.removeprefix("sqlite:///"))
        if not database.exists():
            raise InputError(f"there is no store at {store.shown}")
        if not database.stat().st_size:
            raise UnusableStore(f"{database} is empty")
        refuse_unusable(database)
        refuse_other_schema(database)
    return store


def _database(uri: str) -> Store:
    """A store in PostgreSQL; MLflow would make its tables where there are none, so they are looked for first."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError

    if urlsplit(uri).password or "password" in parse_qs(urlsplit(uri).query):
        raise InputError("--uri: the password does not belong there; put it into PGPASSWORD or ~/.pgpass")
    uri = uri.replace("postgresql:", "postgresql+psycopg2:", 1)  # the driver that the extra brings
    shown = without_credentials(uri)
    try:
        engine = create_engine(uri)
        tables = inspect(engine).get_table_names()
        engine.dispose()
    except ModuleNotFoundError:
        raise InputError(f"--uri: {shown} needs PostgreSQL's driver: {home.install('server')}") from None
    except (SQLAlchemyError, ValueError) as error:
        raise StoreAway(f"{shown} does not answer: {type(error).__name__}") from None
    if not {"experiments", "alembic_version"} <= set(tables):
        raise UnusableStore(f"{shown} is no store of MLflow's")
    return Store(uri, shown)


def _connected(store: Store, experiment: str | None) -> Connection:
    use_mlflow()
    from mlflow import MlflowClient

    client = MlflowClient(store.uri, registry_uri=store.uri)
    names = [each.name for each in client.search_experiments(max_results=_MOST) if each.name != "Default"]
    name = experiment or (names[0] if len(names) == 1 else None)
    found = client.get_experiment_by_name(name) if name else None
    if found and found.lifecycle_stage == "active":
        return Connection(client, found.experiment_id, found.name)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    there = f"there: {printable(', '.join(sorted(names)[:20])) or 'none'}{more}"
    if name is None:
        raise InputError(f"name one of the experiments of {store.shown} with --experiment; {there}")
    raise InputError(f"{store.shown} has no experiment {name}; {nearest(name, names)}{there}")
