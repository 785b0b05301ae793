"""`octant.main`: the command line of a person's own training file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import ModuleType

from octant.trainer import files as loaded


def main(
    train: Callable[..., object],
    settings: type,
    *,
    data: Callable[..., object] | None = None,
    files: Callable[..., object] | None = None,
    **experiment: object,
) -> None:
    """Do for `train` all that the command `octant` does for its own network; the words come from sys.argv.

    `train(settings, state=None)` yields one octant.Epoch per epoch. `settings` is a subclass of octant.Settings, a
    pydantic model or a dataclass with a `seed`. `data(settings)` returns text that changes when the data do, or an
    octant.Data; `files(settings, last)` what is logged with a finished run, name -> bytes or text. `experiment` is what
    is asked unless the command line or a yaml says otherwise: endpoint, goal, question, margin, name, ...
    Ends the process: 0, or the exit codes of octant, with one line for a mistake.
    """
    if loaded.is_loading():
        return  # the file is imported by octant, for a worker or to find its functions
    from octant.cli import main as command
    from octant.cli.border import one_line_errors
    from octant.cli.program import Program

    given: Mapping[str, object] = {"train": train, "settings": settings, "data": data, "files": files}
    with one_line_errors():
        reference = loaded.reference_of({word: each for word, each in given.items() if each is not None})
        program = Program(reference, experiment)
        program.trained  # noqa: B018 - a file that is no trainer is answered here
    _kept.append(sys.modules["__main__"])
    # Else each worker would run the file once more, as multiprocessing does with any program's.
    sys.modules["__main__"] = ModuleType("__main__")
    command.main(program)


_kept: list[ModuleType] = []  # its functions may still be running
