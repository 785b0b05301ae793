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

from interval_methods import METHODS, SHIPPED, Array
from octant.analysis.comparison.contrasts import Cells, every_effect
from octant.analysis.comparison.effects import per_repeat
from octant.analysis.comparison.intervals import ALPHA, sign_flip_p, student
from octant.analysis.comparison.skewness import level_of, skewness

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "intervals.md"
SWEEPS = 2000
SEEDS = (5, 10, 20)
Draw = Callable[[np.random.Generator, int, int, int], Array]


def weights(cells: list[tuple[object, ...]]) -> Array:
    """The shipped contrasts of a design, from the levels of each of its cells: (effects x cells)."""
    levels = {f"f{at}": list(dict.fromkeys(column)) for at, column in enumerate(zip(*cells, strict=True))}
    codes = np.array([[of.index(level) for of, level in zip(levels.values(), cell, strict=True)] for cell in cells])
    return np.array([row.weights for row in every_effect(Cells(levels, codes, np.ones(len(cells), dtype=bool))).rows])


CUBE = list(product("ab", repeat=3))
DESIGNS: dict[str, list[tuple[object, ...]]] = {
    "3 x 4": list(product("abc", "abcd")),
    "2 x 2 x 2 x 2": list(product("ab", repeat=4)),
    "nested": [(*one, width) for one in (("adam", None), ("sgd", 0.0), ("sgd", 0.9)) for width in (8, 16)],
    "2 x 5, 20 % missing": list(product("ab", "abcde")),
}
HOLES, PATTERNS = 0.2, 20  # of that design: the share of its cells without a run, and how many ways to lose them


def mirrored(law: stats.rv_continuous, *shape: float) -> Draw:
    """Errors with a long tail to the bad side, mean 0 and SD 1 before scaling."""
    frozen = law(*shape)

    def draw(rng: np.random.Generator, sweeps: int, n: int, cells: int = 8) -> Array:
        values = frozen.rvs(size=(sweeps, n, cells), random_state=rng)
        # They differ in spread as real ones do, so that differences of skewed errors stay skewed.
        return (frozen.mean() - values) / frozen.std() * np.linspace(0.4, 1.6, cells)

    return draw


def measured(rng: np.random.Generator, sweeps: int, n: int, cells: int = 8) -> Array:
    """Deviations from their mean of really trained seeds, drawn with replacement; the eight again for more cells."""
    table = seed_accuracies().to_numpy()[:, np.arange(cells) % 8]
    chosen = rng.integers(0, len(table), (sweeps, n, cells))
    return np.take_along_axis(table - table.mean(axis=0), chosen.reshape(-1, cells), axis=0).reshape(chosen.shape)


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


def simulate(errors: str, n: int, sweeps: int = SWEEPS, cells: int = 8) -> Array:
    """Errors (sweeps x seeds x configurations) about a true accuracy of 0, the same for the same arguments."""
    more = () if cells == 8 else (cells,)
    return ERRORS[errors](np.random.default_rng([list(ERRORS).index(errors), n, *more]), sweeps, n, cells)


def means(sweeps: Array) -> Array:
    """The samples behind the configurations' means: (sweeps x cells, seeds)."""
    return np.moveaxis(sweeps, 1, 2).reshape(-1, sweeps.shape[1])


def differences(sweeps: Array) -> Array:
    """The paired differences: (sweeps x pairs, seeds), 28 pairs for eight configurations."""
    first, second = np.array(list(combinations(range(sweeps.shape[2]), 2))).T
    return np.moveaxis(sweeps[:, :, first] - sweeps[:, :, second], 1, 2).reshape(-1, sweeps.shape[1])


def levels(sweeps: Array) -> Array:
    """The level of claims about pairs of each sweep."""
    return level_of(skewness(differences(sweeps)).reshape(len(sweeps), -1) ** 2, sweeps.shape[1])


def effects(sweeps: Array, cells: list[tuple[object, ...]]) -> Array:
    """The per-seed effects of a design: (sweeps x effects, seeds)."""
    count, n = sweeps.shape[:2]
    each = per_repeat(sweeps.reshape(count * n, -1), weights(cells))
    return np.moveaxis(each.reshape(-1, count, n), 0, 1).reshape(-1, n)


def coverage(method: str, samples: Array) -> tuple[float, float]:
    """Percent of the intervals that contain the true mean 0, and their median length.

    A sample of equal values, which measured accuracies give now and then, has no bootstrap interval: it counts as
    missed, as does the interval without width that t gives it.
    """
    low, high = METHODS[method](samples, np.random.default_rng(len(method)))
    return 100 * float(np.mean((low <= 0) & (high >= 0))), float(np.nanmedian(high - low))


def lump_coverage(n: int) -> float:
    """Percent of intervals that contain the true mean where 1 run in 20 counts as 0 % and the others have 97 %."""
    rng = np.random.default_rng(n)
    accuracy = np.where(rng.random((8 * SWEEPS, n)) < 0.05, 0.0, rng.normal(97, 0.6, (8 * SWEEPS, n)))
    return coverage(SHIPPED, accuracy - 0.95 * 97)[0]


def least_measured(n: int) -> float:
    """The coverage for that configuration of the measured eight for which it is lowest, in percent."""
    samples = means(simulate("measured", n, 10 * SWEEPS))
    low, high = METHODS[SHIPPED](samples, np.random.default_rng(0))
    return 100 * float(((low <= 0) & (high >= 0)).reshape(-1, 8).mean(axis=0).min())


def false_positives(p: Array, family: int, level: Array | float = ALPHA) -> float:
    """Percent of sweeps in which Holm leaves at least one p-value of the family below the level."""
    # Holm's smallest adjusted p is the smallest p times their number.
    return 100 * float(np.mean(p.reshape(-1, family).min(axis=1) * family < level))


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
    both = {"t": "Student's t", "shipped": SHIPPED}
    return {
        **{f"{name}_normal": span(method, normal) for name, method in both.items()},
        **{f"{name}_measured": span(method, trained) for name, method in both.items()},
        **{f"{name}_skewed": span(method, gamma, lognormal) for name, method in both.items()},
        **{f"{name}_exponential": span(method, exponential) for name, method in both.items()},
        **{f"{name}_length": length(method) for name, method in both.items()},
        "boot_length": length("bootstrap-t"),
        "boot_measured": span("bootstrap-t", trained),
        "boot_skewed": span("bootstrap-t", gamma, lognormal),
        "bca_normal": span("BCa", normal),
        "boot_normal": span("bootstrap-t", normal),
    }


def shipped_table() -> list[list[str]]:
    """Coverage of the shipped intervals for means, differences and effects, and false positives after Holm."""
    rows = [["errors", "seeds", "means", "differences", "effects", "a false effect", "a false difference"]]
    for errors, n in product(ERRORS, SEEDS):
        sweeps = simulate(errors, n)
        cube = effects(sweeps, CUBE)
        ways = ((SHIPPED, means(sweeps)), ("Student's t", differences(sweeps)), ("Student's t", cube))
        numbers = [coverage(method, of)[0] for method, of in ways]
        numbers.append(false_positives(sign_flip_p(cube), 7))
        # Ten times as many sweeps: 5 % of 2,000 have an error of 0.5 points, of 20,000 one of 0.15.
        many = simulate(errors, n, 10 * SWEEPS)
        numbers.append(false_positives(student(differences(many)).p, 28, levels(many)))
        rows.append([errors, str(n), *(f"{number:.1f}" for number in numbers)])
    return rows


def designs_table() -> list[list[str]]:
    """The effects of other designs: how many there are, the coverage of the interval, and false ones after Holm."""
    rows = [["design", "errors", "seeds", "effects", "coverage", "a false effect"]]
    for (name, cells), errors, n in product(DESIGNS.items(), list(ERRORS)[:3], SEEDS):
        covered, found, families = 0.0, 0.0, set()
        parts = lost(cells) if "missing" in name else [cells]
        sweeps = np.array_split(simulate(errors, n, SWEEPS, len(cells)), len(parts))
        for part, some in zip(parts, sweeps, strict=True):
            kept = [cells.index(cell) for cell in part]
            each, family = effects(some[:, :, kept], part), len(weights(part))
            covered += coverage("Student's t", each)[0] * len(some) / SWEEPS
            found += false_positives(sign_flip_p(each), family) * len(some) / SWEEPS
            families.add(family)
        count = "-".join(str(end) for end in sorted({min(families), max(families)}))
        rows.append([name, errors, str(n), count, f"{covered:.1f}", f"{found:.1f}"])
    return rows


def lost(cells: list[tuple[object, ...]]) -> list[list[tuple[object, ...]]]:
    """The design with a fifth of its cells missing, in several ways."""
    rng, gone = np.random.default_rng(0), round(HOLES * len(cells))
    without = [set(rng.choice(len(cells), gone, replace=False).tolist()) for _ in range(PATTERNS)]
    return [[cell for at, cell in enumerate(cells) if at not in each] for each in without]


def markdown(rows: list[list[str]]) -> str:
    """A table for a code host: the first row is the head, numbers to the right."""
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


def main() -> None:
    """Simulate and write the page."""
    import best_of_many  # not above: they import this file
    import folds
    import new_examples
    import pair_tests
    import repeated_looks
    import verdicts
    import wider_intervals

    table = seed_accuracies()
    skewness = stats.skew(table.to_numpy())
    cells = methods_coverage()
    text = Template((HERE / "intervals.template.md").read_text()).substitute(
        ranges(cells),
        methods=markdown(methods_table(cells)),
        shipped=markdown(shipped_table()),
        designs=markdown(designs_table()),
        trained=len(table),
        lump=" %, ".join(f"{lump_coverage(n):.0f}" for n in SEEDS),
        least=" %, ".join(f"{least_measured(n):.1f}" for n in SEEDS),
        skew_low=f"{skewness.min():.1f}",
        skew_high=f"{skewness.max():.1f}",
        best=markdown(best_of_many.best_table()),
        splits=markdown(best_of_many.splits_table()),
        looks=markdown(repeated_looks.alarms_table()),
        savings=markdown(repeated_looks.savings_table()),
        equality=markdown(repeated_looks.equality_table()),
        examples=markdown(wider_intervals.examples_table()),
        choice=markdown(wider_intervals.choice_table()),
        newexamples_table=markdown(new_examples.shown_rows()),
        pairtests_table=markdown(pair_tests.tests_table()),
        two_table=markdown(pair_tests.two_table()),
        folds_table=markdown(folds.folds_table()),
        equality_table=markdown(verdicts.equality_table()),
        lacking_table=markdown(verdicts.lacking_table()),
        attempts_table=markdown(verdicts.attempts_table()),
        announced_table=markdown(verdicts.announced_table()),
        scale_table=markdown(verdicts.scale_table()),
    )
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
