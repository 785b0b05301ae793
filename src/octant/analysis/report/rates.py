"""The same question at other learning rates, why its answer differs, and what to type next."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from octant.analysis.power import ENOUGH
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.findings import RATE, Findings
from octant.analysis.report.numbers import Count, plain_count
from octant.analysis.report.words import headline
from octant.analysis.verdict import Decision


def at_other_rates(found: Findings, count: Count = plain_count) -> list[str]:
    """The verdict of the other comparison, at one shared rate or at each configuration's own, and why it differs."""
    if found.other is None:
        return []
    kind = "Shared" if found.is_grid else "Own"

    def prefixed(name: str, number: int | str, /, *key: str) -> str:
        return count(f"{kind}{name}", number, *key)

    answer = headline(found.other.verdict, replace(found.words, count=prefixed))
    where = f"Each at its own learning rate ({_companion(found, found.other.runs, count)})"
    if found.is_grid:
        where = f"The same runs, all at the learning rate {count('Sharedrate', f'{found.shared_rate:g}')}"
    return [f"{where}: {answer}", *_why(found, count)]


def _companion(found: Findings, theirs: pd.DataFrame, count: Count) -> str:
    """Whose own rates those are, and what they were measured with."""
    repeats = len(theirs[[*found.question.repeat]].drop_duplicates())
    with_it = f"{count('OwnRepeats', repeats)} {found.question.noun}s, {count('OwnEpochs', theirs['epochs'].max())}"
    epochs = f"{found.curves['epoch'].max():g}"
    here = f"; here {count('Epochs', epochs)} epochs" if len(found.curves) else ""
    return f"experiment {found.material.declared.companion}: {with_it} epochs{here}"


def _why(found: Findings, count: Count) -> list[str]:
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
    rate, shared_rate = count("OwnRate", f"{row[RATE]:g}", row["config"]), f"{found.shared_rate:g}"
    means = [count(f"{kind}Mean", f"{row[f'mean_{kind.lower()}']:.2f}", row["config"]) for kind in ("Own", "Shared")]
    return [
        f"Why that may differ from the answer: one learning rate does not suit all. {found.words.start(name)} takes "
        f"{rate} instead of {count('Sharedrate', shared_rate)} and then has {means[0]} instead of {means[1]}{unit}."
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
    needed, rivals = verdict.needed(verdict.open_lead), Configurations(verdict, found.words).rivals
    if needed:
        many = f"about {needed} data sets" if is_data else f"{setting}=range({needed})"
        return f"\nnext: {many} would decide between {rivals}, if they differ as much as it seems"
    few = f" on {verdict.scope.examples} test examples" * bool(verdict.scope.examples)
    return f"\nnext: {rivals} are too close for any number of {noun}s{few}; experiment.margin may call them equal"
