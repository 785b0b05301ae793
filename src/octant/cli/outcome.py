"""How a single run ended, in a line for the terminal."""

from __future__ import annotations

from octant.analysis.chance import at_chance
from octant.runs.disk import read_json
from octant.runs.journal import FILES, Journal
from octant.runs.run import Run
from octant.tracking.runs import TEST_ERRORS

_MOST = 6  # metrics on the line


def found_again(run: Run) -> str:
    """Which run was there already, and how to train it anew."""
    return f"there already: {run.name}; to train it anew, add rerun=true to the command\n"


def outcome_of(journal: Journal) -> str:
    """Accuracies after the last epoch, and a word where they are chance's; of a diverged run epoch and reason alone."""
    history = journal.read()
    outcome = history.outcome
    if outcome and outcome["outcome"] == "diverged":
        return f"diverged in epoch {outcome['epoch']}: {outcome['reason']}; a smaller learning_rate may help"
    if not history.epochs:
        return "it has no numbers"
    last = history.epochs[-1]["metrics"]
    shown = [name for name in last if name.endswith("accuracy")] or list(last)[:_MOST]
    told = "  ".join(f"{name} {last[name]:.4f}" for name in shown)
    examples = (read_json(journal.folder / FILES / TEST_ERRORS) or {}).get("examples")
    return f"{told}{_at_chance(last.get('test_accuracy', 1.0), examples)}"


def _at_chance(accuracy: float, examples: list[int] | None) -> str:
    """A line if whoever always says the most frequent class does as well."""
    share = at_chance(accuracy, examples or [])
    reason = f"no better than always saying the most frequent class, {share or 0:.4f} of the test set"
    return "" if share is None else f"\ncollapsed: {reason}"
