"""The digits, what a split promises, and what the digest notices."""

import json
import subprocess
import sys

import numpy as np
import pytest

from octant.errors import InputError
from octant.network.data import load
from octant.network.data.dataset import Prepared, Source, split_rows
from octant.network.settings import DataSettings

DIGITS = DataSettings(name="digits", test_fraction=0.2)


def source(n=50, own_test=0, dtype="float64", **changes):
    """Examples that can be told apart: input 0 is the example's index."""
    X = np.zeros((n, 3), dtype)
    X[:, 0] = np.arange(n)
    values = {"where": "made", "X": X, "labels": np.arange(n) % 2, "scale": 1.0, "image_shape": None}
    return Source(**{**values, "own_test": own_test, **changes})


def settings(**values):
    return DataSettings(**{"name": "digits", "test_fraction": 0.2, **values})


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    digits = load(DIGITS)
    parts = (digits.train, digits.validation, digits.test)
    assert [len(part) for part in parts] == [1079, 359, 359]
    assert (digits.name, digits.inputs, digits.classes, digits.image_shape) == ("digits", 64, 10, (8, 8))
    known = {row.tobytes(): label for row, label in zip(X / 16, y, strict=True)}
    seen = np.concatenate([part.X for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    assert sorted(row.tobytes() for row in seen) == sorted(row.tobytes() for row in X / 16)
    assert all(known[row.tobytes()] == label for row, label in zip(seen, labels, strict=True))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parts_are_typed_and_read_only(dtype):
    digits = load(DIGITS, dtype)
    for part in (digits.train, digits.validation, digits.test):
        assert part.X.dtype == dtype
        assert part.labels.dtype == np.int64
        assert part.X.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            part.X[0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            part.labels[0] = 1


@pytest.mark.parametrize("validation", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("own_test", [0, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_parts_are_disjoint_and_complete(validation, own_test, seed):
    chosen = settings(validation_fraction=validation, split_seed=seed, test_fraction=None if own_test else 0.2)
    parts = split_rows(source(50 + own_test, own_test), chosen)
    assert sorted(np.concatenate(parts)) == list(range(50 + own_test))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert [len(part) for part in parts[1:]] == [round(50 * validation), own_test or 10]


def test_own_test_set_stays():
    train, validation, test = split_rows(source(57, 7), settings(test_fraction=None, validation_fraction=0))
    assert train.tolist() == list(range(50))
    assert validation.tolist() == []
    assert test.tolist() == list(range(50, 57))


@pytest.mark.parametrize(("n", "fraction", "count"), [(50, 0.2, 5), (57, 0.2, 5), (31, 0.1, 10), (50, 1 / 3, 3)])
def test_folds_test_each_example_once(n, fraction, count):
    parts = [split_rows(source(n), settings(test_fraction=fraction, fold=fold)) for fold in range(count)]
    assert sorted(np.concatenate([test for *_, test in parts])) == list(range(n))
    assert all(sorted(np.concatenate(each)) == list(range(n)) for each in parts)
    assert parts[0][2].tolist() == split_rows(source(n), settings(test_fraction=fraction))[2].tolist()


@pytest.mark.parametrize(("own_test", "values"), [(0, {"fold": 5}), (0, {"fold": 0, "test_fraction": 0.3}),
                                                  (10, {"fold": 0, "test_fraction": None})])  # fmt: skip
def test_fold_that_is_none_is_refused(own_test, values):
    with pytest.raises(InputError, match=r"^'made': dataset.fold=\d does not fit .* folds 0 to 4"):
        split_rows(source(50, own_test), settings(**values))


def test_split_follows_its_seed_alone():
    first, again = (split_rows(source(), settings())[2] for _ in range(2))
    other = split_rows(source(), settings(split_seed=1))[2]
    assert first.tolist() == again.tolist() != other.tolist()
    assert first.tolist() not in (list(range(10)), list(range(40, 50)))


@pytest.mark.parametrize(
    ("examples", "values"),
    [
        (2, {"test_fraction": 0.5, "validation_fraction": 0.5}),
        (4, {"test_fraction": 0.01}),
        (4, {"validation_fraction": 0.01}),
        (1, {}),
        (50, {"test_fraction": None}),
    ],
)
def test_empty_part_is_refused(examples, values):
    with pytest.raises(InputError, match=r"^'made'.*dataset.test_fraction") as caught:
        split_rows(source(examples), settings(**values))
    assert "\n" not in str(caught.value)


def _changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


BASE = source()
DIFFERENT = {
    "one pixel": (source(X=_changed(BASE.X, (49, 2), 1e-300)), {}),
    "two labels swapped": (source(labels=_changed(BASE.labels, [0, 1], [1, 0])), {}),
    "shape": (source(X=BASE.X.repeat(2, axis=1)), {}),
    "dtype": (source(dtype="float32"), {}),
    "scale": (source(scale=255.0), {}),
    "own test set": (source(own_test=10), {"test_fraction": None}),
    "split seed": (BASE, {"split_seed": 1}),
    "validation fraction": (BASE, {"validation_fraction": 0.3}),
    "fold": (BASE, {"fold": 1}),
    "test fraction": (BASE, {"test_fraction": 0.3}),
}


def test_digest_covers_what_matters():
    digests = {name: Prepared.of(made, settings(**values)).facts.digest for name, (made, values) in DIFFERENT.items()}
    digests["base"] = Prepared.of(BASE, settings()).facts.digest
    assert len(set(digests.values())) == len(digests), digests
    assert all(len(digest) == 64 for digest in digests.values())


@pytest.mark.parametrize(
    "same",
    [
        source(where="elsewhere"),
        source(dtype=">f8"),
        source(X=np.asfortranarray(BASE.X)),
        source(labels=BASE.labels.astype(">i8")),
    ],
)
def test_digest_ignores_layout(same):
    assert Prepared.of(same, settings()).facts.digest == Prepared.of(BASE, settings()).facts.digest


def test_digits_digest_is_known():
    # It moves when scikit-learn's digits, NumPy's permutation or the digest's recipe do: each is worth knowing.
    expected = "397568c86c65e49507f1d0f447a1c6b5f53ab835feb7afff56aaa6e81bbfd696"
    assert [load(DIGITS, dtype).digest for dtype in ("float64", "float32")] == [expected, expected]


def test_import_loads_nothing_heavy():
    heavy = ["sklearn", "pandas", "pooch", "requests", "hydra", "mlflow", "numba"]
    code = f"import sys, json, octant.network.data; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == []
