"""The catalogues' activations and losses compiled for one example's row: the same functions, not copies of them."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numba import cfunc, types

from octant.errors import InputError
from octant.network.engines.compiled import vocabulary
from octant.network.engines.compiled.caching import compile_cached, digest, inner, named


def row_type(dtype: np.dtype[Any]) -> Any:
    """Numba's type of a contiguous row."""
    return types.Array(types.float32 if dtype == np.float32 else types.float64, 1, "C")


@cache
def row_function(chosen: Any, dtype: np.dtype[Any], arguments: int) -> Any:
    """`chosen`, a function of one or two rows, compiled as `(row, ..., result) -> None`.

    A function that treats every number by itself is compiled for a number and looped over the row, so that it is
    vectorised and allocates nothing; any other (softmax) is given the row. Raises InputError if Numba can't compile it.
    """
    where = f"{getattr(chosen, '__module__', '')}.{getattr(chosen, '__name__', chosen)}"
    refusal = f"engine=numba cannot compile {where}; use engine=numpy"
    if not isinstance(chosen, FunctionType):
        raise InputError(refusal)
    elementwise = _is_elementwise(chosen, arguments)
    signature = types.void(*[row_type(dtype)] * (arguments + 1))
    parts = [chosen, *_helpers(chosen)]
    name = f"{chosen.__name__}_{dtype}_{digest(*map(_file, parts))}"
    try:
        compiled = inner(_translated(chosen, dtype if elementwise else None))
        loop = named(_LOOPS[elementwise, arguments], name, applied=compiled)
        return compile_cached(loop, signature, cache=all(map(_is_lasting, parts)), compiler=cfunc)
    except Exception as error:  # Numba says what it cannot compile with errors of many types
        raise InputError(refusal) from error


def _is_elementwise(chosen: FunctionType, arguments: int) -> bool:
    """Whether each number of the result depends on its own place in the rows alone."""
    rows = np.array([[[0.2, 0.5, 0.3]], [[0.6, 0.1, 0.9]]])[:arguments]
    with np.errstate(all="ignore"):
        alone = [chosen(*rows[:, :, j : j + 1]) for j in range(3)]
        return bool(np.allclose(chosen(*rows), np.concatenate(alone, axis=1)))


def _file(function: FunctionType) -> str:
    return function.__code__.co_filename


def _is_lasting(function: FunctionType) -> bool:
    """Whether name and file tell which function it is: not so for closures, lambdas, and what was typed in."""
    home = sys.modules.get(function.__module__)
    return getattr(home, function.__name__, None) is function and Path(_file(function)).is_file()


def _translated(function: FunctionType, number: np.dtype[Any] | None) -> FunctionType:
    """The function with `np` in the sense of `vocabulary`, and its helpers likewise.

    With `number`, its literal numbers are of that dtype: Numba takes a literal for a float64 and computes with the
    wider type, where NumPy keeps to the array's.
    """

    def meaning(value: Any) -> Any:
        if value is np:
            return vocabulary
        if isinstance(value, FunctionType):
            return inner(_translated(value, number))
        return number.type(value) if number and isinstance(value, float) else value

    copy = named(function, function.__name__, **{name: meaning(v) for name, v in _globals_of(function).items()})
    if number:
        constants = (number.type(c) if isinstance(c, float) else c for c in copy.__code__.co_consts)
        copy.__code__ = copy.__code__.replace(co_consts=tuple(constants))
    return copy


def _globals_of(function: FunctionType) -> dict[str, Any]:
    names = {code.argval for code in dis.get_instructions(function) if code.opname == "LOAD_GLOBAL"}
    return {name: value for name, value in function.__globals__.items() if name in names}


def _helpers(function: FunctionType) -> Iterator[FunctionType]:
    for helper in _globals_of(function).values():
        if isinstance(helper, FunctionType):
            yield helper
            yield from _helpers(helper)


def applied(*rows: Any) -> Any:
    """Stands in the loops below for the function of the catalogue."""
    raise NotImplementedError


# Number by number, not `A[:] = ...`: for that Numba compiles a message about shapes, which takes it seconds.


def _each_1(Z: Any, A: Any) -> None:
    for j in range(A.size):
        A[j] = applied(Z[j])


def _each_2(A: Any, dA: Any, dZ: Any) -> None:
    for j in range(dZ.size):
        dZ[j] = applied(A[j], dA[j])


def _row_1(Z: Any, A: Any) -> None:
    result = applied(Z)
    for j in range(A.size):
        A[j] = result[j]


def _row_2(A: Any, dA: Any, dZ: Any) -> None:
    result = applied(A, dA)
    for j in range(dZ.size):
        dZ[j] = result[j]


_LOOPS = {(True, 1): _each_1, (True, 2): _each_2, (False, 1): _row_1, (False, 2): _row_2}
