"""`octant report NAME`: the report of an experiment's own sweep, or of one named, from the store or a file alone;
`octant archive NAME`: the sweep in such a file; `octant publish NAME`: the report becomes what experiments/NAME says.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from octant.errors import InputError, printable
from octant.tracking.declared import of_sweep
from octant.tracking.search import search
from octant.tracking.store import connect, located
from octant.tracking.view import base_address
from octant.trainer.subcommand import EXPERIMENT, SWEEP, Subcommand, option


def _report(options: argparse.Namespace) -> int:
    if options.experiment.endswith(".zip"):
        return _archived(options)
    file = Path(options.experiment)
    if file.is_file() and (file.suffix or file.parent != Path()):  # a plain word is an experiment's name
        raise InputError(f"{file} is a file, but no archive; name an experiment, or a FILE.zip that octant archive "
                         "wrote (octant compare reads a csv)")  # fmt: skip
    if options.out:
        raise InputError("--out: the report of an archive alone goes there; that of a store has its place beside it")
    from octant.analysis.report import reports  # only now: matplotlib reads the environment when it is imported

    store = located(options.uri)
    connection = connect(store, options.experiment, create=False)
    done = reports.write(connection, options.sweep)
    print(f"{printable(done.text)}\n\nwritten to   {done.folder / 'report.html'}")
    print(f"to explore   {done.folder / 'explore.html'}")
    print(f"in MLflow    {base_address(store)}{reports.log(connection, done)}")
    own = next(search(connection, of_sweep(done.sweep))).data.tags.get("trainer", "")
    if next(search(connection, f'tags.trainer != "{own}"'), None):  # a report is of one trainer's sweep
        words = f"octant compare --experiment {shlex.quote(options.experiment)} --compare trainer"
        print(f"more         other trainers have runs in it; this compares them: {words}")
    return 0


def _archived(options: argparse.Namespace) -> int:
    """The report from a file of `octant archive`: no store knows of it."""
    if options.uri or options.sweep:
        raise InputError("--uri, --sweep: an archive has one sweep and needs no store; leave them out")
    if options.out and options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out: {options.out} is a file; name a folder")
    from octant.analysis.report.archive import report_archived

    file = Path(options.experiment)
    page, text = report_archived(file, options.out or Path(f"{file.stem}-report"))
    print(f"{text}\n\nwritten to   {page}\nto explore   {page.with_name('explore.html')}")
    return 0


def _archive(options: argparse.Namespace) -> int:
    if options.out and (options.out.is_dir() or not options.out.absolute().parent.is_dir()):
        raise InputError(f"--out: {options.out} is no file to write; name one in a folder that exists, such as "
                         "sweep.zip")  # fmt: skip
    if options.out and options.out.suffix != ".zip":
        raise InputError(f"--out: {options.out} does not end with .zip, by which octant report knows an archive")
    from octant.analysis.report.archive import write_archive  # only now: matplotlib reads the environment
    from octant.analysis.report.collect import collect

    material = collect(connect(located(options.uri), options.experiment, create=False), options.sweep)
    file = options.out or Path(re.sub(r"[^\w-]+", "-", material.declared.sweep) + ".zip")
    write_archive(material, file)
    print(f"{len(material.runs)} runs in {file}: {file.stat().st_size / 1e6:.2f} MB")
    print(f"its report again: octant report {file}")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from octant.analysis.report import reports

    print(f"published in {reports.publish(connect(located(options.uri), options.experiment, create=False))}")
    return 0


COMMAND = Subcommand(
    _report,
    option("experiment", metavar="EXPERIMENT", help="name of the experiment, or a file of octant archive, FILE.zip"),
    SWEEP, option("--out", type=Path, metavar="DIR", help="where an archive's report goes; default: ./NAME-report"),
)  # fmt: skip
ARCHIVE = Subcommand(
    _archive, EXPERIMENT, SWEEP, option("--out", type=Path, metavar="FILE", help="the file; default: ./SWEEP.zip")
)
PUBLISH = Subcommand(_publish, EXPERIMENT)
