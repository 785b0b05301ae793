"""Classify a picture or arrays with a logged model, and draw what the model saw.

octant predict digit.png                     with the champion (octant promote)
octant predict arrays.npz --model RUN_ID     with the model of a run; an MLflow address or a folder will do too
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from octant.errors import InputError
from octant.models.inputs import read_inputs
from octant.models.logged import PROBABILITIES, Config
from octant.models.verified import CHAMPION, fetch
from octant.network.activations import Array
from octant.tracking.store import Store, located
from octant.trainer.subcommand import Subcommand, option

SHADES = " ░▒▓█"
PLAIN_SHADES = " .:*#"  # for terminals without Unicode
MOST_DRAWN = 3
_BAR = 30


def _run(options: argparse.Namespace) -> int:
    config, predict = _load_model(located(options.uri), options.model)
    X = read_inputs(options.file, config)
    answers, shape = predict(X), config["image_shape"]
    names = [_printable(name) for name in config.get("class_names") or map(str, range(answers.shape[1]))]
    if len(X) == 1:
        print(*([_shaded(X[0].reshape(shape))] if shape else []), sep="\n")
        print(
            _table(answers[0], names), f"({PROBABILITIES[config['output']]})", f"class {names[answers[0].argmax()]}",
            sep="\n",
        )  # fmt: skip
        return 0
    for row, (x, answer) in enumerate(zip(X, answers, strict=True)):
        if shape and row < MOST_DRAWN:
            print(_shaded(x.reshape(shape)))
        print(f"row {row}: class {names[answer.argmax()]}  {answer.max():.4f}")
    return 0


def _load_model(store: Store, model: str) -> tuple[Config, Callable[[Array], Array]]:
    """What the model says of itself, and what answers X (n, d) with class probabilities (n, k).

    Raises InputError as `fetch` does, and for weights that cannot be right; what answers, for what cannot be an input.
    """
    verified = fetch(store, model)
    from mlflow import pyfunc
    from mlflow.exceptions import MlflowException

    with TemporaryDirectory(prefix="octant-") as folder:
        verified.write(Path(folder))
        try:
            loaded = pyfunc.load_model(folder)
        except Exception as error:  # noqa: BLE001 - whatever the weights of a stranger's folder bring about
            problem = error.message if isinstance(error, MlflowException) else f"cannot be loaded: {error!r}"
            raise InputError(f"{model}: {problem}") from None

    def predict(X: Array) -> Array:
        try:
            return np.asarray(loaded.predict(X))
        except MlflowException as error:
            raise InputError(error.message) from None

    return verified.config, predict


def _shaded(image: Array) -> str:
    """The picture (h, w), 0 to 1, as blocks: two characters a pixel, which are about square."""
    shades = SHADES if _can_print(SHADES) else PLAIN_SHADES
    levels = np.rint(np.clip(image, 0, 1) * (len(shades) - 1)).astype(int)
    return "\n".join("".join(2 * shades[level] for level in row).rstrip() for row in levels)


def _table(answer: Array, names: Sequence[str]) -> str:
    """A line per class: its name, its probability as a number and as a bar."""
    width = max(3, *map(len, names))
    block = SHADES[-1] if _can_print(SHADES) else PLAIN_SHADES[-1]
    rows = zip(names, answer, strict=True)
    return "\n".join(f"{name:>{width}} {p:7.4f} {block * round(_BAR * float(p))}".rstrip() for name, p in rows)


def _printable(name: str) -> str:
    """A class's name as this terminal can show it; control characters come out as escapes."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
    return shown if _can_print(shown) else ascii(shown)[1:-1]


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


COMMAND = Subcommand(
    _run,
    option("file", help="picture.png or .jpg, arrays.npz with X (n, d) or (n, h, w), or table.csv"),
    option("--model", default=CHAMPION, help="RUN_ID, MLflow address or folder; default: %(default)s"),
)
