"""How a sweep was measured, what made it, and how to repeat it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path

import pandas as pd

from octant.analysis.comparison import Comparison
from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.comparison.runs import labels_of
from octant.analysis.comparison.scope import overlap_of
from octant.analysis.comparison.settings import is_measured, values_of
from octant.analysis.question import Question
from octant.analysis.report import words
from octant.analysis.report.findings import Findings
from octant.analysis.report.numbers import Count, Phrases, duration, percent, plain_count, plural
from octant.tracking.runs import PROVENANCE

INTERVALS = ("Intervals: Student's t, 95 %, each for itself; those of means are longer on the side of the tail that "
             "all configurations show together.")  # fmt: skip


def claims(alpha: float) -> str:
    """At which level claims are tested, and why."""
    if f"{alpha:.2g}" == f"{ALPHA:.2g}":
        return (f"Claims are tested at {percent(ALPHA)}, and at less where paired differences are skewed: so false "
                "ones stay below 5.5 % where a few runs lie farther out than a t test expects.")  # fmt: skip
    return (f"Claims that rest on t tests are tested at {percent(alpha)} instead of {percent(ALPHA)}, because paired "
            "differences are skewed: a few lie farther out than a t test expects.")  # fmt: skip


def about_shown(found: Comparison, charged: str) -> str:
    """What "shown" means; `charged` is what a diverged run counts as."""
    alpha, level = f"{found.alpha:.2g}", f"{found.alpha_of_effects:.2g}"
    pairs = f" ({alpha} for pairs)" if alpha != level else ""
    return (f'"Shown" means: the interval leaves out 0, the adjusted p is below {level}{pairs}, and counting diverged '
            f"runs as {charged} would not turn the sign.")  # fmt: skip


def about_margin(question: Question) -> str:
    """What it takes to be called equal."""
    if not question.margin:
        return "No margin was declared, so nothing can be called equal: what is not shown to differ is not settled."
    return (f"Equal within the margin of {question.margin:g}: the 95 % interval lies within it (two one-sided paired t "
            "tests at 2.5 %).")  # fmt: skip


def about_looks(question: Question) -> list[str]:
    """How p-values and intervals account for repeated looks; nothing where there was one."""
    if not question.looks:
        return []
    return [f"{question.noun.capitalize()}s were added until all was decided, to {question.looks[-1]} at most. Each p "
            "is the least level that would claim the difference at this look, by Pocock-like limits for all looks "
            "(Lan and DeMets 1983); intervals hold at whichever look the sweep stopped."]  # fmt: skip


def effects_test(runs: pd.DataFrame, question: Question) -> str:
    """The test of effects in words."""
    return "corrected t test (Nadeau and Bengio's)" if overlap_of(runs, question) else "sign-flip test"


def corrected(runs: pd.DataFrame, question: Question) -> list[str]:
    """That intervals and tests of folds are corrected; nothing for other repeats."""
    if not overlap_of(runs, question):
        return []
    return ["Training sets of folds overlap: every interval and t test has the corrected variance of Nadeau and Bengio "
            "(Machine Learning 52, 2003)."]  # fmt: skip


def measured(found: Findings, count: Count = plain_count) -> list[str]:
    """Endpoint, pairing, tests, and what the words mean."""
    runs, question, at = found.runs, found.question, percent(found.main.alpha)
    noun, margin = question.noun, question.margin
    repeats = len(set(labels_of(runs, question)))
    endpoint = f"Endpoint, declared before the sweep: {question.words}{Phrases(question).about_endpoint()}. "
    if question.exact:
        return [
            endpoint,
            f"{count('Runs', len(runs))} runs, each of another configuration. The experiment declares that nothing "
            "repeats the measurement, as the runs draw nothing at random: differences are exact, without interval or "
            "p-value. "
            f'"Shown" means: above rounding{f"; equal: within the margin of {margin:g}" if margin else ""}.',
        ]
    several = runs["config"].nunique()
    configurations = plural(several, "configuration", count("Configurations", several))
    return [
        f"{endpoint}The test set chooses nothing.",
        f"{configurations}, {plural(repeats, noun, count('Repeats', repeats))}, "
        f"{plural(len(runs), 'run', count('Runs', len(runs)))}. Differences are paired: "
        f"each {noun} with itself.",
        f"{INTERVALS} Effects: {effects_test(runs, question)}, p adjusted by Holm's method over all effects. "
        "Pairs, and a factor within the levels of others: paired t test, p adjusted by Holm's method.",
        *corrected(runs, question),
        *words.sources(found.main),
        claims(found.main.alpha),
        f"Which may be the best: each configuration is compared with all others at {at} over these comparisons (Hsu's, "
        f"by Bonferroni's inequality). best.csv has for each how often it is best when {noun}s are drawn again, and "
        "intervals that hold for the one that was picked.",
        f"{about_shown(found.main, words.charged(question))} {about_margin(question)}",
        *about_looks(question),
        f"How many {noun}s would decide: as many as give the paired t test a power of 80 %, at {at} over the open "
        "comparisons, if mean and SD of the paired differences are as seen here; a difference that is smaller than it "
        "looks needs more.",
    ]


def origin(runs: pd.DataFrame, metrics: Iterable[Hashable] = ()) -> list[list[str]]:
    """Table of what the runs have in common: versions, machine, data, and the settings that do not vary."""
    known = {*PROVENANCE, *metrics}
    fixed = [str(name) for name in runs if values_of(runs[name]) == 1 and not is_measured(runs, str(name))]
    names = (*PROVENANCE, "dataset_digest", *(name for name in fixed if name not in known))
    values = {name: sorted({str(value) for value in runs[name].dropna()}) for name in names if name in runs}
    values.pop("determinism", None)
    values |= _determinism(runs)
    return [["what", "value"], *([name.removeprefix("mlflow.source."), ", ".join(v)] for name, v in values.items())]


def _determinism(runs: pd.DataFrame) -> dict[str, list[str]]:
    """Whether the trainer repeats itself, as it was measured before the sweep; of a file also that it was not."""
    measured = sorted({str(value) for value in runs.get("determinism", pd.Series(dtype=str)).dropna()})
    files = {str(name).partition("::")[0] for name in runs.get("trainer", pd.Series(dtype=str)).dropna()}
    own = next((Path(name).name for name in sorted(files) if name.endswith(".py")), None)
    lacking = f"not measured: octant doctor --probe {own}, before a sweep" if own else ""
    return {"determinism": measured or [lacking]} if measured or own else {}


def versions(runs: pd.DataFrame) -> str:
    """A sentence on the code and the versions that trained the runs; empty where nothing is known of them."""
    known = {name: value for name, value in origin(runs)[1:] if value}
    trained = [f"{name.removeprefix('version_')} {value}" for name, value in known.items()
               if name.startswith("version_") or name in ("trainer", "git.commit", "blas", "cpu")]  # fmt: skip
    state = f", {known['git_state']}" if trained and "git_state" in known else ""
    return f"Trained with {'; '.join(trained)}{state}." if trained else ""


def command(found: Findings) -> str:
    """The commands that train the runs (the one that trained most of them) and write the report."""
    commands = found.runs["command"].mode() if "command" in found.runs else pd.Series(dtype=str)
    name = found.material.experiment
    return f"{commands.iloc[0] if len(commands) else f'octant experiment={name}'}\noctant report {name}"


def training_time(found: Findings) -> str:
    """About how long the training took on one core."""
    # A trainer need not have a setting `epochs`: then its records are counted.
    counted = found.runs["fingerprint"].map(found.material.curves.groupby("fingerprint")["epoch"].max())
    return duration(core_seconds(found.runs, found.runs.get("epochs", counted)))


def core_seconds(runs: pd.DataFrame, epochs: pd.Series) -> float:
    """How long all the runs took on one core: the last epoch's seconds, times the epochs."""
    return float((runs["seconds_per_epoch"] * epochs).sum())
