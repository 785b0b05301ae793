"""Runs as `read_runs` has them, from their journals alone: no store is asked."""

from __future__ import annotations

from octant.analysis.endpoint import DURATION
from octant.runs.lines import History, Identity
from octant.tracking.content import run_params
from octant.tracking.runs import value_of


def row_of(identity: Identity, history: History) -> dict[str, object]:
    """Settings, the metrics of the last epoch, and the outcome; that of a run under way is None."""
    outcome = history.outcome or {"outcome": None}
    return {
        **{name: value_of(text) for name, text in run_params(identity).items()},
        **(history.epochs[-1]["metrics"] if history.epochs else {}),
        "outcome": outcome["outcome"],
        "diverged_epoch": outcome.get("epoch"),
        "dataset_digest": identity["dataset"]["digest"],
        "fingerprint": identity["fingerprint"],
        "trainer": identity.get("trainer_file") or identity["trainer"],
        "run_id": identity["fingerprint"],
    }


def curve_of(fingerprint: str, history: History) -> list[dict[str, object]]:
    """Every epoch of a run as `read_curves` has it, and its seconds."""
    return [{"fingerprint": fingerprint, "epoch": line["epoch"], DURATION: line["seconds"], **line["metrics"]}
            for line in history.epochs]  # fmt: skip
