"""A sweep laid out for pairing: seeds down, configurations across, accuracies in percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from octant.errors import InputError, unknown_word

FACTORS = ("loss", "hidden", "output")
OUTCOMES = ("finished", "diverged")
COLUMNS = ("config", *FACTORS, "seed", "test_accuracy", "outcome", "diverged_epoch", "n_test", "fingerprint")


@dataclass(frozen=True)
class Sweep:
    """One run a configuration and seed; every array is (seeds x configurations), both sorted.

    `accuracy` is the final test accuracy in percent, NaN where no run finished. A diverged run has no final
    accuracy: its weights are not finite, and what it scored before is not the endpoint that was declared. So means
    and intervals are about the runs that finished (their coverage is tested; a mixture with a lump at 0 has none),
    every table counts and names what diverged, and `as_zero`, the same array with 0 % for each diverged run, keeps
    survivors from winning by attrition: configurations are ranked by it, and a difference counts as shown only
    where both readings agree in sign. `diverged` names such runs by configuration, as `seed 3 at epoch 7`.
    """

    runs: pd.DataFrame
    accuracy: pd.DataFrame
    as_zero: pd.DataFrame
    diverged: dict[str, list[str]]
    n_test: int


def lay_out(runs: pd.DataFrame) -> Sweep:
    """Check the tidy frame (one row a run, accuracies as fractions) and lay it out; the order of its rows is lost.

    Raises InputError: no rows, a missing column, an unknown outcome, a finished run without an accuracy in
    [0, 1], two runs of one configuration and seed, or test sets of several sizes.
    """
    check_runs(runs, COLUMNS, "test_accuracy")
    check_unique(runs, ["config", "seed"], "choose one learning rate for each configuration first")
    runs = runs[list(COLUMNS)].sort_values(["config", "seed"], ignore_index=True)
    finished = runs["outcome"] == "finished"
    percent = 100 * runs["test_accuracy"].astype(float).where(finished)
    wide = runs.assign(accuracy=percent, as_zero=percent.where(finished, 0.0))
    accuracy, as_zero = (wide.pivot(index="seed", columns="config", values=v) for v in ("accuracy", "as_zero"))
    return Sweep(runs, accuracy, as_zero, _diverged(runs), _n_test(runs))


def _n_test(runs: pd.DataFrame) -> int:
    sizes = sorted(set(runs["n_test"].dropna()))
    if len(sizes) != 1 or sizes[0] <= 0:
        raise InputError(f"runs: test sets of {sizes} examples; compare runs of one test set")
    return int(sizes[0])


def check_runs(runs: pd.DataFrame, columns: Iterable[str], accuracy: str) -> None:
    """Raise InputError unless `columns` are there and each finished run has an `accuracy` in [0, 1]."""
    missing = [column for column in columns if column not in runs]
    if missing:
        raise InputError(f"runs: no column {', '.join(missing)}")
    if runs.empty:
        raise InputError("runs: none to compare; run the experiment first")
    if runs[["config", "seed"]].isna().any(axis=None):
        raise InputError("runs: a run without its configuration or seed")
    for word in sorted(set(runs["outcome"].astype(str)) - set(OUTCOMES)):
        raise InputError(unknown_word("outcome", word, OUTCOMES))
    bad = runs[(runs["outcome"] == "finished") & ~runs[accuracy].astype(float).between(0, 1)]
    if len(bad):
        first = bad.sort_values(["config", "seed"]).iloc[0]
        raise InputError(f"{first['config']} seed {first['seed']}: {accuracy} is {first[accuracy]}, not in [0, 1]")


def check_unique(runs: pd.DataFrame, keys: Sequence[str], remedy: str) -> None:
    """Raise InputError if two runs share their `keys`, of which the first two are config and seed."""
    twice = runs[runs.duplicated(list(keys))].sort_values(list(keys))
    if len(twice):
        first = twice.iloc[0]
        raise InputError(f"{first['config']} seed {first['seed']}: more than one run; {remedy}")


def left_out(sweep: Sweep, configs: Sequence[str], most: int = 5) -> str:
    """Which seeds a paired comparison of `configs` cannot use, and why; empty when it uses them all."""
    any_run = sweep.as_zero[list(configs)].notna().any(axis=1).to_numpy()
    reasons = []
    for config in configs:
        reasons += [f"{config} diverged with {name}" for name in sweep.diverged.get(config, [])]
        lacking = any_run & sweep.as_zero[config].isna().to_numpy()
        reasons += [f"{config} has no run with seed {seed}" for seed in sweep.as_zero.index[lacking]]
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return "left out: " + "; ".join(reasons[:most]) + more if reasons else ""


def _diverged(runs: pd.DataFrame) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    lost = runs[runs["outcome"] == "diverged"]
    for config, seed, epoch in zip(lost["config"], lost["seed"], lost["diverged_epoch"], strict=True):
        names.setdefault(config, []).append(f"seed {seed}" + ("" if pd.isna(epoch) else f" at epoch {epoch:.0f}"))
    return names
