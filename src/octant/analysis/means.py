"""One curve per configuration, averaged over repeats only: what MLflow's comparison of a sweep draws."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from octant.analysis.names import WIDTH, names_of
from octant.analysis.question import Question

if TYPE_CHECKING:
    from octant.analysis.figures import Design

MOST = 100  # curves: MLflow's page loads no more runs at once
_MOST_EPOCHS = 200  # points of a curve; of longer ones every nth is kept, and the last


@dataclass(frozen=True)
class Mean:
    """A configuration's curves: `points` are (metric, epoch, value), `settings` its levels and chosen values."""

    name: str
    colour: str
    settings: Mapping[str, str]
    repeats: int
    points: Sequence[tuple[str, int, float]]

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: equal means need not be sent again."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Means:
    """The means of a sweep, best first, and how their chart is laid out.

    `metrics` in the order of their charts: the endpoint, its fellow on the training data, the others. `left_out`
    counts configurations beyond `MOST`. `floor` is the lower end of the axis of a share, None for other endpoints.
    `columns` are the settings that tell configurations apart.
    """

    curves: Sequence[Mean]
    metrics: Sequence[str]
    columns: Sequence[str]
    title: str
    floor: float | None
    goal: str
    left_out: int

    @property
    def endpoint(self) -> str:
        """The metric that answers."""
        return self.metrics[0]


def config_means(
    compared: pd.DataFrame, curves: pd.DataFrame, ranking: Sequence[str], design: Design, floor: float
) -> Means:
    """The means of the compared runs, at each configuration's chosen values where settings are tuned.

    `compared` has a row per run, `curves` a row per run and epoch with its configuration. The
    configurations of `ranking` without any curve are left out. Runs that ended early are not in a mean, as in the
    figures.
    """
    from octant.analysis.figures.curves import to_the_end  # not above: matplotlib reads the environment

    question, whole = design.question, to_the_end(curves)
    there = [config for config in ranking if config in set(whole["config"])]
    rows = compared.drop_duplicates("config").set_index("config")
    columns = [*design.factors, *question.tune]
    groups, names = dict(iter(whole.groupby("config"))), _names(there[:MOST], design)
    shown = [
        Mean(
            name,
            design.style(config).colour,
            {name: str(rows.loc[config, name]) for name in columns},
            int(groups[config]["fingerprint"].nunique()),
            list(_points(groups[config], question.endpoint)),
        )
        for config, name in zip(there[:MOST], names, strict=True)
    ]
    at = f", each at its own {' and '.join(question.tune).replace('_', ' ')}" if question.tune else ""
    count = max((mean.repeats for mean in shown), default=0)
    title = f"{'The runs' if question.exact else f'Mean of {design.repeats(count)}'}{at}"
    limit = floor if question.is_share else None
    return Means(
        shown, _in_order(whole, question.endpoint), columns, title, limit, question.goal, len(there) - len(shown)
    )


def _names(configs: Sequence[str], design: Design) -> list[str]:
    """The names of the figures, or shorter ones where MLflow would cut what tells those apart."""
    labels = [design.label(config) for config in configs]
    if len({label[:WIDTH] for label in labels}) == len(labels):
        return labels
    return names_of([design.cells[config] for config in configs], Question(tuple(design.factors), repeat=()))


def _in_order(curves: pd.DataFrame, endpoint: str) -> list[str]:
    from octant.analysis.figures.curves import metrics_of

    first = metrics_of(curves, endpoint)[::-1]
    others = sorted({str(name) for name in curves} - {"fingerprint", "epoch", "config", *first})
    return [*first, *others]


def _points(curves: pd.DataFrame, endpoint: str) -> Iterator[tuple[str, int, float]]:
    """The mean of every metric, and the endpoint's lowest and highest value, at each epoch."""
    groups = curves.drop(columns=["fingerprint", "config"]).groupby("epoch")
    lines = {str(name): line for name, line in groups.mean().items()}
    lines |= {f"{endpoint} lowest": groups[endpoint].min(), f"{endpoint} highest": groups[endpoint].max()}
    for name, line in lines.items():
        kept = line.dropna()
        at = np.arange(0, len(kept), len(kept) // _MOST_EPOCHS + 1)
        at = np.union1d(at, [len(kept) - 1] if len(kept) else [])
        kept = kept.iloc[at.astype(int)]
        yield from ((name, int(e), float(v)) for e, v in zip(kept.index, kept, strict=True))
