"""Names of runs that twenty letters tell apart, and colours that are the figures'."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from octant.analysis.comparison.settings import config_names
from octant.analysis.figures import design_of
from octant.analysis.names import WIDTH, names_of
from octant.analysis.palette import Styles, in_order
from octant.analysis.question import Question

LOSS, HIDDEN, OUTPUT = ["mse", "cross_entropy"], ["sigmoid", "tanh"], ["sigmoid", "softmax"]
RATES, SEEDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10], list(range(10))
DESIGNS = {
    "factorial": ({"loss": LOSS, "hidden": HIDDEN, "output": OUTPUT, "seed": SEEDS}, ()),
    "tuned": ({"loss": LOSS, "hidden": HIDDEN, "output": OUTPUT, "learning_rate": RATES, "seed": SEEDS},
              ("learning_rate",)),
    "inits": ({"init": ["glorot", "normal", "scaled"], "hidden": HIDDEN, "seed": SEEDS}, ()),
    "numbers": ({"hidden_units": [10, 100, 1000], "batch_size": [1, 32], "seed": SEEDS}, ()),
    "nested": ({"optimizer": ["sgd", "adam"], "momentum": [None, 0.9], "seed": SEEDS}, ()),
    "flags": ({"shuffle": [True, False], "dataset.split_seed": [0, 1, 2], "seed": SEEDS}, ()),
    "alike": ({"model": [f"a_long_common_beginning_{end}" for end in "abcdef"], "seed": SEEDS}, ()),
    "many": ({f"setting_{name}": ["left_hand", "right_hand"] for name in "abcdefg"} | {"seed": [0, 12345]}, ()),
}  # fmt: skip


def rows_of(design: str) -> tuple[list[dict[str, object]], Question]:
    levels, tune = DESIGNS[design]
    rows = [dict(zip(levels, cell, strict=True)) for cell in product(*levels.values())]
    return rows, Question(tuple(name for name in levels if name not in (*tune, "seed")), tune)


@pytest.mark.parametrize("design", DESIGNS)
def test_names_differ_in_twenty_letters(design: str) -> None:
    names = names_of(*rows_of(design))
    assert len({name[:WIDTH] for name in names}) == len(names)


def test_names_say_what_varies() -> None:
    first = {design: names_of(*rows_of(design))[0] for design in ("factorial", "tuned", "inits", "numbers", "flags")}
    assert first == {
        "factorial": "mse sigm sigm s=0", "tuned": "mse sig sig 0.001 s0", "inits": "glorot sigmoid s=0",
        "numbers": "hu=10 bs=1 s=0", "flags": "s=True ss=0 s=0",
    }  # fmt: skip


def test_levels_stand_as_in_figures() -> None:
    """Runs are coloured before the figures are drawn, by settings as typed and not as read back from the store."""
    for design in ("factorial", "numbers", "nested", "alike"):
        rows, question = rows_of(design)
        levels = {name: DESIGNS[design][0][name] for name in question.compare}
        frame = pd.DataFrame(rows).sample(frac=1, random_state=1)
        drawn = design_of(frame.assign(config=config_names(frame, question.compare)), question)
        assert drawn.styles == Styles({name.replace("_", " "): in_order(each) for name, each in levels.items()}), design
