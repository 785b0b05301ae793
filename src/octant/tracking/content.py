"""What MLflow is told of a run: name, tags, params, data set, points, and what it shows at a glance when finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from octant.analysis.palette import styles
from octant.runs.lines import EpochLine, History
from octant.trainer import flat

if TYPE_CHECKING:
    from mlflow.entities import Metric

ENDPOINT = "test_accuracy"
_PLAIN = "#0072B2"
_MOST_TAG = 4900  # characters; MLflow's own limit was 5,000 for years
# What a configuration's name is made of. A run does not know its sweep: these levels take the places that they have
# in the figures of a sweep over them, and any other word comes after them.
_LEVELS = {"loss": ("cross_entropy", "mse"), "hidden": ("sigmoid", "tanh", "relu"), "output": ("sigmoid", "softmax")}


def run_name(identity: Mapping[str, Any]) -> str:
    """A readable name, such as `cross_entropy-tanh-softmax lr=0.1 seed=3`."""
    settings = identity["settings"]
    rate = f" lr={settings['learning_rate']:g}" if "learning_rate" in settings else ""
    return f"{identity['configuration']}{rate} seed={settings['seed']}".strip()


def run_colour(settings: Mapping[str, Any]) -> str:
    """The colour of the run's configuration, from its settings alone; one for all where it has none of the words."""
    levels = {name: [*known, settings[name]] for name, known in _LEVELS.items() if name in settings}
    return styles(levels).colour(settings) if levels else _PLAIN


def run_tags(identity: Mapping[str, Any], sweep: str) -> dict[str, str]:
    """Tags known when a run starts."""
    data, provenance = identity["dataset"], identity["provenance"]
    return {
        "config": identity["configuration"],
        "trainer": identity["trainer"],
        "code_digest": identity["code"]["digest"],
        **({} if identity["code"]["own"] == identity["code"]["digest"] else {"code_own": identity["code"]["own"]}),
        "sweep": sweep,
        "fingerprint": identity["fingerprint"],
        "dataset_digest": data["digest"],
        "mlflow.runColor": run_colour(identity["settings"]),
        "mlflow.source.name": "octant",
        "mlflow.source.type": "LOCAL",
        **{name: _cut(str(value)) for name, value in provenance.items() if value is not None},
    }


def _cut(text: str) -> str:
    """A command may be longer than any tag that MLflow keeps."""
    return text if len(text) <= _MOST_TAG else f"{text[:_MOST_TAG]} (cut here)"


def run_params(identity: Mapping[str, Any]) -> dict[str, str]:
    """The settings, flat, but for places; and what is counted of the data set."""
    settings = {name: value for name, value in flat(identity["settings"]).items() if name not in identity["places"]}
    sizes = {name: value for name, value in identity["dataset"].items() if name.startswith("n_")}
    return {name: str(value) for name, value in (settings | sizes).items()}


def points(lines: list[EpochLine]) -> list[Metric]:
    """Epoch lines of a journal as MLflow's points, with the journal's own times."""
    from mlflow.entities import Metric

    return [
        Metric(key, value, line["time"], line["epoch"])
        for line in lines
        for key, value in (line["metrics"] | {"seconds_per_epoch": line["seconds"]}).items()
        if line["epoch"] or key != "seconds_per_epoch"
    ]


def outcome_tags(run_id: str, story: History) -> dict[str, str]:
    """Tags of a run that is over: how it ended, and its description."""
    named = {"outcome": "outcome", "epoch": "diverged_epoch", "reason": "diverged_reason"}
    tags = {named[key]: str(value) for key, value in (story.outcome or {}).items() if key in named}
    return tags | {"mlflow.note.content": described(run_id, story)}


def dataset_inputs(identity: Mapping[str, Any]) -> list[Any]:
    """The data set as MLflow's input, with the digest over the whole arrays."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = identity["dataset"]
    source = json.dumps({"dataset": data["name"], "split": identity["settings"].get("dataset")})
    profile = json.dumps({name: value for name, value in data.items() if isinstance(value, int)})
    dataset = Dataset(data["name"], data["digest"][:36], "octant", source, profile=profile)
    return [DatasetInput(dataset, [InputTag("mlflow.data.context", "train, validation, test")])]


def summary(story: History) -> dict[str, float]:
    """`final_*`: after the last epoch. `best_test_accuracy`: the highest of all epochs; it describes, nothing may be
    chosen by it. Empty for a run that diverged, whose last epoch means nothing.
    """
    if not story.epochs or not story.is_finished:
        return {}
    last = story.epochs[-1]["metrics"]
    final = {f"final_{name}": value for name, value in last.items() if name.endswith("accuracy")}
    best = {f"best_{ENDPOINT}": max(line["metrics"][ENDPOINT] for line in story.epochs)} if ENDPOINT in last else {}
    return final | best


def summary_points(story: History, model_id: str | None) -> list[Metric]:
    """The summary as MLflow's points, linked to the run's model."""
    from mlflow.entities import Metric

    time, step = story.outcome["time"] if story.outcome else 0, story.epochs[-1]["epoch"] if story.epochs else 0
    return [Metric(key, value, time, step, model_id) for key, value in summary(story).items()]


def described(run_id: str, story: History) -> str:
    """The run's description (markdown) on its MLflow page."""
    outcome = story.outcome
    if outcome and outcome["outcome"] == "diverged":
        said = f"Diverged in epoch {outcome['epoch']}: {outcome['reason']}."
    elif (found := summary(story)) and f"best_{ENDPOINT}" not in found:
        said = f"{len(story.epochs)} records."
    else:
        said = (
            f"Test accuracy {found['final_test_accuracy']:.4f} after the last of {len(story.epochs) - 1} epochs, which "
            f"is what comparisons use. `best_test_accuracy` ({found['best_test_accuracy']:.4f}, the best of all "
            "epochs) only describes: choosing by it would be choosing by the test set."
        )
    return f"{said}\n\nRepeat this run and compare every number: `octant rerun {run_id}`"
