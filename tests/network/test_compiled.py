"""engine=numba on its own: what it compiles, what it refuses, its cache on disk, its arithmetic."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import njit, types

from octant.errors import InputError
from octant.network import activations
from octant.network.activations import OUTPUT, Activation, Array
from octant.network.engines import ENGINES, Step
from octant.network.engines.compiled import caching, sparse
from octant.network.engines.compiled.functions import row_function, row_type
from octant.network.initialisers import Parameters
from octant.network.losses import LOSSES
from octant.network.network import Network, build

SLOPE = 0.05


def leaky(Z: Array) -> Array:
    return np.where(Z > 0, Z, SLOPE * Z)


def leaky_pullback(A: Array, dA: Array) -> Array:
    return np.where(A > 0, dA, SLOPE * dA)


def scaled_tanh(Z: Array) -> Array:
    return 1.7159 * activations_tanh(2 / 3 * Z)


def scaled_tanh_pullback(A: Array, dA: Array) -> Array:
    return 2 / 3 * dA * (1.7159 - A * A / 1.7159)


def centred(Z: Array) -> Array:
    return Z - np.sum(Z, axis=-1, keepdims=True) / Z.shape[-1]


def centred_pullback(A: Array, dA: Array) -> Array:
    return dA - np.sum(dA, axis=-1, keepdims=True) / A.shape[-1]


def not_for_numba(Z: Array) -> Array:
    return np.array([float(str(z)) for z in Z.ravel()]).reshape(Z.shape)


activations_tanh = activations.tanh
NEW = {
    "leaky": Activation(leaky, leaky_pullback),
    "scaled_tanh": Activation(scaled_tanh, scaled_tanh_pullback),
    "centred": Activation(centred, centred_pullback),
}


def trained(engine: str, hidden: Activation, dtype: str, steps: int = 100) -> Parameters:
    rng = np.random.default_rng(0)
    shapes = ((6, 9), (9,), (9, 3), (3,))
    parameters = Parameters(*(rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes))
    X, Y = rng.normal(0, 1, (steps, 6)).astype(dtype), np.eye(3, dtype=dtype)[rng.integers(0, 3, steps)]
    network = Network(LOSSES["cross_entropy"]["softmax"], hidden, OUTPUT["softmax"])
    ENGINES[engine](network, X, Y, Step(0.05, 1))(parameters, np.arange(steps))
    return parameters


@pytest.mark.parametrize(
    ("word", "dtype"), [("leaky", "float64"), ("leaky", "float32"), ("scaled_tanh", "float32"), ("centred", "float64")]
)
def test_new_activation_needs_one_pair(word: str, dtype: str) -> None:
    """Branches, constants of the module, helpers, and functions of the whole row."""
    found, expected = trained("numba", NEW[word], dtype), trained("numpy", NEW[word], dtype)
    for mine, theirs in zip(found, expected, strict=True):
        assert np.abs(mine - theirs).max() < (1e-10 if dtype == "float64" else 1e-4) * np.abs(theirs).max()


@pytest.mark.parametrize("refused", [not_for_numba, np.negative, "no function"])
def test_uncompilable_refused_in_one_line(refused: Any) -> None:
    network = build("mse", "tanh", "softmax")._replace(hidden=Activation(refused, leaky_pullback))
    with pytest.raises(InputError) as error:
        ENGINES["numba"](network, np.ones((2, 3)), np.eye(2), Step(0.1, 1))
    message = str(error.value)
    assert "\n" not in message
    assert "engine=numpy" in message
    assert getattr(refused, "__name__", str(refused)) in message


def applied(function: Any, x: Array) -> Array:
    """Call a compiled function of one row, which only compiled code can."""
    row = row_type(x.dtype)
    kind = types.FunctionType(types.void(row, row))
    result = np.empty_like(x)
    njit(types.void(kind, row, row))(lambda f, a, r: f(a, r))(function, x, result)
    return result


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_agrees_to_five_ulps(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-25, 25, 200_001), rng.uniform(-1, 1, 50_000), 10.0 ** rng.uniform(-30, 3, 50_000)])
    x = x.astype(dtype)
    found = applied(row_function(activations.tanh, np.dtype(dtype), 1), x)
    truth = np.tanh(x.astype(np.longdouble))
    units = np.abs(found - truth) / np.spacing(np.abs(truth).astype(dtype))
    assert units.max() <= 5
    assert np.abs(found).max() == 1
    special = applied(row_function(activations.tanh, np.dtype(dtype), 1), np.array([np.nan, np.inf, -np.inf, 0], dtype))
    np.testing.assert_array_equal(special, np.array([np.nan, 1, -1, 0]))


@settings(deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 7)), elements=st.sampled_from([0, -0.0, 1, 2.5, np.nan])
    )
)
def test_compress_keeps_everything_but_zeros(X: Array) -> None:
    values, columns, pointers = sparse.compress(X, np.dtype("float64"), chunk=4)
    rebuilt = np.zeros(X.shape)
    for row, (start, stop) in enumerate(itertools.pairwise(pointers)):
        rebuilt[row, columns[start:stop]] = values[start:stop]
    np.testing.assert_array_equal(rebuilt, X)
    assert len(values) == np.count_nonzero(X)
    assert columns.dtype == np.uint16


def test_more_inputs_than_short_numbers_hold() -> None:
    d = 2**16 + 10
    X, Y = np.zeros((2, d)), np.eye(2)
    X[0, [1, d - 1]], X[1, [0, 2**16]] = 1, 2
    results = []
    for engine in ENGINES.values():
        parameters = Parameters(np.full((d, 2), 0.1), np.zeros(2), np.array([[0.3, -0.2], [0.1, 0.4]]), np.zeros(2))
        engine(build("mse", "tanh", "sigmoid"), X, Y, Step(0.5, 1))(parameters, np.arange(2))
        results.append(parameters)
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)


def times(factor: float) -> Any:
    return lambda Z: factor * Z


def test_functions_of_one_name_told_apart() -> None:
    x = np.array([1.0, 2.0, 3.0])
    for factor in (2.0, 3.0):
        np.testing.assert_array_equal(applied(row_function(times(factor), x.dtype, 1), x), factor * x)
    double, negative = (lambda Z: 2.0 * Z), (lambda Z: -1.0 * Z)
    np.testing.assert_array_equal(applied(row_function(double, x.dtype, 1), x), 2 * x)
    np.testing.assert_array_equal(applied(row_function(negative, x.dtype, 1), x), -x)


def test_compiles_without_writable_cache() -> None:
    calls = []

    def compiler(signature: Any, cache: bool = False, **_: Any) -> Any:
        calls.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    assert caching.compile_cached(caching.named(leaky, "x"), None, compiler=compiler).__name__ == "x"
    assert calls == [True, False]


def test_compiled_names_change_with_source(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("a = 1")
    first = caching.digest(str(source))
    assert first == caching.digest(str(source)) != caching.digest()
    other = tmp_path / "other.py"
    other.write_text("a = 2")
    assert caching.digest(str(other)) != first


RUN = """
import hashlib, numpy as np
from octant.network.engines import ENGINES, Step
from octant.network.initialisers import Parameters
from octant.network.network import build
rng = np.random.default_rng(0)
X, Y = rng.random((300, 20)).astype("f"), np.eye(4, dtype="f")[rng.integers(0, 4, 300)]
parameters = Parameters(*(rng.normal(size=s).astype("f") for s in ((20, 10), (10,), (10, 4), (4,))))
epoch = ENGINES["numba"](build("mse", "tanh", "sigmoid"), X, Y, Step(0.5, 7))
for _ in range(20):
    epoch(parameters, rng.permutation(300))
print(hashlib.sha256(b"".join(p.tobytes() for p in parameters)).hexdigest())
print(sum(epoch._epoch.stats.cache_misses.values()) + sum(f.cache_hits == 0 for f in epoch._functions), "compiled")
"""


def python(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | environment, stdout=subprocess.PIPE, text=True
    )


def test_other_process_compiles_nothing() -> None:
    """The same to the last bit."""
    first, second = (python(RUN).communicate()[0].splitlines() for _ in range(2))
    assert first[0] == second[0]
    assert second[1] == "0 compiled"


TANH = """
import numpy as np
from octant.network.activations import tanh
from octant.network.engines.compiled.functions import row_function, row_type
print(row_function(tanh, np.dtype("float64"), 1).cache_hits)
"""


def test_two_processes_may_compile_at_once(tmp_path: Path) -> None:
    both = [python(TANH, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert len(files) == 2
    assert python(TANH, NUMBA_CACHE_DIR=str(tmp_path)).communicate()[0].strip() == "1"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")} == files


def test_numba_is_imported_only_when_asked_for() -> None:
    code = (
        "import sys, numpy as np\nfrom octant.network.engines import ENGINES, Step\n"
        "from octant.network.network import build\n"
        "import octant.network.training\n"
        "ENGINES['numpy'](build('mse', 'tanh', 'softmax'), np.ones((2, 3)), np.eye(2), Step(0.1, 1))\n"
        "print('numba' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_changeable_inputs_are_read_anew() -> None:
    X, parameters = np.eye(3), Parameters(np.eye(3), np.zeros(3), np.eye(3), np.zeros(3))
    epoch = ENGINES["numba"](build("mse", "relu", "sigmoid"), np.eye(3), np.eye(3), Step(0.1, 1))
    assert np.array_equal(epoch.outputs(parameters, X), X)
    X[0, 1] = 5.0
    assert np.array_equal(epoch.outputs(parameters, X), X)
    X.flags.writeable = False
    assert sparse.compressed(X, X.dtype) is sparse.compressed(X, X.dtype)
    assert sparse.compressed(X, np.dtype("float32")).values.dtype == np.float32
