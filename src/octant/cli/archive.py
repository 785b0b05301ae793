"""`octant archive NAME`: a sweep in one file, from which `octant report FILE.zip` writes its report without a store."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from octant.errors import InputError
from octant.tracking.store import connect, located
from octant.trainer.subcommand import EXPERIMENT, SWEEP, Subcommand, option


def _run(options: argparse.Namespace) -> int:
    """Write the file, and say how large it is."""
    if options.out and (options.out.is_dir() or not options.out.absolute().parent.is_dir()):
        raise InputError(
            f"--out: {options.out} is no file to write; name one in a folder that exists, such as sweep.zip"
        )
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


COMMAND = Subcommand(
    _run, EXPERIMENT, SWEEP, option("--out", type=Path, metavar="FILE", help="the file; default: ./SWEEP.zip")
)
