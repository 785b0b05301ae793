"""Sentences from numbers. None says more than its numbers: what is not shown is called so, and wins nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from octant.analysis.comparison import Comparison

NOT_SHOWN = "no difference shown"


def leader(comparison: Comparison) -> str:
    """Which configuration is ahead, and of which others."""
    finished = comparison.summary[comparison.summary["n"] > 0]
    if finished.empty:
        return "no run finished"
    top, others = comparison.not_told_apart, len(finished) - 1
    first = finished.iloc[0]
    score = f"{first['mean']:.2f} %{interval(first['low'], first['high'])}"
    if not others:
        return f"{first['config']} scores {score}; there is nothing to compare it with"
    if len(top) == len(finished):
        means = f"means from {finished['mean'].min():.2f} to {finished['mean'].max():.2f} %"
        return f"{NOT_SHOWN} between the first of the {len(finished)} configurations and any other ({means})"
    if len(top) == 1:
        ahead = comparison.pairs[comparison.pairs["first"] == first["config"]]
        least = ahead.loc[(comparison.question.sign * ahead["difference"]).idxmin()]
        lead = f"{least['difference']:.2f} points{interval(least['low'], least['high'])}"
        more = " and more over the others" if others > 1 else ""
        return f"{first['config']} scores highest, {score}; its lead is {lead} over {least['second']}{more}"
    beaten = [config for config in finished["config"] if config not in top]
    even = len(top) - 1 <= len(beaten)  # the smaller group is named, the larger one counted
    tied, lower = (listed(top[1:], "or"), _others(beaten)) if even else (_others(top[1:]), listed(beaten))
    return f"{NOT_SHOWN} between {first['config']}, {score}, and {tied}; the first scores higher than {lower}"


def answer(kinds: Mapping[str, Comparison | None], rate: float | None, own_from: str = "") -> str:
    """The one sentence: at one shared learning rate, and at each configuration's own, measured by `own_from`."""
    parts, shared, own = [], kinds.get("shared"), kinds.get("own")
    if shared is not None:
        parts.append(f"at one shared learning rate{'' if rate is None else f' ({rate:g})'}, {leader(shared)}")
    if own is not None:
        parts.append(f"at its own, chosen on the validation set{own_from and f' ({own_from})'}, {leader(own)}")
    said = "; ".join(parts)
    return said[:1].upper() + said[1:] + "."


def effect(row: pd.Series[Any]) -> str:
    """One effect in a sentence; interactions compare differences, signs included."""
    points = f"{row['estimate']:+.2f} points, {interval(row['low'], row['high'], sign='+').strip(' ()')}"
    factors, plus, minus = row["effect"].split(" x "), row["plus"].split(", "), row["minus"].split(", ")
    if not row["shown"]:
        return f"{row['effect']}: {NOT_SHOWN} ({points}{_why_not(row)})"
    if len(factors) == 1:
        winner, loser = (plus[0], minus[0]) if row["estimate"] > 0 else (minus[0], plus[0])
        return f"{row['effect']}: {winner} scores higher than {loser}, over the other choices ({points})"
    more, less = (plus[-1], minus[-1]) if row["estimate"] > 0 else (minus[-1], plus[-1])
    what = f"{plus[0]} less {minus[0]}" if len(factors) == 2 else f"the {factors[0]} x {factors[1]} interaction"
    return f"{row['effect']}: {what} is greater with {more} than with {less} ({points})"


def effects(comparison: Comparison) -> list[str]:
    """A sentence an effect, interactions first; one line where there are none."""
    if comparison.effects.empty:
        return [comparison.no_effects]
    return [effect(row) for _, row in comparison.effects.iterrows()]


def main_effects(comparison: Comparison) -> str:
    """The three main effects in one sentence, with the interactions that qualify them."""
    table = comparison.effects
    if table.empty:
        return ""
    said = "; ".join(effect(row) for _, row in table[table["order"] == 1].iterrows())
    with_others = list(table.loc[(table["order"] > 1) & table["shown"], "effect"])
    caution = (
        f" These depend on each other ({listed(with_others)}): read the interactions first." if with_others else ""
    )
    notes = "".join(f" {note[:1].upper()}{note[1:]}." for note in sorted(set(table["note"]) - {""}))
    return f"On average, {said}.{caution}{notes}"


def edges(chosen: pd.DataFrame) -> list[str]:
    """A warning for every learning rate chosen at the end of its grid."""
    at_edge = chosen[chosen["edge"] != ""]
    return [
        f"Warning: {row['config']} is best at {_at_edge(row)} of its grid; a better one may lie beyond."
        for _, row in at_edge.iterrows()
    ]


def _at_edge(row: pd.Series[Any]) -> str:
    alone = row["edge"] in ("smallest", "largest", "only") and "learning_rate" in row
    return f"{row['learning_rate']:g}, the {row['edge']} rate" if alone else f"the {row['edge']}"


def interval(low: float, high: float, sign: str = "") -> str:
    """The 95 % interval in brackets, or that there is none."""
    return " (no interval)" if pd.isna(low) else f" ({low:{sign}.2f} to {high:{sign}.2f})"


def listed(names: Any, link: str = "and") -> str:
    """Names in a row: a, b and c."""
    *head, last = [str(name) for name in names]
    return f"{', '.join(head)} {link} {last}" if head else last


def _others(names: Sequence[str]) -> str:
    return f"the {len(names)} others" if len(names) > 1 else "the other"


def _why_not(row: pd.Series[Any]) -> str:
    if pd.isna(row["low"]) or row["low"] <= 0 <= row["high"]:
        return ""
    return f"; adjusted p {row['p_holm']:.2g}" if row["p_holm"] >= 0.05 else "; not so with diverged runs as 0 %"
