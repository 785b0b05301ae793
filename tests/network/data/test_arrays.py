"""A user's own files: what is read from them, and the one line each bad one gets."""

import io
import os
import pickle
import re
import string
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from octant.errors import InputError
from octant.network.data import load
from octant.network.data.files import reading
from octant.network.data.idx import read_idx
from octant.network.settings import DataSettings

X = np.arange(40.0).reshape(10, 4)
Y = np.arange(10) % 2
TABLE = "\n".join(f"{i}.5,-{i}e1,{i % 2}" for i in range(10)) + "\n"


def chosen(path, **values):
    return DataSettings(**{"name": "arrays", "path": str(path), "test_fraction": 0.2, **values})


def whole(dataset):
    """All examples, by the value of their first input."""
    parts = (dataset.train, dataset.validation, dataset.test)
    inputs, labels = (np.concatenate([getattr(part, a) for part in parts]) for a in ("X", "labels"))
    order = np.argsort(inputs[:, 0])
    return inputs[order], labels[order]


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def refusal(path, **values):
    with pytest.raises(InputError) as caught:
        load(chosen(path, **values))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert repr(chosen(path).path) in message  # from the root, whatever the folder
    assert "dataset." in message  # what to do
    return message


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint64", ">f8"])
def test_any_dtype_is_kept(tmp_path, dtype):
    data = load(chosen(npz(tmp_path / "a.npz", X=X.astype(dtype), y=Y)))
    inputs, labels = whole(data)
    assert inputs.tolist() == X.tolist()
    assert labels.tolist() == Y.tolist()
    assert (data.name, data.classes, data.inputs, data.image_shape) == ("arrays", 2, 4, None)


@pytest.mark.parametrize("y", [Y.astype("uint8"), Y.astype("float32"), Y.astype(bool), Y.astype(">i2")])
def test_labels_of_any_whole_dtype(tmp_path, y):
    assert whole(load(chosen(npz(tmp_path / "a.npz", X=X, y=y))))[1].tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y + 1, ("1", "2")),
        (Y * 2.0 - 1, ("-1", "1")),
        (Y.astype(str), ("0", "1")),
        (np.where(Y, "no", "ja"), ("ja", "no")),
        (np.where(Y, "10", "9"), ("9", "10")),
    ],
)
def test_labels_are_encoded_and_named(tmp_path, y, names):
    data = load(chosen(npz(tmp_path / "a.npz", X=X, y=y)))
    assert data.class_names == names
    assert whole(data)[1].tolist() == Y.tolist()
    assert data.digest == load(chosen(npz(tmp_path / "b.npz", X=X, y=Y))).digest


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_uint8_is_scaled_to_one(tmp_path, dtype):
    bytes_ = np.arange(0, 250, 25, dtype=np.uint8)[:, None].repeat(3, axis=1)
    inputs, _ = whole(load(chosen(npz(tmp_path / "a.npz", X=bytes_, y=Y)), dtype))
    assert inputs[:, 0].tolist() == [float(np.dtype(dtype).type(i * 25 / 255)) for i in range(10)]


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((10, 2, 3), "float32", (2, 3)),
        ((10, 16), "uint8", (4, 4)),
        ((10, 16), "float32", None),
        ((10, 9), "uint8", None),
        ((10, 17), "uint8", None),
    ],
)
def test_pictures_are_recognised(tmp_path, shape, dtype, expected):
    data = load(chosen(npz(tmp_path / "a.npz", X=np.full(shape, 200 if dtype == "uint8" else 1, dtype), y=Y)))
    assert data.image_shape == expected
    assert data.inputs == np.prod(shape[1:])


def test_pictures_are_flattened_row_by_row(tmp_path):
    cube = np.arange(60.0).reshape(10, 2, 3)
    assert whole(load(chosen(npz(tmp_path / "a.npz", X=cube, y=Y))))[0].tolist() == cube.reshape(10, 6).tolist()


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "\ufeff" + TABLE,
        "a,b,label\n" + TABLE,
        'a,"b", Label \n' + TABLE,
        "\n\nx,y,label\n" + TABLE,
        "0,1,label\n" + TABLE.replace("\n", "\r\n"),
        TABLE.replace("3.5", '" 3.5"').replace("\n", "\n\n"),
        TABLE.replace(",", ";"),
    ],
)
def test_csv_with_and_without_header(tmp_path, text):
    path = tmp_path / "a.CSV"
    path.write_text(text, newline="")
    inputs, labels = whole(load(chosen(path)))
    assert inputs.tolist() == [[i + 0.5, -10.0 * i] for i in range(10)]
    assert labels.tolist() == Y.tolist()


def test_csv_with_the_label_first(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,p,q\n" + "\n".join(f"{i % 2},{i},7" for i in range(10)))
    inputs, labels = whole(load(chosen(path)))
    assert inputs.tolist() == [[i, 7] for i in range(10)]
    assert labels.tolist() == Y.tolist()


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    npz(tmp_path / "a.npz", X=X, y=Y)
    assert load(chosen("~/a.npz")).inputs == 4


def _with(array, index, value):
    array = array.astype(float)
    array[index] = value
    return array


BAD_ARRAYS = {
    "pickled X": ({"X": np.array([{}] * 10), "y": Y}, "holds Python objects: save numbers or text"),
    "pickled y": ({"X": X, "y": np.array([None] * 10)}, "holds Python objects: save numbers or text"),
    "no X": ({"y": Y}, "has no X"),
    "no y": ({"X": X, "Y": Y}, "has no y"),
    "neither": ({}, "has no X and no y"),
    "lengths": ({"X": X, "y": Y[:9]}, "lengths differ: 10 examples in X, 9 labels"),
    "empty": ({"X": X[:0], "y": Y[:0]}, "X is empty"),
    "no inputs": ({"X": X[:, :0], "y": Y}, "X is empty"),
    "flat X": ({"X": X[:, 0], "y": Y}, "X has shape"),
    "y of two columns": ({"X": X, "y": np.stack([Y, Y], 1)}, r"shape \(10, 2\)"),
    "text X": ({"X": X.astype(str), "y": Y}, "X has dtype"),
    "complex X": ({"X": X * 1j, "y": Y}, "X has dtype"),
    "y of bytes": ({"X": X, "y": Y.astype("S1")}, "y has dtype"),
    "NaN": ({"X": _with(X, (3, 1), np.nan), "y": Y}, "input 1 of example 3 is NaN"),
    "infinite": ({"X": _with(X, (9, 0), -np.inf), "y": Y}, "input 0 of example 9 is NaN, infinite"),
    "negative": ({"X": X, "y": Y - 1}, "label -1 of example 0"),
    "not whole": ({"X": X, "y": _with(Y, 4, 0.5)}, "label 0.5 of example 4"),
    "NaN label": ({"X": X, "y": _with(Y, 4, np.nan)}, "label nan of example 4"),
    "infinite label": ({"X": X, "y": _with(Y, 4, np.inf)}, "label inf of example 4"),
    "gap": ({"X": X, "y": _with(Y, 4, 3)}, "out of range: 3"),
    "huge": ({"X": X, "y": _with(Y, 4, 1e30)}, "out of range"),
    "numbers and words": ({"X": X, "y": np.where(Y, "1", "cat")}, "'cat' is not a number"),
    "one class": ({"X": X, "y": Y * 0}, "only one class"),
    "too few": ({"X": X[:2], "y": Y[:2]}, "too few for the split"),
}


@pytest.mark.parametrize(("arrays", "said"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays(tmp_path, arrays, said):
    assert re.search(said, refusal(npz(tmp_path / "a.npz", **arrays)))


def test_too_large_for_float32_only(tmp_path):
    path = npz(tmp_path / "a.npz", X=_with(X, (0, 0), -1e300), y=Y)
    assert load(chosen(path)).inputs == 4
    with pytest.raises(InputError, match="too large for float32"):
        load(chosen(path), "float32")


BAD_TABLES = {
    "missing": (TABLE.replace("-3e1", ""), "line 4, column 2: the value is missing"),
    "missing after a header": ("a,b,label\n" + TABLE.replace("-3e1", " "), "line 5, column 2: the value is missing"),
    "missing after blank lines": ("\n\n" + TABLE.replace("0.5,", ",", 1), "line 3, column 1: the value is miss"),
    "word": (TABLE.replace("3.5", "three"), "line 4, column 1: 'three' is not a number"),
    "nan": (TABLE.replace("3.5", "nan"), "input 0 of example 3 is NaN"),
    "ragged": (TABLE.replace("3.5", "3,5"), "line 4 has 4 fields"),
    "label not whole": (TABLE + "1,2,0.5\n", "label 0.5"),
    "label missing": (TABLE + "1,2,\n", "line 11, column 3: the value is missing"),
    "label a word": (TABLE.replace(",1\n", ",cat\n"), "'cat' is not a number"),
    "empty": ("", "is empty"),
    "blank": ("\n\n", "is empty"),
    "header alone": ("a,b,label\n", "is empty"),
    "header with y alone": ("x,y,class\n" + TABLE, "does not name exactly one column label"),
    "header without label": ("a,b,c\n" + TABLE, "does not name exactly one column label"),
    "header with two": ("a,label,label\n" + TABLE, "does not name exactly one column label"),
    "header too long": ("a,b,c,label\n" + TABLE, "header has 4 fields, its rows 3"),
    "one column": ("1\n0\n" * 5, "X is empty"),
    "NUL": (TABLE.replace("3.5", "3\x00"), "not a number|cannot be read"),
    "open quote": (TABLE.replace("3.5", '"3.5'), "fields|number|cannot be read"),
    "binary": (bytes(range(256)) * 9, "cannot be read"),
    "latin-1 far down": (TABLE.encode() * 3000 + b"1,\xe9,0\n", "cannot be read"),
}


@pytest.mark.parametrize(("text", "said"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables(tmp_path, text, said):
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(said, refusal(path))


def archive(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def alone(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


BAD_ARCHIVES = {
    "garbage": b"\x00\x01nonsense" * 20,
    "nothing": b"",
    "cut": archive(X=X, y=Y)[:-30],
    "cut at the front": archive(X=X, y=Y)[30:],
    "an .npy": alone(X),
    "a pickle": pickle.dumps({"X": X, "y": Y}),
    "bits flipped": archive(X=X, y=Y).replace(np.float64(7).tobytes(), np.float64(8).tobytes()),
}


@pytest.mark.parametrize("content", BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_bad_archives(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert re.search("not an .npz archive|cannot be read", refusal(path))


def _make(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("pipe", "not a regular file"),
        ("device", "not a regular file"),
        ("loop", "cannot be reached"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".csv"])
@pytest.mark.parametrize("cached", [False, True])
def test_what_is_not_a_file(tmp_path, kind, said, suffix, cached):
    path = tmp_path / f"a{suffix}"
    _make(kind, path)
    with pytest.raises(InputError, match=said) as caught:
        load(chosen(path), cache=tmp_path / "cache" if cached else None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["a.txt", "a", "a.npz.gz", "a.pkl"])
def test_wrong_suffix(tmp_path, name):
    (tmp_path / name).write_text(TABLE)
    assert re.search("wrong suffix.*allowed: .npz, .csv", refusal(tmp_path / name))


@pytest.mark.parametrize("text", ["a\x00.npz", "x" * 300 + ".csv", "~nobody-of-that-name/a.npz"])
def test_impossible_names(text):
    refusal(text)


def test_newline_in_a_name(tmp_path):
    refusal(tmp_path / "a\nb.npz")


@pytest.mark.parametrize("name", ["a.npz", "a.csv"])
def test_unreadable_file(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text(TABLE)
    opened = Path.open

    def forbid(self, *args, **kwargs):  # root may read everything, so a mode of 000 proves nothing
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    if name == "a.npz":
        path.write_bytes(archive(X=X, y=Y))
    monkeypatch.setattr(Path, "open", forbid)
    assert re.search("Permission denied", refusal(path))


def test_foreign_messages_become_one_line(tmp_path):
    with pytest.raises(InputError, match=r"': cannot be read \(one two three\); do this$"):  # noqa: SIM117
        with reading(tmp_path, "do this"):
            raise RuntimeError("one\ntwo\r\n   three")


def _mutated(content):
    edits = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=6)

    def apply(changes):
        made = bytearray(content)
        for place, value in changes:
            made[place] = value
        return bytes(made)

    return edits.map(apply)


small = st.integers(0, 12)
numeric = st.sampled_from(["float64", "float32", "uint8", "int64", "bool", "complex64", "U3", "f2"]).map(np.dtype)
any_array = arrays_of.arrays(numeric, st.lists(small, max_size=3).map(tuple))
fitting = st.integers(3, 12).flatmap(
    lambda n: st.builds(
        archive,
        X=arrays_of.arrays(np.float64, (n, 2)),
        y=arrays_of.arrays(np.int8, n, elements=st.integers(-1, 2)),
    )
)
strangers = st.one_of(
    st.tuples(st.sampled_from([".npz", ".csv", ".idx"]), st.binary(max_size=200)),
    st.tuples(st.just(".npz"), _mutated(archive(X=X, y=Y))),
    st.tuples(st.just(".npz"), fitting | st.builds(archive, X=any_array, y=any_array)),
    st.tuples(st.just(".csv"), _mutated(TABLE.encode())),
    st.tuples(st.just(".csv"), st.text(string.digits + ',.\n\r"- eEnayl\x00\ufeff', max_size=60).map(str.encode)),
    st.tuples(st.just(".idx"), _mutated(b"\0\0\x08\x01\0\0\0\x03\x01\x02\x03")),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stranger=strangers, validation=st.sampled_from([0.0, 0.2, 0.5]), dtype=st.sampled_from(["float32", "float64"]))
def test_any_file_loads_or_gets_one_line(tmp_path_factory, stranger, validation, dtype):
    suffix, content = stranger
    path = tmp_path_factory.getbasetemp() / f"stranger{suffix}"
    path.write_bytes(content)
    try:
        if suffix == ".idx":
            assert read_idx(path, 1, "dataset.root").values.dtype == np.uint8
            return
        data = load(chosen(path, validation_fraction=validation), dtype)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        return
    inputs, labels = whole(data)
    assert np.isfinite(inputs).all()
    assert set(labels.tolist()) == set(range(data.classes))
    assert len(data.train) > 0 < len(data.test)


def test_no_warning_reaches_the_user(tmp_path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        refusal(npz(tmp_path / "a.npz", X=_with(X, (0, 0), np.nan), y=Y))
    assert seen == []
