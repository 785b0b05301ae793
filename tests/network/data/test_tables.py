"""Tables as people have them: one data set, written in many ways, is the same data or one line that asks."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from octant.errors import InputError
from octant.network.data import Dataset, load
from octant.network.settings import DataSettings
from octant.network.training import train
from octant.runs.fingerprint import fingerprint
from octant.runs.provenance import repeat
from support.command import Database, run_octant
from support.settings import parse_settings

N = 24
LABELS = np.arange(N) * 7 % 3
DRAWN = np.random.default_rng(0)
SCALES = {
    "decimals": DRAWN.normal(size=(N, 4)).round(4) + 0.00005,
    "pixels": np.vstack([DRAWN.integers(0, 256, (N - 1, 16)), [255] * 16]),
}
NAMES = {
    "from 0": ("0", "1", "2"),
    "from 1": ("1", "2", "3"),
    "words": ("ash", "beech", "oak tree"),
}
SEPARATORS = (",", ";", "\t", "|", " ")
HEADERS = ("label", "class", "numbers", "comment", "none")


def read(path: Path, **values: object) -> Dataset:
    return load(DataSettings(**{"name": "arrays", "path": str(path), "test_fraction": 0.25, **values}))  # type: ignore[arg-type]


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def table(separator: str, header: str, first: bool, kind: str, index: bool, scale: str, quoted: bool) -> str:
    """The text of a data set in one of many ways."""

    def line(fields: list[str], numbers: bool = False) -> str:
        quote = quoted or separator == " "
        return separator.join(f'"{each}"' if quote and not (numbers and _plain(each)) else each for each in fields)

    def placed(inputs: list[str], label: str, row: str) -> list[str]:
        return [*([row] if index else []), *([label, *inputs] if first else [*inputs, label])]

    X = SCALES[scale]
    d = X.shape[1]
    rows = [placed([str(x) for x in X[i]], NAMES[kind][LABELS[i]], str(i)) for i in range(N)]
    names = placed([f"in{c}" for c in range(d)], "label" if header == "comment" else header, "")
    if header == "numbers":
        names = [*([""] if index else []), *map(str, range(d + 1))]
    begin = [] if header == "none" else [("# " if header == "comment" else "") + line(names)]
    return "\n".join([*begin, *(line(row, numbers=True) for row in rows), ""])


def _plain(field: str) -> bool:
    return re.fullmatch(r"[-\d.]+", field) is not None


WAYS = list(itertools.product(SEPARATORS, HEADERS, (True, False), NAMES, (True, False), SCALES, (True, False)))
CHOSEN = random.Random(1).sample(WAYS, 120)


@pytest.mark.parametrize("way", CHOSEN, ids=lambda way: "-".join(map(str, way)).replace("\t", "tab"))
def test_same_data_in_any_form(tmp_path: Path, way: tuple[str, str, bool, str, bool, str, bool]) -> None:
    separator, header, first, kind, index, scale, quoted = way
    np.savez(tmp_path / "a.npz", X=SCALES[scale].astype("uint8" if scale == "pixels" else "float64"), y=LABELS)
    expected = read(tmp_path / "a.npz")
    text = table(separator, header, first, kind, index, scale, quoted)
    draw = random.Random(str(way))
    text = ("\ufeff" if draw.random() < 0.3 else "") + text.replace("\n", draw.choice(["\n", "\r\n", "\r", "\n\n"]))
    path = written(tmp_path / "a.csv", text)
    place = (1 if first else SCALES[scale].shape[1] + 1) + index
    name = str(place - 1 - index) if header == "numbers" else None
    for label in (None, place, name):
        try:
            data = read(path, label=label)
        except InputError as error:
            assert "\n" not in str(error)
            assert re.search("first line|type (dataset.label=|its name in quotes)", str(error))
            assert _may_ask(header, index, scale) or (header == "numbers" and label == place), error
            continue
        assert data.digest == expected.digest
        assert data.class_names == NAMES[kind]
        assert f"column {place}" in data.reading


def _may_ask(header: str, index: bool, scale: str) -> bool:
    """Without words above the columns an index, or whole numbers at both ends, can be anything."""
    return header in ("none", "numbers") and (index or scale == "pixels")


def test_most_forms_are_read() -> None:
    assert sum(_may_ask(header, index, scale) for _, header, _, _, index, scale, _ in CHOSEN) < len(CHOSEN) / 3


HEADERLESS = "\n".join(f"{i % 2},{i * 0.5 + 0.25},{i / 4 + 0.1}" for i in range(10))
INTS = "\n".join(f"{i % 2},{7 - i % 3},{i % 3 % 2}" for i in range(12))
REFUSED = {
    "0,1,2 above whole numbers": ("0,1,2\n" + INTS, {}, "first line .* may be a header or an example"),
    "whole numbers above decimals": (
        "400,410,1\n" + "\n".join(f"{i / 3:.3f},{i / 7:.3f},{i % 2}" for i in range(9)),
        {},
        "first line .* may be a header or an example",
    ),
    "a word that comes once": (
        "1.5,2.5,once\n" + "\n".join(f"{i}.5,{i},{'ab'[i % 2]}" for i in range(9)),
        {},
        "may be a header",
    ),
    "both ends": (INTS, {}, r"'a.csv'|first or its last column.*column 1, column 3; type dataset.label=3"),
    "rows that are numbered": (
        "\n".join(f"{i},{i}.5,{i % 2}" for i in range(9)),
        {"label": 3},
        "column 1 numbers the rows",
    ),
    "a number and a name": (
        "0,1,2\n" + "\n".join(f"{i}.5,{i}.1,{i % 2}.0" for i in range(9)),
        {"label": 2},
        r"""may be column 2 or column 3 '2'; type its name in quotes, 'dataset.label="2"' or 'dataset.label="1"'""",
    ),
    "no such column": ("a,b,label\n1,2,0\n3,4,1\n", {"label": "c"}, r"no columns 'c'.*'a', 'b', 'label'"),
    "no such number": ("a,b,label\n1,2,0\n3,4,1\n", {"label": 4}, "no columns 4 .*dataset.label=1 to 3"),
    "two that may be it": (
        "class,x1,target\n" + HEADERLESS.replace(".1\n", "\n"),
        {},
        r"column 1 'class'.*type dataset.label=",
    ),
    "coordinates": ("x,y\n" + "\n".join(f"{i}.5,{i % 2}" for i in range(9)), {}, "column 2 'y'; type dataset.label=y"),
    "words among inputs": ("a,colour,label\n" + "1,red,0\n2,blue,1\n" * 5, {}, "column 2 'colour' has words such as"),
    "two columns of words": ("1,red,cat\n2,blue,dog\n" * 5, {}, "several columns of words"),
    "a column without a name": (",b,label\n" + "1,2,0\n1,3,1\n" * 5, {}, "column 1 has no name"),
    "a missing value on top": ("?,2,0\n" + "1,3,1\n2,3,0\n" * 5, {}, "line 1, column 1: .* is not a number"),
    "numbers and words": ("a,label\n" + "1,0\n2,cat\n" * 5, {}, "'cat' is not a number"),
    "a missing word on top": ("NA,cat\n" + "1.5,dog\n2.5,cat\n" * 5, {}, "line 1, column 1: 'NA' is not a number"),
    "thousands or decimals": ("a\tlabel\n" + "998\t0\n1,035\t1\n" * 5, {}, "may mark decimals or thousands"),
    "points beside commas": ("a;b;label\n" + "1.320;2,5;0\n3;4,5;1\n" * 5, {}, "may mark decimals or thousands"),
    "a web page": ("\n<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", {}, "is a web page or Git's"),
    "Git's stand-in": ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", {}, "download it"),
    "short rows of words": ("a,label\n" + "1,cat\n2,dog\n" * 5 + "3\n", {}, "line 12 has 1 fields"),
}


@pytest.mark.parametrize("word", ["?", "NA", "NaN", "null", "<NA>"])
def test_label_that_is_missing_is_no_class(tmp_path: Path, word: str) -> None:
    text = "a,label\n" + "1.5,ill\n2.5,well\n" * 5 + f"3.5,{word}\n"
    with pytest.raises(InputError, match=r"of example 10 is a missing value; delete such examples"):
        read(written(tmp_path / "a.csv", text))
    np.savez(tmp_path / "a.npz", X=np.arange(8.0).reshape(4, 2), y=["a", "b", word, "a"])
    with pytest.raises(InputError, match=r"of example 2 is a missing value"):
        read(tmp_path / "a.npz")


def test_accents_make_no_class_of_their_own(tmp_path: Path) -> None:
    text = "a,label\n" + "1.5,gr\u00fcn\n2.5,gru\u0308n\n3.5,rot\n" * 5
    assert read(written(tmp_path / "a.csv", text)).class_names == ("gr\u00fcn", "rot")


@pytest.mark.parametrize("top", [1, 16, 127])
def test_bytes_that_are_no_pixels_are_asked_about(tmp_path: Path, top: int) -> None:
    """The digits as bytes reach 16: divided by 255 they would hardly be trained on."""
    X = np.arange(24 * 16).reshape(24, 16) % (top + 1)
    np.savez(tmp_path / "a.npz", X=X.astype(np.uint8), y=LABELS)
    with pytest.raises(InputError, match=f"reach {top} only: .* save floats: X / 255 for pixels, X.astype"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize(("text", "values", "expected"), REFUSED.values(), ids=REFUSED)
def test_doubtful_tables_are_asked_about(tmp_path: Path, text: str, values: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        read(written(tmp_path / "a.csv", text), **values)
    assert "\n" not in str(caught.value)


def numbers(first: int) -> str:
    return "\n".join(f"{i + first},{i / 3:.4f},{i / 7:.4f},{'cat' if i % 2 else 'dog'}" for i in range(12))


TAKEN = {
    "label first without a header": (HEADERLESS, "column 1, 2 classes; inputs: 2 columns, .* as they are; no header"),
    "Excel's first line": ("a;b;label\n" + "1,5;2;0\n3,25;4;1\n" * 5, "inputs: 2 columns, 1.5 to 4,"),
    "np.savetxt with a header": ("# a b label\n" + "1.5e+00 2.0e+00 0\n3.5e+00 4.0e+00 1\n" * 5, "column 3 'label'"),
    "R's row names": (
        '"a","b","label"\n' + "\n".join(f'"{i}",{i}.5,2,{i % 2}' for i in range(1, 9)),
        "column 4 'label'",
    ),
    "pandas after pandas": ("Unnamed: 0,a,b,label\n" + numbers(0), "left out: column 1 'Unnamed: 0'"),
    "pandas, saved twice": (
        ",Unnamed: 0,a,b,label\n" + "\n".join(f"{i},{i},{numbers(0).split()[i][2:]}" for i in range(9)),
        "inputs: 2 columns, .*left out: column 1 '', column 2 'Unnamed: 0', they number the rows",
    ),
    "and three times": (
        "Unnamed: 0.1,Unnamed: 0,a,label\n" + "\n".join(f"{i},{i},{i}.5,{i % 2}" for i in range(9)),
        "inputs: 1 columns, 0.5 to 8.5, .*'Unnamed: 0.1', column 2 'Unnamed: 0', they number",
    ),
    "an id at the end": (
        "a,label,id\n" + "\n".join(f"{i}.5,{i % 2},{i}" for i in range(9)),
        "inputs: 1 columns, 0.5 to 8.5, taken as they are; left out: column 3 'id', it numbers the rows",
    ),
    "an index that measures": ("a,index,label\n" + "1.5,7,0\n2.5,7,1\n" * 5, "inputs: 2 columns, 1.5 to 7, .* are$"),
    "Kaggle's irises": ("Id,a,b,Species\n" + numbers(1), r"column 4 'Species', 2 classes \(cat, dog\);.*left out"),
    "a sample's id": ("sample_id,a,b,label\n" + numbers(7), "left out: column 1 'sample_id', it numbers the rows"),
    "an id that repeats": ("PatientID,a,label\n" + "7,1.5,0\n9,2.5,1\n" * 5, "inputs: 2 columns, 1.5 to 9,"),
    "a header of numbers and a word": ("0,1,2,class\n" + numbers(3), "column 4 'class'"),
    "wavelengths": ("400,410,420,label\n" + "1.5,2.5,3.5,1\n2.5,1.5,0.5,2\n" * 5, r"2 classes \(1, 2\); inputs: 3"),
    "signs": ("a,label\n" + "1.5,-1\n2.5,1\n" * 5, r"2 classes \(-1, 1\)"),
    "qualities from 3": ("a;quality;label\n" + "1.5;1;3\n2.5;2;4\n" * 5, r"2 classes \(3, 4\)"),
    "three decimals": ("a;b;label\n" + "0,125;2,500;0\n1,250;4,125;1\n" * 5, "inputs: 2 columns, 0.125 to 4.125,"),
    "a spectrum's words": (
        "9.97,9.91,class\n" + "1.5,2.5,ill\n2.5,1.5,well\n" * 5,
        r"'class', 2 classes \(ill, well\)",
    ),
    "a spectrum's numbers": ("9.97,9.91,class\n" + "1.5,2.5,0\n2.5,1.5,1\n" * 5, "column 3 'class', 2 classes"),
    "a spectrum and its samples": (
        "sample_id,9.97,9.91,classification\n" + "109,1.5,2.5,ill\n11,2.5,1.5,well\n" * 5,
        r"column 4 'classification', 2 classes \(ill, well\)",
    ),
    "sodium's column": ("RI,Na,class\n" + "1.5,13.6,1\n1.6,13.1,2\n" * 5, "column 3 'class', 2 classes"),
    "Excel's separator": ("sep=;\na;label\n" + "1.5;0\n2.5;1\n" * 5, "column 2 'label', 2 classes; inputs: 1 columns"),
    "its quoted separator": ('"sep=,"\n' + "1.5,0\n2.5,1\n" * 5, "label: column 2, 2 classes; .* no header"),
    "truth values": ("a,label\n" + "1.5,True\n2.5,False\n" * 5, r"2 classes \(False, True\)"),
    "Excel's text": ("\ufeffa\tlabel\n" + "1.5\tja\n2.5\tnein\n" * 5, r"2 classes \(ja, nein\)"),
}


@pytest.mark.parametrize(("text", "expected"), TAKEN.values(), ids=TAKEN)
def test_what_was_taken_for_what(tmp_path: Path, text: str, expected: str) -> None:
    assert re.search(expected, read(written(tmp_path / "a.csv", text)).reading)


def test_inputs_keep_their_names(tmp_path: Path) -> None:
    """So that a model can tell them in another order; two of one name cannot be told."""
    rows = "1.5,2.5,0\n2.5,1.5,1\n" * 5
    named = {
        header: read(written(tmp_path / "a.csv", f"{header}\n{rows}")).input_names
        for header in ("B,a,label", "a,A,label")
    }
    assert named == {"B,a,label": ("b", "a"), "a,A,label": ()}
    assert read(written(tmp_path / "a.csv", rows)).input_names == ()


def test_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("a\tlabel\n" + "1.5\tgrün\n2.5\trot\n" * 5).encode("utf-16"))
    assert read(path).class_names == ("grün", "rot")


def test_other_encodings_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("a;label\n" + "1,5;été\n2,5;hiver\n" * 5).encode("cp1252"))
    with pytest.raises(InputError, match="its text is not UTF-8: save it as CSV UTF-8"):
        read(path)


def test_label_by_name_or_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,b,label\n" + "\n".join(f"{i % 2},{i % 3},{i / 3}" for i in range(12)))
    by_name, by_number, other = (read(path, label=label) for label in ("a", 1, "B"))
    assert by_name.digest == by_number.digest != other.digest
    assert (by_name.classes, other.classes) == (2, 3)


@pytest.mark.parametrize("label", [0, -1, True, 1.5, "", [1]])
def test_label_that_is_no_column(label: object) -> None:
    with pytest.raises(ValueError, match=r"dataset.label is a column's name or its number, from 1"):
        DataSettings(name="arrays", path="a.csv", label=label)  # type: ignore[arg-type]


def test_label_is_for_tables(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=SCALES["decimals"], y=LABELS)
    with pytest.raises(InputError, match=r"leave dataset\.label out"):
        read(tmp_path / "a.npz", label=1)
    with pytest.raises(ValueError, match="belongs to dataset=arrays"):
        DataSettings(name="digits", label=1)


def test_small_whole_numbers_stay(tmp_path: Path) -> None:
    """Ages, or the digits' 0 to 16: they are no pixels from 0 to 255."""
    rows = "\n".join(f"{i % 2},{20 + i},{200 - i}" for i in range(12))
    data = read(written(tmp_path / "a.csv", "label,age,height\n" + rows))
    assert "20 to 200, taken as they are" in data.reading
    assert data.scale == 1


def test_pixels_in_any_dtype_are_scaled(tmp_path: Path) -> None:
    digests = set()
    for dtype in ("uint8", "int64", "float64"):
        np.savez(tmp_path / "a.npz", X=SCALES["pixels"].astype(dtype), y=LABELS)
        digests.add(read(tmp_path / "a.npz").digest)
    assert len(digests) == 1


@pytest.mark.parametrize(("name", "d"), [("pixel{}", 784), ("pixel{}", 6), ("px_{}", 6), ("{}x1", 6)])
def test_columns_named_as_pixels_are_scaled(tmp_path: Path, name: str, d: int) -> None:
    """Kaggle's layout, of pictures that are not square, too; the same bytes in an .npz are the same data."""
    X = DRAWN.integers(0, 256, (N, d), dtype=np.uint8)
    X[:2] = [[255] * d, [0] * d]
    rows = ["label," + ",".join(name.format(c) for c in range(d))]
    rows += [",".join(map(str, [label, *x])) for label, x in zip(LABELS, X, strict=True)]
    np.savez(tmp_path / "a.npz", X=X, y=LABELS)
    data = read(written(tmp_path / "a.csv", "\n".join(rows)))
    assert data.digest == read(tmp_path / "a.npz").digest
    told = f"label: column 1 'label', 3 classes; inputs: {d} columns, 0 to 255, scaled to 0 to 1"
    assert data.reading.endswith(told)


def test_kaggle_file_learns_as_its_pixels_do(tmp_path: Path) -> None:
    """200 digits of 28 x 28 pixels, label first: 36 of 40 test examples, not chance's 5."""
    X, y = load_digits(return_X_y=True)
    digits = np.kron(np.rint(X[:200] * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), np.ones((1, 3, 3), np.uint8))
    pixels = np.pad(digits, ((0, 0), (2, 2), (2, 2))).reshape(200, 784)
    header = ",".join(["label", *(f"pixel{c}" for c in range(784))])
    np.savetxt(tmp_path / "a.csv", np.column_stack([y[:200], pixels]), "%d", ",", header=header, comments="")
    np.savez(tmp_path / "a.npz", X=pixels, y=y[:200])
    said = []
    for name in ("a.csv", "a.npz"):
        data = {"name": "arrays", "path": str(tmp_path / name), "test_fraction": 0.2}
        run = parse_settings({"dataset": data, "engine": "numpy", "epochs": 10, "diagnostics": False})
        said.append([record.metrics for record in train(run, load(run.dataset, run.dtype))])
    assert said[0] == said[1]
    assert said[0][-1]["test_accuracy"] == 0.9


def test_header_of_numbers(tmp_path: Path) -> None:
    """As pandas writes an array, of a spiral that begins at 0.0,0.0,0.0: 300 examples stay 300."""
    radius = np.tile(np.linspace(0, 1, 100), 3)
    angle = 4 * radius + np.repeat([0, 2.1, 4.2], 100) + DRAWN.normal(0, 0.2, 300)
    points = zip(radius * np.sin(angle), radius * np.cos(angle), np.repeat([0.0, 1.0, 2.0], 100), strict=True)
    rows = "\n".join(f"{x},{y},{label}" for x, y, label in points)
    named, numbered = (read(written(tmp_path / "a.csv", f"{names}\n{rows}")) for names in ("x,y,label", "0,1,2"))
    assert named.digest == numbered.digest
    assert sum(map(len, (numbered.train, numbered.validation, numbered.test))) == 300


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("header", "closed"), [("label,a,b,", True), ("label,a,b", True), ("", True), ("label,a,b,", False)]
)
def test_separators_at_the_ends(separator: str, header: str, closed: bool, tmp_path: Path) -> None:
    """Spreadsheets and loggers end each line with one, or the header alone."""
    plain = read(written(tmp_path / "a.csv", f"label,a,b\n{HEADERLESS}\n"))
    rows = HEADERLESS.replace("\n", ",\n") + "," if closed else HEADERLESS
    text = f"{header}\n{rows}\n".lstrip("\n").replace(",", separator)
    assert read(written(tmp_path / "a.csv", text)).digest == plain.digest


def test_keras_columns_and_channels(tmp_path: Path) -> None:
    X, y = DRAWN.integers(0, 256, (20, 5, 5), dtype=np.uint8), np.arange(20) % 4
    X[0, 0, 0] = 255
    np.savez(tmp_path / "a.npz", X=X, y=y)
    expected = read(tmp_path / "a.npz").digest
    for pictures in (X[..., None], X[:, None]):
        np.savez(tmp_path / "a.npz", X=pictures, y=y[:, None])
        assert read(tmp_path / "a.npz").digest == expected
    for wrong in ({"X": np.stack([X, X, X], -1), "y": y}, {"X": X, "y": np.eye(4)[y]}):
        np.savez(tmp_path / "a.npz", **wrong)
        with pytest.raises(InputError, match=r"has .*shape"):
            read(tmp_path / "a.npz")


@pytest.mark.parametrize("upper", [False, True])
def test_keras_keeps_its_test_part(tmp_path: Path, upper: bool) -> None:
    X, x = (DRAWN.integers(0, 256, (n, 5, 5), dtype=np.uint8) for n in (20, 8))
    arrays = {"x_train": X, "y_train": np.arange(20) % 4, "x_test": x, "y_test": np.arange(8) % 4}
    np.savez(tmp_path / "mnist.npz", **{name.replace("x_", "X_") if upper else name: a for name, a in arrays.items()})
    data = read(tmp_path / "mnist.npz")
    assert data.test.X.tolist() == (x.reshape(8, -1) / 255).tolist()
    assert data.test.labels.tolist() == [0, 1, 2, 3] * 2
    assert (data.image_shape, len(data.train) + len(data.validation)) == ((5, 5), 20)
    assert "test: its own 8 examples, dataset.test_fraction does not apply" in data.reading


@pytest.mark.parametrize("change", [{"x_test": np.ones((8, 4))}, {"y_test": np.ones(3)}, {"x_train": np.float64(1)}])
def test_keras_parts_that_differ(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    arrays = {"x_train": np.ones((20, 5)), "y_train": np.ones(20), "x_test": np.ones((8, 5)), "y_test": np.ones(8)}
    np.savez(tmp_path / "a.npz", **(arrays | change))
    with pytest.raises(InputError, match=r"do not fit|lengths differ"):
        read(tmp_path / "a.npz")


def test_names_survive_the_cache(tmp_path: Path) -> None:
    settings = DataSettings(
        name="arrays", path=str(written(tmp_path / "a.csv", "a,label\n" + "1,ja\n2,nein\n" * 9)), test_fraction=0.2
    )
    plain, *cached = load(settings), load(settings, cache=tmp_path / "c"), load(settings, cache=tmp_path / "c")
    known = (plain.class_names, plain.reading, plain.input_names)
    assert [(each.class_names, each.reading, each.input_names) for each in cached] == [known] * 2


def test_label_stays_out_of_the_fingerprint(tmp_path: Path) -> None:
    import yaml

    values = {"hidden_units": 4, "learning_rate": 0.1, "batch_size": 1, "epochs": 1, "seed": 0, "dtype": "float64",
              "targets": "one_hot", "order": "shuffled", "output_step": "gradient", "hidden_error": "gradient",
              "loss": "mse", "hidden": "tanh", "output": "softmax", "init": "scaled", "engine": "numpy"}  # fmt: skip
    one, other = (
        parse_settings(values | {"dataset": {"name": "arrays", "path": "a.csv", "test_fraction": 0.2, "label": label}})
        for label in (None, "2")
    )
    names = [fingerprint(each.model_dump(), each.places, "x", "code") for each in (one, other)]
    assert names[0] == names[1] != fingerprint(one.model_dump(), one.places, "y", "code")
    words = dict(word.split("=", 1) for word in __import__("shlex").split(repeat(other, ("octant",)))[1:])
    assert yaml.safe_load(words["dataset.label"]) == "2"


QUICK = ("engine=numpy", "hidden_units=4", "batch_size=4", "epochs=2", "dataset=arrays")


def test_run_says_what_it_took(tmp_path: Path) -> None:
    path = written(tmp_path / "trees.csv", table(",", "class", True, "words", True, "pixels", False))
    done = run_octant(tmp_path / "home", *QUICK, f"dataset.path={path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "trees.csv: label: column 2 'class', 3 classes (ash, beech, oak tree); inputs: 16 columns, 0 to 255, scaled to "
        "0 to 1; left out: column 1 '', it numbers the rows\n"
    )
    ((run_id,),) = Database(tmp_path / "home").query("select run_uuid from runs")
    for name, X in (("ints.csv", SCALES["pixels"]), ("shares.csv", SCALES["pixels"] / 255)):
        lines = [",".join(map(str, row)) for row in X[:3]]
        written(tmp_path / name, "\n".join([",".join(f"in{c}" for c in range(16)), *lines]))
    said = [
        run_octant(tmp_path / "home", "predict", str(tmp_path / name), "--model", str(run_id))
        for name in ("ints.csv", "shares.csv")
    ]
    assert said[0].returncode == 0, said[0].stderr
    assert said[0].stdout == said[1].stdout
    assert len(re.findall(r"row \d: class (?:ash|beech|oak tree)  0\.\d{4}", said[0].stdout)) == 3


def test_doubtful_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", INTS)
    done = run_octant(tmp_path / "home", *QUICK, f"dataset.path={path}")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "type dataset.label=3" in done.stderr
    done = run_octant(tmp_path / "home", *QUICK, f"dataset.path={path}", "dataset.label=3")
    assert done.returncode == 0, done.stderr
    assert "label: column 3, 2 classes" in done.stdout
    decimals = "\n".join(f"{i}.5,{i}.1,{i % 2}.0" for i in range(12))
    written(path, "0,1,2\n" + decimals)
    done = run_octant(tmp_path / "home", *QUICK, f"dataset.path={path}", 'dataset.label="2"')
    assert "label: column 3 '2', 2 classes" in done.stdout, done.stderr
