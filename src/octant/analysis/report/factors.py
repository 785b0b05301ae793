"""What is said of one factor: on average where it interacts with none, else within the levels of the others."""

from __future__ import annotations

from collections.abc import Sequence

from octant.analysis.comparison.intervals import ALPHA
from octant.analysis.power import ENOUGH
from octant.analysis.question import Question
from octant.analysis.report.numbers import TINY, Phrases, is_plural, listed
from octant.analysis.report.vocabulary import Vocabulary
from octant.analysis.verdict import Decision, Factor, Ranking


def says_something(factor: Factor) -> bool:
    """Whether it is better or worse somewhere, or equal everywhere."""
    return factor.decision is Decision.EQUAL or any(each.ranking.decision is Decision.BETTER for each in factor.cells)


def sentences(factor: Factor, question: Question, words: Vocabulary, alpha: float = ALPHA) -> list[str]:
    """One factor in sentences, from the fullest to the shortest; `alpha` is the level of claims about effects."""
    say = Phrases(question, words.count)
    everywhere = (
        f"with every {words.factors(factor.partners)}" if factor.partners else "on average over the other choices"
    )
    if factor.decision is Decision.EQUAL:
        levels = listed(words.level(factor.name, each) for each in factor.cells[0].ranking.names)
        return [f"{words.start(levels)} are {say.equal()}, {everywhere}."]
    if factor.decision is Decision.BETTER:
        return _better(factor, say, words, everywhere)
    return _depends(factor, say, words) if factor.partners else _open(factor, say, words, alpha)


def _better(factor: Factor, say: Phrases, words: Vocabulary, everywhere: str) -> list[str]:
    first, each_lead = factor.cells[0].ranking, [each.ranking.lead for each in factor.cells]
    a, b = (words.level(factor.name, each) for each in (first.names[0], first.lead.second))
    name = words.factor(factor.name)
    the_best = "best" if is_plural(name) else f"the best {name}"  # a level by itself is no hidden units
    best, several = f"{words.start(a)} is {the_best}", len(first.names) > 2

    def lead(amount: str, where: str = "") -> str:
        return f"{best}{where} by {amount}" if several else say.beats(words.start(a), b, amount, where)

    if len(each_lead) == 1:
        amount = say.by(first.lead)
        told = f"{best}{':' if say.question.unit else ','} {say.leads(b, amount)}" if several else lead(amount)
        return [f"{told}, {everywhere}."]
    if len(each_lead) > 2:
        amount = say.gains(each_lead)
        return [f"{lead(amount, f' {everywhere},')}.", f"{lead(amount, ',')}."]
    at = [words.level(*each.where[0]) for each in factor.cells]
    more, less = sorted(range(2), key=lambda i: -each_lead[i].gain)
    most = lead(say.by(each_lead[more], with_interval=False))
    return [f"{most} with {at[more]} and {say.number(each_lead[less])} with {at[less]}."]


def _open(factor: Factor, say: Phrases, words: Vocabulary, alpha: float) -> list[str]:
    ranking = factor.cells[0].ranking
    nearest = ranking.against[0]
    a, b = (words.level(factor.name, each) for each in (nearest.first, nearest.second))
    phrase = f"{_which(factor, words)} is not settled"
    if nearest.gain <= TINY:
        return [f"{phrase}: on average {a} and {b} are level."]
    why = ""
    if nearest.low > 0 and nearest.n >= ENOUGH:
        why = f", but p is {say.p(nearest)} after adjusting for all effects" if nearest.p >= alpha else (
            ", but not with diverged runs counted")  # fmt: skip
    return [f"{phrase}: on average {say.ahead(a, b, say.by(nearest))}{why}.", f"{phrase}."]


def _which(factor: Factor, words: Vocabulary) -> str:
    name = words.factor(factor.name)
    better = "better" if len(factor.cells[0].ranking.names) == 2 else "best"
    return f"Which {name} {'are' if is_plural(name) else 'is'} {better}"


def _depends(factor: Factor, say: Phrases, words: Vocabulary) -> list[str]:
    """Who leads at each level of the partner that explains most of it, else in how many combinations."""
    split = max(factor.partners, key=lambda name: sum(len(_winners(each)) == 1 and _settled(each)
                                                      for each in _groups(factor, name).values()))  # fmt: skip
    led: list[str] = []
    partly: dict[str, list[str]] = {}
    for level, group in _groups(factor, split).items():
        at, winners = words.after(split, level), _winners(group)
        if len(winners) == 1 and _settled(group):
            by_how_much = say.gains([each.lead for each in group], of=False)
            led.append(f"with {at}, {words.level(factor.name, winners[0])} leads by {by_how_much}")
        else:
            partly.setdefault(_state(factor, split, len(winners), words), []).append(at)
    if not led:
        return _counted(factor, words)
    rest = [f"with {listed(each)} {state}" for state, each in partly.items()]
    phrase = f"{_which(factor, words)} depends on {words.factor(split)}"
    return [f"{phrase}: {'; '.join([*led, *rest])}.", f"{phrase}."]


def _state(factor: Factor, split: str, winners: int, words: Vocabulary) -> str:
    if winners > 1:
        return f"it depends on {words.factors([name for name in factor.partners if name != split])}"
    return "it is only partly settled" if winners else "it is not settled"


def _counted(factor: Factor, words: Vocabulary) -> list[str]:
    partners = words.factors(factor.partners)
    best = [each.ranking.names[0] for each in factor.cells if each.ranking.decision is Decision.BETTER]
    if not best:
        return [f"{_which(factor, words)} is not settled with any {partners}."]
    each, count = ("Each", *factor.partners), words.count
    cells = count("VerdictCells", len(factor.cells), factor.name, *each)
    led = {level: count("VerdictLed", best.count(level), factor.name, level, *each) for level in best}
    told = [f"{words.level(factor.name, level)} leads in {led[level]} of {cells} combinations" for level in led]
    rest = "; the rest is not settled" if len(best) < len(factor.cells) else ""
    phrase = f"{_which(factor, words)} depends on {partners}"
    return [f"{phrase}: {', '.join(told)}{rest}.", f"{phrase}."]


def _groups(factor: Factor, partner: str) -> dict[str, list[Ranking]]:
    """Level of the partner -> how the factor's levels stand in each of its cells."""
    groups: dict[str, list[Ranking]] = {}
    for each in factor.cells:
        groups.setdefault(dict(each.where)[partner], []).append(each.ranking)
    return groups


def _winners(rankings: Sequence[Ranking]) -> list[str]:
    """The levels that are the best one in some cell."""
    return list(dict.fromkeys(each.names[0] for each in rankings if each.decision is Decision.BETTER))


def _settled(rankings: Sequence[Ranking]) -> bool:
    return all(each.decision is Decision.BETTER for each in rankings)
