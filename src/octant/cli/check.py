"""`octant check BASE [HEAD]`: did a change of the trainer's code help? Exit code 1 where it is shown to be worse."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from octant import home
from octant.analysis.verdict import Decision
from octant.cli.child import launched
from octant.errors import BAD_INPUT, DISK, STOPPED, UNDELIVERED, InputError, printable
from octant.runs.disk import Busy, locked
from octant.runs.fingerprint import HALF
from octant.runs.growth import NO_GROWTH
from octant.runs.ledger import Ledger, LedgerLine
from octant.runs.revisions import checked_out, commit_of, top_of
from octant.trainer.subcommand import Subcommand, option

if TYPE_CHECKING:
    import pandas as pd

    from octant.analysis.check import Change
    from octant.seal import Json
    from octant.tracking.declared import Declared

_PASSED_ON = (BAD_INPUT, DISK, UNDELIVERED, STOPPED)  # codes that a child explains itself


@dataclass(frozen=True)
class _Side:
    """One revision: what it is called, and the runs that its code trained."""

    name: str
    runs: pd.DataFrame
    declared: Declared
    errors: dict[str, dict[str, Json]]


class _NotTrained(Exception):
    """A revision's command did not end well; it has said why."""

    def __init__(self, code: int) -> None:
        self.code = code


def _run(options: argparse.Namespace) -> int:
    """Train both, print the table, note the attempt; 1 where HEAD is shown to be worse, or was not trained."""
    revisions = [word for word in options.words if "=" not in word]
    settings = [word for word in options.words if "=" in word]
    _refuse(options, revisions, settings)
    folder = home.made() / "check"
    try:
        with locked(folder / "lock"):
            base, head = _sides(options, revisions, settings, folder)
            return _concluded(options, base, head, Ledger(folder / "ledger.jsonl"))
    except Busy:
        raise InputError(f"check: another check is under way in {folder.parent}; wait for its end") from None
    except _NotTrained as error:
        return error.code


def _refuse(options: argparse.Namespace, revisions: list[str], settings: list[str]) -> None:
    if not 1 <= len(revisions) <= 2:
        raise InputError("check: name BASE, or BASE and HEAD: octant check main, or octant check HEAD~1 HEAD")
    if options.margin is not None and not options.margin > 0:
        raise InputError(f"--margin: {options.margin:g} is no difference; it is above 0")
    if options.out and (options.out.is_dir() or not options.out.absolute().parent.is_dir()):
        raise InputError(
            f"--out: {options.out} is no file to write; name one in a folder that exists, such as check.md"
        )
    if any(word.startswith(("trainer=/", "trainer=~")) for word in settings):
        raise InputError(
            "trainer: name the file from where you are, so that each revision has its own: trainer=mine.py"
        )
    if any(word.lstrip("+").startswith("code=") for word in settings):
        raise InputError("check: code= says that two codes give the same numbers, which is what a check finds out")
    if any(word.startswith(("experiment=", "experiment.name=", "tracking")) for word in settings):
        raise InputError("check: say --experiment NAME and --uri URI; its runs go to an experiment of their own")


def _sides(options: argparse.Namespace, revisions: list[str], settings: list[str], folder: Path) -> list[_Side]:
    """Both revisions' runs, one after the other; the working tree is HEAD where none is named."""
    top = top_of(Path.cwd())
    commits = [commit_of(top, each) for each in revisions]
    inside, sides = Path.cwd().resolve().relative_to(top.resolve()), []
    with ExitStack() as trees:
        for role, commit in zip(("base", "head"), [*commits, None][:2], strict=True):
            tree = trees.enter_context(checked_out(top, commit, folder / role)) if commit else top
            name = f"{role.upper()} {commit[:7] if commit else '(working tree)'}"
            print(f"check: {name}: training what is missing", file=sys.stderr, flush=True)
            sides.append(_trained(options, settings, tree, tree / inside, name))
    return sides


def _trained(options: argparse.Namespace, settings: list[str], tree: Path, folder: Path, name: str) -> _Side:
    from octant.tracking.declared import declared_of
    from octant.tracking.runs import read_errors, read_runs
    from octant.tracking.store import connect, located

    experiment = _experiment(options, settings)
    _child(_words(options, settings, experiment), tree, folder)
    connection = connect(located(options.uri), experiment, create=False)
    declared = declared_of(connection)
    runs = read_runs(connection, declared.sweep, declared.question)
    errors = read_errors(connection, runs) if declared.question.over == "examples" else {}
    return _Side(name, runs, declared, errors)


def _experiment(options: argparse.Namespace, settings: list[str]) -> str:
    """The MLflow experiment of the check's runs: none of the user's own."""
    trainer = next((word.partition("=")[2] for word in settings if word.startswith("trainer=")), "")
    file = Path(trainer.strip("'\"").partition("::")[0])
    return f"check-{options.experiment or file.stem.lower() or 'factorial'}"


def _words(options: argparse.Namespace, settings: list[str], experiment: str) -> list[str]:
    own = any(word.startswith("trainer=") for word in settings)
    asked = options.experiment or (None if own else "factorial")
    words = [f"experiment={asked}"] if asked else ["-m"]
    store = [f"tracking.uri={options.uri}"] if options.uri else []
    return [*words, f"experiment.name={experiment}", *store, *settings]


def _child(words: list[str], tree: Path, folder: Path) -> None:
    """Run that tree's octant, or where it has none the installed one with that tree's trainer."""
    if not (folder.is_dir() and ((tree / "src" / "octant").is_dir() or any("trainer=" in word for word in words))):
        raise InputError(f"check: {tree} has no src/octant; name the trainer whose code changed: trainer=mine.py")
    path = os.pathsep.join(filter(None, [str(tree / "src"), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "OCTANT_HOME": str(home.state()), "OCTANT_CHECK": "1"}
    if code := launched(words, folder, environment):
        if code not in _PASSED_ON:
            print("octant: check: not every run was trained, and nothing is compared", file=sys.stderr)
        raise _NotTrained(code if code in _PASSED_ON else 1)


def _concluded(options: argparse.Namespace, base: _Side, head: _Side, ledger: Ledger) -> int:
    from octant.analysis.check import alpha_of, change_of
    from octant.analysis.report.change import markdown, scope_line, verdict_line

    for side in (base, head):
        if side.runs.empty:
            raise InputError(f"check: {side.name} has no runs that are over")
    if head.declared.question.looks or base.declared.question.looks:
        raise InputError(NO_GROWTH)  # their code is older than its own refusal
    question = replace(head.declared.question, margin=options.margin or head.declared.question.margin)
    if replace(base.declared.question, margin=question.margin) != question:
        raise InputError("check: the two revisions ask different questions of their runs; see their experiment's yaml")
    code, runs = _code(base.runs), _digest([*base.runs["fingerprint"]], [*head.runs["fingerprint"]], question.as_dict())
    name = head.declared.sweep.rpartition("-")[0]
    number = ledger.number(name, code, runs)
    varied = tuple(dict.fromkeys([*base.declared.varied, *head.declared.varied]))
    change = change_of(base.runs, head.runs, question, alpha_of(number), varied, base.errors | head.errors)
    about = [scope_line(change), *_about(change, base, head, number)]
    told = [verdict_line(change, number), *[part for line in about if line for part in (line, "")][:-1]]
    table = printable(markdown(change, (base.name, head.name), told))
    print(table, end="")
    if options.out:
        options.out.write_text(table, encoding="utf-8")
    if not change.same:
        one = change.average
        numbers = (one.gain, one.low, one.high, str(change.decision))
        ledger.note(LedgerLine(name, code, runs, number, change.alpha, base.name, head.name, *numbers))
    return int(change.decision is Decision.WORSE)


def _about(change: Change, base: _Side, head: _Side, number: int) -> list[str]:
    """What the ledger says, whether more than the code differs, and which runs diverged."""
    lines = []
    if not (change.same or change.question.exact):
        lines.append(f"Attempt {number} against the trainer's code of {base.name}: a difference counts below "
                     f"p = {change.alpha:.2g}. All attempts together err in 5 % at most.")  # fmt: skip
    if {each[:HALF] for each in base.runs["fingerprint"]} != {each[:HALF] for each in head.runs["fingerprint"]}:
        lines.append("Not the code alone: settings or data of the runs differ as well.")
    if any(change.diverged):
        charged = "0 %" if change.question.diverged_as == "zero" else "the worst run"
        old, new = change.diverged
        lines.append(f"Runs that diverged count as {charged}: {old} of {base.name}, {new} of {head.name}.")
    return lines


def _code(runs: pd.DataFrame) -> str:
    """The digest of the trainer's code, the second half of every fingerprint."""
    return str(runs["fingerprint"].iloc[0])[HALF:]


def _digest(base: list[str], head: list[str], question: dict[str, object]) -> str:
    return sha256(json.dumps([sorted(base), sorted(head), question]).encode()).hexdigest()[:HALF]


COMMAND = Subcommand(
    _run,
    option("words", nargs="+", metavar="BASE [HEAD] [key=value]",
           help="git revisions, the second by default the working tree; settings for both, such as epochs=5"),
    option("--experiment", metavar="NAME", help="the experiment that both train; default: factorial"),
    option("--margin", type=float, help="the difference below which nobody cares; default: the experiment's"),
    option("--out", type=Path, metavar="FILE", help="where the table is written as well, in markdown"),
)  # fmt: skip
