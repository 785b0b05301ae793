"""docs/intervals.md keeps its promise, and the simulation behind it is right."""

from __future__ import annotations

import re
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from octant.analysis.comparison.intervals import sign_flip_p

ROOT = Path(__file__).parents[2]
T, SHIPPED = "Student's t", "longer on one side"
PAGE = (ROOT / "docs" / "intervals.md").read_text()


@pytest.fixture
def intervals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    for name in ("intervals", "interval_methods", "best_of_many", "repeated_looks", "wider_intervals"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import intervals

    return intervals


def rows(head: str) -> list[list[str]]:
    """The body of the page's table whose head begins with `head`, the brackets left out."""
    lines = PAGE[PAGE.index(f"| {head}") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.split(" (")[0].strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_page_is_its_template() -> None:
    """What stands between the tables and numbers, which the generator puts in, is the template's, in its order."""
    template = (ROOT / "benchmarks" / "intervals.template.md").read_text()
    at = 0
    for part in re.split(r"\$\w+", template):
        at = PAGE.find(part, at) + len(part)
        assert PAGE[at - len(part) : at] == part
    assert at == len(PAGE)


def test_shipped_interval_covers() -> None:
    seen = set()
    for errors, seeds, means, differences, effects, false_effect, false_difference in rows("errors | seeds | means"):
        seen.add((errors, seeds))
        assert all(93.5 <= float(cell) <= 97 for cell in (means, differences, effects))
        assert max(float(false_effect), float(false_difference)) <= 5.5
    assert len(seen) == 5 * 3


def test_effects_cover_in_every_design(intervals: ModuleType) -> None:
    table = rows("design | errors | seeds")
    assert len(table) == len(intervals.DESIGNS) * 3 * 3
    for design, errors, seeds, effects, covered, false_effect in table:
        assert 93.5 <= float(covered) <= 97, (design, errors, seeds)
        assert float(false_effect) <= 5.5, (design, errors, seeds)
        if "missing" not in design:
            assert len(intervals.weights(intervals.DESIGNS[design])) == int(effects)


def test_table_of_designs_is_simulated(intervals: ModuleType) -> None:
    row = next(row for row in rows("design | errors | seeds") if row[:3] == ["nested", "normal", "10"])
    cells = intervals.DESIGNS["nested"]
    each = intervals.effects(intervals.simulate("normal", 10, cells=len(cells)), cells)
    assert [f"{intervals.coverage(T, each)[0]:.1f}", f"{intervals.false_positives(sign_flip_p(each), 5):.1f}"] == row[
        4:
    ]


def test_both_tables_say_the_same_of_means() -> None:
    by_method = [[*row[:2], row[3]] for row in rows("errors | seeds | Student")]
    assert by_method == [row[:3] for row in rows("errors | seeds | means")]


def test_page_comes_from_simulation(intervals: ModuleType) -> None:
    for errors, seeds, means, differences, *_ in rows("errors | seeds | means")[:6]:
        sweeps = intervals.simulate(errors, int(seeds))
        for of, cell in ((intervals.means, means), (intervals.differences, differences)):
            method = SHIPPED if of is intervals.means else T
            assert f"{intervals.coverage(method, of(sweeps))[0]:.1f}" == cell


def test_best_of_many_comes_from_the_simulation(intervals: ModuleType) -> None:
    import best_of_many

    table = rows("errors | repeats | differences")
    assert [row[:2] for row in table] == [[law, str(n)] for law in best_of_many.LAWS for n in best_of_many.REPEATS]
    for law, n, *cells in table:
        covered, false, left_out, at_most, _any, _own, mean, lead = map(float, cells)
        assert 93.5 <= covered <= 98  # the most with three repeats in coarse steps
        assert false <= 5.5
        assert left_out <= 3.5
        # The page says that exponential errors are too much for the one with by far the smallest spread.
        assert at_most <= (8 if law.startswith("exponential") else 5.5)
        assert min(mean, lead) >= 93.5 or n == "3"
        if n == "5":
            assert [f"{each:.1f}" for each in best_of_many.picked(law, 5)] == cells
    laws = product(("normal, equal SDs", "normal, SDs 1:18"), (5, 10, 20))
    drawn = (best_of_many.LAWS[law](np.random.default_rng(n), 20_000, n) for law, n in laws)
    for level in map(intervals.levels, drawn):  # the page's sentence
        assert 0.775 < np.mean(level > 0.0399) < 0.875
        assert 0.0355 < level.mean() < 0.0395
    one, together, naive, crossed = (float(row[2]) for row in best_of_many.splits_table()[1:])
    assert max(one, naive) < 91
    assert min(together, crossed) > 93.5
    assert [row[2] for row in rows("10 runs a configuration")] == [
        f"{each:.1f}" for each in (one, together, naive, crossed)
    ]


def test_repeated_looks_come_from_the_simulation(intervals: ModuleType) -> None:
    import repeated_looks

    for law, naive, shown, single, effect, covered in rows("errors, to 40 repeats"):
        assert float(naive) > 12
        assert max(float(shown), float(single), float(effect)) <= 5.5, law
        assert 93 <= float(covered) <= 97
    table = rows("errors | difference, SDs | 20 fixed: shown")
    assert [row[:2] for row in table] == [
        [law, f"{gap:g}"] for law in repeated_looks.TWO for gap in repeated_looks.GAPS
    ]
    shown, wrong, repeats = repeated_looks.grown(repeated_looks.standardised("measured") + 1, 40)
    assert [f"{each:.1f}" for each in (shown, repeats, wrong)] == next(
        row[5:] for row in table if row[:2] == ["measured", "1"]
    )
    for *_, several, one in rows("errors | repeats | eight configurations"):
        assert max(float(several), float(one)) <= 5
    for _, gap, _, equal, _ in rows("errors | difference, SDs | 40 fixed: equal"):
        assert float(equal) <= 5 or gap == "0"
    for *_, margin, opposite, _ in rows("errors | repeats | margin"):
        assert max(float(margin), float(opposite)) <= 5


def test_wider_intervals_come_from_the_simulation(intervals: ModuleType) -> None:
    import wider_intervals as wider

    examples, choice = rows("model | seeds"), rows("the second best rate | seeds")
    assert {row[0] for row in examples} == {*wider.LOGITS}
    assert {row[0] for row in choice} == {*wider.GAPS}
    assert all(93.5 <= float(row[3]) <= (99.6 if "99.8" in row[0] else 97.5) for row in examples)
    assert all(float(row[3]) >= 93.5 for row in choice)
    assert [f"{each:.1f}" for each in wider.examples_covered("95 % right", 3)] == examples[0][2:]
    assert [f"{each:.1f}" for each in wider.choice_covered("a tie, the same on test", 5)] == choice[5][2:]


def test_new_examples_are_those_of_the_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from intervals import markdown
    from new_examples import DIGITS, FILE, shown_rows

    assert markdown(shown_rows()) in PAGE
    found = pd.read_csv(FILE)
    digits = found["experiment"].isin(DIGITS)
    lost = [found[f"{name}_low"] <= 0 for name in ("octant", "bootstrap")]
    # The page's sentences.
    assert (len(found), sum(digits), *(sum(each & digits) for each in lost)) == (37, 14, 9, 6)
    assert [sum(each & ~digits) for each in lost] == [0, 3]
    width = (found["octant_high"] - found["octant_low"]) / (found["high"] - found["low"])
    assert [width[each].median() for each in (digits, ~digits)] == pytest.approx([3, 1.1], abs=0.05)


def test_every_law_of_errors_has_mean_zero(intervals: ModuleType) -> None:
    for name, draw in intervals.ERRORS.items():
        drawn = draw(np.random.default_rng(0), 4000, 10)
        assert drawn.shape == (4000, 10, 8)
        standard_errors = drawn.std(axis=(0, 1)) / np.sqrt(40_000)
        assert (np.abs(drawn.mean(axis=(0, 1))) < 4.5 * standard_errors).all(), name


def test_methods_shift_and_scale_with_data(intervals: ModuleType) -> None:
    values = np.random.default_rng(0).normal(size=(24, 10))
    for method in intervals.METHODS.values():
        low, high = method(values, np.random.default_rng(1))
        assert (low < values.mean(axis=1)).all()
        assert (high > values.mean(axis=1)).all()
        moved_low, moved_high = method(5 + 3 * values, np.random.default_rng(1))
        np.testing.assert_allclose([moved_low, moved_high], [5 + 3 * low, 5 + 3 * high])


def test_interval_ends_where_the_test_rejects(intervals: ModuleType) -> None:
    values = np.random.default_rng(0).normal(size=(4, 8))
    ends = intervals.METHODS["inverted sign-flip"](values, np.random.default_rng(0))
    for end, outward in zip(ends, (-1e-6, 1e-6), strict=True):
        assert (sign_flip_p(values - (end + outward)[:, None]) <= 0.05).all()
        assert (sign_flip_p(values - (end - outward)[:, None]) > 0.05).all()


def test_five_seeds_have_no_sign_flip_interval(intervals: ModuleType) -> None:
    low, high = intervals.METHODS["inverted sign-flip"](np.ones((1, 5)), np.random.default_rng(0))
    assert (low[0], high[0]) == (-np.inf, np.inf)
