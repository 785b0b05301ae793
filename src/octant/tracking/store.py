"""Where the runs are kept: the store's address, its schema and its experiments."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from octant import home
from octant.errors import OPEN, UI_PAGE, InputError, StoreAway, without_credentials
from octant.runs.disk import Busy, locked
from octant.runs.settings import Tracking
from octant.tracking.search import or_none, search
from octant.tracking.sqlite import follow_folder, make_schema, refuse_unusable

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCAL = "local"
SCHEMES = ("sqlite", "http", "https")
REPLACED = "replaced"  # tag of a run that rerun=true has sent to the trash
KIND = ("mlflow.experimentKind", "custom_model_development")
LOCK_SECONDS = 30.0  # for another process to make the schema, which takes a few on a busy machine

# MLflow reads these when it is first used: a dead server costs seconds, not four minutes, and nobody is phoned.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Store:
    """A tracking store: `uri` may hold credentials, `shown` never does; `artifacts` only for a SQLite file.

    `name` is what receipts call it: the state folder's own may move with that folder.
    """

    uri: str
    shown: str
    artifacts: Path | None = None
    name: str = ""

    @property
    def database(self) -> Path | None:
        """The file of a SQLite store."""
        return local_path(self.uri)

    def key(self, experiment: str) -> str:
        """Short name of the pair (store, experiment), the same for everybody who may use the store."""
        # A name and password may also come by other variables.
        address = self.name or self.shown.replace("***@", "").rstrip("/")
        return sha256(f"{address}\n{experiment}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Connection:
    """A store that answers, and the experiment in it."""

    client: MlflowClient
    experiment_id: str
    experiment: str


def local_path(uri: str) -> Path | None:
    """The file of a SQLite store, or the folder of artifacts that lie on this machine."""
    path = url2pathname(urlsplit(uri).path)
    return Path(path) if uri.startswith("file:") else Path(path[1:]) if uri.startswith("sqlite:") else None


def must_answer(client: MlflowClient) -> None:
    """Raises StoreAway when the store does not answer: then what it was asked for may well be there."""
    try:
        client.search_experiments(max_results=1)
    except Exception as error:  # noqa: BLE001 - whatever the store raises
        raise StoreAway(f"the store does not answer: {' '.join(str(error).split())[:200]}") from None


def locate(tracking: Tracking, state: Path) -> Store:
    """The store that the settings name. Raises InputError for an address that no store can have, and for one with
    a password that does not come by the environment.
    """
    own = f"sqlite:///{state / 'mlflow.db'}"
    if tracking.uri in (None, own):
        return Store(own, own, state / "artifacts", LOCAL)
    uri = str(tracking.uri)
    if "@" in uri and not uri.startswith("sqlite:") and uri != os.environ.get("MLFLOW_TRACKING_URI"):
        raise InputError(OPEN)
    shown = f"***@{uri.rpartition('@')[2]}" if "@" in uri and "://" not in uri else without_credentials(uri)
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise InputError(f"tracking.uri: {shown} is not an address; write http://host:port") from None
    if parts.scheme not in SCHEMES:
        allowed = ", ".join(SCHEMES)
        raise InputError(f"tracking.uri: {shown} does not start with a known scheme; allowed: {allowed}")
    if parts.scheme == "sqlite":
        file = Path(uri.partition(":")[2][3:])
        if not file.is_absolute() or file == Path("/"):
            raise InputError(f"tracking.uri: {uri} names no file from the root; write sqlite:////absolute/path.db")
        home.refuse_odd("tracking.uri", file)
        home.refuse_odd("tracking.uri", file.resolve())
        if file.is_dir():
            raise InputError(f"tracking.uri: {file} is a folder; name a file in it: {uri.rstrip('/')}/mlflow.db")
        return Store(uri, uri, file.resolve().parent / "artifacts")
    if not parts.hostname:
        raise InputError(f"tracking.uri: {shown} names no host; write {parts.scheme}://host:port")
    if "#" in uri or parts.query:
        raise InputError(UI_PAGE)
    return Store(uri, shown)


def located(uri: str | None) -> Store:
    """The store of a command's --uri, or without one the SQLite store in the state folder."""
    return locate(Tracking(uri=uri), home.state())


def use_mlflow() -> None:
    """Import MLflow with bounded waits, no telemetry and no chatter."""
    os.environ.update(_ENVIRONMENT)
    if sys.flags.optimize > 1:
        warnings.filterwarnings("ignore", module="mlflow")  # it misses its docstrings, which it adds to
    _hush()
    import mlflow  # noqa: F401

    _hush()  # its own logging set-up resets the levels


def _hush() -> None:
    for name in ("mlflow", "alembic", "sqlalchemy", "urllib3", "matplotlib"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they would say is raised too


def client_of(store: Store, *, create: bool = True) -> MlflowClient:
    """A client of the store; a fresh SQLite store gets its schema, by one process at a time.

    Raises InputError for a SQLite store that is not there and should not be created.
    """
    database = store.database
    if database is not None and not (create or database.exists()):
        raise InputError(f"there is no store at {store.shown} yet; a first run makes it: octant experiment=factorial")
    use_mlflow()
    from mlflow import MlflowClient

    if store.artifacts is None or database is None:
        return MlflowClient(store.uri, registry_uri=store.uri)
    home.make(store.artifacts.parent)
    refuse_unusable(database)
    try:
        with locked(store.artifacts.parent / "store.lock", wait=LOCK_SECONDS):
            make_schema(database)
            follow_folder(database, store.artifacts.as_uri())
            client = MlflowClient(store.uri, registry_uri=store.uri)
            client.search_experiments(max_results=1)
            return client
    except Busy as busy:
        raise StoreAway(f"another process holds {busy}") from None


def connect(store: Store, experiment: str, *, create: bool = True) -> Connection:
    """Open the store and make sure that the experiment exists, restored if it was in the trash.

    Raises InputError, naming those there are, when it does not exist and should not be created.
    """
    client = client_of(store, create=create)
    found = client.get_experiment_by_name(experiment)
    gone = found is None or found.lifecycle_stage == "deleted"
    if gone and not create:
        known = sorted(each.name for each in client.search_experiments() if each.name != "Default")
        raise InputError(
            f"experiment {experiment} has no runs in {store.shown}; known there: {', '.join(known) or 'none'}; "
            f"run it with: octant experiment={experiment}"
        )
    if found is None:
        return Connection(client, _create(client, store, experiment), experiment)
    connection = Connection(client, found.experiment_id, experiment)
    if gone:
        client.restore_experiment(found.experiment_id)
        for run in search(connection, f"tags.{REPLACED} = 'true'"):  # MLflow restores every run it has
            client.delete_run(run.info.run_id)
    return connection


def must_be_ours(connection: Connection) -> None:
    """Raises StoreAway when the experiment's id is another experiment's now, such as in a store that was made anew."""
    found = or_none(lambda: connection.client.get_experiment(connection.experiment_id))
    if found is None:
        raise StoreAway(f"the store has lost the experiment {connection.experiment}")
    if found.name != connection.experiment:
        raise StoreAway(f"the store has another experiment in place of {connection.experiment}")


def takes(connection: Connection) -> bool:
    """Whether the store still takes what is sent: tried with a tag that the experiment has anyway."""
    try:
        must_be_ours(connection)
        connection.client.set_experiment_tag(connection.experiment_id, *KIND)
    except Exception:  # noqa: BLE001 - whatever the store raises
        return False
    return True


def _create(client: MlflowClient, store: Store, experiment: str) -> str:
    from mlflow.exceptions import MlflowException

    location = (store.artifacts / experiment).as_uri() if store.artifacts else None
    try:
        return client.create_experiment(experiment, artifact_location=location)
    except MlflowException as error:
        found = client.get_experiment_by_name(experiment)  # another process may have been faster
        if found is None:
            raise error
        return found.experiment_id
