"""Timing contenders in turn, so that a disturbance hits them all, and ratios within a round."""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

MOMENT = 0.1  # seconds that a contender trains in a round, about


class Trains(Protocol):
    """What is timed."""

    def epoch(self, order: np.ndarray, /) -> None: ...


class Contender(NamedTuple):
    """One thing to time, and what it is called in the table."""

    name: str
    dtype: str
    batch: int
    configuration: str
    trains: Trains


def on_one_core() -> None:
    """Keep this process on one core, where the system knows how."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def seconds(trains: Trains, order: np.ndarray) -> float:
    """CPU time of one pass over the examples in `order`."""
    began = time.process_time()
    trains.epoch(order)
    return time.process_time() - began


def examples_for_a_moment(contender: Contender, order: np.ndarray) -> int:
    """Whole batches, ten at least, that the contender needs a moment for."""
    count = 10 * contender.batch
    seconds(contender.trains, order[:count])
    while (took := seconds(contender.trains, order[:count])) < MOMENT / 4 and 2 * count <= len(order):
        count *= 2
    wanted = max(10, round(MOMENT / max(took, 1e-9) * count / contender.batch))
    return min(wanted * contender.batch, len(order))


def in_turn(contenders: list[Contender], order: np.ndarray, rounds: int) -> pd.DataFrame:
    """Microseconds an example: one row for a contender and a round."""
    counts = [examples_for_a_moment(contender, order) for contender in contenders]
    rows: list[dict[str, Any]] = []
    for turn in range(rounds):
        for contender, count in zip(contenders, counts, strict=True):
            start = turn * 997 % (len(order) - count + 1)
            took = seconds(contender.trains, order[start : start + count])
            rows.append({**contender._asdict(), "round": turn, "microseconds": 1e6 * took / count})
    return pd.DataFrame(rows).drop(columns="trains")


def quartiles(values: pd.Series[float]) -> str:
    """Median, and in brackets the quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
