"""The report's sections: which words, table and figures stand under which title."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from octant.analysis.comparison import Comparison
from octant.analysis.comparison.runs import labels_of
from octant.analysis.comparison.settings import as_word
from octant.analysis.power import ENOUGH
from octant.analysis.report import words
from octant.analysis.report.drawings import tuning_stems
from octant.analysis.report.findings import RATE, Findings
from octant.analysis.report.layout import Forms, Section, bounded, ranks_section, table_of, with_contrasts
from octant.analysis.report.numbers import Phrases, listed
from octant.analysis.report.origin import command, measured, origin
from octant.analysis.why import Contrast, contrasts, sentence

MOST_CONTRASTS = 8
SPEED = {"epochs to 90 % of its own last": "{epochs_to_90:.1f}", "to 95 %": "{epochs_to_95:.1f}"}
HARDEST = {"test example": "{example}", "class": "{class}", "most often read as": "{predicted}",
           "wrong in % of runs": "{wrong_percent:.0f}"}  # fmt: skip
CHOSEN = {"runs": "{n}", "diverged": "{diverged}", "edge of the grid": "{edge}", "note": "{note}"}


def forms_of(found: Findings) -> Forms:
    """The columns of the tables."""
    number = Phrases(found.question).format()
    return Forms(found.question, number, is_enough=not found.question.exact, is_repeated=not found.question.exact)


def lead_figure(found: Findings) -> tuple[str, str]:
    """The figure of the first screen."""
    if not found.design.factors:
        return "accuracy", _curves(found)
    what = (
        _capital("mean " * (not found.question.exact) + found.question.words)
        + f" at each configuration's own {found.tuned}" * found.is_grid
    )
    rings = "" if found.question.exact else f": each ring is one {found.question.noun}"
    bars = ", with 95 % intervals" if _enough(found) else rings
    lines = " Lines far from parallel: one choice depends on the other." if len(found.design.factors) > 1 else ""
    return "interaction", f"{what}{bars}.{lines}"


def _enough(found: Findings) -> bool:
    """Whether the figures draw intervals."""
    return bool(found.main.summary["n"].max() >= ENOUGH)


def _band(found: Findings) -> str:
    return "" if found.question.exact else " with a band of one SD" if _enough(found) else " without a band"


def _curves(found: Findings) -> str:
    means = "" if found.question.exact else f": mean over {found.question.noun}s,{_band(found)}"
    return f"{_capital(found.question.at_the_end.words)} against epoch{means}."


def sections(found: Findings, drawn: set[str]) -> list[Section]:
    """All sections after the first screen; what was not drawn is said so."""
    errors = [] if "confusion" in drawn else ["Left out: no predictions kept, no mistake made, or other test examples."]
    pictures = [] if "hardest" in drawn else ["No pictures: the data set is not at hand, or has none."]
    blank = "Mean over runs; right answers (the diagonal) are left grey. All share one scale of colours."
    theirs = ["chosen"] if found.other and not found.is_grid else []
    pairs, title = found.main.pairs, "Learning rates" if found.question.tune == (RATE,) else "Tuned settings"
    return [
        _effects(found),
        _ranking(found),
        *([ranks_section(found.main.ranks, forms_of(found).unit, forms_of(found).number)] * ("ranks" in drawn)),
        _learning(found),
        *([_why(found)] if "why" in drawn else []),
        *([tuning_section(found.main, forms_of(found), title, ["chosen", "learning_rates"])] if found.is_grid else []),
        Section("What is taken for what", errors, figures=[("confusion", blank)]),
        Section("The hardest test examples", pictures, table_of(found.mistakes.hardest, HARDEST),
                [("hardest", "The examples that most runs get wrong.")],
                csv=["hardest"] if found.material.errors else []),
        Section("All pairs", () if len(pairs) else ["One configuration: no pairs."],
                table_of(pairs, forms_of(found).pairs()), csv=["pairs", "best", "verdict", *theirs]),
        _lost(found),
        Section("How it was measured", measured(found)),
        Section("How to repeat it", table=origin(found.runs, found.material.curves), code=command(found),
                csv=["results"]),
    ]  # fmt: skip


def _effects(found: Findings) -> Section:
    effects = with_contrasts(found.effects_in_words)
    # A sweep names loss, hidden and output in any case: that one of them has one level is no news.
    about = [note for note in found.main.notes if note.startswith("Effects: ") and " has one level " not in note]
    phrase = (
        [found.main.no_effects]
        if effects.empty
        else [
            "A contrast of one factor is a difference of means. One of two factors is half the difference between two "
            "such differences: it is not 0 where one choice depends on the other.",
            *(f"{_capital(note)}." for note in sorted(set(effects["note"]) - {""})),
            *about,
        ]
    )
    hollow = f"Effects{' with 95 % intervals' * _enough(found)}; hollow: no difference shown."
    return Section("Effects, interactions first", phrase, table_of(effects, forms_of(found).effects()),
                   [("effects", hollow)], csv=["effects"])  # fmt: skip


def _ranking(found: Findings) -> Section:
    question, inside = found.question, bounded(found.main.summary, found.question)
    ticks = f"Mean{' and 95 % interval' * _enough(found)}; one tick per run, equal ones on one another."
    ticks = f"{_capital(found.question.words)} of each run." if question.exact else ticks
    return Section("The ranking", _about_ranking(found), table_of(inside, forms_of(found).ranking(SPEED)),
                   [("ranking", ticks)], csv=["configurations"])  # fmt: skip


def _learning(found: Findings) -> Section:
    metric = found.question.at_the_end.words
    thick = f"Thick: {metric}{_band(found)}; thin: on the training data; grey: the other configurations."
    both = [("accuracy", _curves(found))] if found.design.factors else []  # else it leads
    return Section("Learning curves", figures=[*both, ("curves", thick)])


def _why(found: Findings) -> Section:
    """The endpoint beside its reasons; sentences are made of the first that tells two configurations apart."""
    text, every = [], list(contrasts(found.why, found.design.at_the_end, found.reasons))
    over = "" if found.question.exact else f", means over {found.question.noun}s"
    for column, reason in found.reasons.items():
        own = [_contrast(found, each) for each in every[:MOST_CONTRASTS] if each.reason == column]
        text += [f"{_capital(reason)}{over}:", *own] if own else []
    more = [f"{len(every) - MOST_CONTRASTS} more pairs are in why.csv."] if len(every) > MOST_CONTRASTS else []
    caption = (
        f"{_capital(found.question.at_the_end.words)} beside what explains it, as the trainer measured "
        f"both{over}; from before training (epoch 0) on."
    )
    return Section("Why", [*text, *more], figures=[("why", caption)], csv=["why"])


def _contrast(found: Findings, each: Contrast) -> str:
    """The two by their levels of the first factor, after the levels that they share."""
    cells, words = found.verdict.cells, found.words
    (factor, low), *shared = cells[each.low].items()
    phrase = f"{words.configuration(dict(shared))}: " if shared else ""
    high = words.level(factor, cells[each.high][factor])
    return words.start(phrase + sentence(each, found.design.at_the_end, words.level(factor, low), high))


def _lost(found: Findings) -> Section:
    lost, gone = found.runs[found.runs["outcome"] == "diverged"], found.collapsed
    lines = [f"{len(lost)} of {len(found.runs)} runs."]
    for config, runs in gone.groupby("config"):
        which = listed(f"{name}" for name in labels_of(runs, found.question))
        lines.append(f"Collapsed, no better than always saying the most frequent class: {config}, {which}.")
    lost = lost.assign(which=labels_of(lost, found.question))
    columns = {"configuration": "{config}", "run": "{which}"}
    columns |= {"rate": "{learning_rate:g}"} if RATE in lost else {}
    columns |= {"epoch": "{diverged_epoch:.0f}", "reason": "{diverged_reason}"} if "diverged_reason" in lost else {}
    return Section("Diverged and collapsed runs", lines, table_of(lost, columns))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def tuning_section(
    found: Comparison, forms: Forms, title: str = "Tuned settings", csv: Sequence[str] = ("chosen", "rates")
) -> Section:
    """The values that each configuration takes of what is tuned, and how they were chosen."""
    question, chosen = found.question, found.chosen
    text = [words.chosen_by(question), *words.edges(chosen), *words.stability(chosen, question)]
    metric = question.in_words(question.validation)
    stars = f"stars mark the values chosen on {metric}."
    drawn = [(stem, f"{_capital(question.words)} against {name.replace('_', ' ')}; {stars}")
             for stem, name in tuning_stems(found).items()]  # fmt: skip
    table = chosen.assign(**{name: chosen[name].map(as_word) for name in question.tune})
    # A dot in the name of a setting would mean something else in a format.
    places = {name: f"value_{at}" for at, name in enumerate((*question.tune, question.validation))}
    columns = {"configuration": "{config}"} | {name.replace("_", " "): f"{{{places[name]}}}" for name in question.tune}
    unit = " %" if question.is_share else ""
    columns[metric + unit] = f"{{{places[question.validation]}:{forms.number}}}"
    columns |= {"chosen again": "{stability:.0%}"} if "stability" in table else {}
    return Section(title, text, table_of(table.rename(columns=places), columns | CHOSEN), drawn, csv=csv)


def _about_ranking(found: Findings) -> list[str]:
    first, question = found.main.summary.iloc[0], found.question
    binomial = [
        f"The test set has {first['n_test']:.0f} examples: the binomial standard error of the first accuracy below is "
        f"{first['binomial_error']:.2f} points. So far may another test set of this size move it; it moves the "
        "configurations together, so much of that cancels in their differences.",
    ]
    few = f"Fewer than {ENOUGH} {question.noun}s: no intervals."
    return [
        *(binomial if first["n"] and pd.notna(first["binomial_error"]) and found.main.ranks.empty else []),
        f"Ranked by mean {found.question.words}, a diverged run counting as {words.charged(question)}; means and "
        "intervals are of the finished runs.",
        *([] if _enough(found) or question.exact else [few]),
        *(note for note in found.main.notes if not note.startswith("Effects: ")),
    ]
