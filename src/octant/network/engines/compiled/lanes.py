"""The two row operations in which a step spends its time, as explicit vector code for Numba.

    add_rows(x, columns, start, stop, W, z)         z += sum_p x[p] W[columns[p]]       for p in start..stop
    subtract_rows(x, columns, start, stop, W, z)    W[columns[p]] -= x[p] z             for p in start..stop
    prefetch(array, start, stop)                    asks for array[start:stop] ahead of its use

`x` and `columns` (nnz,), `W` (m, width), `z` (width,), `width` a multiple of `lanes(dtype)`. Written as loops in
Python, Numba has to allow for rows that overlap: it compares their addresses at every row and leaves the rest of a
row to one number at a time, which costs a third of the speed. Here the inner loops are emitted as LLVM vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR_BYTES, CACHE_LINE = 32, 64
ROWS_AT_ONCE = 4  # in one pass over z
FAST = ("contract", "reassoc", "nsz")  # not nnan, ninf: a diverging run must come out as not finite
INDEX = ir.IntType(64)
_intrinsic: Any = intrinsic  # its stubs take the arguments to be those of the function that it decorates


def lanes(dtype: np.dtype[Any]) -> int:
    """How many numbers make a vector: the width of a row is padded to a multiple of it."""
    return VECTOR_BYTES // dtype.itemsize


class _Vectors:
    """Emits loads, stores and arithmetic on vectors of one floating type."""

    def __init__(self, builder: Any, number: Any) -> None:
        self.b = builder
        self.itemsize = number.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.itemsize

    def splat(self, number: Any) -> Any:
        """The number in every lane."""
        vector = ir.VectorType(number.type, self.lanes)
        first = self.b.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(first, first, zeros)

    def at(self, row: Any, j: Any) -> Any:
        """Address of the vector row[j : j + lanes]."""
        address = self.b.gep(row, [j])
        return self.b.bitcast(address, ir.VectorType(address.type.pointee, self.lanes).as_pointer())

    def load(self, address: Any) -> Any:
        vector = self.b.load(address)
        vector.align = self.itemsize
        return vector

    def store(self, vector: Any, address: Any) -> None:
        self.b.store(vector, address).align = self.itemsize

    def multiply(self, a: Any, b: Any) -> Any:
        return self.b.fmul(a, b, flags=FAST)

    def loop(self, start: Any, stop: Any, step: int) -> Any:
        return cgutils.for_range_slice(self.b, start, stop, INDEX(step), INDEX)


def _add(v: _Vectors, factors: list[Any], rows: list[Any], z: Any, j: Any) -> None:
    total = v.load(v.at(z, j))
    for factor, row in zip(factors, rows, strict=True):
        total = v.b.fadd(total, v.multiply(factor, v.load(v.at(row, j))), flags=FAST)
    v.store(total, v.at(z, j))


def _subtract(v: _Vectors, factors: list[Any], rows: list[Any], z: Any, j: Any) -> None:
    direction = v.load(v.at(z, j))
    for factor, row in zip(factors, rows, strict=True):
        v.store(v.b.fsub(v.load(v.at(row, j)), v.multiply(factor, direction), flags=FAST), v.at(row, j))


def _over_rows(emit: Callable[..., None]) -> Any:
    """An intrinsic that runs `emit` over the vectors of several rows together, then over the rest row by row."""

    def code(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        def array(i: int) -> Any:
            return context.make_array(signature.args[i])(context, b, arguments[i])

        x, columns, (start, stop), W, z = array(0), array(1), arguments[2:4], array(4), array(5)
        width = b.extract_value(W.shape, 1)
        v = _Vectors(b, signature.args[0].dtype)

        def groups(start: Any, stop: Any, size: int) -> None:
            with v.loop(start, stop, size) as (p, _):
                places = [b.add(p, INDEX(i)) for i in range(size)]
                factors = [v.splat(b.load(b.gep(x.data, [q]))) for q in places]
                numbers = [b.zext(b.load(b.gep(columns.data, [q])), INDEX) for q in places]
                rows = [b.gep(W.data, [b.mul(number, width)]) for number in numbers]
                with v.loop(INDEX(0), width, v.lanes) as (j, _):
                    emit(v, factors, rows, z.data, j)

        rest = b.sub(stop, b.urem(b.sub(stop, start), INDEX(ROWS_AT_ONCE)))
        groups(start, rest, ROWS_AT_ONCE)
        groups(rest, stop, 1)
        return context.get_dummy_value()

    def typed(_: Any, x: Any, columns: Any, start: Any, stop: Any, W: Any, z: Any) -> Any:
        return types.void(x, columns, types.int64, types.int64, W, z), code

    return _intrinsic(typed)


def _prefetch(_: Any, array: Any, start: Any, stop: Any) -> Any:
    def code(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, b, arguments[0]).data
        flag, name = ir.IntType(32), "llvm.prefetch.p0"
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), flag, flag, flag])
        touch = b.module.globals.get(name) or ir.Function(b.module, kind, name)
        to_read, into_all_caches, data_cache = flag(0), flag(3), flag(1)
        start, stop = arguments[1:]
        with _Vectors(b, array.dtype).loop(start, stop, CACHE_LINE * 8 // array.dtype.bitwidth) as (p, _):
            b.call(touch, [b.bitcast(b.gep(data, [p]), kind.args[0]), to_read, into_all_caches, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), code


add_rows, subtract_rows, prefetch = _over_rows(_add), _over_rows(_subtract), _intrinsic(_prefetch)
