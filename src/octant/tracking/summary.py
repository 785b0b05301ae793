"""What a finished run shows at a glance: columns worth sorting by, and a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from octant.journal import Story

if TYPE_CHECKING:
    from mlflow.entities import Metric

ENDPOINT = "test_accuracy"


def summary(story: Story) -> dict[str, float]:
    """`final_*`: after the last epoch. `best_test_accuracy`: the highest of all epochs; it describes, nothing may be
    chosen by it. Empty for a run that diverged, whose last epoch means nothing.
    """
    if not story.epochs or (story.outcome or {}).get("outcome") != "finished":
        return {}
    last = story.epochs[-1]["metrics"]
    final = {f"final_{name}": value for name, value in last.items() if name.endswith("accuracy")}
    return final | {f"best_{ENDPOINT}": max(line["metrics"][ENDPOINT] for line in story.epochs)}


def summary_points(story: Story, model_id: str | None) -> list[Metric]:
    """The summary as MLflow's points, linked to the run's model."""
    from mlflow.entities import Metric

    time, step = (story.outcome or {}).get("time", 0), len(story.epochs) - 1
    return [Metric(key, value, time, step, model_id) for key, value in summary(story).items()]


def described(run_id: str, story: Story) -> str:
    """The run's description (markdown) on its MLflow page."""
    outcome = story.outcome or {}
    if outcome.get("outcome") == "diverged":
        said = f"Diverged in epoch {outcome['epoch']}: {outcome['reason']}."
    else:
        found = summary(story)
        said = (
            f"Test accuracy {found['final_test_accuracy']:.4f} after the last of {len(story.epochs) - 1} epochs, which "
            f"is what comparisons use. `best_test_accuracy` ({found['best_test_accuracy']:.4f}, the best of all "
            "epochs) only describes: choosing by it would be choosing by the test set."
        )
    return f"{said}\n\nRepeat this run and compare every number: `octant-rerun {run_id}`"
