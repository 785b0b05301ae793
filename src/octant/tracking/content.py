"""What MLflow is told of a run: name, tags, params, data set, points, and what it shows at a glance when finished."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from octant.analysis.endpoint import DURATION
from octant.runs.lines import EpochLine, History, Identity
from octant.tracking.stored import CONFIG, UNCOMMITTED
from octant.trainer import flat

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric

    from octant.tracking.store import Connection

ENDPOINT = "test_accuracy"
_MOST_TAG = 4900  # characters; MLflow's own limit was 5,000 for years


def run_tags(identity: Identity, sweep: str) -> dict[str, str]:
    """Tags known when a run starts."""
    data, provenance = identity["dataset"], identity["provenance"]
    return {
        "config": identity["configuration"], "trainer": identity["trainer"],
        **({"trainer_file": identity["trainer_file"]} if "trainer_file" in identity else {}),
        "code_digest": identity["code"]["digest"],
        **({} if identity["code"]["own"] == identity["code"]["digest"] else {"code_own": identity["code"]["own"]}),
        "sweep": sweep, "fingerprint": identity["fingerprint"], "dataset_digest": data["digest"],
        "mlflow.source.name": "octant", "mlflow.source.type": "LOCAL",
        **{name: _cut(str(value)) for name, value in provenance.items() if value is not None},
    }  # fmt: skip


def _cut(text: str) -> str:
    """A command may be longer than any tag that MLflow keeps."""
    return text if len(text) <= _MOST_TAG else f"{text[:_MOST_TAG]} (cut here)"


def run_params(identity: Identity) -> dict[str, str]:
    """The settings, flat, but for places; and what is counted of the data set."""
    settings = {name: value for name, value in flat(identity["settings"]).items() if name not in identity["places"]}
    sizes = {name: value for name, value in identity["dataset"].items() if name.startswith("n_")}
    return {name: str(value) for name, value in (settings | sizes).items()}


def described(identity: Identity) -> dict[str, str]:
    """The files that a run has from its start: name -> text."""
    texts = {CONFIG: yaml.safe_dump(dict(identity["settings"]), sort_keys=False)}
    return texts | ({UNCOMMITTED: text} if (text := identity.get("uncommitted")) else {})


def metric_points(lines: list[EpochLine], model_id: str | None = None) -> list[Metric]:
    """Epoch lines of a journal as MLflow's points, with the journal's own times.

    The metrics of the last line are linked to the model, if there is one.
    """
    from mlflow.entities import Metric

    return [
        Metric(key, value, line["time"], line["epoch"], None if key == DURATION or line is not lines[-1] else model_id)
        for line in lines
        for key, value in (line["metrics"] | {DURATION: line["seconds"]}).items()
        if line["epoch"] or key != DURATION
    ]


def outcome_tags(run_id: str, history: History) -> dict[str, str]:
    """Tags of a run that is over: how it ended, and its description."""
    named = {"outcome": "outcome", "epoch": "diverged_epoch", "reason": "diverged_reason"}
    tags = {named[key]: str(value) for key, value in (history.outcome or {}).items() if key in named}
    return tags | {"mlflow.note.content": _described(run_id, history)}


def dataset_inputs(identity: Identity) -> list[DatasetInput]:
    """The data set as MLflow's input, with the digest over the whole arrays."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = identity["dataset"]
    source = json.dumps({"dataset": data["name"], "split": identity["settings"].get("dataset")})
    profile = json.dumps({name: value for name, value in data.items() if isinstance(value, int)})
    dataset = Dataset(data["name"], data["digest"][:36], "octant", source, profile=profile)
    return [DatasetInput(dataset, [InputTag("mlflow.data.context", "train, validation, test")])]


def model_points(history: History, model_id: str, taken: int) -> list[Metric]:
    """The points of the last epoch again, linked to the run's model; MLflow keeps one of two equal points.

    `taken` is the time at which the store has them: where the journal's line was lost and trained again, it has
    another.
    """
    last = history.epochs[-1]
    return [point for point in metric_points([{**last, "time": taken}], model_id) if point.model_id]


def _described(run_id: str, history: History) -> str:
    """The run's description (markdown) on its MLflow page."""
    outcome = history.outcome
    if outcome and outcome["outcome"] == "diverged":
        line = f"Diverged in epoch {outcome['epoch']}: {outcome['reason']}."
    else:
        line = f"{len(history.epochs)} records; comparisons use the last one."
    return f"{line}\n\nRepeat this run and compare every number: `octant rerun {run_id}`"


def epochs_taken(connection: Connection, run_id: str, history: History) -> int:
    """How many epochs the store has of a run."""
    name = next(iter(history.epochs[0]["metrics"])) if history.epochs else ENDPOINT
    return len({point.step for point in connection.client.get_metric_history(run_id, name)})
