"""From a comparison to its verdict: differences are decided; a factor is looked at within those it depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd

from octant.analysis.comparison import Comparison
from octant.analysis.comparison.best import behind
from octant.analysis.comparison.design import PairedRuns, lay_out
from octant.analysis.comparison.effects import per_repeat
from octant.analysis.comparison.examples import Correctness
from octant.analysis.comparison.intervals import Array, holm, shown, student_rows
from octant.analysis.comparison.repeated import looks_at
from octant.analysis.comparison.scope import Scope, scope_of
from octant.analysis.comparison.settings import as_word
from octant.analysis.comparison.sources import Sources, between, widened
from octant.analysis.power import ENOUGH
from octant.analysis.question import Question
from octant.analysis.speed import REACHED
from octant.analysis.verdict import CONFIGURATION, NEW_EXAMPLES, Cell, Decision, Difference, Factor, Ranking, Verdict

MOST_CELLS = 12  # of the factors that another one depends on; beyond these only configurations are spoken of


def verdict_of(comparison: Comparison) -> Verdict:
    """What the comparison comes to."""
    question, summary = comparison.question, comparison.summary
    finished = summary[summary["n"] > 0]
    varied = [name for name in question.compare if summary[name].map(as_word).nunique() > 1]
    cells = {row["config"]: {name: as_word(row[name]) for name in varied} for _, row in summary.iterrows()}
    names = list(finished["config"])
    pairs, scope = comparison.pairs, _scope(comparison)
    best = _best(comparison, names, scope.overlap) if names else Ranking((), ())
    return Verdict(
        question,
        best,
        tuple(_factors(comparison, scope.overlap)) if len(varied) > 1 and names else (),
        dict(zip(names, finished["mean"], strict=True)),
        cells,
        int(summary["n"].max()),
        len(comparison.runs),
        int(summary["diverged"].sum()),
        min(int((~pairs["shown"].astype(bool)).sum()), max(len(names) - 1, 1)),
        0 if comparison.sources.examples else len(comparison.effects),
        scope,
        {} if question.exact else _scales(comparison.effects, comparison.alpha_of_effects),
        looks_at(comparison.runs, question),
        _elsewhere(comparison, best),
        REACHED in summary and not summary[REACHED].any(),
        comparison.alpha,
        comparison.alpha_of_effects,
    )


def _scope(comparison: Comparison) -> Scope:
    over, known, asked = comparison.sources.examples, comparison.examples, comparison.question.over == "examples"
    but = known if asked and isinstance(known, str) else ""
    return scope_of(comparison.runs, comparison.question, over.count if over else 0, but)


def _elsewhere(comparison: Comparison, best: Ranking) -> Difference | None:
    """On new test examples as well, the smallest lead of the first that is shown, or its smallest where none is.

    None where all intervals are over examples already, or where nothing is known of them.
    """
    if comparison.sources.examples or not isinstance(comparison.examples, Correctness) or not best.against:
        return None
    better = [each for each in best.against if each.decision is Decision.BETTER]
    lead = min(better or best.against, key=lambda each: each.gain)
    if lead.n < ENOUGH:
        return None
    design = lay_out(comparison.runs, comparison.question, ())
    first, second = (np.array([design.column(name)]) for name in (lead.first, lead.second))
    weights = between(first, second, len(design.configs))
    sources = replace(comparison.sources, examples=comparison.examples)
    table = _paired(design, weights, sources).assign(first=lead.first, second=lead.second)
    table["where"] = pd.Series([NEW_EXAMPLES], dtype=object)
    return next(iter(_differences(table, comparison.question, _scope(comparison).overlap)))


def _scales(effects: pd.DataFrame, alpha: float) -> dict[tuple[str, ...], bool]:
    """Factors and interactions that are shown in points only (True), or in log-odds only (False)."""
    if "log_odds" not in effects:
        return {}
    agree = np.sign(effects["log_odds"]) == np.sign(effects["estimate"])
    other = (effects["log_odds_p"] < alpha) & (agree | ~effects["shown"].astype(bool))
    both = pd.DataFrame({"points": effects["shown"].astype(bool), "odds": other}).groupby(effects["effect"], sort=False)
    return {tuple(str(name).split(" x ")): bool(row["points"]) for name, row in both.any().iterrows()
            if row["points"] != row["odds"]}  # fmt: skip


def _best(comparison: Comparison, names: list[str], overlap: float) -> Ranking:
    """The configurations; first the best by its mean that no other one is ahead of.

    Where seeds are lacking, means are over different seeds, and the one with the highest may be behind another with
    which it is paired.
    """
    pairs, question = comparison.pairs, comparison.question
    enough = pairs if question.exact else pairs[pairs["n"] >= ENOUGH]
    out = behind(enough, question, len(names), comparison.alpha)
    found = _differences(pairs.rename(columns={"difference": "estimate"}), question, overlap)
    both = {(each.first, each.second): each for one in found for each in (one, one.turned)}
    first = next((name for name in names if name not in out), names[0])
    first = first if all((first, name) in both for name in names if name != first) else names[0]
    others = [name for name in names if name != first]
    return Ranking((first, *others), tuple(both[first, name] for name in others), out)


def _differences(table: pd.DataFrame, question: Question, overlap: float) -> Iterable[Difference]:
    """The rows of a table with first, second, n, estimate, sd, low, high and shown, decided."""
    for row in table.to_dict("records"):
        sign = question.sign
        gain = sign * row["estimate"]
        alone = (gain, gain) if question.exact else (np.nan, np.nan)
        low, high = sorted((sign * row["low"], sign * row["high"])) if row["n"] > 1 else alone
        n, floor = int(row["n"]), row.get("examples_error", 0.0) ** 2
        sd = float(np.hypot(row["sd"] * np.sqrt(1 + n * overlap), row.get("choice_error", 0.0) * np.sqrt(n)))
        if question.exact:
            decision = decided_exactly(gain, sd, n, bool(row["shown"]), question.margin)
        else:
            decision = decided(gain, low, high, n, bool(row["shown"]), question.margin)
        yield Difference(row["first"], row["second"], n, gain, sd, low, high, row["p_holm"], decision, floor,
                         row.get("effect", CONFIGURATION), row.get("where", ()))  # fmt: skip


def decided(gain: float, low: float, high: float, n: int, is_shown: bool, margin: float | None) -> Decision:
    """What a difference of n repeats comes to; it is equal where its interval lies within the margin.

    With a 95 % interval these are two one-sided tests (TOST) at 2.5 % each.
    """
    if n < ENOUGH:
        return Decision.UNDECIDED
    if margin is not None and -margin < low and high < margin:
        return Decision.EQUAL
    return (Decision.BETTER if gain > 0 else Decision.WORSE) if is_shown else Decision.UNDECIDED


def decided_exactly(gain: float, sd: float, n: int, is_shown: bool, margin: float | None) -> Decision:
    """Without chance any difference is one, up to rounding or the margin."""
    if n and (abs(gain) <= (margin or 0) or not is_shown):
        return Decision.EQUAL
    return (Decision.BETTER if gain > 0 else Decision.WORSE) if is_shown else Decision.UNDECIDED


def _factors(comparison: Comparison, overlap: float) -> Iterable[Factor]:
    """Each factor that has effects: on average where it interacts with none, else within the others' levels."""
    effects, question = comparison.effects, comparison.question
    interacting = [set(name.split(" x ")) for name in effects.loc[(effects["order"] > 1) & effects["shown"], "effect"]]
    mains = effects[effects["order"] == 1]
    for name in dict.fromkeys(mains["effect"]):
        partners = set().union(*(each for each in interacting if name in each)) - {name}
        if not partners:
            rows = mains[mains["effect"] == name].rename(columns={"plus": "first", "minus": "second"})
            yield Factor(name, (Cell((), _ranked(list(_differences(rows, question, overlap)))),))
            continue
        design = lay_out(comparison.runs, question, ())
        within = [each for each in question.compare if each in partners]
        if cells := _within(design, name, within, comparison.sources):
            yield Factor(name, cells)


def _ranked(found: Sequence[Difference]) -> Ranking:
    """A ranking of all that the differences name, which are of every pair."""
    both = {(each.first, each.second): each for one in found for each in (one, one.turned)}
    names = dict.fromkeys(name for each in found for name in (each.second, each.first))
    ahead = {name: sum(each.gain for (first, _), each in both.items() if first == name) for name in names}
    first, *others = sorted(names, key=lambda name: -ahead[name])
    return Ranking((first, *others), tuple(both[first, other] for other in others))


def _within(design: PairedRuns, factor: str, partners: Sequence[str], sources: Sources) -> tuple[Cell, ...]:
    """The factor's levels compared in each cell of its partners, one Holm family in all; none where cells lack."""
    at = {name: [as_word(level) for level in levels] for name, levels in design.levels.items()}
    places = list(product(*(range(len(at[name])) for name in partners)))
    pairs = list(combinations(range(len(at[factor])), 2))
    if len(places) > MOST_CELLS:
        return ()
    weights = [_weights(design, factor, pair, dict(zip(partners, place, strict=True)))
               for place in places for pair in pairs]  # fmt: skip
    if any(each is None for each in weights):
        return ()
    table = _paired(design, np.array(weights), sources)
    # The later level first, as in the table of effects.
    table["first"] = [at[factor][b] for _ in places for _, b in pairs]
    table["second"] = [at[factor][a] for _ in places for a, _ in pairs]
    where = [tuple((name, at[name][p]) for name, p in zip(partners, place, strict=True)) for place in places]
    table["effect"], table["where"] = factor, pd.Series([each for each in where for _ in pairs], dtype=object)
    found, step = list(_differences(table, design.question, design.overlap)), len(pairs)
    rankings = [_ranked(found[i * step : (i + 1) * step]) for i in range(len(places))]
    return tuple(Cell(*each) for each in zip(where, rankings, strict=True))


def _weights(design: PairedRuns, factor: str, pair: tuple[int, int], place: Mapping[str, int]) -> Array | None:
    """Weights of the second level's mean less the first one's, at a place of the partners; None without runs.

    Each combination of the other factors that has both levels counts the same.
    """
    names = list(design.levels)
    here = np.all([design.codes[:, names.index(name)] == at for name, at in place.items()], axis=0)
    own = design.codes[:, names.index(factor)]
    others = [tuple(row) for row in np.delete(design.codes, names.index(factor), axis=1).tolist()]
    there = np.isfinite(design.values).any(axis=0) & here
    sides = [{others[i]: i for i in np.flatnonzero(there & (own == at))} for at in pair]
    both = sorted(set(sides[0]) & set(sides[1]))
    if not both:
        return None
    weights = np.zeros(len(own))
    for sign, side in zip((-1, 1), sides, strict=True):
        weights[[side[each] for each in both]] = sign / len(both)
    return weights


def _paired(design: PairedRuns, weights: Array, sources: Sources) -> pd.DataFrame:
    """The contrasts paired by repeat, as the table of pairs has them: t, Holm over all of them."""
    each = _each(design.values, weights)
    n, t = student_rows(each, design.unit, design.step, design.level, design.overlap)
    wide = widened(t, np.isfinite(each), weights, sources, design.level)
    t = wide.t
    charged = student_rows(_each(design.charged, weights), design.unit)[1].mean
    adjusted = holm(design.looks.adjusted(t.p))
    decided = shown(t.mean, t.low, t.high, adjusted, charged, design.rounding, design.alpha)
    numbers = {"n": n, "estimate": t.mean, "sd": t.sd, "low": t.low, "high": t.high, "p_holm": adjusted}
    return pd.DataFrame(numbers | {"shown": decided} | wide.errors)


def _each(values: Array, weights: Array) -> Array:
    """Each contrast of each repeat, NaN where the repeat lacks a cell that it needs."""
    lacking = (weights != 0).astype(float) @ np.isnan(values).T.astype(float) > 0
    return np.where(lacking, np.nan, per_repeat(np.nan_to_num(values), weights))
