"""Where things live: the state folder (mlruns/ or OCTANT_HOME), conf/ and experiments/."""

from __future__ import annotations

import os
from pathlib import Path

from octant.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def in_checkout() -> bool:
    """Whether octant runs from its source tree (an editable install) rather than from a wheel."""
    return (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "conf" / "config.yaml").is_file()


def project() -> Path:
    """The checkout, or the working directory of an installed octant."""
    return _CHECKOUT if in_checkout() else Path.cwd()


def state() -> Path:
    """Folder of all run-time state: OCTANT_HOME, or mlruns/ of the project, whatever the working directory.

    Raises InputError for a folder that no address of a SQLite file can name.
    """
    given = os.environ.get("OCTANT_HOME")
    folder = Path(given).expanduser().resolve() if given else project() / "mlruns"
    refuse_odd("OCTANT_HOME", folder)
    return folder


def refuse_odd(setting: str, path: Path) -> None:
    """Raise InputError for a path that no address of a SQLite file can name."""
    if odd := sorted({"?", "#", "%"} & set(str(path))):
        raise InputError(f"{setting}: {path} has {' '.join(odd)} in it, which an address cannot; use another folder")


def conf() -> Path:
    """Folder of the Hydra configuration: the checkout's, or the copy shipped in the wheel."""
    return _CHECKOUT / "conf" if in_checkout() else _PACKAGE / "conf"


def experiments() -> Path:
    """Folder of what was found, one folder a question: experiments/ of the project, or under OCTANT_HOME if set."""
    return state() / "experiments" if os.environ.get("OCTANT_HOME") else project() / "experiments"
