"""The attempts that a run took: one that was interrupted and resumed may have been trained by two commits.

Each attempt adds a sealed line to `attempts.jsonl` in the run's journal, before it trains.
"""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path

from octant.runs.disk import replace
from octant.runs.journal import ATTEMPTS
from octant.runs.lines import Attempt, Identity
from octant.seal import sealed, unsealed

_FACTS = {"mlflow.source.git.commit": "commit", "git_state": "tree", "version_octant": "octant",
          "version_python": "python", "version_numpy": "numpy", "version_numba": "numba", "blas": "BLAS", "cpu": "CPU",
          "platform": "platform", "node": "node"}  # fmt: skip
_LONGEST = 4000  # characters of a tag


def note(folder: Path, first: int, identity: Identity) -> None:
    """Record an attempt whose first new epoch is `first`; the run's lock must be held."""
    before = read(folder)
    known = {"node": platform.node()} | identity.get("provenance", {})
    facts = {word: str(known[name]) for name, word in _FACTS.items() if known.get(name)}
    number = 1 + (before[-1]["attempt"] if before else int(first > 0))  # by an older octant
    this: Attempt = {"attempt": number, "epoch": first, "time": time.time_ns() // 1_000_000, "facts": facts}
    replace(folder / ATTEMPTS, b"".join(sealed(json.dumps(each)) for each in (*before, this)))


def read(folder: Path) -> list[Attempt]:
    """The attempts, oldest first, without those whose line is damaged."""
    try:
        lines = (folder / ATTEMPTS).read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(whole) for line in lines if (whole := unsealed(line))]


def tags(attempts: list[Attempt]) -> dict[str, str]:
    """MLflow's tags of a run that took several: how many, and which epochs are of which commit."""
    if not attempts or attempts[-1]["attempt"] < 2:
        return {}
    return {"attempts": str(attempts[-1]["attempt"]), "attempts_from": _in_words(attempts)[:_LONGEST]}


def _in_words(attempts: list[Attempt]) -> str:
    """`epoch 0: commit 1a2b3c, tree clean; epoch 8: commit 4d5e6f`: of later attempts what differs from the one before.

    An attempt of which no epoch is left, or that differs in nothing, is left out.
    """
    parts: list[str] = []
    before: dict[str, str] = {}
    for number, attempt in enumerate(attempts):
        facts = attempt["facts"]
        later = [each["epoch"] for each in attempts[number + 1 :]]
        shown: dict[str, str] = facts if before else {name: facts[name] for name in ("commit", "tree") if name in facts}
        news = [f"{name} {shown[name][:80]}" for name in shown if before.get(name) != shown[name]]
        if attempt["epoch"] < min(later, default=attempt["epoch"] + 1) and (news or not parts):
            parts.append(f"epoch {attempt['epoch']}: {', '.join(news) or 'commit unknown'}")
            before = facts
    return "; ".join(parts)
