"""Which repeats a sweep that grows adds, when it is looked at, and what cannot grow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from octant.errors import InputError
from octant.runs.growth import growth_of
from octant.runs.settings import Experiment, Launch, Tracking
from octant.trainer import Settings
from support.settings import DIGITS, settings


def launch(limit: int | None, **asked: object) -> Launch:
    return Launch(experiment=Experiment(name="x", max_repeats=limit, **asked), tracking=Tracking())


def runs(seeds: Sequence[int], splits: Sequence[int] | None = None, **changes: object) -> list[Settings]:
    data = [DIGITS | {"split_seed": each} for each in splits] if splits else [DIGITS] * len(seeds)
    return [
        settings(loss=loss, seed=seed, dataset=each, **changes)
        for loss in ("mse", "cross_entropy")
        for seed, each in zip(seeds, data, strict=True)
    ]


@pytest.mark.parametrize(("declared", "limit", "looks"), [
    (2, 12, (5, 10, 12)), (5, 20, (5, 10, 15, 20)), (7, 20, (7, 12, 17, 20)), (10, 10, (10,)), (2, 5, (5,)),
])  # fmt: skip
def test_blocks_follow_the_declared_repeats(declared: int, limit: int, looks: tuple[int, ...]) -> None:
    growth = growth_of(runs(range(declared)), launch(limit))
    assert (growth.looks, growth.counts) == (looks, tuple(2 * each for each in looks))
    expected = [(seed, loss) for seed in range(declared, limit) for loss in ("mse", "cross_entropy")]
    assert [(each.seed, each.loss) for each in growth.added] == expected


def test_repeats_drawn_together_stay_together() -> None:
    growth = growth_of(runs((3, 4, 8), (13, 14, 18)), launch(5))
    assert [(each.seed, each.dataset.split_seed) for each in growth.added[::2]] == [(9, 19), (10, 20)]


def test_without_a_limit_nothing_is_added() -> None:
    growth = growth_of(runs((0, 1)), launch(None))
    assert (growth.added, growth.looks, growth.counts) == ([], (), (4,))


CROSSED = runs((0, 0, 1, 1), (0, 1, 0, 1))
FOLLOWED = [each.model_copy(update={"epochs": 1 + each.seed}) for each in runs((0, 1))]
REFUSED = {
    "one seed": (runs((0,)), {}, "the sweep starts with one seed; begin with 5: seed=range\\(5\\)"),
    "too many": (runs(range(13)), {}, "the sweep has 13 seeds already; begin with fewer, such as seed=range\\(5\\)"),
    "crossed": (CROSSED, {"repeat": ["seed", "dataset.split_seed"]}, "crossed.*'dataset.split_seed=\\${seed}'"),
    "words": (runs((0, 1)), {"repeat": ["loss"], "compare": ["seed"]}, "loss has no next value after cross_entropy"),
    "nothing compared": (runs((0, 1))[:2], {}, "nothing is compared"),
    "exact": (runs((0,)), {"repeat": []}, "experiment.repeat is empty"),
    "an end": (runs((2**32 - 2, 2**32 - 1)), {}, "seed: should be less than"),
    "a follower": (FOLLOWED, {}, "cannot be continued"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_grow_is_refused(case: str) -> None:
    made, asked, said = REFUSED[case]
    with pytest.raises(InputError, match=said):
        growth_of(made, launch(12, **asked))


def test_sweeper_that_chooses_is_refused() -> None:
    with pytest.raises(InputError, match="chooses the runs by their results"):
        growth_of(runs((0, 1)), launch(12), chosen=True)
