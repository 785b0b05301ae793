"""What `key=value` may say, from conf/ alone: a misspelt key or word is answered before Hydra is imported.

Hydra has the last word. What is unusual here (additions, deletions, lists, nested keys) is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from octant import home
from octant.errors import InputError, unknown_word

_PLAIN = re.compile(r"(?P<group>[A-Za-z_]\w*)=(?P<word>[A-Za-z_][\w-]*)")


def config_file() -> Path:
    """conf/config.yaml."""
    return home.conf() / "config.yaml"


def groups() -> dict[str, list[str]]:
    """The groups of conf/ and the words of each."""
    folders = sorted(path for path in home.conf().iterdir() if path.is_dir() and path.name != "hydra")
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def keys() -> set[str]:
    """What may stand before the first dot of a key: groups, and what conf/config.yaml names at its top."""
    named = re.findall(r"^([a-z_]\w*):", config_file().read_text(encoding="utf-8"), re.MULTILINE)
    return {*groups(), *named} - {"defaults", "hydra"}


def check(overrides: Sequence[str], commands: Sequence[str]) -> None:
    """Raise InputError for a word that is no setting, an unknown key, or a word that its group does not have."""
    known, words = keys(), groups()
    for each in overrides:
        if re.fullmatch(r"[A-Za-z]\w*", each):
            raise InputError(_no_setting(each, known, commands))
        key = re.match(r"([A-Za-z_]\w*)[\w.]*=", each)
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
