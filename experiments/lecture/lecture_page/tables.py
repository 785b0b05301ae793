"""The tables of experiments/lecture/, from the store: the lecture's sweep, the ladder's, and that of learning rates."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from octant import home
from octant.analysis.comparison import Comparison, answer
from octant.analysis.comparison.tuning import choose, runs_at, summarise_rates
from octant.analysis.decide import verdict_of
from octant.analysis.question import Question
from octant.analysis.report.vocabulary import vocabulary
from octant.analysis.report.words import headline
from octant.errors import InputError
from octant.runs.settings import Tracking
from octant.tracking.declared import declared_of
from octant.tracking.runs import read_curves, read_runs
from octant.tracking.store import connect, locate
from octant.trainer import trainer

# The departures that a rung still has, as conf/rung/ spells them (a test holds the two together).
SETTINGS = ["targets", "order", "output_step", "hidden_error", "init"]
RUNGS = {
    "lecture": ("lecture", "file", "divided", "raw", "lecture"),
    "output_step": ("lecture", "file", "gradient", "raw", "lecture"),
    "targets": ("one_hot", "file", "gradient", "raw", "lecture"),
    "hidden_error": ("one_hot", "file", "gradient", "gradient", "lecture"),
    "order": ("one_hot", "shuffled", "gradient", "gradient", "lecture"),
    "init": ("one_hot", "shuffled", "gradient", "gradient", "scaled"),
}
OWN_RATE = "learning_rate"  # the last rung, each pair at its own
QUESTION = Question(("loss", "hidden", "output"))
TUNED = replace(QUESTION, tune=(OWN_RATE,))
_KEYS = ["rung", "config", "loss", "hidden", "output"]
ACCURACIES = ["train_accuracy", "test_accuracy"]


def tables() -> dict[str, pd.DataFrame]:
    """Curves, curve, ladder, rates, differences, answers. Raises InputError where runs are lacking."""
    own, chosen, rates = _own_rate(_read("lecture-rates"))
    rates = rates.merge(chosen[["config", "learning_rate"]].assign(chosen=True), how="left")
    lecture, ladder = _on_rungs(_read("lecture")), _on_rungs(_read("lecture-ladder"))
    every = pd.concat([lecture, ladder, own], ignore_index=True)
    last = ladder["epoch"].max()
    final = lecture[lecture["epoch"] == lecture["epoch"].max()]
    settings = {"lecture": final, "init": _at(ladder, "init", last), OWN_RATE: _at(own, OWN_RATE, last)}
    compared = {name: answer(runs, QUESTION, settings=SETTINGS) for name, runs in settings.items()}
    differences = [each.pairs.assign(settings=name) for name, each in compared.items()]
    answers = [(name, int(settings[name]["epoch"].max()), _headline(each)) for name, each in compared.items()]
    return {
        "curves": every[[*_KEYS, "learning_rate", "seed", "epoch", *ACCURACIES]],
        "curve": _summary(final),
        "ladder": _summary(every[every["epoch"] == last]),
        "rates": rates.assign(chosen=rates["chosen"].notna()),
        "differences": pd.concat(differences, ignore_index=True),
        "answers": pd.DataFrame(answers, columns=["settings", "epochs", "answer"]),
    }


def _headline(comparison: Comparison) -> str:
    verdict = verdict_of(comparison)
    return headline(verdict, vocabulary(verdict, trainer().labels))


def agreement(curves: pd.DataFrame, transcription: pd.DataFrame) -> pd.DataFrame:
    """After the transcription's last epoch: mean, lowest and highest accuracy over seeds, both programs, in percent."""
    epoch = transcription["epoch"].max()
    ours = curves[(curves["rung"] == "lecture") & (curves["epoch"] == epoch)]
    names = ours[["loss", "hidden", "config"]].drop_duplicates()
    theirs = transcription[transcription["epoch"] == epoch].merge(names, on=["loss", "hidden"])
    rows = [
        {"config": config, "accuracy": what.removesuffix("_accuracy")}
        | {
            f"{who}_{how}": 100 * runs.loc[runs["config"] == config, what].agg(how)
            for who, runs in (("transcription", theirs), ("octant", ours))
            for how in ("mean", "min", "max")
        }
        for config in names["config"]
        for what in ACCURACIES
    ]
    return pd.DataFrame(rows)


def _read(experiment: str) -> pd.DataFrame:
    """One row per run and epoch of the experiment's own sweep on MNIST."""
    connection = connect(locate(Tracking(), home.state()), experiment, create=False)
    runs = read_runs(connection, declared_of(connection).sweep)
    if runs.empty or set(runs["dataset"]) != {"mnist"}:
        raise InputError(f"no MNIST runs in the sweep of {experiment}; run: octant experiment={experiment}")
    finals = runs.drop(columns=["train_loss", "test_loss"]).rename(columns={"test_accuracy": "final"})
    curves = read_curves(connection, runs)[["fingerprint", "epoch", *ACCURACIES]]
    return finals.drop(columns="train_accuracy").merge(curves, on="fingerprint")


def _on_rungs(runs: pd.DataFrame) -> pd.DataFrame:
    names = {settings: name for name, settings in RUNGS.items()}
    spelled = runs[SETTINGS].apply(tuple, axis=1)
    return runs.assign(rung=spelled.map(names))


def _own_rate(epochs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Epochs at each pair's chosen learning rate, the choice, and the summary of all rates."""
    runs = epochs.drop_duplicates("fingerprint").assign(test_accuracy=lambda each: each["final"])
    chosen = choose(runs, TUNED)
    return runs_at(epochs, chosen, TUNED).assign(rung=OWN_RATE), chosen, summarise_rates(runs, TUNED)


def _at(epochs: pd.DataFrame, rung: str, epoch: int) -> pd.DataFrame:
    return epochs[(epochs["rung"] == rung) & (epochs["epoch"] == epoch)]


def _summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and SD over seeds of both accuracies, lowest and highest test accuracy, all in percent; and seed 1's."""
    groups = runs.groupby([*_KEYS, "learning_rate", "epoch"], sort=False)
    train, test = (100 * groups[name].mean() for name in ACCURACIES)
    first = 100 * runs[runs["seed"] == 1].groupby([*_KEYS, "learning_rate", "epoch"])[ACCURACIES].mean()
    spread = groups["test_accuracy"].agg(["std", "min", "max"]) * 100
    table = pd.DataFrame({"seeds": groups.size(), "train_mean": train, "test_mean": test, "test_sd": spread["std"],
                          "test_min": spread["min"], "test_max": spread["max"]})  # fmt: skip
    return table.join(first.add_prefix("seed1_")).reset_index()
