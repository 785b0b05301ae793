"""The report's files from sweeps made by hand: numbers, bytes, and what is said when something is lacking."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import octant
from octant.analysis.report import pages, reports
from octant.analysis.report.findings import find
from octant.errors import InputError
from support.comparison_frames import CONFIGS, A, diverge, frame, noise
from support.report_frames import RATES, curves_of, grid, material

STRONG = np.array([0, 0.001, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06])


def written(runs: pd.DataFrame, folder: Path, **asked: str) -> dict[str, bytes]:
    pages.write_files(find(material(runs, **asked)), folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(diverge(frame(noise() - STRONG), A, 2), tmp_path_factory.mktemp("report") / "demo")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(grid(), tmp_path_factory.mktemp("report") / "demo", shared_rate="0.1")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and not rendered, which takes most of the time."""
    monkeypatch.setattr(pages, "rendered", lambda figure: (b"<svg/>", b"png"))
    monkeypatch.setattr(pages, "as_pdf", lambda figure: b"pdf")


def test_every_file_is_there(plain: dict[str, bytes], tuned: dict[str, bytes]) -> None:
    both = {"report.html", "report.md", "README.md", "results.csv", "configurations.csv", "effects.csv", "pairs.csv",
            "best.csv", "verdict.csv", "hardest.csv", "report.tex", "interaction.pdf", "accuracy.pdf"}  # fmt: skip
    drawn = {f"{stem}.{suffix}" for stem in ("interaction", "accuracy", "curves", "ranking", "effects", "confusion")
             for suffix in ("svg", "png")}  # fmt: skip
    assert set(plain) == both | drawn
    assert set(tuned) == both | drawn | {"chosen.csv", "learning_rates.csv", "learning_rates.svg", "learning_rates.png"}
    assert len(plain["results.csv"].splitlines()) == 81
    assert len(plain["effects.csv"].splitlines()) == 8
    assert len(plain["pairs.csv"].splitlines()) == 29
    assert len(tuned["pairs.csv"].splitlines()) == 57


def numbers_in(files: dict[str, bytes]) -> Iterator[float]:
    for name in files:
        if name.endswith(".csv"):
            for cell in (cell for row in csv.reader(files[name].decode().splitlines()) for cell in row):
                yield from (float(number) for number in re.findall(r"\d+\.?\d*(?:e-?\d+)?", cell))


@pytest.mark.parametrize("which", ["plain", "tuned"])
def test_every_number_is_in_tables(which: str, request: pytest.FixtureRequest) -> None:
    """Of the sections; the first screen's are test_verdicts'."""
    files: dict[str, bytes] = request.getfixturevalue(which)
    text = files["report.md"].decode().split("Contents: ")[1].split("## How to repeat it")[0]
    text = re.sub(r"!?\[[^]]*\]\([^)]*\)", "", text)
    known = sorted(set(numbers_in(files)))
    rows = files["results.csv"].count(b"\n") - 1
    counts = {
        *range(9),
        10,
        rows,
        50,
        80,
        90,
        95,
        0.04,
        5.5,
    }  # of configurations, runs and seeds; and the method's constants
    for token in re.findall(r"(?<![\w.])\d+\.?\d*(?:e-\d+)?", text):
        decimals = len(token.partition(".")[2].partition("e")[0])
        forms = (f".{decimals}f", ".2g", "g")
        assert float(token) in counts or any(token in (f"{value:{form}}" for form in forms) for value in known), token


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.alts += [value or "" for name, value in attrs if name == "alt"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "action")]
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.anchors += [value or "" for name, value in attrs if name == "id"]


def test_page_is_one_file_without_scripts(tuned: dict[str, bytes]) -> None:
    page = Page()
    page.feed(tuned["report.html"].decode())
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.tags.count("img") == 7
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert {link[1:] for link in page.links if link.startswith("#")} == set(page.anchors)
    files = {link for link in page.links if not link.startswith("#")}
    assert files == {name for name in tuned if name.endswith(".csv")}
    assert b"@import" not in tuned["report.html"]
    assert b"url(" not in tuned["report.html"]


def test_unchanged_sweep_writes_same_bytes(tuned: dict[str, bytes], tmp_path: Path) -> None:
    """Into the folder of the first report, too, whose README is kept around the new one."""
    once, again = (written(grid(), tmp_path, shared_rate="0.1") for _ in range(2))
    assert once == again == tuned


def test_few_seeds_have_no_interval_anywhere(tmp_path: Path, undrawn: None) -> None:
    text = written(frame(noise(3)), tmp_path)["report.md"].decode()
    ranking = text.split("## The ranking")[1].split("## ")[0]
    assert "Fewer than 5 seeds: no intervals." in ranking
    assert not re.search(r"\d to \d", ranking)


def test_intervals_of_shares_end_at_100(tmp_path: Path, undrawn: None) -> None:
    accuracy = np.where(np.arange(40).reshape(5, 8) == 3, 0.72, 0.99)
    text = written(frame(accuracy), tmp_path)["report.md"].decode()
    ranking = text.split("## The ranking")[1].split("## ")[0]
    assert " to 100.00 |" in ranking
    assert all(float(each) <= 100 for each in re.findall(r" to (\d+\.\d+) \|", ranking))


def test_collapsed_runs_are_named(tmp_path: Path, undrawn: None) -> None:
    runs = frame(noise(5))
    runs.loc[(runs["config"] == A) & (runs["seed"] == 3), "test_accuracy"] = 0.1
    files = written(runs, tmp_path)
    assert f"no better than always saying the most frequent class: {A}, seed 3." in files["report.md"].decode()
    assert "1 of 40 runs collapsed" in files["README.md"].decode()


def test_figures_are_described_by_their_numbers(tuned: dict[str, bytes]) -> None:
    page = Page()
    page.feed(tuned["report.html"].decode())
    table = pd.read_csv(io.BytesIO(tuned["configurations.csv"])).query("learning_rates == 'own'")
    means = [f"{mean:.2f} %" for mean in table["mean"]]
    kinds = ("Interaction plot", "Forest plot", "Mean test accuracy of 8", "Learning curves", "A panel for each",
             "Mean test accuracy against learning rate", "Confusion matrices")  # fmt: skip
    assert all(sum(alt.startswith(kind) for alt in page.alts) == 1 for kind in kinds)
    for alt in page.alts:
        if alt.startswith(("Interaction", "Mean")):
            assert all(mean in alt for mean in means), alt
    assert page.alts[0].startswith("Interaction plot")
    assert f"![{page.alts[0]}](interaction.svg)" in tuned["README.md"].decode()


def test_no_ids_or_dates_in_csv_and_svg(plain: dict[str, bytes]) -> None:
    for name, content in plain.items():
        if name.endswith((".csv", ".svg")):
            text = content.decode()
            assert not re.search(r"20\d\d-\d\d-\d\d|run_id|seconds|command", text), name


def test_readme_keeps_what_others_wrote(tmp_path: Path, undrawn: None) -> None:
    runs = frame(noise(2))
    first = written(runs, tmp_path)["README.md"].decode()
    assert first.startswith("<!-- written by octant report")
    (tmp_path / "README.md").write_text("Before.\n" + first.replace("Answer.", "Old answer.") + "After.\n")
    again = written(runs, tmp_path)["README.md"].decode()
    assert again == "Before.\n" + first + "After.\n"


def test_diverged_runs_are_named(plain: dict[str, bytes]) -> None:
    text = plain["report.md"].decode()
    assert "1 of 80 runs." in text
    assert f"| {A} | seed 2 | 0.1 | 7 | - |" in text
    assert f"Left out: {A} diverged with seed 2 at epoch 7" in text


def test_edge_of_grid_is_warned_of(tmp_path: Path, undrawn: None) -> None:
    files = written(grid(best=7), tmp_path, shared_rate="0.1")
    assert files["README.md"].decode().count("Warning: ") == 1
    assert "all 8 configurations are best at 3, the largest rate of their grid" in files["report.html"].decode()


ODD = {
    "one seed": (frame(noise(1)), "One seed can show nothing: differences between the 8 configurations"),
    "one run": (frame(noise(1, 1), CONFIGS[:1]), "There is nothing to compare it with"),
    "one configuration": (frame(noise(5, 1), CONFIGS[:1]), "One configuration: no pairs."),
    "seven configurations": (frame(noise(5, 7), CONFIGS[:7]), "Effects: 1 of 8 combinations"),
    "a missing cell": (frame(noise(5)).drop(index=3), "no run with seed 0"),
    "unequal seeds": (frame(noise(5)).query("seed < 3 or config == @A"), "left out: "),
    "all diverged": (frame(noise(2)).assign(outcome="diverged", diverged_epoch=1.0, test_accuracy=np.nan),
                     "No run finished: all 16 diverged"),
    "one configuration diverged": (
        frame(noise(5)).assign(outcome=lambda runs: np.where(runs["config"] == A, "diverged", "finished")),
        "Effects: 1 of 8 combinations of loss, hidden, output have no finished run"),
    "other settings vary": (
        pd.concat([frame(noise(3, 2), CONFIGS[:2]).assign(hidden_units=units, fingerprint=lambda runs, u=units: runs[
            "fingerprint"] + f"/{u}") for units in (10, 50)]), f"{A} hidden_units=50"),
    "rates without validation": (
        grid(2).query("learning_rate < 0.01").assign(validation_accuracy=np.nan), f"{A} learning_rate=0.003"),
    "a part of the grid": (grid(2).query("learning_rate < 0.1 or config != @A"), "each configuration's own learning"),
}  # fmt: skip


def test_mlflows_chart_has_settings_as_typed() -> None:
    found = find(material(ODD["other settings vary"][0]))
    assert reports._means(found).columns == ["output", "hidden_units"]
    assert {mean.settings["hidden_units"] for mean in reports._means(found).curves} == {"10", "50"}


@pytest.mark.parametrize("case", ODD)
def test_odd_sweeps_give_a_plain_report(case: str, tmp_path: Path, undrawn: None) -> None:
    runs, expected = ODD[case]
    files = written(runs, tmp_path)
    assert expected in files["report.md"].decode()
    assert b"nan" not in files["report.html"].split(b"</style>")[1].lower().replace(b"nance", b"")
    assert b"nan" not in files["report.md"].lower()


def test_incomparable_runs_end_in_one_line() -> None:
    runs = frame(noise(2))
    with pytest.raises(InputError, match=r"^runs: test sets of \[359, 360\]"):
        find(material(runs.assign(n_test=[359, *[360] * 15])))
    with pytest.raises(InputError, match="more than one run"):
        find(material(pd.concat([runs, runs])))


def split(runs: pd.DataFrame, **settings: object) -> pd.DataFrame:
    """The same runs with other settings, each a run of its own."""
    mark = "/".join(str(value) for value in settings.values())
    return runs.assign(fingerprint=runs["fingerprint"] + f"/{mark}", **settings)


def test_two_data_sets_are_a_factor() -> None:
    runs = pd.concat([split(frame(noise(3, key=key)), dataset=name, n_test=size)
                      for key, (name, size) in enumerate({"arrays": 90, "digits": 360}.items())])  # fmt: skip
    asked = dataclasses.replace(material(runs), runs=runs.assign(dataset_digest=runs["dataset"] + "1", epochs=6))
    found = find(asked)
    assert set(found.main.summary["config"]) == {f"{c} dataset={d}" for c in CONFIGS for d in ("arrays", "digits")}
    assert "dataset" in set(found.main.effects["effect"])
    assert set(found.main.summary.groupby("dataset")["n_test"].first()) == {90, 360}


def test_yaml_declares_what_repeats() -> None:
    runs = pd.concat([split(frame(noise(3, key=part)), split_seed=part) for part in range(3)])
    found = find(material(runs, compare="[loss, hidden, output]", repeat="seed, split_seed"))
    assert found.main.question.repeat == ("seed", "split_seed")
    assert set(found.main.summary["n"]) == {3}  # seeds that share a split are no independent repeats
    with pytest.raises(InputError, match=r"split_seed varies \(0, 1, 2\)"):
        find(material(runs, compare="loss, hidden, output"))


def test_both_names_of_the_split_mean_one() -> None:
    short = pd.concat([split(frame(noise(3, key=part)), split_seed=part) for part in range(3)])
    long = short.rename(columns={"split_seed": "dataset.split_seed"})
    for runs, name in ((short, "split_seed"), (long, "dataset.split_seed")):
        found = find(material(runs, compare="loss, hidden, output", repeat=f"seed, {name}"))
        for said in ("split_seed", "dataset.split_seed"):
            again = octant.compare(runs, ["loss", "hidden", "output"], repeat=["seed", said], endpoint="test_accuracy")
            pd.testing.assert_frame_equal(again.summary[["config", "mean"]], found.main.summary[["config", "mean"]])


def test_what_is_tuned_is_drawn() -> None:
    parts = [split(grid(), hidden_units=units) for units in (10, 50)]
    runs = pd.concat([part.assign(validation_accuracy=lambda each, k=k: each["validation_accuracy"] * (1 - k / 1000))
                      for k, part in enumerate(parts)])  # fmt: skip
    found = find(material(runs, tune="learning_rate, hidden_units"))
    assert set(found.main.chosen["hidden_units"]) == {10}
    drawn = {stem for stem, _ in pages.draw(found)}
    assert {"interaction", "learning_rates", "tuned_hidden_units"} <= drawn
    assert not found.main.tuning("learning_rate").duplicated(["config", "learning_rate"]).any()
    (section,) = [each for each in pages.sections(found, drawn) if each.title == "Tuned settings"]
    assert section.table[0][:4] == ["configuration", "learning rate", "hidden units", "validation accuracy %"]
    assert [stem for stem, _ in section.figures] == ["learning_rates", "tuned_hidden_units"]
    assert "each configuration's own learning rate and hidden units" in pages.lead_figure(found)[1]


def test_captions_promise_only_drawn_bands() -> None:
    for seeds, promised in ((4, False), (5, True)):
        found = find(material(frame(noise(seeds))))
        said = [
            pages.lead_figure(found)[1],
            *(text for each in pages.sections(found, set()) for _, text in each.figures),
        ]
        promises = [text for text in said if "95 % interval" in text or "band of one SD" in text]
        assert len(promises) == 5 * promised, promises


def test_complete_companion_gives_other_half(tmp_path: Path, undrawn: None) -> None:
    ours = material(frame(noise(5)), companion="tuned")
    theirs = grid().assign(epochs=6)
    both = dataclasses.replace(ours, companion=theirs)
    pages.write_files(find(both), tmp_path)
    said = (tmp_path / "README.md").read_text()
    assert "- Each at its own learning rate (experiment tuned: 5 seeds, 6 epochs; here 6 epochs): " in said
    assert "own" in (tmp_path / "pairs.csv").read_text()
    assert find(dataclasses.replace(ours, companion=theirs.iloc[1:])).other is None


def test_confusion_and_hardest_from_errors() -> None:
    found = find(material(frame(noise(2))))
    matrix = found.confusion()[A]
    assert matrix[8, 1] == pytest.approx(100 * 2 / 36)
    assert matrix.sum() == pytest.approx(100 * 4 / 36)
    hardest = found.mistakes.hardest
    assert list(hardest["example"]) == [3, 7, 40, 41]
    assert set(hardest["wrong_percent"]) == {100.0}
    assert RATES[4] == found.shared_rate
    assert len(curves_of(found.runs)) == 16 * 7


def test_classes_keep_their_names() -> None:
    plain = find(material(frame(noise(2))))
    names = [f"tree {label}$" for label in range(10)]
    errors = {key: value | {"class_names": names} for key, value in plain.material.errors.items()}
    found = find(dataclasses.replace(plain.material, errors=errors))
    assert list(found.mistakes.hardest["class"]) == [names[int(label)] for label in plain.mistakes.hardest["class"]]
    drawn = {stem: drawing for stem, drawing in pages.draw(found) if stem == "confusion"}
    labels = [[each.get_text() for each in axes.get_xticklabels()] for axes in drawn["confusion"].figure.axes]
    assert names in labels
    assert "of class tree " in drawn["confusion"].alt
