"""Functions compiled under a name of their own, so that Numba's cache on disk tells them apart.

Numba keeps compiled code beside the source, or in NUMBA_CACHE_DIR, or in the user's cache folder where the source is
read-only. It looks code up by the function's name and file, and does not notice when a function that it calls has
changed. Here every compiled function is named for what it is made of, with a digest of the source files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache as remembered
from pathlib import Path
from types import FunctionType
from typing import Any

from numba import njit

# Reassociation and fused multiply-add as in `gcc -ffast-math`, but infinities and NaN keep their meaning: they are
# how the caller sees that a run has diverged.
OPTIONS: dict[str, Any] = {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}
_njit: Any = njit  # its stubs do not know all of its options


def inner(function: Callable[..., Any]) -> Any:
    """Decorator of functions that only compiled functions call: without the entry points for Python and for C."""
    return _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)


def named(function: Any, name: str, /, **meanings: Any) -> FunctionType:
    """The same function under another name, some of its global names meaning something else."""
    code = function.__code__.replace(co_name=name, co_qualname=name)
    copy = FunctionType(code, {**function.__globals__, **meanings}, name, function.__defaults__, function.__closure__)
    copy.__module__ = function.__module__
    return copy


def compile_cached(function: FunctionType, signature: Any, cache: bool = True, compiler: Any = _njit) -> Any:
    """Compile for one signature, or load it from the cache. A cache that cannot be used must not stop a run."""
    if cache:
        with suppress(Exception):
            return compiler(signature, cache=True, **OPTIONS)(function)
    return compiler(signature, **OPTIONS)(function)


def digest(*files: str) -> str:
    """Ten characters that change whenever the files, or those of this package, do."""
    contents = sorted({_OWN, *map(_content, files)})
    return hashlib.sha256("".join(contents).encode()).hexdigest()[:10]


@remembered
def _content(file: str) -> str:
    path = Path(file)
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


# Taken when this is imported: the code that runs is that of then, whatever becomes of the files.
_OWN = "".join(_content(str(path)) for path in sorted(Path(__file__).parent.glob("*.py")))
