"""A stranger's picture or array becomes inputs as the model was trained on: light ink on dark, 0 to 1."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path

import numpy as np

from octant.models.logged import Config
from octant.network.activations import Array
from octant.network.data.files import complaint, expanded, reading, require_file
from octant.network.data.tables import read_table

REMEDY = "give a picture (.png, .jpg) of one digit, an .npz with X (n, d) or (n, h, w), or a .csv of inputs"
MOST_PIXELS = 40_000_000
_BLANK = 0.05  # contrast below which nothing is drawn
_FAINT = 0.15  # share of the contrast below which a pixel is paper, not ink
_STROKE = 0.11  # width of a stroke in the data sets' digits, as a share of the larger side
_THIN = 0.075  # below this share a pen is thin


def read_inputs(text: str, config: Config) -> Array:
    """X (n, d), float64, from a .png, .jpg, .npz or .csv file; raises InputError, one line, for any other."""
    path = expanded(text)
    require_file(path, REMEDY)
    readers = {".png": _picture, ".jpg": _picture, ".jpeg": _picture, ".npz": _arrays, ".csv": _table, ".tsv": _table}
    if path.suffix.lower() not in readers:
        raise complaint(path, f"wrong suffix {path.suffix!r}, allowed: {', '.join(readers)}", REMEDY)
    with reading(path, REMEDY):
        return readers[path.suffix.lower()](path, config)


def _picture(path: Path, config: Config) -> Array:
    from PIL import Image, ImageOps

    if not config["image_shape"]:
        raise complaint(path, f"the model's {config['inputs']} inputs are no picture", "give an .npz with X (n, d)")
    if config["scale"] == 1:
        wrong = "is a picture, and the model's inputs have no known range of greys"
        raise complaint(path, wrong, "give an .npz with X, numbers like those it was trained on")
    rows, columns = config["image_shape"]
    with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        image = Image.open(path, formats=["PNG", "JPEG"])
    with image:
        if image.width * image.height > MOST_PIXELS:
            wrong = f"has {image.width} x {image.height} pixels"
            raise complaint(path, wrong, f"allowed are {MOST_PIXELS:,} in all")
        upright = ImageOps.exif_transpose(image)  # a camera that was held otherwise says so there
        if upright.mode == "I;16":
            grey = np.asarray(upright, dtype=np.float64) / 65535
        else:
            drawing = upright.convert("RGBA")
            for colour in ("white", "black"):  # white ink on a transparent ground shows on black paper
                paper = Image.new("RGBA", upright.size, colour)
                grey = np.asarray(Image.alpha_composite(paper, drawing).convert("L"), np.float64) / 255
                if np.ptp(grey) >= _BLANK:
                    break
    if np.ptp(grey) < _BLANK:
        raise complaint(path, "is blank: all its pixels are alike", REMEDY)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = 1.0 - grey if np.median(edge) > (grey.min() + grey.max()) / 2 else grey
    if ink.shape != (rows, columns):
        ink = _fitted(ink, rows, columns)
    levels = config["scale"]  # the data set's greys: 16 of the digits', 255 of MNIST's
    return np.rint(ink * levels).reshape(1, -1) / levels


def _fitted(ink: Array, rows: int, columns: int) -> Array:
    """The drawing without its paper, its grey stretched to 0..1, in a frame as the data set has it.

    MNIST's digits fill 20 x 20 of 28 x 28 pixels around their centre of mass; small pictures fill their height.
    """
    from PIL import Image

    ink = (ink - ink.min()) / (ink.max() - ink.min())
    drawn = np.argwhere(ink > _FAINT)
    (top, left), (bottom, right) = drawn.min(axis=0), drawn.max(axis=0) + 1
    thin, ink = _thickened(ink[top:bottom, left:right])
    margin = 4 if min(rows, columns) >= 20 else 0
    factor = min((rows - 2 * margin) / ink.shape[0], (columns - 2 * margin) / ink.shape[1])
    height, width = (max(1, round(side * factor)) for side in ink.shape)
    small = Image.fromarray((255 * ink).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float64)
    pixels /= pixels.max() if thin else 255
    y, x = (rows - height) / 2, (columns - width) / 2
    if margin:
        mass = [float((pixels * axis).sum() / pixels.sum()) + 0.5 for axis in np.indices(pixels.shape)]
        y, x = rows / 2 - mass[0], columns / 2 - mass[1]
    top, left = (min(max(math.floor(at + 0.5), 0), most) for at, most in ((y, rows - height), (x, columns - width)))
    frame = np.zeros((rows, columns))
    frame[top : top + height, left : left + width] = pixels
    return frame


def _thickened(ink: Array) -> tuple[bool, Array]:
    """Whether the pen was thin, and the drawing with strokes as thick as those of the data sets' digits.

    Shrinking a thin stroke would leave a grey shadow.
    """
    from scipy.ndimage import distance_transform_edt, grey_dilation

    drawn = np.pad(ink > _FAINT, 1)
    width = 4 * float(distance_transform_edt(drawn)[drawn].mean()) - 1  # the mean distance to an edge is a quarter
    missing = round(_STROKE * max(ink.shape) - width)
    if width >= _THIN * max(ink.shape) or missing < 1:
        return False, ink
    y, x = np.ogrid[-missing : missing + 1, -missing : missing + 1]
    pen = 4 * (x * x + y * y) <= (missing + 1) ** 2
    wide = grey_dilation(np.pad(ink, missing), footprint=pen)
    inked = np.argwhere(wide > _FAINT)
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    return True, np.asarray(wide[top:bottom, left:right])


def _arrays(path: Path, config: Config) -> Array:
    if not zipfile.is_zipfile(path):
        raise complaint(path, "is not an .npz archive (wrong magic, truncated or empty)", REMEDY)
    with np.load(path, allow_pickle=False) as archive:
        if "X" not in archive.files:
            raise complaint(path, f"has no X, only {archive.files}", REMEDY)
        X = np.asarray(archive["X"])
    return _checked(path, X, config)


def _table(path: Path, config: Config) -> Array:
    """The inputs of a table: the model's columns by their names, where both have names.

    Otherwise a column of labels, and those that number the rows, are left out if they say so.
    """
    table = read_table(path)
    names = table.speaking or [""] * table.values.shape[1]
    kept = [c for c, name in enumerate(names) if c not in table.index and name != "label"]
    if (wanted := config.get("input_names")) and table.speaking:
        if missing := [name for name in wanted if names.count(name) != 1]:
            wrong = f"it has {names.count(missing[0]) or 'no'} columns {missing[0]!r}"
            raise complaint(path, wrong, f"the model was trained on {', '.join(wanted)[:200]}")
        kept = [names.index(name) for name in wanted]
    if wordy := [c for c in kept if c in table.words]:
        raise complaint(path, f"{table.called(wordy[0])} has words, inputs are numbers", "delete the column")
    X = table.values[:, kept]
    whole = not table.decimals and np.isfinite(X).all() and np.abs(X).max(initial=0) < 2**53
    return _checked(path, X.astype(np.int64) if whole else X, config)


def _checked(path: Path, X: Array, config: Config) -> Array:
    """X (n, d) scaled as the model's inputs; raises InputError for another shape or range."""
    if X.dtype.kind not in "uif":
        raise complaint(path, f"X has dtype {X.dtype}, allowed are integers and floats", REMEDY)
    d, shape = config["inputs"], tuple(config["image_shape"] or ())
    rows, images = X.shape[-1:] == (d,) and X.ndim <= 2, bool(shape) and X.shape[-2:] == shape and X.ndim <= 3
    if X.size == 0 or not (rows or images):
        pictures = f" or {('n', *shape)}" if shape else ""
        raise complaint(path, f"X has shape {X.shape}, the model takes (n, {d}){pictures}".replace("'", ""), REMEDY)
    whole = X.dtype.kind in "ui"
    scale = config["scale"]
    X = X.reshape(-1, d).astype(np.float64) / (scale if whole else 1.0)
    if not np.isfinite(X).all() or (scale != 1 and (X.min() < 0 or X.max() > 1)):
        allowed = f"integers (dtype int or uint8) 0 to {scale:g}, floats 0 to 1" if scale != 1 else "finite numbers"
        raise complaint(path, "X holds values that the model was not trained on", f"allowed are {allowed}")
    return X
