"""The findings in experiments/ and the README: every number that a sentence quotes is a table's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy.stats import sem, t, ttest_1samp

from octant.analysis.question import Question
from octant.analysis.report.collect import Material
from octant.analysis.report.findings import find
from octant.analysis.report.vocabulary import Vocabulary
from octant.analysis.report.words import headline
from octant.analysis.verdict import Verdict
from octant.network.settings import Settings
from octant.runs.fingerprint import fingerprint
from octant.runs.settings import parse_launch
from octant.tracking.declared import Declared

ROOT = Path(__file__).parents[2]
SHIPPED = ["factorial", "tuned", "mnist", "mnist-tuned", "lecture", "factorial-splits", "datasets"]
REPEATS = {"factorial-splits": ("seed", "dataset.split_seed"), "datasets": ("dataset", "seed")}
RESULTS = ROOT / "benchmarks" / "results"


def judged(name: str) -> tuple[Verdict, Vocabulary]:
    """The verdict on a published results.csv."""
    runs = pd.read_csv(ROOT / "experiments" / name / "results.csv")
    tuned = name.endswith("tuned")
    tune: tuple[str, ...] = ("learning_rate",) if tuned else ()
    question = Question(("loss", "hidden", "output"), tune, REPEATS.get(name, ("seed",)))
    declared = Declared(name, question, (), shared_rate=0.1 if tuned else None)
    found = find(Material(name, declared, runs, pd.DataFrame(columns=["fingerprint", "epoch", "test_accuracy"])))
    return found.verdict, found.words


def at_own_rates(name: str) -> pd.DataFrame:
    """Runs by configuration (rows) and seed, in percent; of several rates the one with the best validation."""
    runs = pd.read_csv(ROOT / "experiments" / name / "results.csv")
    mean = runs.groupby(["config", "learning_rate"])["validation_accuracy"].mean().round(12)
    if runs["learning_rate"].nunique() > 1:
        chosen = mean.groupby("config").idxmax().to_list()  # of equal ones the first: the smallest
        runs = runs[[pair in chosen for pair in zip(runs["config"], runs["learning_rate"], strict=True)]]
    return 100 * runs.pivot_table(index="config", columns="seed", values="test_accuracy")


def corners(table: pd.DataFrame, hidden: tuple[str, ...] = ("sigmoid", "tanh")) -> list[float]:
    """Cross-entropy less squared error for each hidden and output activation."""
    return [float((table.loc[f"cross_entropy-{h}-{o}"] - table.loc[f"mse-{h}-{o}"]).mean())
            for h in hidden for o in ("sigmoid", "softmax")]  # fmt: skip


def choice_error(name: str) -> float:
    """What choosing the rates again adds to the loss effect's standard error; test_choice has a plain loop."""
    effects = pd.read_csv(ROOT / "experiments" / name / "effects.csv").set_index(["effect", "learning_rates"])
    return float(effects.loc[("loss", "own"), "choice_error"])


def of_loss(wide: pd.DataFrame) -> np.ndarray:
    """Cross-entropy less squared error, on average over the others, of each seed."""
    each = [wide.loc[f"cross_entropy-{h}-{o}"] - wide.loc[f"mse-{h}-{o}"] for h in ("sigmoid", "tanh")
            for o in ("sigmoid", "softmax")]  # fmt: skip
    return np.mean(each, axis=0)


def average_interval(wide: pd.DataFrame, name: str) -> np.ndarray:
    """Its interval, with the error that the choice of rates adds."""
    seeds = of_loss(wide)
    return seeds.mean() + t.ppf([0.025, 0.975], len(seeds) - 1) * np.hypot(sem(seeds), choice_error(name))


def test_published_verdicts_are_runs() -> None:
    """Each verdict in full, its numbers from results.csv by hand."""
    factorial, mnist = at_own_rates("factorial"), at_own_rates("mnist")
    tuned, own, lecture = at_own_rates("tuned"), at_own_rates("mnist-tuned"), at_own_rates("lecture")
    every, with_tanh = corners(factorial), [-each for each in corners(mnist, hidden=("tanh",))]
    (least, most), (low, high) = (average_interval(*both) for both in ((tuned, "tuned"), (own, "mnist-tuned")))
    each = of_loss(at_own_rates("factorial-splits"))
    ends = ttest_1samp(each, 0).confidence_interval(0.95)
    data = 100 * pd.read_csv(ROOT / "experiments" / "datasets" / "results.csv").pivot_table(
        "test_accuracy", "config", "dataset").mean(axis=1)  # fmt: skip
    best = lecture.mean(axis=1).sort_values(ascending=False)
    unit, settled = "points of test accuracy", "not settled."
    places = 1 if round(best.iloc[1], 1) < round(best.iloc[0], 1) else 2
    span = f"between {best.iloc[1]:.{places}f} and {best.iloc[0]:.{places}f} %"
    wanted = {
        "factorial": "Cross-entropy beats squared error with every hidden and output activation, by "
        f"{min(every):.1f} to {max(every):.1f} {unit}.",
        "tuned": f"Cross-entropy beats squared error by about {of_loss(tuned).mean():.1f} {unit} ({least:.1f} to "
        f"{most:.1f}), on average over the other choices.",
        "mnist": "Which loss is better depends on hidden activation: with tanh, squared error leads by "
        f"{min(with_tanh):.1f} to {max(with_tanh):.1f} points; with sigmoid it is only partly settled.",
        "mnist-tuned": f"Cross-entropy beats squared error by about {of_loss(own).mean():.1f} {unit} ({low:.1f} to "
        f"{high:.1f}), on average over the other choices.",
        "factorial-splits": f"Cross-entropy beats squared error by about {each.mean():.1f} {unit} ({ends.low:.1f} to "
        f"{ends.high:.1f}), on average over the other choices.",
        "datasets": f"Which of the 8 configurations is best is not settled (test accuracy between {data.min():.1f} and "
        f"{data.max():.1f} %); more than 1,000 data sets would be needed.",
        "lecture": f"2 of the 4 configurations may be best (test accuracy {span}); both have hidden sigmoid. Which one "
        f"is {settled}",
    }
    for name, sentence in wanted.items():
        assert headline(*judged(name)) == sentence
    assert min(every) > 0 < min(with_tanh)
    assert all("-sigmoid-" in name for name in best.index[:2])


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("page", ["README.md", "report.md"])
def test_published_page_says_its_verdict(name: str, page: str) -> None:
    assert headline(*judged(name)) in (ROOT / "experiments" / name / page).read_text()


@pytest.mark.parametrize("name", [*SHIPPED[:5], "neuron"])
def test_published_runs_have_the_settings_told(name: str) -> None:
    """The half of each fingerprint that digests settings and data, again, from the settings in the table."""
    runs = pd.read_csv(ROOT / "experiments" / name / "results.csv")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = OmegaConf.to_container(compose("config", [f"experiment={name}"]), resolve=True)
    assert isinstance(composed, dict)
    chosen = [key for key in Settings.model_fields if key in runs and key != "dataset"]
    for row in runs.to_dict("records"):
        settings, _ = parse_launch({**composed, **{key: row[key] for key in chosen}})
        found = fingerprint(settings.model_dump(mode="json"), Settings.places, row["dataset_digest"], "")
        assert row["fingerprint"].startswith(found)


@pytest.mark.parametrize("name", SHIPPED)
def test_published_page_links_to_its_siblings(name: str) -> None:
    links = re.findall(r"\]\(\.\./([\w-]+)/README\.md\)", (ROOT / "experiments" / name / "README.md").read_text())
    assert set(links) <= set(SHIPPED) - {name}
    assert len(set(links)) == 2


@pytest.mark.parametrize("name", ["factorial", "mnist", "lecture"])
def test_means_are_those_of_the_runs(name: str) -> None:
    """From results.csv, by hand."""
    folder = ROOT / "experiments" / name
    runs = pd.read_csv(folder / "results.csv")
    told = pd.read_csv(folder / "configurations.csv").query("learning_rates == 'shared'").set_index("config")
    for config, group in runs.groupby("config"):
        values = 100 * group["test_accuracy"].to_numpy()
        assert told.loc[config, "n"] == len(values)
        assert told.loc[config, "mean"] == pytest.approx(values.mean(), abs=1e-9)
        assert told.loc[config, "sd"] == pytest.approx(values.std(ddof=1), abs=1e-9)


@pytest.mark.parametrize("name", [*SHIPPED, "neuron"])
def test_runs_came_from_clean_commit(name: str) -> None:
    page = (ROOT / "experiments" / name / "report.md").read_text()
    assert re.search(r"\| git_state \| clean \|", page)


def test_neurons_page_has_its_curves_numbers() -> None:
    """a, a (1 - a), the plateau and the largest gradient, from why.csv by hand."""
    page = " ".join((ROOT / "experiments" / "neuron" / "README.md").read_text().split())
    why = pd.read_csv(ROOT / "experiments" / "neuron" / "why.csv").set_index("epoch")
    slow, fast = (why[why["config"] == f"loss={loss}"] for loss in ("mse", "cross_entropy"))
    assert page.count("cross-entropy takes") == page.count("**Why.**") == 1
    a, best = 1 - slow["output_distance"][0], why["output_distance"].min()
    first = [int((each["output_distance"] > 1 - a - 0.1 * (1 - a - best)).sum()) for each in (slow, fast)]
    largest = int(slow["gradient_W2"].idxmax())
    for said in (
        f"starts at a = {a:.3f}, and 1 would be right: a distance of {1 - a:.3f}. Cross-entropy hands all of it back",
        f"by a (1 - a), which is {a * (1 - a):.3f} too: its first step is {100 * a * (1 - a):.0f} % as large",
        f"{first[0]} epochs for the first tenth of the way, where cross-entropy takes {first[1]}.",
        f"to {slow['gradient_W2'].max() / slow['gradient_W2'][0]:.1f} times its first size in epoch {largest}, where a",
    ):
        assert said in page
    assert fast["gradient_W2"][0] == pytest.approx(1 - a)
    assert slow["gradient_W2"][0] == pytest.approx((1 - a) * a * (1 - a))
    assert 1 - slow["output_distance"][largest] == pytest.approx(1 / 3, abs=0.01)
    assert slow["saturation_output"][0] == 0 < 0.05 / 4 < a * (1 - a)
    assert "![" in page.split("**Why.**")[1]


def test_readme_s_sweep_of_mnist() -> None:
    """8 x 465 epochs of the lecture's loop, 60,000 examples each, beside what `benchmarks/sweeps.py` measured."""
    readme = " ".join((ROOT / "README.md").read_text().split())
    ours = pd.read_csv(RESULTS / "sweeps.csv").query("runs == 8")["seconds"].item()
    loop = re.search(r"\| lecture's loop \| float64 \| 1 \| (\d+)", (RESULTS / "engines.md").read_text())
    assert loop is not None
    theirs = 8 * 465 * 60_000 * float(loop[1]) / 1e6
    assert f"took {ours:.0f} s" in readme
    assert f"{theirs / 3600:.0f} hours" in readme
    assert f"some {10 * round(theirs / ours / 10)} times" in readme


def test_answer_has_verdicts_numbers() -> None:
    """The README's answer, in English and in Korean: each number is a published verdict's."""
    readme = (ROOT / "README.md").read_text()
    english = " ".join(readme.split("**Answer.**")[1].split("Three two-way choices")[0].split())
    korean = readme.split("**답(한국어).**")[1].split("\n\n")[0].replace("~", " to ")
    first, tuned, mnist, own = (headline(*judged(name)) for name in SHIPPED[:4])
    ends = [re.search(r"by (\d\.\d) to (\d\.\d) points", said) for said in (first, mnist)]
    digits, one = (re.search(r"about (\d\.\d+) points", said) for said in (tuned, own))
    assert ends[0]
    assert ends[1]
    assert digits
    assert one
    wanted = [f"{ends[0][1]} to {ends[0][2]}", digits[1], f"{ends[1][1]} to {ends[1][2]}", one[1]]
    for text in (english, korean):
        assert re.findall(r"\d\.\d+(?: to \d\.\d)?", text) == wanted


def test_shared_rate_is_the_yaml_s() -> None:
    """Of the rates of `tuned`, the one whose worst configuration has the best mean validation accuracy."""
    runs = pd.read_csv(ROOT / "experiments" / "tuned" / "results.csv")
    worst = 100 * runs.groupby(["learning_rate", "config"])["validation_accuracy"].mean().groupby("learning_rate").min()
    said = (ROOT / "conf" / "experiment" / "factorial.yaml").read_text()
    assert worst.idxmax() == 0.1
    for rate in (0.03, 0.1, 0.3):
        assert f"{worst[rate]:.1f} % at {rate:g}" in said
