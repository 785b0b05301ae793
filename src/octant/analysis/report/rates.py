"""The same question at other learning rates, why its answer differs, and what to type next."""

from __future__ import annotations

from octant.analysis.decide import verdict_of
from octant.analysis.power import ENOUGH
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.findings import RATE, Findings
from octant.analysis.report.words import headline
from octant.analysis.verdict import Decision


def at_other_rates(found: Findings) -> list[str]:
    """The verdict of the other comparison, at one shared rate or at each configuration's own, and why it differs."""
    if found.other is None:
        return []
    here = f"; here {found.curves['epoch'].max():g} epochs" if len(found.curves) else ""
    where = f"The same runs, all at the learning rate {found.shared_rate:g}"
    if not found.is_grid:
        where = "Each at its own learning rate" + (f" ({found.own_from}{here})" if found.own_from else "")
    answer = headline(verdict_of(found.other), found.words)
    return [f"{where}: {answer}", *_why(found)]


def _why(found: Findings) -> list[str]:
    """Which configuration gains most from a rate of its own."""
    own, shared = (found.main, found.other) if found.is_grid else (found.other, found.main)
    if own is None or shared is None or found.shared_rate is None or RATE not in own.chosen:
        return []
    table = own.summary.merge(shared.summary, on="config", suffixes=("_own", "_shared")).merge(own.chosen, on="config")
    table = table[table[RATE] != found.shared_rate].dropna(subset=["mean_own", "mean_shared"])
    if table.empty:
        return []
    gain = found.question.sign * (table["mean_own"] - table["mean_shared"])
    if gain.max() <= 0:
        return []
    row = table.iloc[int(gain.argmax())]
    name = Configurations(found.verdict, found.words).name(row["config"])
    unit = " %" if found.question.is_share else ""
    return [
        f"Why that may differ from the answer: one learning rate does not suit all. {found.words.start(name)} takes "
        f"{row[RATE]:g} instead of {found.shared_rate:g} and then has {row['mean_own']:.2f} instead of "
        f"{row['mean_shared']:.2f}{unit}."
    ]


def next_step(found: Findings) -> str:
    """What to type next, where too little is known to decide; begins with a line break."""
    verdict = found.verdict
    names, noun = verdict.best.names, verdict.question.noun
    if len(names) < 2 or verdict.question.exact:
        return ""
    setting = verdict.question.repeat[0] if len(verdict.question.repeat) == 1 else "seed"
    is_data = noun == "data set"
    if verdict.repeats < ENOUGH:
        more = f"at least {ENOUGH} data sets" if is_data else f"{setting}=range(10)"
        return f"\nnext: the same command with {more}; what is trained already is kept"
    if verdict.best.decision is not Decision.UNDECIDED or verdict.question.looks or verdict.scope.overlap:
        return ""
    needed = verdict.needed(verdict.best.against[0])
    if needed:
        many = f"about {needed} data sets" if is_data else f"{setting}=range({needed})"
        return f"\nnext: {many} would decide between the first two, if they differ as much as it seems"
    few = f" on {verdict.scope.examples} test examples" * bool(verdict.scope.examples)
    return f"\nnext: the first two are too close for any number of {noun}s{few}; experiment.margin may call them equal"
