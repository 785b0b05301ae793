"""Do the published differences hold on new test examples as well? Writes results/new_examples.csv.

    python benchmarks/new_examples.py [EXPERIMENT ...]

Reads the published sweeps, with what each run got wrong, from the store in the state folder. Tries each difference that
a verdict states again over seeds and test examples: as `experiment.over=examples` does it, and by a plain two-way
bootstrap that shares no code with it: seeds and examples drawn with replacement together, tuned values chosen
again each time, and the middle 95 % of what comes out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from intervals import markdown
from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.design import lay_out
from octant.analysis.comparison.intervals import student_rows
from octant.analysis.comparison.settings import config_names
from octant.analysis.comparison.sources import widened
from octant.analysis.decide import verdict_of
from octant.analysis.verdict import Decision, Difference, Verdict
from octant.seal import Json
from octant.tracking.declared import declared_of
from octant.tracking.runs import read_errors, read_runs
from octant.tracking.store import connect, located

FILE = Path(__file__).parent / "results" / "new_examples.csv"
EXPERIMENTS = ("factorial", "tuned", "mnist", "mnist-tuned", "lecture")  # the others' repeats have their own examples
DIGITS = ("factorial", "tuned")
DRAWS, SEED = 4_000, 18
Array = NDArray[np.float64]
Errors = dict[str, dict[str, Json]]


def statements(verdict: Verdict) -> Iterator[tuple[str, str, Difference, dict[str, float]]]:
    """What the verdict shows to be better: kind, words, the difference, and the weight of each configuration in it."""
    best, cells = verdict.best, verdict.cells
    for each in best.against:
        if each.decision is Decision.BETTER:
            yield "configuration", f"{each.first} over {each.second}", each, {each.first: 1.0, each.second: -1.0}
    for factor in verdict.factors:
        for cell in factor.cells:
            here = [name for name in cells if all(cells[name][at] == level for at, level in cell.where)]
            for each in cell.ranking.against:
                if each.decision is not Decision.BETTER:
                    continue
                weights = {}
                for sign, level in ((1.0, each.first), (-1.0, each.second)):
                    own = [name for name in here if cells[name][factor.name] == level]
                    weights |= dict.fromkeys(own, sign / len(own))
                where = ", ".join(level for _, level in cell.where)
                yield factor.name, f"{each.first} over {each.second}{f' ({where})' * bool(where)}", each, weights


def by_octant(comparison: Comparison, weights: Array) -> tuple[Array, Array]:
    """The ends of each contrast's interval over seeds and examples; weights are (contrasts x configurations)."""
    design = lay_out(comparison.runs, comparison.question, ())
    each = weights @ design.values.T
    t = student_rows(each, design.unit, design.step)[1]
    wide = widened(t, np.isfinite(each), weights, comparison.sources)
    return wide.t.low, wide.t.high


def bootstrap(runs: pd.DataFrame, errors: Errors, tune: tuple[str, ...], metric: str, configs: list[str]) -> Array:
    """Means of the configurations in percent (draws x configurations), seeds and examples drawn together."""
    rng = np.random.default_rng(SEED)
    right, validation = grid_of(runs, errors, tune, metric, configs)
    n, count, _, m = right.shape
    means = np.empty((DRAWS, count))
    for draw in means:
        seeds = np.bincount(rng.integers(n, size=n), minlength=n) / n
        examples = np.bincount(rng.integers(m, size=m), minlength=m) / m
        chosen = np.einsum("n,nkr->kr", seeds, validation).round(9).argmax(axis=1)
        for at, value in enumerate(chosen):
            draw[at] = 100 * (seeds.astype(np.float32) @ right[:, at, value]) @ examples
    return means


def grid_of(
    runs: pd.DataFrame, errors: Errors, tune: tuple[str, ...], metric: str, configs: list[str]
) -> tuple[NDArray[np.float32], Array]:
    """Right (1) or wrong (seeds x configurations x tuned values x examples), and the metric that chooses, if any."""
    value = runs[list(tune)].apply(tuple, axis=1) if tune else pd.Series([()] * len(runs), index=runs.index)
    at = [sorted(set(runs["seed"])), configs, sorted(set(value))]
    m = max(sum(each["examples"]) for each in errors.values())
    right = np.zeros((*map(len, at), m), dtype=np.float32)
    validation = np.zeros(right.shape[:3])
    for row, own in zip(runs.to_dict("records"), value, strict=True):
        place = tuple(known.index(one) for known, one in zip(at, (row["seed"], row["config"], own), strict=True))
        validation[place] = np.nan_to_num(row[metric]) if tune else 0.0
        if row["outcome"] == "finished":  # a diverged run counts as 0 %
            right[place] = 1
            right[(*place, [wrong[0] for wrong in errors[row["fingerprint"]]["wrong"]])] = 0
    return right, validation


def tried(experiment: str) -> pd.DataFrame:
    """A row for each difference that the published verdict states."""
    connection = connect(located(None), experiment, create=False)
    declared = declared_of(connection)
    runs = read_runs(connection, declared.sweep, declared.question)
    runs = runs.assign(config=config_names(runs, declared.question.compare))
    errors, question = read_errors(connection, runs), declared.question
    published, over = (
        answer(runs, replace(question, over=each), settings=declared.varied, errors=errors)
        for each in ("repeats", "examples")
    )
    kind, words, found, weights = zip(*statements(verdict_of(published)), strict=True)
    configs = lay_out(over.runs, question, ()).configs
    each = pd.DataFrame(list(weights), columns=configs).fillna(0.0).to_numpy()
    low, high = by_octant(over, each)
    drawn = bootstrap(runs, errors, question.tune, question.validation, configs) @ each.T
    ends = np.percentile(drawn, [2.5, 97.5], axis=0)
    return pd.DataFrame({
        "experiment": experiment, "about": kind, "statement": words, "difference": [one.gain for one in found],
        "low": [one.low for one in found], "high": [one.high for one in found],
        "octant_low": low, "octant_high": high, "bootstrap_low": ends[0], "bootstrap_high": ends[1],
    })  # fmt: skip


def shown_rows() -> list[list[str]]:
    """The table of docs/intervals.md, from the csv: all of the digits, and whatever either interval loses."""
    found = pd.read_csv(FILE)
    lost = (found["octant_low"] <= 0) | (found["bootstrap_low"] <= 0)
    head = ["experiment", "stated", "difference (seeds alone)", "seeds and examples", "bootstrap", "holds"]
    return [head, *map(row, found[found["experiment"].isin(DIGITS) | lost].to_dict("records"))]


def row(found: dict[str, float]) -> list[str]:
    """A row of it."""
    ends = [f"{found[f'{name}low']:.2f} to {found[f'{name}high']:.2f}" for name in ("", "octant_", "bootstrap_")]
    kept = [found[f"{name}_low"] > 0 for name in ("octant", "bootstrap")]
    still = "yes" if all(kept) else "by octant" if kept[0] else "by bootstrap" if kept[1] else "no"
    published = f"{found['difference']:.2f} ({ends[0]})"
    return [str(found["experiment"]), str(found["statement"]), published, *ends[1:], still]


def main() -> None:
    """Try all, and write."""
    table = pd.concat([tried(name) for name in sys.argv[1:] or EXPERIMENTS])
    FILE.parent.mkdir(exist_ok=True)
    table.to_csv(FILE, index=False, float_format="%.5f")
    print(markdown(shown_rows()))


if __name__ == "__main__":
    main()
