"""Where things live: the state folder (mlruns/ or OCTANT_HOME), conf/ and experiments/."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
import uuid
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from octant.errors import InputError
from octant.locks import lock_alone

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]
DISTRIBUTION = "octant-sweep"  # its name among installed packages
_LENGTH = 32
_DAY, _MINUTE = 86400, 60  # seconds


def in_checkout() -> bool:
    """Whether octant runs from its source tree (an editable install) rather than from a wheel."""
    return (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "conf" / "config.yaml").is_file()


def project() -> Path:
    """The checkout, or the working directory of an installed octant."""
    return _CHECKOUT if in_checkout() else Path.cwd()


def install(extra: str) -> str:
    """The line that installs what an extra of pyproject.toml needs: into a clone, or beside an installed wheel."""
    if in_checkout():
        return f"pip install -e {shlex.quote(f'{_CHECKOUT}[{extra}]')}"
    from importlib import metadata  # only now: it takes 20 ms

    asked = re.compile(rf"""(.+?) ?; extra == ['"]{extra}['"]""")
    needed = [found[1] for each in metadata.requires(DISTRIBUTION) or () if (found := asked.fullmatch(each))]
    return shlex.join(["pip", "install", *needed])


_used: list[Path] = []


def use(folder: Path) -> None:
    """Let `state` answer with this folder from now on: a worker's is its launcher's, wherever the worker runs."""
    _used[:] = [folder]


def state() -> Path:
    """Folder of all run-time state: OCTANT_HOME, or mlruns/ of the project, whatever the working directory.

    Raises InputError for a folder that no address of a SQLite file can name.
    """
    if _used:
        return _used[0]
    given = os.environ.get("OCTANT_HOME")
    folder = Path(given).expanduser().resolve() if given else project() / "mlruns"
    refuse_odd("OCTANT_HOME", folder)
    return folder


def refuse_odd(setting: str, path: Path) -> None:
    """Raise InputError for a path that no address of a SQLite file can name."""
    if odd := sorted({"?", "#", "%"} & set(str(path))):
        raise InputError(f"{setting}: {path} has {' '.join(odd)} in it, which an address cannot; use another folder")


def make(folder: Path) -> None:
    """Make the state folder, for this user alone; one that is there keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def made() -> Path:
    """The state folder, there: Hydra would make it open to others."""
    make(state())
    return state()


def discard_drafts(folder: Path) -> None:
    """Remove what killed processes have left unfinished in `folder`: a day old, or a minute where its process is gone.

    Processes of other machines may share the folder, so no young draft is touched.
    """
    for draft in (*folder.glob("*.tmp"), *folder.glob(".partial-*")):
        pid = re.search(r"\.([0-9]+)\.tmp$|^\.partial-([0-9]+)-", draft.name)
        with suppress(OSError):
            age = time.time() - draft.lstat().st_mtime
            if age > _DAY or (pid and age > _MINUTE and not Path(f"/proc/{pid[1] or pid[2]}").exists()):
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()


def tag(folder: Path) -> str:
    """What the runs of a state folder are marked with: a copy of the folder has another, a folder that moved has not.

    The folder's file `id` holds a UUID. A copy of that file has another inode.
    """
    make(folder)
    with open(os.open(folder / "id", os.O_RDWR | os.O_CREAT, 0o644), "r+", encoding="ascii") as file:  # noqa: PTH123
        lock_alone(file)
        name = file.read()
        if len(name) != _LENGTH:
            name = uuid.uuid4().hex
            file.seek(0)
            file.truncate()
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        return sha256(f"{name} {os.fstat(file.fileno()).st_ino}".encode()).hexdigest()[:_LENGTH]


def conf() -> Path:
    """Folder of the Hydra configuration: the checkout's, or the copy shipped in the wheel."""
    return _CHECKOUT / "conf" if in_checkout() else _PACKAGE / "conf"


def experiments() -> Path:
    """Folder of what was found, one folder per question: experiments/ of the project, or under OCTANT_HOME if set."""
    return state() / "experiments" if os.environ.get("OCTANT_HOME") else project() / "experiments"
