"""`octant compare`: stores and files that octant never made, and what it refuses."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import octant
from octant.analysis.comparison.skewness import claim_level
from octant.cli.main import run
from octant.errors import InputError
from support.command import environment, run_octant

# A loop of somebody's, with plain mlflow; PyTorch's would look the same to the store.
LOOP = """
import os, sys
import mlflow, numpy as np

def train(width, rate, seed, epochs=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4))
    y = X[:, 0] > 0
    W, v = rng.normal(size=(4, width)), np.zeros(width)
    for epoch in range(epochs):
        H = np.tanh(X @ W)
        p = 1 / (1 + np.exp(-(H @ v)))
        v -= rate * H.T @ (p - y) / len(y)
        held = p[40:], y[40:]
        loss = -np.mean(np.log(np.where(held[1], held[0], 1 - held[0])))
        mlflow.log_metrics({"loss": loss, "val_acc": np.mean((held[0] > 0.5) == held[1]), "odd/1": 3.0}, step=epoch)

for uri in sys.argv[1:]:
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("empty")
    mlflow.set_experiment("mlp")
    for width in (2, 16):
        for rate in (0.01, 1.0):
            for seed in range(3):
                with mlflow.start_run():
                    mlflow.log_params({"loss": "nll", "model.width": width, "rate": rate, "seed": seed})
                    train(width, rate, seed)
    for seed in (0, 1):
        with mlflow.start_run():
            mlflow.log_params({"loss": "nll", "model.width": 2, "rate": 0.01, "seed": 7 + seed})
            if seed:
                mlflow.log_metric("val_acc", float("nan"), step=0)
    with mlflow.start_run(tags={"octant.kind": "mean"}):
        mlflow.log_params({"model.width": 16, "rate": 1.0, "seed": 0})
        mlflow.log_metric("val_acc", 1.0, step=9)
    mlflow.start_run()
    mlflow.log_params({"model.width": 2})
    mlflow.end_run("FAILED")
    mlflow.start_run()
    mlflow.log_metric("val_acc", 0.5)
    if uri != sys.argv[-1]:
        mlflow.end_run("KILLED")
os._exit(0)
"""
Say = Callable[..., str]
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow in this process, of its own doings


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SQLite store, my.db, and a file store, mlruns/."""
    folder = tmp_path_factory.mktemp("stores")
    told = environment(folder, MLFLOW_ALLOW_FILE_STORE="true", GIT_PYTHON_REFRESH="quiet")
    command = [sys.executable, "-W", "ignore", "-c", LOOP, "./mlruns", "sqlite:///my.db"]
    subprocess.run(command, cwd=folder, env=told, check=True, capture_output=True)
    return folder


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `octant compare ...` into the folder out, and returns what it prints."""

    def compare(*words: object) -> str:
        assert run(["compare", *map(str, words), "--out", str(tmp_path / "out")]) == 0
        return capsys.readouterr().out

    return compare


def saved(frame: pd.DataFrame, folder: Path, name: str = "runs.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def crossed(**levels: object) -> pd.DataFrame:
    """Every combination of the levels, with some noise in `noise`."""
    frame = pd.DataFrame(list(product(*levels.values())), columns=list(levels))  # type: ignore[call-overload]
    return frame.assign(noise=np.random.default_rng(0).normal(size=len(frame)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_loop_logged_with_mlflow(stores: Path, say: Say, tmp_path: Path) -> None:
    before = contents(stores)
    told = say("--uri", stores / "my.db", "--experiment", "mlp").splitlines()
    assert contents(stores) == before
    assert told[:6] == [
        "compared: model.width, rate; repeated: seed (4); endpoint: val_acc, last step",
        "both a param and a metric: loss; the metric is called metrics.loss",
        "1 run without val_acc left out",
        "1 of 13 runs ended without a finite val_acc: counted as diverged",
        "runs that have not finished left out: 1 failed, 1 running",
        "More of val_acc is taken to be better",
    ]
    with sqlite3.connect(stores / "my.db") as tables:
        rows = tables.execute(
            "select w.value, r.value, avg(m.value) from latest_metrics m "
            "join params w on w.run_uuid = m.run_uuid and w.key = 'model.width' "
            "join params r on r.run_uuid = m.run_uuid and r.key = 'rate' "
            "where m.key = 'val_acc' and m.step = 4 group by 1, 2"
        ).fetchall()
    summary = pd.read_csv(tmp_path / "out" / "configurations.csv")
    found = {(row["model.width"], row["rate"]): row["mean"] for _, row in summary.iterrows()}
    assert found == pytest.approx({(float(width), float(rate)): 100 * mean for width, rate, mean in rows}, abs=1e-9)
    assert summary["diverged"].sum() == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "from step 0 to 4" in page
    assert told[-1] == f"written to   {tmp_path / 'out' / 'report.html'}"


def test_file_store_is_copied_by_mlflow(stores: Path, say: Say, tmp_path: Path) -> None:
    before = contents(stores)
    asked = ("--experiment", "mlp", "--endpoint", "loss", "--compare", "width,rate")
    told = say("--uri", stores / "mlruns", *asked)
    assert contents(stores) == before
    assert f"{stores / 'mlruns'} is a file store: read through a temporary copy that mlflow migrate-filestore" in told
    assert "Less of metrics.loss is taken to be better" in told
    files = contents(tmp_path / "out")
    say("--uri", f"sqlite:///{stores / 'my.db'}", *asked)
    tables = [name for name in files if name.endswith(("configurations.csv", "effects.csv", "pairs.csv"))]
    assert len(tables) == 3
    assert {name: contents(tmp_path / "out")[name] for name in tables} == {name: files[name] for name in tables}


def test_folds_of_scikit_learn(say: Say, tmp_path: Path) -> None:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    grid = {"max_depth": [1, 2, None], "criterion": ["gini", "entropy"]}
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=5).fit(*load_iris(return_X_y=True))
    told = say(saved(pd.DataFrame(search.cv_results_), tmp_path))
    assert told.startswith("compared: criterion, max_depth; repeated: fold (5); endpoint: test_score\n")
    summary = pd.read_csv(tmp_path / "out" / "configurations.csv", keep_default_na=False)
    assert sorted(summary["mean"]) == pytest.approx(sorted(search.cv_results_["mean_test_score"]), abs=1e-12)
    assert len(pd.read_csv(tmp_path / "out" / "effects.csv")) == 3 + 4


def test_seconds_have_no_percent(say: Say, tmp_path: Path) -> None:
    frame = crossed(cache=["lru", "none"], threads=[1, 2, 4], run=range(6))
    frame["seconds"] = 100 / frame["threads"] + 5 * (frame["cache"] == "none") + frame.pop("noise") / 10
    told = say(saved(frame, tmp_path), "--goal", "min")
    assert told.startswith("compared: cache, threads; repeated: run (6); endpoint: seconds\n")
    means = frame.groupby(["cache", "threads"])["seconds"].mean()
    page = re.sub(r"<[^>]*>", " ", (tmp_path / "out" / "report.html").read_text())
    page = page.partition("</style>")[2] or page
    level = claim_level(frame.pivot_table(index="run", columns=["cache", "threads"], values="seconds").to_numpy())
    assert set(re.findall(r"(\S+) %", page)) == {"95", "4", f"{100 * level:.2g}"}  # intervals and levels alone
    assert "points" not in page
    told_of = (
        r"cache lru \+ threads 4 is the best of the 6 configurations: ahead of cache none \+ threads 4 by about "
        r"(\S+) in seconds \(\S+ to \S+; lower is better\)\."
    )
    found = re.search(told_of, page)
    assert found is not None, told
    assert float(found[1]) == pytest.approx(means["none", 4] - means["lru", 4], abs=0.01)


def test_tuned_on_validation_metric(say: Say, tmp_path: Path) -> None:
    frame = crossed(optimizer=["adam", "sgd"], lr=[0.01, 0.1, 1.0], seed=range(5), epoch=range(4))
    best = frame["optimizer"].map({"adam": 0.01, "sgd": 0.1})
    frame["val_acc"] = 0.9 - 0.1 * np.abs(np.log10(frame["lr"] / best)) + frame["epoch"] / 50
    frame["val_acc_holdout"] = frame["val_acc"] + frame.pop("noise") / 100
    told = say(saved(frame, tmp_path), "--tune", "lr", "--validation", "val_acc_holdout", "--endpoint", "val_acc",
               "--margin", "0.5")  # fmt: skip
    assert told.startswith("compared: optimizer; tuned: lr on val_acc_holdout; repeated: seed (5); endpoint: val_acc, ")
    chosen = pd.read_csv(tmp_path / "out" / "chosen.csv")
    assert dict(zip(chosen["config"], chosen["lr"], strict=True)) == {"optimizer=adam": 0.01, "optimizer=sgd": 0.1}
    assert {"tuned_lr.svg", "accuracy.svg", "curves.png"} <= {path.name for path in (tmp_path / "out").iterdir()}
    page = (tmp_path / "out" / "report.md").read_text()
    assert "--tune lr --endpoint val_acc --validation val_acc_holdout --margin 0.5" in page
    assert "Val acc against lr; stars mark the values chosen on val acc holdout.*" in page
    assert "validation set" not in page
    assert "chosen on val acc holdout" in (tmp_path / "out" / "tuned_lr.svg").read_text()


def test_one_seed_and_commas(say: Say, tmp_path: Path) -> None:
    frame = crossed(**{"a, b": ["rms, centred", "adam", "sgd"], "step": ["cosine, warm", "flat"]})
    told = say(saved(frame.rename(columns={"noise": "loss"}), tmp_path), "--compare", '"a, b",step')
    assert told.startswith("compared: a, b, step; repeated: nothing; endpoint: loss\n")
    assert "One repeat can show nothing" in told
    assert len(pd.read_csv(tmp_path / "out" / "configurations.csv")) == 6


def test_sixty_configurations_stay_readable(say: Say, tmp_path: Path) -> None:
    frame = crossed(model=[f"net{i}" for i in range(20)], lr=[0.1, 0.01, 0.001], seed=range(2))
    told = say(saved(frame.rename(columns={"noise": "score"}), tmp_path))
    assert "... 40 more, in configurations.csv" in told
    page = (tmp_path / "out" / "report.md").read_text()
    assert "and 10 more, in the csv" in page
    assert len(page.splitlines()) < 400
    assert len(pd.read_csv(tmp_path / "out" / "configurations.csv")) == 60
    assert len(pd.read_csv(tmp_path / "out" / "pairs.csv")) == 60 * 59 / 2


def test_ten_thousand_rows_in_minute(say: Say, tmp_path: Path) -> None:
    frame = crossed(a=range(10), b=range(10), c=range(10), seed=range(10)).rename(columns={"noise": "score"})
    began = time.process_time()
    say(saved(frame, tmp_path))
    assert time.process_time() - began < 60
    summary = pd.read_csv(tmp_path / "out" / "configurations.csv")
    means = frame.groupby(["a", "b", "c"])["score"].mean()
    assert sorted(summary["mean"]) == pytest.approx(sorted(means), abs=1e-12)


def test_default_folder_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = crossed(model=["a", "b"], seed=range(5)).rename(columns={"noise": "acc"})
    path = saved(frame, tmp_path, "my runs.csv")
    monkeypatch.chdir(tmp_path)
    assert run(["compare", str(path)]) == 0
    assert (tmp_path / "my-runs-comparison" / "report.html").is_file()


BAD = {
    "nothing named": ([], "compare: name a csv file, or an experiment: octant compare --uri URI --experiment NAME"),
    "both": (["good.csv", "--experiment", "mlp"], "a file, or --uri and --experiment, not both"),
    "no such file": (["none.csv"], "none.csv: cannot be read as csv: No such file or directory"),
    "a folder": (["mlruns"], "mlruns: cannot be read as csv: Is a directory"),
    "empty": (["empty.csv"], "empty.csv: no runs; the first line names the columns"),
    "binary": (["my.db"], "my.db: cannot be read as csv"),
    "no numbers": (["words.csv"], "no column looks like a result; name it with endpoint; columns: a, b"),
    "misspelt column": (["good.csv", "--compare", "optimiser"], "no column optimiser; did you mean 'optimizer'? "),
    "unknown endpoint": (["good.csv", "--endpoint", "zzz"], "no column zzz; columns: optimizer, seed, val_acc"),
    "a goal of its own": (["good.csv", "--goal", "best"], "argument --goal: invalid choice: 'best'"),
    "no margin": (["good.csv", "--margin", "0"], "--margin: 0 is no difference; it is above 0"),
    "no validation": (["good.csv", "--tune", "optimizer"], "name the metric to choose on with validation"),
    "out is a file": (["good.csv", "--out", "words.csv"], "--out: words.csv is a file; name a folder"),
    "no store": (["--uri", "none.db"], "there is no store at none.db"),
    "an empty store": (["--uri", "empty.csv"], "empty.csv is empty"),
    "no database": (["--uri", "good.csv"], "is no store"),
    "no file store": (["--uri", "plain"], "plain is no store of MLflow's"),
    "which experiment": (["--uri", "my.db"], "with --experiment; there: empty, mlp"),
    "misspelt experiment": (["--uri", "my.db", "--experiment", "mpl"], "no experiment mpl; did you mean 'mlp'? "),
    "no runs": (["--uri", "my.db", "--experiment", "empty"], "experiment empty has no runs"),
    "no metric": (["--uri", "my.db", "--experiment", "mlp", "--endpoint", "acc"], "did you mean 'val_acc'?"),
    "no scheme": (["--uri", "ftp://x/y"], "does not start with a known scheme"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_ones_are_one_line(case: str, stores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stores)
    saved(crossed(optimizer=["a", "b"], seed=range(3)).rename(columns={"noise": "val_acc"}), stores, "good.csv")
    saved(pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"]}), stores, "words.csv")
    (stores / "empty.csv").touch()
    (stores / "plain").mkdir(exist_ok=True)
    words, said = BAD[case]
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        run(["compare", *words])
    assert "\n" not in str(caught.value)
    assert not [path for path in stores.iterdir() if path.name.endswith("-comparison")]


def test_one_row_is_an_answer(say: Say, tmp_path: Path) -> None:
    told = say(saved(pd.DataFrame({"model": ["a"], "acc": [0.5]}), tmp_path))
    assert told.startswith("compared: nothing, for nothing varies; repeated: nothing; endpoint: acc\n")
    assert "all runs has acc 50.00 %, over 1 repeat. There is nothing to compare it with." in told


def test_exit_codes_of_the_command(tmp_path: Path) -> None:
    for words, code in ((["none.csv"], 2), (["--uri", "http://127.0.0.1:9", "--experiment", "x"], 75)):
        done = run_octant(tmp_path / "home", "compare", *words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
        assert done.stderr.startswith("octant: ")
    assert list(tmp_path.iterdir()) == []


def test_importing_octant_stays_light() -> None:
    code = "import sys, octant; print({'pandas', 'numpy', 'mlflow', 'pydantic'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
    code = "import sys, octant.analysis.report.reports; print({'scipy.stats', 'bokeh', 'mlflow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
    frame = crossed(model=["a", "b"], seed=range(5)).rename(columns={"noise": "acc"})
    tables = octant.compare(frame, compare=["model"], repeat=["seed"], endpoint="acc", goal="max").tables
    assert [(name, type(table)) for name, table in tables.items()] == [
        (name, pd.DataFrame) for name in ("configurations", "effects", "pairs", "best", "verdict")
    ]  # fmt: skip
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        octant.nothing  # noqa: B018
