"""Endpoints by name: a metric of the last epoch, or what sums up its whole curve.

`epochs_to_test_accuracy_above_90` and `seconds_to_test_loss_below_0.3` say how soon a level is reached; levels of
accuracies are in percent. `mean_of_test_accuracy` is the area under the curve, divided by the number of epochs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from octant.errors import InputError

Goal = Literal["max", "min"]
DURATION = "system/seconds_per_epoch"  # on a tab of its own: MLflow draws charts by alphabet
_FORM = re.compile(
    r"(?P<unit>epochs|seconds)_to_(?P<metric>.+)_(?P<side>above|below)_(?P<level>-?\d+(?:\.\d+)?(?:e-?\d+)?)"
    r"|mean_of_(?P<averaged>.+)"
)
_BEGINS = ("epochs_to", "seconds_to", "mean_of")  # no metric may be called so
_FORMS = "epochs_to_METRIC_above_LEVEL (below for a loss), seconds_to_METRIC_above_LEVEL and mean_of_METRIC"


@dataclass(frozen=True)
class OfCurve:
    """What an endpoint takes from the curve of `metric`: the `unit` (epochs, seconds) until it is above or below a
    level, as it was typed; without a unit its mean over the epochs.
    """

    metric: str
    unit: str = ""
    side: str = ""
    level: str = ""

    def of(self, metric: str) -> str:
        """The name of the same endpoint of another metric."""
        return f"{self.unit}_to_{metric}_{self.side}_{self.level}" if self.unit else f"mean_of_{metric}"

    def target(self, is_share: bool) -> str:
        """The level in words: `90 % test accuracy`, `test loss below 0.3`."""
        metric = self.metric.replace("_", " ")
        if is_share and self.side == "above":
            return f"{self.level} % {metric}"
        return f"{metric} {self.side} {self.level}{' %' * is_share}"


@cache
def of_curve(endpoint: str) -> OfCurve | None:
    """What the endpoint takes from a curve; None for the last value of a metric."""
    found = _FORM.fullmatch(endpoint)
    if found is None:
        return None
    if found["averaged"]:
        return OfCurve(found["averaged"])
    return OfCurve(found["metric"], found["unit"], found["side"], found["level"])


def check_form(endpoint: str, where: str, is_share: bool) -> None:
    """Raise InputError for a form that is not there, and for an accuracy's level that is not in percent."""
    found = of_curve(endpoint)
    if found is None and endpoint.startswith(_BEGINS):
        raise InputError(f"{where}: {endpoint!r} has another form than {_FORMS}; "
                         "such as epochs_to_test_accuracy_above_90")  # fmt: skip
    if found and found.unit and is_share and not 1 < float(found.level) <= 100:
        raise InputError(f"{where}: {found.level} is no level of {found.metric}, which is in percent: above 1, at most "
                         "100, such as 90")  # fmt: skip


def goal_of(endpoint: str, goal: Goal) -> Goal:
    """The goal as it was declared; fewer epochs and seconds are better in any case."""
    found = of_curve(endpoint)
    return "min" if found and found.unit else goal
