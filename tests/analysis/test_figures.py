"""Figures: nothing leaves the page or overlaps, shares stay within 0 to 100, and a matplotlibrc changes no byte."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text

from octant.analysis import figures
from octant.analysis.figures.canvas import fitted, house_style, width_of
from octant.analysis.figures.labels import _spread, is_geometric
from octant.analysis.figures.tuning import _side_steps
from octant.analysis.question import Question

DESIGNS: dict[str, dict[str, Sequence[object]]] = {
    "2": {"loss": ["mse", "cross_entropy"]},
    "8": {"a": ["x", "y"], "b": ["sigmoid", "tanh"], "c": ["u", "v"]},
    "16": {"a": ["0", "1"], "b": ["0", "1"], "c": ["0", "1"], "d": ["0", "1"]},
    "60": {"optimizer": ["sgd", "adam", "lamb", "lion", "muon"], "activation": ["sigmoid", "tanh", "relu", "gelu"],
           "norm": ["none", "batch", "layer"]},
    "60 of one": {"architecture": [f"resnet-variant-{i}" for i in range(60)]},
    "numbers": {"width": [10, 30, 100, 300], "activation": ["tanh", "relu"]},
    "long": {"a_very_long_name_of_a_factor_indeed": ["an_extremely_long_name_of_a_level_number_one" * 2, "$y_1$"],
             "dataset.preprocessing.normalisation": ["per-channel-standardisation-with-whitening", "none"]},
}  # fmt: skip


def sweep(levels: Mapping[str, Sequence[object]], repeats: int = 5, endpoint: str = "test_accuracy") -> pd.DataFrame:
    """Runs whose endpoints lie between 0.6 and 1, more closely at the top."""
    rng, rows = np.random.default_rng(0), []
    for cell in product(*levels.values()):
        config = " ".join(f"{name}={level}" for name, level in zip(levels, cell, strict=True))
        mean = 1 - 0.4 * rng.random() ** 3
        for seed in range(repeats):
            value = min(1.0, mean + 0.02 * rng.normal())
            rows.append({**dict(zip(levels, cell, strict=True)), "config": config, "seed": seed, endpoint: value,
                         "outcome": "finished", "fingerprint": f"{config}/{seed}"})  # fmt: skip
    return pd.DataFrame(rows)


def curves_of(runs: pd.DataFrame, epochs: int = 12, endpoint: str = "test_accuracy") -> pd.DataFrame:
    table = runs[["config", "fingerprint", endpoint]].merge(pd.DataFrame({"epoch": range(epochs + 1)}), how="cross")
    table[endpoint] *= 1 - 0.7 * np.exp(-table["epoch"])
    return table.assign(**{endpoint.replace("test", "train"): np.minimum(1, 1.01 * table[endpoint])})


def summary_of(runs: pd.DataFrame, question: Question) -> pd.DataFrame:
    groups = (question.scale * runs.set_index("config")[question.endpoint]).groupby(level=0)
    half = 2.8 * groups.std().fillna(np.nan) / np.sqrt(groups.size())
    table = pd.DataFrame({"n": groups.size(), "mean": groups.mean(), "low": groups.mean() - half})
    table = table.assign(high=groups.mean() + half).reset_index()
    return table.sort_values("mean", ascending=question.goal == "min", ignore_index=True)


def effects_of(count: int, n: int = 6) -> pd.DataFrame:
    each = {"effect": "init x hidden", "order": 2, "plus": "normal, tanh", "minus": "glorot, sigmoid", "n": n}
    rows = [each | {"estimate": i - 20.0, "low": i - 21.0, "high": i - 19.0, "shown": i % 2 == 0} for i in range(count)]
    return pd.DataFrame(rows)


def grid_of(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means at five rates; all configurations choose the middle one, with nearly equal means."""
    rates = [0.001, 0.01, 0.1, 1.0, 10.0]
    rows = [
        {"config": config, "rate": rate, "n": 5, "mean": 95 - 5 * abs(k - 2) + 0.01 * i, "low": 90 - 5 * abs(k - 2),
         "high": 101.0, "diverged": int(k == 4)}
        for i, config in enumerate(sorted(set(runs["config"]))) for k, rate in enumerate(rates)
    ]  # fmt: skip
    grid = pd.DataFrame(rows)
    return grid, grid.loc[grid["rate"] == 0.1, ["config", "rate"]]


def drawings(name: str, repeats: int = 5) -> dict[str, figures.Drawing]:
    runs = sweep(DESIGNS[name], repeats)
    question = Question(tuple(DESIGNS[name]))
    summary, design = summary_of(runs, question), figures.design_of(runs, question)
    curves, ranking = curves_of(runs), list(summary["config"])
    grid, chosen = grid_of(runs)
    confusion = {config: np.eye(10) for config in ranking}
    return {
        "interaction": figures.interaction_figure(summary, runs, design),
        "curves": figures.curves_figure(curves, ranking, design, "demo"),
        "panels": figures.panels_figure(curves, ranking, design),
        "ranking": figures.ranking_figure(summary, runs, design),
        "effects": figures.effects_figure(effects_of(len(ranking)), design),
        "tuning": figures.tuning_figure(grid, chosen, "rate", design, 0.1),
        "why": figures.why_figure(
            curves.groupby(["config", "epoch"], as_index=False)[["test_accuracy", "train_accuracy"]].mean(),
            ranking,
            design,
            {"train_accuracy": "a reason in words"},
        ),
        "confusion": figures.confusion_figure(confusion, [str(label) for label in range(10)]),
    }


def words(figure: Figure) -> list[Text]:
    """All visible texts of a figure that is laid out."""
    FigureCanvasAgg(figure)
    with house_style():
        figure.draw_without_rendering()
    hidden = set(undrawn_ticks(figure))
    texts = [each for each in figure.findobj(Text) if isinstance(each, Text) and each.get_text().strip()]
    return [each for each in texts if each.get_visible() and id(each) not in hidden]


def undrawn_ticks(figure: Figure) -> Iterator[int]:
    """Tick labels outside the axis' limits exist and are not drawn."""
    for axes in figure.axes:
        for i, axis in enumerate((axes.xaxis, axes.yaxis)):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not axes.axison or not low <= tick.label1.get_position()[i] <= high:
                    yield from (id(tick.label1), id(tick.label2))


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[str, figures.Drawing]]:
    return {name: drawings(name) for name in DESIGNS}


@pytest.mark.parametrize("name", DESIGNS)
def test_no_word_leaves_the_page(name: str, drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    for stem, drawing in drawn[name].items():
        page = drawing.figure.bbox
        for text in words(drawing.figure):
            box = Text.get_window_extent(text)
            inside = box.x0 > -2 and box.y0 > -2 and box.x1 < page.x1 + 2 and box.y1 < page.y1 + 2
            assert inside, (stem, text.get_text(), box, page.x1, page.y1)
        for legend in drawing.figure.legends:
            for line in (each for each in legend.findobj(Line2D) if each.get_linestyle() != "None"):
                assert line.get_window_extent().x0 > -2, stem


@pytest.mark.parametrize("name", DESIGNS)
def test_labels_do_not_overlap(name: str, drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    for stem in ("curves", "effects", "ranking", "interaction"):
        every = words(drawn[name][stem].figure)
        labels = [each for each in every if isinstance(each, Annotation)] if stem == "curves" else every
        if stem == "interaction":
            labels = [each for each in labels if not each.get_rotation()]  # boxes of slanted words say nothing
        boxes = [(each.get_text(), Text.get_window_extent(each)) for each in labels]
        for (one, a), (other, b) in combinations(boxes, 2):
            apart = min(a.x1, b.x1) - max(a.x0, b.x0) < 1 or min(a.y1, b.y1) - max(a.y0, b.y0) < 2
            assert apart, (stem, one, other)


@pytest.mark.parametrize(("name", "count"), [("2", 2), ("8", 8), ("16", 12), ("60", 12), ("60 of one", 12)])
def test_curves_are_labelled_at_their_ends(name: str, count: int, drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    every = words(drawn[name]["curves"].figure)
    assert sum(isinstance(each, Annotation) for each in every) == count
    total = {"16": 16, "60": 60, "60 of one": 60}.get(name)
    said = [each.get_text() for each in every if "Shown: 12 of" in each.get_text()]
    assert bool(said) == bool(total)
    assert not total or f"12 of {total} configurations; all are in configurations.csv" in said[0]


def test_dash_is_explained_there(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    said = {each.get_text() for each in words(drawn["8"]["curves"].figure)}
    assert {"colour: a:", "dash: b:", "marker at the end: c:", "sigmoid", "tanh"} <= said


def test_colours_of_one_factor_are_named(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    said = {each.get_text() for each in words(drawn["2"]["why"].figure)}
    assert {"colour: loss:", "mse", "cross_entropy"} <= said


def test_many_effects_and_rows_are_cut(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    for stem, what in (("effects", "effects; all are in effects.csv"), ("ranking", "configurations; all are in")):
        figure = drawn["60"][stem].figure
        assert len(figure.axes[0].get_yticks()) == 40
        assert any(f"Shown: 40 of 60 {what}" in each.get_text() for each in words(figure))


def test_effects_say_minus(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    names = [each.get_text().replace("\n", " ") for each in drawn["2"]["effects"].figure.axes[0].get_yticklabels()]
    assert names[0].replace("  ", " ") == "init x hidden: (normal minus glorot) x (tanh minus sigmoid)"


def heights(figure: Figure) -> np.ndarray:
    """Every y of every line and band that is in data coordinates."""
    values = [np.asarray(line.get_ydata(), float) for axes in figure.axes for line in axes.lines
              if line.get_transform() == axes.transData]  # fmt: skip
    values += [path.vertices[:, 1] for axes in figure.axes for each in axes.collections for path in each.get_paths()]
    return np.concatenate(values)


@pytest.mark.parametrize("stem", ["interaction", "curves", "panels", "tuning"])
def test_shares_stay_within_hundred(stem: str, drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    for name in ("2", "8", "60"):
        values = heights(drawn[name][stem].figure)
        assert np.nanmin(values) >= 0, name
        assert np.nanmax(values) <= 100, name


def test_other_units_are_not_bounded() -> None:
    question = Question(("a", "b"), endpoint="test_loss", goal="min")
    runs = sweep({"a": ["x", "y"], "b": ["u", "v"]}, endpoint="test_loss")
    runs["test_loss"] *= 300
    drawing = figures.interaction_figure(summary_of(runs, question), runs, figures.design_of(runs, question))
    assert heights(drawing.figure).max() > 200
    assert "test loss" in {each.get_text() for each in words(drawing.figure)}


@pytest.mark.parametrize("repeats", [1, 3])
def test_few_repeats_have_no_interval(repeats: int) -> None:
    drawn = drawings("8", repeats)
    for stem in ("interaction", "curves", "panels", "ranking"):
        figure = drawn[stem].figure
        assert not [each for axes in figure.axes for each in axes.collections], stem
    lines = [line for axes in drawn["interaction"].figure.axes for line in axes.lines]
    assert sum(line.get_marker() == "o" and len(line.get_xdata()) == repeats for line in lines) == 8
    assert any("no interval" in each.get_text() for each in words(drawn["interaction"].figure))


def test_epochs_on_axis_are_whole(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    runs = sweep(DESIGNS["2"])
    design = figures.design_of(runs, Question(("loss",)))
    short = figures.curves_figure(curves_of(runs, 2), sorted(set(runs["config"])), design, "demo")
    for drawing in (short, drawn["8"]["curves"], drawn["8"]["panels"]):
        for axes in drawing.figure.axes:
            assert all(tick == int(tick) for tick in axes.get_xticks())


def test_curves_that_leave_are_marked() -> None:
    runs = sweep(DESIGNS["2"])
    curves, design = curves_of(runs), figures.design_of(runs, Question(("loss",)))
    figure = figures.curves_figure(curves, sorted(set(runs["config"])), design, "demo").figure
    low = figure.axes[0].get_ylim()[0]
    first = 100 * curves[curves["epoch"] == 1].groupby("config")["test_accuracy"].mean()
    marks = [line for line in figure.axes[1].lines if line.get_marker() == "v"]
    assert (first < low).all()
    assert len(marks) == 2
    assert {float(np.ravel(line.get_ydata())[0]) for line in marks} == {low}
    assert any("leaves the axis" in each.get_text() for each in words(figure))


def test_every_star_can_be_seen(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    for name in ("8", "60"):
        figure = drawn[name]["tuning"].figure
        stars = [each for each in words(figure) if each.get_text() == "★"]
        assert len(stars) == min(len(grid_of(sweep(DESIGNS[name]))[1]), 12)
        centres = [np.mean(Text.get_window_extent(each).get_points(), axis=0) for each in stars]
        assert min(float(np.linalg.norm(a - b)) for a, b in combinations(centres, 2)) > 8


def test_stars_at_one_value_stand_in_order() -> None:
    axes = Figure().subplots()
    axes.set_ylim(0, 100)
    best = pd.DataFrame({"rate": [0.1, 0.1, 0.3, 0.1], "mean": [50.0, 49.9, 49.9, 20.0]})
    assert _side_steps(axes, best, "rate") == [-0.5, 0.5, 0.0, 0.0]


def test_labels_spread_without_overlap() -> None:
    centres = _spread([1.0, 1.0, 1.05, 3.0, 9.0], [0.5] * 5, 4.0)
    assert all(b - a > 0.5 - 1e-9 for a, b in pairwise(centres))
    assert centres[3] == 3.0
    assert centres[4] == 3.75
    assert centres[:3] == pytest.approx([0.5167, 1.0167, 1.5167], abs=1e-3)


def test_long_words_lose_their_middle() -> None:
    text = fitted("x" * 50 + "-" + "y" * 50, 1.0, 9, 2)
    assert text.count("…") == 2
    assert max(width_of(line, 9) for line in text.split("\n")) <= 1.0
    assert fitted("short", 1.0, 9) == "short"


def test_crowded_plots_keep_the_best() -> None:
    levels = {"a": [f"a{i}" for i in range(8)], "b": [f"b{i}" for i in range(26)], "c": list("vwxyz")}
    question, runs = Question(tuple(levels)), sweep(levels, 1)
    summary, design = summary_of(runs, question), figures.design_of(runs, question)
    figure = figures.interaction_figure(summary, runs, design).figure
    said = " ".join(each.get_text().replace("\n", " ") for each in words(figure))
    assert "Shown: 6 of 26 levels of b; all are in configurations.csv." in said
    assert "Shown: 6 of 8 levels of a; all are in configurations.csv." in said
    best = design.cells[summary["config"][0]]
    assert f"a = {best['a']}" in said
    assert best["b"] in {each.get_text() for each in figure.axes[0].get_xticklabels()}


@pytest.mark.parametrize(
    ("values", "geometric"),
    [([0.001, 0.01, 0.1], True), ([0.01, 0.03, 0.1, 0.3], True), ([1, 2, 3, 4], False), ([10, 100], True),
     ([2, 3], False), ([0, 1, 10], False), ([16, 32, 64, 128], True), ([5.0], False)],
)  # fmt: skip
def test_geometric_numbers_get_a_log_axis(values: list[float], geometric: bool) -> None:
    assert is_geometric(values) == geometric


def test_numbers_have_an_axis_of_their_own(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    axes = drawn["numbers"]["interaction"].figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [each.get_text() for each in axes.get_xticklabels()] == ["10", "30", "100", "300"]


def test_alt_texts_have_the_numbers(drawn: dict[str, dict[str, figures.Drawing]]) -> None:
    runs = sweep(DESIGNS["2"])
    for value in summary_of(runs, Question(("loss",)))["mean"]:
        for stem in ("interaction", "ranking"):
            assert f"{value:.2f} %" in drawn["2"][stem].alt
    assert "Shown to differ from 0: 1" in drawn["2"]["effects"].alt
    for each in drawn.values():
        for stem, drawing in each.items():
            assert 30 < len(drawing.alt) < 2500, stem
            assert drawing.alt.endswith("."), stem


def test_figures_know_no_trainer() -> None:
    folder = Path(figures.__file__).parent
    for path in folder.glob("*.py"):
        if path.stem != "examples":  # confusion matrices and weights are pictures of classifiers
            for word in ("cross_entropy", "softmax", "learning_rate", '"loss"', '"hidden"'):
                assert word not in path.read_text(), (path.stem, word)


HOSTILE = """
font.size: 30
font.family: monospace
axes.facecolor: black
axes.prop_cycle: cycler('color', ['red'])
lines.linewidth: 9
lines.marker: x
figure.dpi: 33
figure.autolayout: True
svg.fonttype: none
savefig.transparent: True
axes.spines.left: False
legend.fontsize: 22
xtick.direction: in
"""
DRAW = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
from tests_figures import drawings
from octant.analysis.figures import rendered
for stem, drawing in drawings("8").items():
    for content in rendered(drawing.figure):
        print(stem, hashlib.sha256(content).hexdigest())
"""


def test_matplotlibrc_changes_no_byte(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    (tmp_path / "tests_figures.py").write_text(Path(__file__).read_text())
    answers = []
    for rc in (tmp_path / "matplotlibrc", None):
        environment = os.environ | ({"MATPLOTLIBRC": str(rc)} if rc else {})
        source = str(Path(figures.__file__).parents[3])
        done = subprocess.run([sys.executable, "-c", DRAW, str(tmp_path), source], env=environment, text=True,
                              capture_output=True, check=True)  # fmt: skip
        answers.append(done.stdout)
    assert answers[0] == answers[1]
    assert len(answers[0].splitlines()) == 16
