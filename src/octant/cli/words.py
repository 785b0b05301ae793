"""What `key=value` may say, by the program: a misspelt key or word is answered before Hydra is imported.

Hydra has the last word. What is unusual here (additions, deletions, lists, nested keys) is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from octant.cli.program import OCTANT, Program
from octant.errors import InputError, unknown_word

_PLAIN = re.compile(r"(?P<group>[A-Za-z_]\w*)=(?P<word>[A-Za-z_][\w-]*)")


def check_words(overrides: Sequence[str], commands: Sequence[str], program: Program = OCTANT) -> None:
    """Raise InputError for a word that is no setting, an unknown key, or a word that its group does not have."""
    known, words = program.first_words(), program.groups()
    if "experiment" not in words and (named := [each for each in overrides if each.startswith("experiment=")]):
        where = program.conf or f"conf/ beside {program.trained.label}"
        raise InputError(f"{named[0]}: there is no folder experiment in {where}; write the experiment down there first")
    for each in overrides:
        if re.fullmatch(r"[A-Za-z]\w*", each):
            raise InputError(_no_setting(each, known, commands))
        key = re.match(r"([A-Za-z_]\w*)[\w.]*=", each)
        if key and key[1] in ("repeat", "max_repeats") and key[1] not in known:
            raise InputError(f"{each}: type experiment.max_repeats=40, which adds repeats until all is decided, or 40")
        if key and key[1] not in {*known, "hydra"}:
            raise InputError(unknown_word("setting", key[1], known))
        plain = _PLAIN.fullmatch(each)
        if plain and plain["group"] in words and plain["word"] not in words[plain["group"]]:
            raise InputError(unknown_word(plain["group"], plain["word"], words[plain["group"]]))


def _no_setting(word: str, known: set[str], commands: Sequence[str]) -> str:
    if word in known:
        return f"{word}: write a setting, = and its value, such as seed=3"
    if word in commands:
        return f"{word}: a command comes first: octant {word}"
    return f"{unknown_word('command', word, commands)}; a setting is written key=value"
