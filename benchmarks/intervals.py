"""Which 95 % interval to ship, decided by simulation; writes docs/intervals.md.

    python benchmarks/intervals.py

Each cell simulates 2,000 sweeps of eight configurations, so it counts 16,000 means, 56,000 pairwise differences or
14,000 effects. Fixed seeds: the same versions write the same page.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
from scipy import stats

from interval_methods import METHODS, Array
from octant.analysis.comparison.effects import CONTRASTS
from octant.analysis.comparison.intervals import ALPHA, sign_flip_p, student

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "intervals.md"
SWEEPS = 2000
SEEDS = (5, 10, 20)
PAIRS = list(combinations(range(8), 2))
# The eight differ in spread as real ones do, so that differences of skewed errors stay skewed.
SPREADS = np.linspace(0.4, 1.6, 8)
Draw = Callable[[np.random.Generator, int, int], Array]


def mirrored(law: stats.rv_continuous, *shape: float) -> Draw:
    """Errors with a long tail to the bad side, mean 0 and SD 1 before scaling."""
    frozen = law(*shape)

    def draw(rng: np.random.Generator, sweeps: int, n: int) -> Array:
        values = frozen.rvs(size=(sweeps, n, 8), random_state=rng)
        return (frozen.mean() - values) / frozen.std() * SPREADS

    return draw


def measured(rng: np.random.Generator, sweeps: int, n: int) -> Array:
    """Deviations from their mean of really trained seeds, drawn with replacement."""
    table = seed_accuracies().to_numpy()
    chosen = rng.integers(0, len(table), (sweeps, n, 8))
    return np.take_along_axis(table - table.mean(axis=0), chosen.reshape(-1, 8), axis=0).reshape(chosen.shape)


def seed_accuracies() -> pd.DataFrame:
    """Percent, (seeds x configurations); benchmarks/seed_accuracies.py made it."""
    return pd.read_csv(HERE / "seed_accuracies.csv", index_col="seed")


ERRORS: dict[str, Draw] = {
    "normal": mirrored(stats.norm),
    "measured": measured,
    "gamma, skewness -1": mirrored(stats.gamma, 4),
    "lognormal, skewness -1.75": mirrored(stats.lognorm, 0.5),
    "exponential, skewness -2": mirrored(stats.gamma, 1),
}


def simulate(errors: str, n: int, sweeps: int = SWEEPS) -> Array:
    """Errors (sweeps x seeds x configurations) about a true accuracy of 0, the same for the same arguments."""
    return ERRORS[errors](np.random.default_rng([list(ERRORS).index(errors), n]), sweeps, n)


def means(sweeps: Array) -> Array:
    """The samples behind the configurations' means: (sweeps x 8, seeds)."""
    return np.moveaxis(sweeps, 1, 2).reshape(-1, sweeps.shape[1])


def differences(sweeps: Array) -> Array:
    """The paired differences: (sweeps x 28, seeds)."""
    first, second = np.array(PAIRS).T
    return np.moveaxis(sweeps[:, :, first] - sweeps[:, :, second], 1, 2).reshape(-1, sweeps.shape[1])


def effects(sweeps: Array) -> Array:
    """The per-seed effects: (sweeps x 7, seeds)."""
    return np.moveaxis(sweeps @ CONTRASTS.T, 1, 2).reshape(-1, sweeps.shape[1])


def coverage(method: str, samples: Array) -> tuple[float, float]:
    """Percent of the intervals that contain the true mean 0, and their median length.

    A sample of equal values, which measured accuracies give now and then, has no bootstrap interval: it counts as
    missed, as does the interval without width that t gives it.
    """
    low, high = METHODS[method](samples, np.random.default_rng(len(method)))
    return 100 * float(np.mean((low <= 0) & (high >= 0))), float(np.nanmedian(high - low))


def lump_coverage(n: int) -> float:
    """Percent of t intervals that contain the true mean where 1 run in 20 counts as 0 % and the others have 97 %."""
    rng = np.random.default_rng(n)
    accuracy = np.where(rng.random((8 * SWEEPS, n)) < 0.05, 0.0, rng.normal(97, 0.6, (8 * SWEEPS, n)))
    return coverage("Student's t", accuracy - 0.95 * 97)[0]


def least_measured(n: int) -> float:
    """The coverage of t for that configuration of the measured eight for which it is lowest, in percent."""
    sweeps = simulate("measured", n, 10 * SWEEPS)
    return min(coverage("Student's t", sweeps[:, :, cell])[0] for cell in range(8))


def false_positives(p: Array, family: int) -> float:
    """Percent of sweeps in which Holm leaves at least one p-value of the family below 0.05."""
    # Holm's smallest adjusted p is the smallest p times their number.
    return 100 * float(np.mean(p.reshape(-1, family).min(axis=1) * family < ALPHA))


def methods_coverage() -> pd.DataFrame:
    """Coverage and median length of the four methods for the mean of a configuration, a row a method and cell."""
    rows = []
    for errors, n in product(ERRORS, SEEDS):
        samples = means(simulate(errors, n))
        rows += [(errors, n, method, *coverage(method, samples)) for method in METHODS]
    return pd.DataFrame(rows, columns=["errors", "seeds", "method", "covered", "length"])


def methods_table(cells: pd.DataFrame) -> list[list[str]]:
    """The same, a column a method."""
    text = [f"{c:.1f} ({x:.2f})" if np.isfinite(x) else "none" for c, x in cells[["covered", "length"]].to_numpy()]
    wide = cells.assign(text=text).pivot(index=["errors", "seeds"], columns="method", values="text")
    wide = wide.reindex(index=list(product(ERRORS, SEEDS)), columns=list(METHODS))
    return [["errors", "seeds", *METHODS], *([*map(str, row)] for row in wide.reset_index().to_numpy())]


def ranges(cells: pd.DataFrame) -> dict[str, str]:
    """Between which percentages the methods cover, for the page's sentences."""

    def span(method: str, *errors: str) -> str:
        covered = cells[(cells["method"] == method) & cells["errors"].isin(errors)]["covered"]
        return f"{covered.min():.1f} to {covered.max():.1f}"

    def length(method: str) -> str:
        at_five = cells[(cells["method"] == method) & (cells["errors"] == normal) & (cells["seeds"] == 5)]
        return f"{at_five['length'].item():.2f}"

    normal, trained, gamma, lognormal, exponential = ERRORS
    return {
        "t_normal": span("Student's t", normal),
        "t_measured": span("Student's t", trained),
        "t_skewed": span("Student's t", gamma, lognormal),
        "t_exponential": span("Student's t", exponential),
        "t_length": length("Student's t"),
        "boot_length": length("bootstrap-t"),
        "boot_measured": span("bootstrap-t", trained),
        "boot_skewed": span("bootstrap-t", gamma, lognormal),
        "bca_normal": span("BCa", normal),
        "boot_normal": span("bootstrap-t", normal),
    }


def shipped_table() -> list[list[str]]:
    """Coverage of the shipped interval for means, differences and effects, and false positives after Holm."""
    rows = [["errors", "seeds", "means", "differences", "effects", "a false effect", "a false difference"]]
    for errors, n in product(ERRORS, SEEDS):
        sweeps = simulate(errors, n)
        numbers = [coverage("Student's t", of(sweeps))[0] for of in (means, differences, effects)]
        numbers.append(false_positives(sign_flip_p(effects(sweeps)), 7))
        numbers.append(false_positives(student(differences(sweeps)).p, 28))
        rows.append([errors, str(n), *(f"{number:.1f}" for number in numbers)])
    return rows


def markdown(rows: list[list[str]]) -> str:
    """A table for a code host: the first row is the head, numbers to the right."""
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


def main() -> None:
    """Simulate and write the page."""
    table = seed_accuracies()
    skewness = stats.skew(table.to_numpy())
    cells = methods_coverage()
    text = Template((HERE / "intervals.template.md").read_text()).substitute(
        ranges(cells),
        methods=markdown(methods_table(cells)),
        shipped=markdown(shipped_table()),
        trained=len(table),
        lump=" %, ".join(f"{lump_coverage(n):.0f}" for n in SEEDS),
        least=" %, ".join(f"{least_measured(n):.1f}" for n in SEEDS),
        skew_low=f"{skewness.min():.1f}",
        skew_high=f"{skewness.max():.1f}",
    )
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
