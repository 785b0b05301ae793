"""Short names that tell the runs or configurations of a sweep apart where MLflow shows twenty letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from octant.analysis.palette import in_order, is_numeric, word
from octant.analysis.question import Question

WIDTH = 20  # letters of a name that MLflow's table of runs shows
# Letters of a word (0: all of them) and how a number says which setting it is; the first that will do is taken.
_STYLES = ((0, "name"), (0, "initials"), (0, "bare"), (8, "initials"), (8, "bare"), (6, "initials"), (6, "bare"),
           (4, "initials"), (4, "bare"), (3, "bare"), (2, "bare"), (1, "bare"))  # fmt: skip


def names_of(rows: Sequence[Mapping[str, object]], question: Question) -> list[str]:
    """A name for each row of settings, from what varies: all different within their first `WIDTH` letters."""
    levels = {name: in_order(row.get(name) for row in rows) for name in question.settings}
    levels = {name: each for name, each in levels.items() if len(each) > 1}
    for letters, style in _STYLES:
        tokens = {name: _tokens(name, each, letters, style, question) for name, each in levels.items()}
        names = [" ".join(tokens[name][word(row.get(name))] for name in levels) for row in rows]
        if len({name[:WIDTH] for name in names}) == len(names):
            return names
    return [f"{place} {name}" for place, name in enumerate(names, start=1)]


def _tokens(name: str, levels: Sequence[str], letters: int, style: str, question: Question) -> dict[str, str]:
    """Level -> what stands for it in a name: a word by itself, a number behind its setting's name or initials."""
    if not is_numeric(levels) and not {"True", "False"} & set(levels):
        while letters and len({_cut(level, letters) for level in levels}) < len(levels):
            letters += 1
        return {level: _cut(level, letters) for level in levels}
    last = name.rpartition(".")[2]
    initials = "".join(part[0] for part in last.split("_") if part)
    short = initials if name in question.repeat else ""
    before = {"name": f"{last}=", "initials": f"{initials}=", "bare": short}[style]
    return {level: f"{before}{level}" for level in levels}


def _cut(level: str, letters: int) -> str:
    """The first letters of a word, rather of its first parts alone: cross of cross_entropy."""
    if not letters or len(level) <= letters:
        return level
    return level[:letters].rpartition("_")[0] or level[:letters]
