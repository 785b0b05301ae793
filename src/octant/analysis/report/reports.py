"""The report of a sweep: written, or kept where nothing has changed; logged to MLflow; published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from octant import home
from octant.analysis import figures
from octant.analysis.means import Means, config_means
from octant.analysis.report.collect import Material, collect
from octant.analysis.report.findings import Findings, find
from octant.analysis.report.pages import terminal, write_files
from octant.errors import InputError
from octant.runs.disk import read_json, write_json
from octant.tracking.declared import DECLARED
from octant.tracking.store import Connection
from octant.tracking.view import log_report, show_means

_UNNAMED = "octant"  # the experiment of commands that name none, as conf/config.yaml has it
KEPT = ".kept.json"  # in a report's folder: what it was made from, and the SHA-256 of each file
_DRAWN_WITH = ("bokeh", "jinja2", "matplotlib", "numpy", "pandas", "scipy")


@dataclass(frozen=True)
class _Report:
    """What was written (the page first), the words for the terminal."""

    folder: Path
    files: list[Path]
    text: str
    sweep: str
    means: Means
    typical: list[str]
    published: str


def write(connection: Connection, sweep: str | None = None) -> _Report:
    """Write the report of a sweep, or of the experiment's own, to reports/ in the state folder.

    What was drawn before of the very same runs with the very same code stays. Raises InputError without runs that can
    be compared.
    """
    found = find(collect(connection, sweep))
    sweep = found.material.declared.sweep
    folder = home.state() / "reports" / _folder(connection, sweep)
    return _Report(
        folder, _kept_or_drawn(found, folder), terminal(found), sweep, _means(found), _typical_of_best(found),
        _against_published(connection.experiment, found.runs, found.question.endpoint),
    )  # fmt: skip


def _folder(connection: Connection, sweep: str) -> str:
    """The experiment's name for its own sweep; the sweep's for variants and unnamed ones."""
    tags = connection.client.get_experiment(connection.experiment_id).tags
    named = connection.experiment != _UNNAMED and tags.get(DECLARED) == sweep
    return connection.experiment if named else sweep


def log(connection: Connection, report: _Report) -> str:
    """Log the files to MLflow as the sweep's one report; returns the link's part behind the server's address."""
    show_means(connection, report.sweep, report.means)
    return log_report(connection, report.sweep, report.files)


def _kept_or_drawn(found: Findings, folder: Path) -> list[Path]:
    made_from, kept = _digest_of(found.material), read_json(folder / KEPT) or {}
    digests: dict[str, str] = kept.get("files", {})
    if kept.get("made_from") == made_from and all(_sha256(folder / name) == each for name, each in digests.items()):
        return [folder / name for name in kept["order"]]
    files = write_files(found, folder, explore=True)
    names = [file.name for file in files]
    digests = {file.name: _sha256(file) for file in files}
    write_json(folder / KEPT, {"made_from": made_from, "order": names, "files": digests})
    return files


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _digest_of(material: Material) -> str:
    """SHA-256 of all that a report is made from: runs, curves, mistakes, question, data, octant's files, libraries."""
    digest = hashlib.sha256(repr((material.experiment, material.declared)).encode())
    runs = material.runs.drop(columns="artifacts", errors="ignore")  # a folder may move
    for frame in (runs, material.curves, material.companion):
        digest.update(repr(list(frame.columns)).encode())
        digest.update(pd.util.hash_pandas_object(frame.astype(str), index=False).to_numpy().tobytes())
    digest.update(json.dumps(material.errors, sort_keys=True).encode())
    digest.update(material.pictures.digest.encode() if material.pictures else b"")
    package = Path(figures.__file__).parents[2]
    for file in sorted(
        path for path in package.rglob("*") if path.suffix in (".py", ".html", ".md", ".tex", ".css", ".js")
    ):
        digest.update(file.read_bytes())
    digest.update(repr([version(name) for name in _DRAWN_WITH]).encode())
    return digest.hexdigest()


def _means(found: Findings) -> Means:
    """What MLflow's chart draws, on the axis of the report's figure."""
    floor = figures.value_range(found.curves, found.design.at_the_end)[0] / found.question.metric_scale
    typed = {name: name for name in found.question.compare}  # MLflow's names are what one types
    design = figures.design_of(found.runs, found.question.at_the_end, typed)
    return config_means(found.main.runs, found.curves, list(found.main.summary["config"]), design, floor)


def _typical_of_best(found: Findings) -> list[str]:
    """The id of the median run of the configuration that ranks first; none where all diverged."""
    median = found.main.runs[found.main.runs["run_id"].isin(found.typical())].set_index("config")["run_id"]
    return [str(median[name]) for name in found.main.summary["config"] if name in median.index][:1]


def publish(connection: Connection) -> Path:
    """Write the report of the experiment's own sweep to experiments/NAME, where what was found lies; returns it.

    Raises InputError unless every run was trained from a clean commit: others could not repeat it.
    """
    found = find(collect(connection))
    states = found.runs["git_state"] if "git_state" in found.runs else pd.Series(dtype=str)
    if not home.in_checkout() and not states.isin(["clean", "dirty"]).any():
        raise InputError("publish: an installed octant knows no commit of its code; train and publish in a clone")
    if dirty := int((states != "clean").sum()) or not len(states):
        raise InputError(f"publish: {dirty} of {len(found.runs)} runs were not trained from a clean commit; commit "
                         "what you have changed, then train them again: add rerun=true to their command")  # fmt: skip
    folder = home.experiments() / connection.experiment
    write_files(found, folder)
    return folder


def _against_published(experiment: str, runs: pd.DataFrame, endpoint: str) -> str:
    """A line on whether the runs have the numbers of experiments/NAME; empty where nothing is published.

    Runs are matched by configuration and by the settings that both tables have and that vary.
    """
    file = home.experiments() / experiment / "results.csv"
    if not file.is_file():
        return ""
    published = pd.read_csv(file, float_precision="round_trip")
    keys = ["config", *(key for key in ("learning_rate", "seed", "epochs") if key in published and key in runs)]
    both = runs.merge(published, on=keys, suffixes=("", "_published"))
    if both.empty or endpoint not in published:
        return f"published   {file.parent} has other runs than these"
    gap = (both[endpoint] - both[f"{endpoint}_published"]).abs()
    if len(both) == len(runs) == len(published) and not gap.any():
        return f"published   the same numbers as in {file.parent}"
    why = "another CPU, other versions or other code: both pages end with what made them"
    told = f"{int((gap > 0).sum())} of {len(both)} common runs differ in {endpoint}, by at most {gap.max():.4f}"
    return f"published   {file.parent}: {told} ({why})"
