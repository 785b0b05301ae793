"""What a comparison is asked: the settings compared, tuned and repeated, and the metric that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Question:
    """The question of one sweep, declared before its runs are looked at.

    `compare` names the factors, in order; their levels make the configurations. For each setting in `tune` a
    configuration takes its own value, chosen on `validation`. The settings in `repeat` only repeat the measurement:
    rows with equal values of them are pairs. `endpoint` is the metric after the last epoch that answers, `goal` says
    whether more of it is better, and `margin`, in the endpoint's points, is the difference below which nobody cares.
    """

    compare: tuple[str, ...]
    tune: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ("seed",)
    endpoint: str = "test_accuracy"
    goal: Literal["max", "min"] = "max"
    margin: float | None = None
    validation_metric: str | None = None

    @property
    def validation(self) -> str:
        """The metric on which tuned settings are chosen: `validation_accuracy` for the endpoint `test_accuracy`."""
        return self.validation_metric or f"validation_{self.endpoint.removeprefix('test_')}"

    @property
    def is_share(self) -> bool:
        """Whether the endpoint is a share from 0 to 1, shown in percent: accuracies are."""
        return self.endpoint.endswith("accuracy")

    @property
    def scale(self) -> float:
        """What the tables multiply the endpoint by."""
        return 100.0 if self.is_share else 1.0
