"""A stranger's picture or table becomes inputs: turned upright, thin pens thickened, numbers scaled as in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from sklearn.datasets import load_digits

from octant.errors import InputError
from octant.models.inputs import read_inputs

DIGITS = {"inputs": 64, "image_shape": [8, 8], "scale": 16.0}
MNIST = {"inputs": 784, "image_shape": [28, 28], "scale": 255.0}
SHAPES = {
    "1": [[(200, 60), (200, 340)]],
    "4": [[(240, 340), (240, 60), (120, 240), (300, 240)]],
    "7": [[(100, 80), (300, 80), (180, 340)]],
    "0": [[(200, 60), (280, 110), (300, 200), (280, 290), (200, 340), (120, 290), (100, 200), (120, 110), (200, 60)]],
}


def drawn(path: Path, shape: str, pen: int) -> Path:
    image = Image.new("L", (400, 400), 255)
    for line in SHAPES[shape]:
        ImageDraw.Draw(image).line(line, fill=0, width=pen, joint="curve")
    image.save(path)
    return path


@pytest.mark.parametrize("config", [DIGITS, MNIST], ids=["digits", "mnist"])
@pytest.mark.parametrize("pen", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_thin_pens_look_like_thick_ones(tmp_path: Path, shape: str, pen: int, config: dict[str, object]) -> None:
    thin, thick = (read_inputs(str(drawn(tmp_path / f"{p}.png", shape, p)), config)[0] for p in (pen, 34))
    assert thin.max() > 0.8
    assert thin.sum() > 0.6 * thick.sum()
    assert np.corrcoef(thin, thick)[0, 1] > 0.7


def test_thick_pens_stay_as_they_are(tmp_path: Path) -> None:
    digit = load_digits().images[3]
    Image.fromarray(np.kron(255 - digit * 15, np.ones((20, 20))).astype(np.uint8)).save(tmp_path / "a.png")
    found = read_inputs(str(tmp_path / "a.png"), DIGITS)[0].reshape(8, 8)
    assert np.abs(found - digit / 16).mean() < 0.15


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png"])
def test_camera_held_in_any_way(tmp_path: Path, orientation: int, suffix: str) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.open(drawn(tmp_path / "upright.png", "7", 34))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    stored.save(tmp_path / f"a{suffix}", exif=exif, **({} if suffix == ".png" else {"quality": 95}))
    found, expected = (read_inputs(str(tmp_path / name), MNIST) for name in (f"a{suffix}", "upright.png"))
    assert np.abs(found - expected).mean() < 0.01


@pytest.mark.parametrize("ink", [0, 200, 255])
def test_ink_on_a_transparent_ground(tmp_path: Path, ink: int) -> None:
    opaque = Image.open(drawn(tmp_path / "opaque.png", "4", 34))
    layers = Image.new("L", opaque.size, ink), ImageOps.invert(opaque)
    Image.merge("LA", layers).save(tmp_path / "a.png")
    found, expected = (read_inputs(str(tmp_path / name), MNIST) for name in ("a.png", "opaque.png"))
    assert np.abs(found - expected).mean() < 0.01


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "label", "index", "names"])
@pytest.mark.parametrize("whole", [True, False])
def test_tables_for_predict(tmp_path: Path, separator: str, header: str, whole: bool) -> None:
    X = load_digits().data[:5].astype(int)
    first = [f"p{c}" for c in range(64)]
    rows = [[str(each if whole else each / 16) for each in row] for row in X]
    if header == "label":
        first, rows = ["label", *first], [["3", *row] for row in rows]
    if header == "index":
        first, rows = ["", *first], [[str(i), *row] for i, row in enumerate(rows)]
    lines = [separator.join(row) for row in ([first] if header else []) + rows]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert read_inputs(str(tmp_path / "a.csv"), DIGITS).tolist() == (X / 16).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5,2,3\n4,5,6\n", r"shape \(2, 3\), the model takes \(n, 64\)"),
        (",".join(["17"] * 64), "0 to 16, floats 0 to 1"),
        (",".join(["nan"] * 64), "allowed are"),
        (",".join(["cat", *["1"] * 63]), "has words"),
        ("", "is empty"),
    ],
)
def test_bad_tables_for_predict(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=expected) as caught:
        read_inputs(str(tmp_path / "a.csv"), DIGITS)
    assert "\n" not in str(caught.value)


TABLE = {"inputs": 2, "image_shape": None, "scale": 1.0, "input_names": ["a", "b"]}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,2.5\n",
        "b,a\n2.5,1.5\n",
        "id,B,kind,A\n7,2.5,dog,1.5\n",
        "1.5,2.5\n3.5,4.5\n",
        "label,b,a\nx,2.5,1.5\n",
    ],
)
def test_columns_of_a_table_go_by_their_names(text: str, tmp_path: Path) -> None:
    """In another order they gave another class, without a word."""
    (tmp_path / "new.csv").write_text(text)
    assert read_inputs(str(tmp_path / "new.csv"), TABLE)[0].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("header", ["a,c", "a,a", "x,y"])
def test_column_that_is_missing_is_named(header: str, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(f"{header}\n1.5,2.5\n")
    with pytest.raises(InputError, match=r"it has (no|2) columns '[ab]'; the model was trained on a, b"):
        read_inputs(str(tmp_path / "new.csv"), TABLE)
