"""The question of a sweep: what is compared by default, and what is refused before any work."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from octant.analysis.question import Question
from octant.errors import InputError
from octant.runs.factors import _setting_of, plain_question, question_of, varied
from octant.runs.settings import Experiment

METRICS = ("test_accuracy", "test_loss", "validation_accuracy")
BASE = {"dataset": "digits", "dataset.split_seed": 0, "loss": "mse", "init": "scaled", "learning_rate": 0.1, "seed": 0}


def rows(**levels: list[Any]) -> list[dict[str, Any]]:
    """The runs of a sweep, in the order of its command."""
    names = [name.replace("__", ".") for name in levels]
    return [BASE | dict(zip(names, values, strict=True)) for values in product(*levels.values())]


def ask(runs: list[dict[str, Any]], metrics: tuple[str, ...] = METRICS, **words: Any) -> Question:
    return question_of(Experiment(name="x", **words), runs, metrics)


RATES = {"learning_rate": [0.1, 1.0], "seed": [0, 1]}
DEFAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]] = {
    "all that varies": (rows(init=["a", "b"], **RATES), {}, (("init", "learning_rate"), (), ("seed",))),
    "less what is tuned": (rows(init=["a", "b"], **RATES), {"tune": ["learning_rate"]},
                           (("init",), ("learning_rate",), ("seed",))),
    "in the command's order": (rows(learning_rate=[0.1, 1], init=["a", "b"], seed=[0, 1]), {},
                               (("learning_rate", "init"), (), ("seed",))),
    "nothing": (rows(seed=[0, 1]), {}, ((), (), ("seed",))),
    "one value is not tuned": (rows(init=["a", "b"]), {"tune": ["learning_rate"]}, (("init",), (), ("seed",))),
    "a nested repeat": (rows(init=["a", "b"], dataset__split_seed=[0, 1], seed=[0, 1]),
                        {"repeat": ["seed", "split_seed"]}, (("init",), (), ("seed", "dataset.split_seed"))),
    "drawn together": ([BASE | {"init": init, "seed": seed, "dataset.split_seed": seed + 5}
                        for init in "ab" for seed in range(3)], {}, (("init",), (), ("seed", "dataset.split_seed"))),
    "a word alone": (rows(init=["a", "b"], **RATES), {"tune": "learning_rate"},
                     (("init",), ("learning_rate",), ("seed",))),
    "declared levels": (rows(init=["a"], seed=[0, 1]), {"compare": ["loss", "init"]},
                        (("loss", "init"), (), ("seed",))),
}  # fmt: skip


@pytest.mark.parametrize("case", DEFAULTS)
def test_defaults(case: str) -> None:
    runs, words, expected = DEFAULTS[case]
    question = ask(runs, **words)
    assert (question.compare, question.tune, question.repeat) == expected


def test_twins_are_one_factor() -> None:
    two = [BASE | {"dataset": name, "dataset.test_fraction": part, "seed": seed}
           for name, part in (("digits", 0.2), ("mnist", None)) for seed in (0, 1)]  # fmt: skip
    assert varied(two) == ["dataset", "dataset.test_fraction", "seed"]
    assert ask(two).compare == ("dataset",)


def test_nested_setting_is_a_factor() -> None:
    nested = [BASE | {"loss": loss, "rule": rule} for loss, rule in (("mse", None), ("huber", 1.0), ("huber", 2.0))]
    assert ask(nested).compare == ("loss", "rule")
    assert ask(nested[::-1]).compare == ("loss", "rule")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"compare": ["inti"]}, "experiment.compare: 'inti' is unknown; did you mean 'init'?"),
    "unknown repeat": ({"repeat": ["seeds"]}, "experiment.repeat: 'seeds' is unknown; did you mean 'seed'?"),
    "two roles": ({"compare": ["seed", "init"]}, "'seed' is in experiment.compare as well"),
    "tuned and repeated": ({"tune": ["seed"]}, "'seed' is in experiment.tune as well"),
    "unseen": ({"compare": ["init"]}, r"learning_rate varies (0.1, 1.0)"),
    "endpoint": ({"endpoint": "test_acc"}, "experiment.endpoint: 'test_acc' is unknown; did you mean 'test_accuracy'?"),
    "new examples in a growing sweep": ({"over": "examples", "max_repeats": 20}, "more repeats do not lessen"),
    "new examples of what": ({"over": "examples", "endpoint": "test_loss"}, "test_loss is no share of right"),
    "new examples in any case": ({"over": "examples", "repeat": ["seed", "split_seed"]}, "each dataset.split_seed has"),
    "new examples without repeats": ({"over": "examples", "repeat": []}, "experiment.repeat is []"),
    "endpoint's form": ({"endpoint": "epochs_to_test_accuracy"}, "'epochs_to_test_accuracy' has another form than"),
    "endpoint's level": ({"endpoint": "epochs_to_test_accuracy_above_0.9"}, "0.9 is no level of test_accuracy, which"),
    "endpoint's metric": ({"endpoint": "mean_of_test_acc"}, "'test_acc' is unknown; did you mean 'test_accuracy'?"),
    "no validation of a curve": ({"tune": ["learning_rate"], "endpoint": "epochs_to_test_loss_below_0.3"},
                                 "is chosen on validation_loss, which"),
    "no validation": ({"tune": ["learning_rate"], "endpoint": "test_loss"}, "is chosen on validation_loss, which"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused_in_one_line(case: str) -> None:
    words, said = BAD[case]
    with pytest.raises(InputError) as caught:
        ask(rows(init=["a", "b"], **RATES), **words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_metrics_are_left_to_the_runs() -> None:
    assert ask(rows(init=["a", "b"]), metrics=(), endpoint="regret", goal="min").endpoint == "regret"


def test_fewer_epochs_are_better() -> None:
    runs = rows(init=["a", "b"], **RATES)
    question = ask(runs, endpoint="epochs_to_test_accuracy_above_90", tune=["learning_rate"])
    assert (question.goal, question.metric, question.is_share) == ("min", "test_accuracy", False)
    assert question.validation == "epochs_to_validation_accuracy_above_90"
    assert plain_question(question, {}) == "Which init gives the fewest epochs to 90 % test accuracy?"


def test_short_names() -> None:
    known = ["dataset", "dataset.split_seed", "seed", "a.x", "b.x"]
    assert _setting_of("split_seed", known) == "dataset.split_seed"
    assert _setting_of("dataset.name", known) == "dataset"
    assert _setting_of("x", known) is None
    assert _setting_of("seed", known) == "seed"
