"""Do the published intervals of factorial-splits hold on splits that they never saw? Writes results/fresh_splits.csv.

    python benchmarks/fresh_splits.py [SPLITS]

Trains the eight on SPLITS (100) other splits of the digits, a fresh seed with each, into a folder of its own. Counts
the pairs whose difference there lies in the published 95 % interval; the fresh difference has a standard error, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "experiments" / "factorial-splits"
FIRST = 10_000  # far from the published seeds, 0 to 9


def trained(splits: int, home: str) -> pd.DataFrame:
    """The results of the fresh runs."""
    words = ["experiment=factorial-splits", "experiment.name=fresh", f"seed=range({FIRST},{FIRST + splits})"]
    subprocess.run([sys.executable, "-m", "octant", *words], env=os.environ | {"OCTANT_HOME": home}, check=True)
    (found,) = Path(home, "reports").glob("fresh*/results.csv")
    return pd.read_csv(found)


def main() -> None:
    """Train, count, write."""
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as home:
        runs = trained(splits, home)
    scores = 100 * runs.pivot_table("test_accuracy", "seed", "config")
    pairs = pd.read_csv(PUBLISHED / "pairs.csv").query("learning_rates == 'shared'")
    each = [scores[first] - scores[second] for first, second in zip(pairs["first"], pairs["second"], strict=True)]
    fresh = np.array([one.mean() for one in each])
    errors = np.array([one.std(ddof=1) for one in each]) / np.sqrt(splits)
    held = (pairs["low"].to_numpy() <= fresh) & (fresh <= pairs["high"].to_numpy())
    table = pairs[["first", "second", "difference", "low", "high"]].assign(fresh=fresh, error=errors, held=held)
    table.round(4).to_csv(HERE / "results" / "fresh_splits.csv", index=False, lineterminator="\n")
    print(f"{held.sum()} of {len(held)} published intervals hold the difference over {splits} fresh splits "
          f"({100 * held.mean():.0f} %)")  # fmt: skip


if __name__ == "__main__":
    main()
