"""Which columns of a frame are settings, which of them vary, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from numbers import Integral, Real

import pandas as pd

from octant.seal import Json

# The words of these three name a configuration by themselves, as they do in every published table.
NAMED = ("loss", "hidden", "output")
# The level that an effect subtracts; of other levels, it is the first: the smallest, or the first by alphabet.
REFERENCE = {"loss": "mse", "hidden": "sigmoid", "output": "sigmoid"}
NONE = "none"  # the level of a setting that a run does not have
MOST_SHARE = 0.5  # a number with more values than this share of the runs is measured and not set
# Columns that describe or identify a run.
ABOUT = re.compile(
    r"config|configuration|outcome|status|state|diverged_\w+|reached|n_(train|validation|test)|(\w+_)?fingerprint|"
    r"\w+_digest|(run_)?(id|name|uuid)|artifacts|command|mlflow\..*|git_\w+|version_\w+|blas|cpu|platform|ended|"
    r"(start|end)(_time|ed)?|date|timestamp|epoch|step|rank_\w+|unnamed.*|params",
    re.IGNORECASE,
)
METRIC = re.compile(
    r"(.*[_./ ])?(loss|acc|accuracy|error|err|score|f1|auc|auroc|mse|rmse|mae|r2|nll|perplexity|ppl|bleu|"
    r"map|iou|precision|recall|reward|return|regret|seconds|time|runtime|duration|"
    r"seconds_per_epoch|saturation_\w+|(epochs|seconds)_to_.+)([_./ ]?\d+)?",
    re.IGNORECASE,
)
REPEATS = re.compile(
    r"(.*[_./])?(seed|fold|split|cv|random_state|repeat|repetition|replicate|rep|trial|run)", re.IGNORECASE
)


def varying(frame: pd.DataFrame) -> list[str]:
    """The settings that differ between the runs of `frame`, in the order of its columns.

    A guess from names and values: what describes a run, metrics, and numbers with too many different values to have
    been set are left out. A column that is different in every run is a label, if others vary too.
    """
    names = [str(name) for name in frame if values_of(frame[name]) > 1 and not is_measured(frame, str(name))]
    labels = {name for name in names if values_of(frame[name]) == len(frame) and not REPEATS.fullmatch(name)}
    return [name for name in names if name not in labels] or names


def column_of(name: str, columns: Iterable[object]) -> str:
    """The column of a setting, by its full name, such as dataset.split_seed, or by the short one, split_seed.

    `dataset.name` is also called `dataset`. A name that no column has is left as it is.
    """
    known = [str(each) for each in columns]
    head, _, tail = name.rpartition(".")
    long = [each for each in known if each.endswith(f".{name}")]
    same = [name, *([head] if tail == "name" else []), tail, *(long if len(long) == 1 else [])]
    return next((each for each in same if each in known), name)


def is_measured(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column holds what came of a run, or describes it, instead of what was set."""
    column = frame[name]
    if ABOUT.fullmatch(name):
        return True
    if REPEATS.fullmatch(name) or not is_number(column):
        return False
    many = values_of(column) > max(2, MOST_SHARE * len(frame))
    return METRIC.fullmatch(name) is not None or (many and bool((column.dropna() % 1 != 0).any()))


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers; yes and no are words."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def values_of(column: pd.Series) -> int:
    """How many different values a column has; being absent is one."""
    return int(column.nunique(dropna=False))


def as_word(value: object) -> str:
    """A level as people write it."""
    if _is_absent(value):
        return NONE
    if not isinstance(value, Real) or isinstance(value, (bool, Integral)):
        return str(value)
    short = f"{float(value):g}"
    return short if float(short) == value else repr(float(value))  # two values never share a name


def _is_absent(value: Json) -> bool:
    return bool(pd.isna(value))


def ordered(values: Iterable[object], factor: str = "") -> list[object]:
    """Levels: the reference first, then numbers by size, then text by alphabet, then what is absent."""

    def place(value: object) -> tuple[int, float, str]:
        if _is_absent(value):
            return 3, 0.0, ""
        if REFERENCE.get(factor) == value:
            return 0, 0.0, ""
        return (1, float(value), "") if isinstance(value, Real) else (2, 0.0, str(value))

    return sorted(values, key=place)


def config_names(frame: pd.DataFrame, compare: Sequence[str]) -> pd.Series[str]:
    """Each run's configuration, by one rule.

    Where loss, hidden and output are all compared, their words joined by "-" come first; every other factor is
    `factor=level`, in the order of `compare`, and the parts are joined by spaces.
    """
    bare = NAMED if set(NAMED) <= set(compare) else ()
    parts = (
        ["-".join(words) for words in zip(*(frame[name].map(as_word) for name in bare), strict=True)] if bare else None
    )
    label = pd.Series(parts if parts is not None else "", index=frame.index, dtype=object)
    for name in (name for name in compare if name not in bare):
        label = label + f" {name}=" + frame[name].map(as_word, na_action=None)
    return label.str.strip() if len(compare) else label.replace("", "all runs")


def moves_with(frame: pd.DataFrame, name: str, others: Sequence[str]) -> bool:
    """Whether `name` has one value wherever all of `others` have."""
    if not others:
        return values_of(frame[name]) <= 1
    groups = frame.groupby(list(others), dropna=False, sort=False)[name]
    return bool((groups.nunique(dropna=False) <= 1).all())


def first_few(values: Iterable[object], most: int = 5, separator: str = ", ") -> str:
    """The first of some values as text, and how many more there are."""
    texts = [as_word(value) for value in values]
    more = f"{separator}and {len(texts) - most} more" if len(texts) > most else ""
    return separator.join(texts[:most]) + more
