"""`octant new mine.py`: a trainer to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from octant.errors import InputError
from octant.trainer.subcommand import Subcommand, option

_TRY = "python {} -m learning_rate=0.1,0.3 seed=0,1,2"


def _run(options: argparse.Namespace) -> int:
    file: Path = options.file
    if file.suffix != ".py":
        raise InputError(f"{file}: a trainer is a Python file; call it {file.with_suffix('.py')}")
    text = Path(__file__).with_name("template.py.txt").read_text(encoding="utf-8").split("\n", 1)[1]
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(f'"""{file.stem}: trained by octant.\n\n{_TRY.format(file.name)}\n"""\n{text}')
    except FileExistsError:
        raise InputError(f"{file}: it exists, and nothing is overwritten; choose another name") from None
    print(f"wrote {file}; python {file} --help shows its settings, python {file} trains one run")
    return 0


COMMAND = Subcommand(_run, option("file", type=Path, help="the file to write, such as mine.py"))
