"""What a comparison is asked: the settings compared, tuned and repeated, and the metric that answers."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Literal

from octant.analysis.endpoint import Goal, OfCurve, of_curve
from octant.seal import Json

__all__ = ["Goal", "Over", "Question", "noun_of"]

Over = Literal["repeats", "examples"]
_LATER = {"looks": (), "over": "repeats"}  # left out of digests where they are as ever


@dataclass(frozen=True)
class Question:
    """The question of one sweep, declared before its runs are looked at.

    `compare` names the factors, in order; their levels make the configurations. For each setting in `tune` a
    configuration takes its own value, chosen on `validation`. The settings in `repeat` only repeat the measurement:
    rows with equal values of them are pairs. `endpoint` is what answers, a metric after the last epoch or of its whole
    curve (see `analysis.endpoint`), `goal` says whether more of it is better, and `margin`, in the endpoint's points,
    is the difference below which nobody cares. `share` says whether the metric is a share from 0 to 1; None: its name
    says so. `looks` are the numbers of repeats at which a sweep that grows until it is decided is looked at, the last
    one its limit; none: their number is fixed. `over` says what intervals and tests hold for: new repeats on these test
    examples, or new `examples` like these as well.
    """

    compare: tuple[str, ...]
    tune: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ("seed",)
    endpoint: str = "test_accuracy"
    goal: Goal = "max"
    margin: float | None = None
    validation_metric: str | None = None
    share: bool | None = None
    looks: tuple[int, ...] = ()
    over: Over = "repeats"

    def as_dict(self) -> dict[str, Json]:
        """For JSON; without looks where none are planned, so that digests of questions without them stay."""
        return {name: value for name, value in asdict(self).items() if value != _LATER.get(name, ...)}

    @property
    def validation(self) -> str:
        """The metric on which tuned settings are chosen: `validation_accuracy` for the endpoint `test_accuracy`."""
        return self.of_curve.of(self.validation_of) if self.of_curve else self.validation_of

    @property
    def validation_of(self) -> str:
        """The metric whose curve, or last value, `validation` is."""
        return self.validation_metric or f"validation_{self.metric.removeprefix('test_')}"

    @property
    def of_curve(self) -> OfCurve | None:
        """What the endpoint takes from a metric's curve; None for the last value."""
        return of_curve(self.endpoint)

    @property
    def metric(self) -> str:
        """The metric whose curve, or last value, the endpoint is."""
        return self.of_curve.metric if self.of_curve else self.endpoint

    @property
    def at_the_end(self) -> Question:
        """The same question of the metric's last value: how curves are drawn."""
        sides: dict[str, Goal] = {"above": "max", "below": "min"}
        goal = sides.get(self.of_curve.side, self.goal) if self.of_curve else self.goal
        return replace(self, endpoint=self.metric, goal=goal)

    @property
    def unit(self) -> str:
        """What the endpoint counts, epochs or seconds; empty for any other."""
        return self.of_curve.unit if self.of_curve else ""

    @property
    def target(self) -> str:
        """The level that is to be reached, in words."""
        return self.of_curve.target(self.metric_scale > 1) if self.of_curve else ""

    @property
    def words(self) -> str:
        """The endpoint in words."""
        return self.in_words(self.endpoint)

    def in_words(self, name: str) -> str:
        """The endpoint, or `validation`, in words."""
        found = of_curve(name)
        if found and found.unit:
            return f"{found.unit} to {found.target(self.metric_scale > 1)}"
        return (f"{found.metric}_over_all_epochs" if found else name).replace("_", " ")

    @property
    def superlative(self) -> str:
        """The most that one can have of the endpoint."""
        return "fewest" if self.unit else "lowest" if self.goal == "min" else "highest"

    @property
    def metric_scale(self) -> float:
        """What the metric is multiplied by: accuracies are shares from 0 to 1, shown in percent."""
        return 100.0 if (self.metric.endswith("accuracy") if self.share is None else self.share) else 1.0

    @property
    def is_share(self) -> bool:
        """Whether the endpoint is a share from 0 to 1, shown in percent."""
        return not self.unit and self.metric_scale > 1

    @property
    def scale(self) -> float:
        """What the tables multiply the endpoint by."""
        return 100.0 if self.is_share else 1.0

    @property
    def sign(self) -> float:
        """+1 where more of the endpoint is better, -1 where less is: a difference times it is a gain."""
        return 1.0 if self.goal == "max" else -1.0

    @property
    def diverged_as(self) -> str:
        """What a diverged run counts as where it must count: the end of a column's name.

        `zero` for a share that is to be large. Elsewhere 0 means nothing or is the best there is: `worst` is the
        worst value of the sweep's finished runs, the least that a diverged run can be charged with.
        """
        return "zero" if self.is_share and self.goal == "max" else "worst"

    @property
    def noun(self) -> str:
        """What one repeat is called: a seed, a split, a fold, a data set; a repeat where several settings make it."""
        nouns = [noun_of(each) for each in self.repeat]
        return nouns[0] if len(nouns) == 1 else "data set" if "data set" in nouns else "repeat"

    @property
    def exact(self) -> bool:
        """Whether nothing repeats the measurement, as the runs draw nothing at random: differences are what they are,
        without chance, interval or p-value.
        """
        return not self.repeat

    @property
    def settings(self) -> tuple[str, ...]:
        """Every setting that the question names."""
        return (*self.compare, *self.tune, *self.repeat)


def noun_of(setting: str) -> str:
    """What the values of a setting that repeats are called: `split` for `dataset.split_seed`."""
    name = setting.rpartition(".")[2].lower()
    if name in ("dataset", "data_set", "data"):
        return "data set"
    words = re.split(r"[_\W]+", name)
    if any(word.endswith("split") for word in words):
        return "split"
    if any(word.endswith("seed") for word in words):
        return "seed"
    return next((noun for noun in ("fold", "trial") if noun in words), "repeat")
