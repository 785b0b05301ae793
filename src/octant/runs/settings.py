"""What a command asks besides the settings of its runs: experiment, store, workers, cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from octant.analysis.question import Goal, Over
from octant.errors import InputError
from octant.seal import Json
from octant.trainer import DEFAULT, Part, Settings, one_line, trainer


def _names(value: object) -> object:
    """Hydra's list, or a single name, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], BeforeValidator(_names)]


class Experiment(Part):
    """A question, declared beforehand: what is compared, tuned and repeated, and the metric that answers.

    `compare` None: every setting that the sweep varies, less `tune` and `repeat` (see factors.question_of). `margin`
    is the difference, in the endpoint's points, below which nobody cares. `max_repeats`: repeats are added until
    all is decided, or so many are there. `over` says what the answer holds for (see Question). `companion` names the
    experiment that asks the same at each configuration's own learning rate; `shared_rate` is the one rate that a grid
    is held against.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    question: Annotated[str, Field(max_length=4000)] = ""  # MLflow keeps tags of 5,000 characters
    compare: Names | None = None
    tune: Names = ()
    repeat: Names = ("seed",)
    endpoint: Annotated[str, Field(min_length=1, max_length=200)] = "test_accuracy"
    goal: Goal = "max"
    margin: Annotated[float, Field(gt=0)] | None = None
    max_repeats: Annotated[int, Field(ge=5, le=1000)] | None = None
    over: Over = "repeats"
    companion: str | None = None
    shared_rate: Annotated[float, Field(gt=0)] | None = None


class Tracking(Part):
    """Where MLflow keeps the runs; `uri` null means the SQLite store under mlruns/."""

    uri: str | None = None


class Cluster(Part):
    """How runs are spread over the nodes of a cluster: conf/hydra/launcher/slurm.yaml and ray.yaml."""

    cluster: str  # a word of runs.cluster.LAUNCHERS
    tasks: Annotated[int, Field(ge=1, le=10_000)]
    runs_per_task: Annotated[int, Field(ge=1, le=100_000)]
    minutes_per_run: Annotated[float, Field(gt=0, le=10_080)]
    memory_mb: Annotated[int, Field(ge=100, le=4_000_000)]


class Slurm(Cluster):
    """Slurm, and what else its sbatch is to be told."""

    cluster: Literal["slurm"]
    sbatch: dict[str, object] = {}  # noqa: RUF012 - pydantic copies it


class Ray(Cluster):
    """A started Ray cluster."""

    cluster: Literal["ray"]
    address: Annotated[str, Field(min_length=1)]


def _digest(value: str | None) -> str | None:
    if value is None or re.fullmatch("[0-9a-f]{32,64}", value):
        return value
    message = "code: {got} is no digest; it has 32 digits, 0-9 and a-f, as the launch shows them"
    raise PydanticCustomError("word", message, {"got": repr(value[:80])})


class Launch(Part):
    """The rest of a command: the experiment that its runs belong to, and how to go about it.

    `threads` are each worker's, for linear algebra; `time_limit` is in seconds of one run, after which it is stopped.
    `code` is the digest of an earlier code whose numbers the present one gives too, as its user says: then runs that
    were trained with that code are there already.
    """

    experiment: Experiment
    tracking: Tracking
    trainer: str = DEFAULT
    code: Annotated[str | None, AfterValidator(_digest)] = None
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    time_limit: Annotated[float, Field(gt=0)] | None = None
    rerun: bool = False
    cluster: Annotated[Slurm | Ray, Field(discriminator="cluster")] | None = None


OWN = frozenset(Launch.model_fields)


def parse_launch(composed: Mapping[str, Json]) -> tuple[Settings, Launch]:
    """Check a composed configuration (plain containers): the settings of one run, and the rest of the command.

    Raises InputError with one line for a wrong key, word, type or range: what was wrong and what is allowed.
    """
    settings = trainer(str(composed.get("trainer", DEFAULT))).parse(
        {key: value for key, value in composed.items() if key not in OWN}
    )
    try:
        return settings, Launch(**{key: value for key, value in composed.items() if key in OWN})
    except ValidationError as error:
        raise InputError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    """As trainer.one_line, with a cluster's options called what they are on the command line."""
    first = error.errors(include_url=False)[0]
    message = one_line(error, set(OWN))
    if first["loc"][:1] != ("cluster",):
        return message
    if first["loc"] == ("cluster",):
        names = ", ".join(map(str, first["input"]))
        return f"hydra.launcher: octant's own takes no {names}; workers=2 limits its processes"
    key = ".".join(map(str, first["loc"]))
    return message.replace(key, ".".join(["hydra.launcher", *map(str, first["loc"][2:])]), 1)
