"""`octant compare FILE.csv`, or `--uri URI --experiment NAME`: the comparison of runs that octant never trained."""

from __future__ import annotations

import argparse
import csv
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from octant.errors import InputError, printable
from octant.trainer.subcommand import Subcommand, option

if TYPE_CHECKING:
    import pandas as pd

    from octant.analysis.comparison import Comparison
    from octant.analysis.guess import Asked
    from octant.tracking.foreign import Logged
    from octant.tracking.store import Connection

    Read = tuple[str, Comparison, list[str], pd.DataFrame]  # name, answer, lines, curves


def _run(options: argparse.Namespace) -> int:
    from octant.analysis.guess import Asked

    if options.out and options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out: {options.out} is a file; name a folder")
    if options.margin is not None and not options.margin > 0:
        raise InputError(f"--margin: {options.margin:g} is no difference; it is above 0")
    asked = Asked(options.compare, options.tune, options.repeat, options.endpoint, options.goal, options.margin,
                  options.validation)  # fmt: skip
    name, comparison, lines, curves = (_from_file if _is_file(options) else _from_store)(options, asked)
    print(printable("\n".join(lines)), flush=True)
    from octant.analysis.report.table import TableReport  # matplotlib reads the environment

    report = TableReport(name, comparison, [*map(printable, lines)], _command(options), curves)
    print(f"\n{printable(report.printed())}\n")
    plain = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "table"
    print(f"written to   {report.write(options.out or Path(f'{plain}-comparison'))[0]}")
    return 0


def _names(text: str) -> list[str]:
    """Names between commas; one with a comma in it stands in double quotes."""
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} names no columns; write them with commas between")
    return names


def _is_file(options: argparse.Namespace) -> bool:
    if options.file and (options.uri or options.experiment):
        raise InputError("compare: a file, or --uri and --experiment, not both")
    if not (options.file or options.uri or options.experiment):
        raise InputError("compare: name a csv file, or an experiment: octant compare --uri URI --experiment NAME")
    return options.file is not None


def _from_file(options: argparse.Namespace, asked: Asked) -> Read:
    from octant.analysis.tables import compare_file

    comparison, lines = compare_file(options.file, asked)
    return options.file.stem, comparison, lines, comparison.curves


def _from_store(options: argparse.Namespace, asked: Asked) -> Read:
    from octant.analysis.figures.curves import metrics_of
    from octant.analysis.tables import compare_logged
    from octant.tracking.foreign import opened, read_histories, read_logged

    with opened(options.uri, options.experiment) as (connection, about):
        logged = read_logged(connection)
        known = _curves_asked(connection, logged, asked)
        comparison, lines = compare_logged(logged.runs, list(logged.keys), asked, known)
        names = metrics_of(logged.runs, comparison.question.metric)
        columns = {name: logged.keys[name] for name in names if name in logged.keys}
        curves, more = read_histories(connection, list(comparison.runs["fingerprint"]), columns)
    return connection.experiment, comparison, [lines[0], *about, *logged.lines, *lines[1:], *more], curves


def _curves_asked(connection: Connection, logged: Logged, asked: Asked) -> pd.DataFrame | None:
    """The curves that the endpoint is of; None where it is a metric's last value."""
    from octant.analysis.endpoint import DURATION, of_curve
    from octant.tracking.foreign import read_histories

    found = of_curve(asked.endpoint or "")
    if found is None or asked.endpoint in logged.keys or found.metric not in logged.keys:
        return None
    keys = {name: logged.keys[name] for name in (found.metric, asked.validation) if name in logged.keys}
    keys |= {DURATION: DURATION} if found.unit == "seconds" else {}
    curves, lines = read_histories(connection, list(logged.runs["fingerprint"]), keys)
    if lines:
        raise InputError(f"endpoint: {lines[0]}, which {asked.endpoint} needs")
    return curves


def _command(options: argparse.Namespace) -> str:
    """The command that writes this report again."""
    given = {name: value for name, value in vars(options).items() if value and name != "file"}
    words = [str(options.file)] * bool(options.file)
    for name, value in given.items():
        names = [f'"{each}"' if "," in each else each for each in value] if isinstance(value, list) else [str(value)]
        words += [f"--{name}", ",".join(names)]
    return shlex.join(["octant", "compare", *words])


_LIST = "; separated by commas"
COMMAND = Subcommand(
    _run,
    option("file", nargs="?", type=Path, help="a csv: one line per run, or one per run and step"),
    option("--experiment", metavar="NAME", help="instead of a file: an experiment of the store at --uri"),
    option("--compare", metavar="A,B", type=_names, help=f"the settings to compare{_LIST}"),
    option("--tune", metavar="LR", type=_names, default=(),
           help=f"settings of which each configuration gets its own best value{_LIST}"),
    option("--repeat", metavar="SEED", type=_names, help=f"what only repeats a measurement{_LIST}"),
    option("--endpoint", metavar="METRIC",
           help="the metric that answers; its last step counts (or mean_of_METRIC, epochs_to_...)"),
    option("--goal", choices=("max", "min"), help="whether more or less of it is better"),
    option("--validation", metavar="METRIC", help="the metric that --tune chooses on"),
    option("--margin", type=float, help="the difference below which nobody cares; points for a share"),
    option("--out", type=Path, metavar="DIR", help="where the report goes; default: ./NAME-comparison"),
)  # fmt: skip
