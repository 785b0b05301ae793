"""One run as MLflow has it: all that is needed to repeat it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from octant.analysis.endpoint import DURATION
from octant.errors import InputError
from octant.seal import Json
from octant.tracking.store import Store, client_of, must_answer
from octant.trainer import DEFAULT, Given, Settings, trainer

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONFIG, UNCOMMITTED = "config.yaml", "uncommitted.diff"
_LARGEST = 100_000  # bytes of a file; octant's have 1,400
_DEEPEST = 50  # levels of lists and mappings; octant's have 4
Points = dict[tuple[str, int], float]  # (metric, step) -> value


@dataclass(frozen=True)
class StoredRun:
    """`points` has every metric at every step, without durations."""

    run_id: str
    name: str
    status: str
    settings: Given
    tags: dict[str, str]
    points: Points


def read_run(store: Store, run_id: str) -> StoredRun:
    """Raises InputError for an id that the store does not have, and for a run that octant did not make."""
    from mlflow.exceptions import MlflowException

    client = client_of(store, create=False)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise InputError(f"run {run_id!r} is not in {store.shown}; the page of a run shows its id") from None
    tags = dict(run.data.tags)
    if kind := tags.get("kind"):
        raise InputError(f"run {run_id} is the {kind} of other runs; only runs that were trained are repeated")
    if "fingerprint" not in tags:
        raise InputError(f"run {run_id} was not made by octant (it has no fingerprint): only octant's are repeated")
    points = {
        (key, point.step): point.value
        for key in run.data.metrics
        if key != DURATION
        for point in client.get_metric_history(run_id, key)
    }
    return StoredRun(
        run_id,
        run.info.run_name or run_id,
        run.info.status,
        _settings(client, run_id, tags.get("trainer_file") or tags.get("trainer", DEFAULT)),
        tags,
        points,
    )


def plain_yaml(content: bytes) -> Json:
    """The value of a little YAML without aliases, which could make a few bytes gigabytes; octant writes no other.

    Raises ValueError for any other, also for a deep one, which takes minutes to read, and what yaml raises.
    """
    import yaml

    if len(content) > _LARGEST or not _is_plain(yaml.parse(content)):
        raise ValueError("it was not written by octant: it is too large or too deep, or has aliases")
    return yaml.safe_load(content)


def _is_plain(events: Iterable[object]) -> bool:
    from yaml import AliasEvent, CollectionEndEvent, CollectionStartEvent

    depth = 0
    for each in events:
        depth += isinstance(each, CollectionStartEvent) - isinstance(each, CollectionEndEvent)
        if depth > _DEEPEST or isinstance(each, AliasEvent):
            return False
    return True


def _settings(client: MlflowClient, run_id: str, name: str) -> Settings:
    import yaml
    from mlflow.exceptions import MlflowException

    with TemporaryDirectory(prefix="octant-") as folder:
        try:
            content = _start_of(Path(client.download_artifacts(run_id, CONFIG, folder)))
        except (MlflowException, OSError):
            must_answer(client)
            raise InputError(f"run {run_id} has no artifact {CONFIG}; without it nothing says what to repeat") from None
    wrong = f"run {run_id}: its artifact {CONFIG} does not hold a run's settings"
    try:
        values = plain_yaml(content)
        if not isinstance(values, dict):
            raise InputError(f"it holds {'nothing' if values is None else type(values).__name__}")
        return trainer(name).parse(values)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:  # among them InputError
        raise InputError(f"{wrong} ({' '.join(str(error).split())[:150]})") from None


def _start_of(path: Path) -> bytes:
    """As much of a file as tells that it is too large."""
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)
