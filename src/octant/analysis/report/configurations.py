"""What is said of a sweep's configurations: which is best, which may be, and how many repeats would decide."""

from __future__ import annotations

from dataclasses import dataclass

from octant.analysis.power import ENOUGH
from octant.analysis.report.numbers import MOST_NAMED, TINY, Phrases, listed, plural
from octant.analysis.report.vocabulary import Vocabulary
from octant.analysis.verdict import Decision, Difference, Verdict

MOST_LISTED = 6


@dataclass(frozen=True)
class Configurations:
    """What is said of the configurations of a verdict; each method gives sentences from the fullest to the shortest."""

    verdict: Verdict
    words: Vocabulary

    def sentences(self) -> list[str]:
        """Which one is best."""
        verdict, question = self.verdict, self.verdict.question
        names, count = verdict.best.names, self.words.count
        if not names:
            runs = count("Compared", verdict.runs)
            return [f"No run finished: all {runs} diverged, so there is nothing to compare."]
        repeats = plural(verdict.repeats, question.noun, count("Repeated", verdict.repeats))
        if len(names) == 1:
            return self._alone(repeats)
        if verdict.repeats == 1 and not verdict.enough:
            return [f"One {question.noun} can show nothing: differences between the {self.count} may be luck. Repeat "
                    f"with at least {ENOUGH} {question.noun}s."]  # fmt: skip
        first, second = self.name(names[0]), self.name(names[1])
        if not verdict.enough:
            few = f"{repeats} are too few to settle it"
            so_far = self._ahead(verdict.best.against[0], first, second, with_interval=False)
            return [f"{few}: so far {so_far}.", f"{few}: so far {first} is best.", f"{few}."]
        return self._two(first, second) if len(names) == 2 else self._several(first)

    @property
    def _say(self) -> Phrases:
        return Phrases(self.verdict.question, self.words.count)

    @property
    def count(self) -> str:
        """How many configurations there are in words."""
        count = len(self.verdict.best.names)
        return "two" if count == 2 else f"{self.words.count('Ranked', count)} configurations"

    def name(self, config: str) -> str:
        """A configuration by its levels."""
        return self.words.configuration(self.verdict.cells[config], config)

    def needed(self) -> str:
        """How many repeats would decide between the `rivals`."""
        question, verdict = self.verdict.question, self.verdict
        if verdict.scope.overlap:
            return "only more examples would decide"
        lead = verdict.open_lead
        more = ", or more test examples," * (lead.floor > 0)
        if needed := verdict.needed(lead):
            return f"about {self._say.repeats(lead, needed)} {question.noun}s would decide"
        return f"more than 1,000 {question.noun}s{more} would be needed"

    @property
    def rivals(self) -> str:
        """The first, and the one that it is to be decided from."""
        best, second = self.verdict.best, self.verdict.open_lead.second
        return "the first two" if second == best.names[1] else f"the first and {self.name(second)}"

    def full(self) -> str:
        """All in one: who may be best, by name, and how many repeats would settle it."""
        best, phrase = self.verdict.best, self.sentences()[0]
        if best.decision is not Decision.UNDECIDED or len(best.names) == 2:
            return phrase
        several = 2 < len(best.leaders) <= MOST_LISTED and len(best.leaders) < len(best.names)
        if several:
            phrase = self.sentences()[-1]
        named = f" Best first: {'; '.join(map(self.name, best.leaders))}." * several
        needed = self.needed()
        rest = "" if "would" in phrase else f" {needed[:1].upper()}{needed[1:]} between {self.rivals}."
        return f"{phrase}{named}{rest}"

    def _alone(self, repeats: str) -> list[str]:
        name, question = self.verdict.best.names[0], self.verdict.question
        others = "No other configuration has a run that finished." if len(self.verdict.cells) > 1 else (
            "There is nothing to compare it with.")  # fmt: skip
        over = "" if question.exact else f", over {repeats}"
        score = f"has {self._say.span([self.verdict.means[name]], name)}{over}. {others}"
        return [f"{self.words.start(self.name(name))} {score}", f"The configuration {score}"]

    def _ahead(self, difference: Difference, first: str, second: str, with_interval: bool = True) -> str:
        if difference.gain <= TINY:
            return f"{first} and {second} are level"
        return self._say.ahead(first, second, self._say.by(difference, with_interval))

    def _two(self, first: str, second: str) -> list[str]:
        best = self.verdict.best
        if best.decision is Decision.BETTER:
            lead = self._say.by(best.lead)
            return [
                f"{self._say.beats(self.words.start(first), second, lead)}.",
                f"One of the two is better, by {lead}.",
            ]
        if best.decision is Decision.EQUAL:
            phrase = f"are {self._say.equal()}."
            return [f"{self.words.start(first)} and {second} {phrase}", f"The two {phrase}"]
        phrase = f"Not settled: {self._ahead(best.lead, first, second)}"
        return [f"{phrase}; {self.needed()}.", f"{phrase}.", f"Not settled; {self.needed()}."]

    def _several(self, first: str) -> list[str]:
        best, question, count = self.verdict.best, self.verdict.question, self.count
        if best.decision is Decision.EQUAL:
            alike = (
                f"equal within the margin: none is {self._say.margin()} from the best"
                if question.margin
                else self._say.equal()
            )
            return [f"The {count} are {alike}."]
        if best.decision is Decision.BETTER:
            lead, start = self._say.by(best.lead), f"{self.words.start(first)} is the best of the {count}"
            return [f"{start}: {self._say.leads(self.name(best.lead.second), lead)}.", f"{start}, by {lead}.",
                    f"One of the {count} is best, ahead of all others by {lead}."]  # fmt: skip
        means = self._say.span([self.verdict.means[name] for name in best.leaders], *best.leaders)
        if len(best.leaders) == len(best.names):
            phrase = f"Which of the {count} is best is not settled ({means})"
            return [f"{phrase}; {self.needed()}.", f"{phrase}."]
        phrase = f"{self.words.count('Leaders', len(best.leaders))} of the {count} may be best ({means})"
        shared, which = self._shared(), "Which one is not settled."
        names = self.words.start(listed(map(self.name, best.leaders), "or"))
        named = [f"{names} may be the best of the {count} ({means}). {which}"] if len(best.leaders) < MOST_NAMED else []
        all_have = "both have" if len(best.leaders) == 2 else "all have"
        return [*named, *([f"{phrase}; {all_have} {shared}. {which}"] if shared else []), f"{phrase}. {which}"]

    def _shared(self) -> str:
        """The levels that all leaders have, and not all configurations."""
        cells = [self.verdict.cells[name] for name in self.verdict.best.leaders]
        same = [name for name in cells[0] if len({cell[name] for cell in cells}) == 1]
        phrases = [self.words.level(name, cells[0][name]) for name in same if len(self.words.levels[name]) > 1]
        return listed(phrases) if phrases else ""
