"""From times to the ratios that issue after issue asks for, with their spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from timing import quartiles

CANONICAL = ("cross_entropy-sigmoid-softmax", "cross_entropy-tanh-softmax")
PEERS = ["PyTorch", "scikit-learn"]


class Bar(NamedTuple):
    """A ratio of two times by round, what it compares, and the bar that its median is held to."""

    what: str
    ratio: pd.Series
    bar: float
    at_most: bool = False

    def line(self) -> dict[str, str]:
        """One line of the table."""
        middle = self.ratio.median()
        reached = middle <= self.bar if self.at_most else middle >= self.bar
        sign = "<=" if self.at_most else ">="
        return {
            "what": self.what, "ratio": quartiles(self.ratio), "bar": f"{sign} {self.bar:g}",
            "reached": "yes" if reached else "NO",
        }  # fmt: skip


class Times:
    """Microseconds by round (rows) and by contender, dtype, batch, configuration (columns)."""

    def __init__(self, long: pd.DataFrame) -> None:
        columns = ["name", "dtype", "batch", "configuration"]
        self._cells = long.pivot_table(index="round", columns=columns, values="microseconds")

    def of(self, names: str | list[str], dtype: str, batch: int, slowest: bool = False) -> pd.Series | None:
        """The fastest, or slowest, configuration (by its median) of the named contenders."""
        wanted = [names] if isinstance(names, str) else names
        chosen = [c for c in self._cells.columns if c[0] in wanted and c[1:3] == (dtype, batch)]
        if not chosen:
            return None
        medians = self._cells[chosen].median()
        return self._cells[medians.idxmax() if slowest else medians.idxmin()]

    def one(self, name: str, configuration: str) -> pd.Series | None:
        """One cell, float32, batch 1."""
        column = (name, "float32", 1, configuration)
        return self._cells[column] if column in self._cells.columns else None


def bars(long: pd.DataFrame) -> Iterator[Bar]:
    """Octant's slowest configuration against the fastest of its peers; against C the same configuration."""
    times = Times(long)
    for configuration in CANONICAL:
        kernel = times.one("C", configuration)
        if kernel is not None:
            own = times.one("octant numba", configuration)
            yield Bar(f"batch 1: octant's time / C's, {configuration}", own / kernel, 1.15, at_most=True)
    kernel = times.of("C", "float32", 1)
    if kernel is not None:
        slowest = times.of("octant numba", "float32", 1, slowest=True)
        yield Bar("batch 1: octant's slowest configuration / C's faster one", slowest / kernel, 1.15, at_most=True)
    asked = [
        ("batch 1: PyTorch / octant", "PyTorch", "float32", "float32", 1, 45.0),
        ("batch 1: scikit-learn / octant", "scikit-learn", "float32", "float32", 1, 50.0),
        ("batch 1: lecture's loop (float64) / octant (float32)", "lecture's loop", "float64", "float32", 1, 20.0),
        ("batch 1: lecture's loop / octant, both float64", "lecture's loop", "float64", "float64", 1, 14.0),
        ("batch 32: faster of PyTorch and scikit-learn / octant", PEERS, "float32", "float32", 32, 1.8),
        ("batch 128: faster of PyTorch and scikit-learn / octant", PEERS, "float32", "float32", 128, 1.3),
    ]
    for what, names, theirs, ours, batch, bar in asked:
        peer = times.of(names, theirs, batch)
        if peer is not None:
            yield Bar(what, peer / times.of("octant numba", ours, batch, slowest=True), bar)


def ratio_table(long: pd.DataFrame) -> pd.DataFrame:
    """Every ratio with its quartiles over the rounds."""
    return pd.DataFrame([bar.line() for bar in bars(long)])


def time_table(long: pd.DataFrame) -> pd.DataFrame:
    """Microseconds an example: a row for contender, dtype and batch; fastest and slowest configuration."""
    times = Times(long)
    rows = []
    for (dtype, batch, name), _ in long.groupby(["dtype", "batch", "name"], sort=False):
        fastest, slowest = times.of(name, dtype, batch), times.of(name, dtype, batch, slowest=True)
        shown = {"fastest configuration": quartiles(fastest), "slowest configuration": quartiles(slowest)}
        rows.append({"contender": name, "dtype": dtype, "batch": batch, **shown})
    return pd.DataFrame(rows).sort_values(["dtype", "batch", "contender"])


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown (pandas' own would need another package)."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
