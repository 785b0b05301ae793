"""Sentences from verdicts. None says more than its numbers; the headline has at most 25 words.

Levels and factors are called by the trainer's labels, else by their own text. Differences are gains: a leader's lead
is above 0 whether more or less of the endpoint is better.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from octant.analysis.check import Change
from octant.analysis.comparison import Comparison
from octant.analysis.comparison.scope import DATA
from octant.analysis.power import ENOUGH, flips_needed
from octant.analysis.question import Question
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.factors import says_something, sentences
from octant.analysis.report.numbers import MOST_NAMED, Count, Phrases, listed, plain_count
from octant.analysis.report.vocabulary import Vocabulary, short
from octant.analysis.verdict import Decision, Verdict

_NUMBER = r"(?:[\d.]+|\\oct\w+\{\})"  # as `Count` writes it
STABLE = 0.95  # the share of resamples that choose the same, from which on a choice is not spoken of


def headline(verdict: Verdict, words: Vocabulary) -> str:
    """The verdict in at most 25 words: of the first factor that it says something of, else of the configurations."""
    if verdict.unreached:
        return f"No run reached {verdict.question.target}, so there is nothing to compare."
    configurations = Configurations(verdict, words)
    decided = [each for each in verdict.factors if says_something(each)]
    if not verdict.enough or not decided or len(verdict.best.names) < 2:
        return short(*configurations.sentences())
    best, count = verdict.best, words.count("Ranked", len(verdict.means))
    more = f"Which of the {count} is best is not settled."
    if best.decision is Decision.BETTER:
        more = f"The best of the {count} is {configurations.name(best.names[0])}."
    phrases = sentences(decided[0], verdict.question, words)
    return short(*(each for one in phrases for each in (f"{one} {more}", one)), *configurations.sentences())


def qualifications(verdict: Verdict, words: Vocabulary) -> list[str]:
    """What the headline leaves out, each in a sentence: configurations, factors, diverged runs, over what it holds."""
    question, top, count = verdict.question, headline(verdict, words), words.count
    if not verdict.best.names or verdict.unreached:
        return []
    phrases = []
    if verdict.enough and len(verdict.best.names) > 1:
        factors = (sentences(each, question, words, verdict.alpha_of_effects)[0] for each in verdict.factors)
        phrases = [Configurations(verdict, words).full(), *factors]
    phrases = [each.removeprefix(top).strip() for each in phrases if not top.startswith(each)]
    least = flips_needed(verdict.effects)
    if (
        verdict.factors
        and verdict.effects
        and not (question.exact or verdict.scope.overlap)
        and ENOUGH <= verdict.repeats < least
    ):
        repeats, effects = count("Repeated", verdict.repeats), count("Effects", verdict.effects)
        phrases.append(f"{repeats} {question.noun}s are too few to show any of the {effects} effects, however large: "
                       f"at least {count('Effectsrepeats', least)} are needed.")  # fmt: skip
    if verdict.diverged:
        phrases.append(
            f"{count('Diverged', verdict.diverged)} of {count('Compared', verdict.runs)} runs diverged. Means are of "
            f"those that finished; a difference counts only if it holds with diverged runs as {charged(question)}, too."
        )
    phrases += _scales(verdict, words)
    if question.exact:
        phrases.append("Nothing is drawn at random: another run of the same configuration gives the same number.")
    if verdict.repeats > 1:
        phrases.append(measured_over(verdict, count))
        phrases += _elsewhere(verdict, words)
    phrases += looked(verdict, count)
    if any(re.search(rf"by {_NUMBER} to {_NUMBER} ", each) for each in (top, *phrases)):
        phrases.append("Ranges without brackets go from the smallest to the largest difference; brackets hold 95 % "
                       "intervals.")  # fmt: skip
    return phrases


def looked(verdict: Verdict, count: Count = plain_count) -> list[str]:
    """How often a sweep that grew was looked at, in a sentence; none where the number of repeats was fixed."""
    made, planned = verdict.looks.made, verdict.looks.planned
    if not made:
        return []
    times = "once" if len(made) == 1 else f"{count('Looks', len(made))} times"
    each = [count("Look", repeats, str(number)) for number, repeats in enumerate(made, 1)]
    after = listed(each) if len(made) <= MOST_NAMED else f"{each[0]}, {each[1]}, ... {each[-1]}"
    return [f"Looked {times}, after {after} of at most {count('Limit', planned[-1])} {verdict.question.noun}s; limits "
            "for repeated looks (Lan and DeMets 1983)."]  # fmt: skip


def _scales(verdict: Verdict, words: Vocabulary) -> list[str]:
    """A sentence on what is shown in points and not in log-odds, and one on the reverse."""
    phrases = []
    for in_points, rest in ((True, "not shown: the scale may make {}"), (False, "shown, unlike in points")):
        kinds = [
            " x ".join(map(words.factor, names)) for names, points in verdict.scales.items() if points is in_points
        ]
        if kinds:
            effect, them = ("effect of {} is", "it") if len(kinds) == 1 else ("effects of {} are", "them")
            phrases.append("In log-odds, where halving few errors counts as much as halving many, the "
                           f"{effect.format(listed(kinds))} {rest.format(them)}.")  # fmt: skip
    return phrases


def charged(question: Question) -> str:
    """What a diverged run counts as."""
    return "0 %" if question.diverged_as == "zero" else "the worst run"


def chosen_by(question: Question) -> str:
    """How tuned values were chosen."""
    return f"Chosen by mean {question.in_words(question.validation)} alone, ties to the smaller value."


def edges(chosen: pd.DataFrame) -> list[str]:
    """Warnings that values were chosen at the end of their grid, one for each end."""
    ends: dict[str, list[str]] = {}
    for _, row in (chosen if chosen.empty else chosen[chosen["edge"] != ""]).iterrows():
        ends.setdefault(_at_edge(row), []).append(row["config"])
    return [
        f"Warning: {_some(names, len(chosen))} best at {end} of {'its' if len(names) == 1 else 'their'} grid; a better "
        "one may lie beyond."
        for end, names in ends.items()
    ]


def _some(names: Sequence[str], count: int) -> str:
    if len(names) == 1:
        return f"{names[0]} is"
    many = f"all {count} configurations" if len(names) == count else f"{len(names)} of {count} configurations"
    return f"{listed(names) if len(names) <= MOST_NAMED else many} are"


def _at_edge(row: pd.Series) -> str:
    alone = row["edge"] in ("smallest", "largest", "only") and "learning_rate" in row
    return f"{row['learning_rate']:g}, the {row['edge']} rate" if alone else f"the {row['edge']}"


def _elsewhere(verdict: Verdict, words: Vocabulary) -> list[str]:
    """How sure a lead of the best is where the test examples are new, too."""
    found = verdict.elsewhere
    if found is None:
        return []
    first, second = (words.configuration(verdict.cells[name], name) for name in (found.first, found.second))
    here = next(each for each in verdict.best.against if each.second == found.second)
    by, say = Phrases(verdict.question).by, Phrases(verdict.question, words.count)
    if by(found) == by(here):
        return []
    return [f"Intervals hold on these test examples. On new ones like these the lead of {first} over {second} is "
            f"{say.by(found)}, instead of {say.interval(here)}."]  # fmt: skip


def stability(chosen: pd.DataFrame, question: Question) -> list[str]:
    """Which choices of tuned values hang on the repeats that there are."""
    if "stability" not in chosen:
        return []
    shaky = chosen[chosen["stability"] < STABLE].sort_values("stability")
    what = listed(name.replace("_", " ") for name in question.tune)
    found = [f"{row['config']} ({math.floor(100 * row['stability'])} %)" for _, row in shaky.iterrows()]
    if len(found) > MOST_NAMED:
        least = math.floor(100 * shaky["stability"].min())
        found = [f"{len(found)} of {len(chosen)} configurations (in at least {least} %)"]
    same = f"With {question.noun}s drawn again the same {what} is chosen in at least {100 * STABLE:.0f} % of resamples"
    but = f", except for {listed(found)}" if found else ""
    return [f"{same}{but}. Intervals and tests include that choice."]


def sources(comparison: Comparison) -> list[str]:
    """What the intervals and tests take into account besides the repeats."""
    noun, found = comparison.question.noun, []
    if comparison.sources.choice:
        found.append("The choice of tuned values is made again on resamples of the repeats: what it adds to the "
                     "variance is in all intervals and tests; an effect's p is the larger of flipped signs' and of "
                     "t's.")  # fmt: skip
    if comparison.sources.examples:
        found.append(f"{noun.capitalize()}s and test examples are two crossed samples: the variances of both are in "
                     "all intervals and tests, with Satterthwaite's degrees of freedom; effects have a t "
                     "test.")  # fmt: skip
    return found


def measured_over(found: Verdict | Change, count: Count = plain_count) -> str:
    """Seeds, splits or both, and what was held fixed."""
    scope, metric = found.scope, found.question.words
    data = DATA[2] if scope.overlap else next((noun for noun in DATA if noun in scope.kinds), "")
    others = [noun for noun in scope.kinds if noun != data and not (scope.overlap and noun in DATA)]
    noun = data if data and (scope.crossed or data == DATA[0]) else found.question.noun
    repeats = f"{count('Repeated', found.repeats)} {noun}{'s' * (found.repeats != 1)}"
    if scope.examples:
        return (f"Measured over {repeats} and {count('Examples', scope.examples)} test examples. This holds over new "
                f"{noun}s and new test examples like these, not for other training data.")  # fmt: skip
    if scope.overlap:
        mean = f", in each the mean of several {others[-1]}s" if scope.crossed else ""
        return (
            f"Measured over {repeats}{mean}. Training sets of folds overlap, and intervals are widened for it. This "
            "holds for new examples of the same kind, not for other data."
        )
    if scope.but:
        return f"Measured over {repeats}, not over new test examples, as was asked: {scope.but}."
    if not data:
        fixed = ". Whatever else was held fixed, such as the test set,"
        if scope.fixed_split:
            fixed = ", on one split of the data: another split"
        elif scope.own_test:
            fixed = ", on the data set's own test examples: other examples"
        return f"Measured over {repeats}{fixed} may move {metric} too."
    if data == DATA[0]:
        mean = f", in each the mean of several {listed(f'{noun}s' for noun in others)}" if scope.crossed else ""
        return f"Measured over {repeats}{mean}. This holds over data sets like these, not for each of them."
    about = f"This holds over {listed(f'{noun}s' for noun in (*others, data))} of this data set, not for other data."
    if scope.crossed:
        seeds = f"{others[0]}s, which are no independent repeats"
        return f"Measured over {repeats}, in each the mean of several {seeds}. {about}"
    each = f", each a {others[0]} with a {data} of its own" if others else ""
    return f"Measured over {repeats}{each}. {about}"
