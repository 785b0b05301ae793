"""Where a run comes from: commit, versions, machine, commands. Names are the tags that MLflow shows."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from octant import __version__, home
from octant.trainer import Settings, flat

MOST_DIFF = 64_000  # characters of uncommitted changes that a run keeps
# Whatever a user's own git settings say; `git apply` takes the changes then.
_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
_DECISIVE = ("--", ".", ":(exclude)experiments")  # every sweep writes its findings there: they decide no number


# Hooks set them, of whatever repository they are in.
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
              "GIT_PREFIX", "GIT_DIFF_OPTS")  # fmt: skip


def _repository(file: str) -> Path | None:
    """Where the code that decides a run's numbers is kept: the folder of a trainer's file, or octant's checkout."""
    if file:
        return Path(file.partition("::")[0]).parent
    return home.project() if home.in_checkout() else None


def _git(folder: Path | None, *arguments: str) -> str | None:
    if folder is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip("\n")  # a patch's last line may be a blank


def _cpu() -> str:
    """Its name, and what tells it from others of that name: they differ in instructions, so in compiled code's bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    numbers = [f"{name} {facts[name]}" for name in ("cpu family", "model", "stepping") if name in facts]
    widest = [flag for flag in ("avx512f", "avx2") if flag in facts.get("flags", "").split()][:1]
    return ", ".join([facts.get("model name", platform.machine()), *numbers, *widest])


def _blas() -> str | None:
    """The linear algebra that NumPy calls, and the kernels it chose for this CPU: they decide last bits."""
    import numpy
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    own = [each for each in found if Path(numpy.__file__).parent.name in Path(each["filepath"]).parent.name] or found
    return " ".join(str(own[0][key]) for key in ("internal_api", "version", "architecture") if key in own[0]) or None


@cache
def uncommitted(file: str = "") -> str | None:
    """The changes to tracked files since the commit, cut at MOST_DIFF characters; untracked files never.

    `file` is the trainer's, where it is no module of octant's.
    """
    if not (text := _git(_repository(file), "diff", "HEAD", *_PLAIN, *_DECISIVE)):
        return None
    rest = len(text) - MOST_DIFF
    return f"{text[:MOST_DIFF]}\n\n(cut here: {rest} more characters)\n" if rest > 0 else f"{text}\n"


def repeat(settings: Settings, command: tuple[str, ...]) -> str:
    """The command that trains exactly this run."""
    left_out = {*settings.places, *settings.optional}
    words = {name: each for name, each in flat(settings).items() if each is not None or name not in left_out}
    return shlex.join([*command, *(f"{name}={_hydra(value)}" for name, value in words.items())])


def _hydra(value: object) -> str:
    if value is None:
        return "null"
    text = str(value)
    # A word that Hydra would read as a number or as null is quoted, too.
    word = r"(?!(?i:null|true|false|nan|inf)$)[A-Za-z_/][\w./-]*"
    plain = not isinstance(value, str) or re.fullmatch(word, text)
    return text if plain else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@cache
def describe(file: str = "") -> dict[str, str]:
    """Commit, branch, dirty or clean, versions of what computes the numbers, CPU; unknown ones are left out.

    The commit is that of `file`, a trainer's, or else octant's own.
    """
    folder = _repository(file)
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal", *_DECISIVE)
    found = {
        "mlflow.source.git.commit": _git(folder, "rev-parse", "HEAD"),
        "mlflow.source.git.branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        "git_state": None if status is None else ("dirty" if status else "clean"),
        "version_python": platform.python_version(),
        "version_octant": __version__,
        **{f"version_{name}": metadata.version(name) for name in ("numpy", "numba", "mlflow")},
        "blas": _blas(),
        "cpu": _cpu(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
    return {name: value for name, value in found.items() if value}
