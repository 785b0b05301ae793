"""Tables of strangers: csv files and frames that octant never made, and what is done with their bad rows."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import octant.analysis
from octant.analysis.comparison import Comparison
from octant.analysis.guess import Asked
from octant.analysis.tables import compare, compare_file
from octant.errors import InputError

WIDTHS = (16, 64)


def table(seeds: int = 5, **more: Any) -> pd.DataFrame:
    """A loop of somebody's: two optimizers, two widths, and what they log."""
    rows = list(product(("adam", "sgd"), WIDTHS, range(seeds)))
    frame = pd.DataFrame(rows, columns=["optimizer", "width", "seed"])
    rng = np.random.default_rng(0)
    gain = frame["optimizer"].eq("sgd") * 0.05
    noise = rng.normal(size=(3, len(frame))) / 100
    logged = {"train_loss": 0.1 + noise[0] ** 2, "val_acc": 0.9 + gain + noise[1], "seconds": 10 + noise[2]}
    return frame.assign(dataset="mnist", **logged, **more)


def saved(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "runs.csv"
    frame.to_csv(path, index=False)
    return path


def lines_of(text: str, folder: Path, **asked: Any) -> tuple[Comparison, list[str]]:
    path = folder / "runs.csv"
    path.write_text(text)
    return compare_file(path, Asked(**asked))


def test_defaults_are_guessed_and_said(tmp_path: Path) -> None:
    comparison, lines = compare_file(saved(table(), tmp_path))
    assert lines == ["compared: optimizer, width; repeated: seed (5); endpoint: val_acc",
                     "More of val_acc is taken to be better"]  # fmt: skip
    assert comparison.summary["config"].iloc[0].startswith("optimizer=sgd")
    assert comparison.summary["mean"].between(85, 100).all()  # a share, in percent
    assert list(comparison.effects["effect"]) == ["optimizer x width", "optimizer", "width"]
    frame = compare(table())
    pd.testing.assert_frame_equal(frame.effects, comparison.effects)


def test_python_door_has_every_table() -> None:
    assert octant.compare is compare
    done = octant.compare(table(), compare=["optimizer"], tune=["width"], repeat=["seed"], endpoint="val_acc",
                                   validation="train_loss", goal="max", margin=0.5)  # fmt: skip
    assert set(done.tables) == {"configurations", "effects", "pairs", "best", "verdict", "chosen", "rates"}
    assert done.reading == "compared: optimizer; tuned: width on train_loss; repeated: seed (5); endpoint: val_acc"
    assert done.question.margin == 0.5
    with pytest.raises(InputError, match="width varies"):
        compare(table(), compare=["optimizer"])
    with pytest.raises(InputError, match="width varies"):
        compare(table().assign(seed=range(20)), compare=["optimizer"])
    with pytest.raises(InputError, match="the endpoint may not choose them"):
        compare(table(), compare=["optimizer"], tune=["width"])


def test_losses_are_to_be_small() -> None:
    done = compare(table(), endpoint="train_loss")
    assert done.question.goal == "min"
    assert done.summary["mean"].is_monotonic_increasing
    assert done.summary["mean"].max() < 1


def test_last_step_is_the_endpoint(tmp_path: Path) -> None:
    final = table()
    steps = [final.assign(epoch=epoch, val_acc=final["val_acc"] - 0.1 * (3 - epoch)) for epoch in range(4)]
    every = pd.concat(steps).sample(frac=1, random_state=0)
    comparison, lines = compare_file(saved(every, tmp_path))
    assert lines[0].endswith("endpoint: val_acc, last step")
    whole = compare(final)
    np.testing.assert_allclose(comparison.summary["mean"], whole.summary["mean"], rtol=1e-12)
    stopped = every[~((every["seed"] == 0) & (every["epoch"] > 1) & (every["optimizer"] == "adam"))]
    comparison, lines = compare_file(saved(stopped, tmp_path))
    assert "2 rows that end before the last epoch (3) left out" in lines
    assert sorted(comparison.summary["n"]) == [4, 4, 5, 5]


def test_number_of_repeats_names_no_run(tmp_path: Path) -> None:
    """`run` counts from 0 in each configuration: with steps, it alone does not tell runs apart."""
    final = table().rename(columns={"seed": "run"})
    every = pd.concat([final.assign(epoch=epoch, val_acc=final["val_acc"] - 0.1 * (2 - epoch)) for epoch in range(3)])
    comparison, lines = compare_file(saved(every, tmp_path))
    assert lines[0] == "compared: optimizer, width; repeated: run (5); endpoint: val_acc, last step"
    pd.testing.assert_series_equal(comparison.summary["mean"], compare(table()).summary["mean"])
    curves = comparison.curves.groupby("fingerprint")
    assert (len(curves), set(curves.size())) == (20, {3})
    last = comparison.curves[comparison.curves["epoch"] == 2].set_index("fingerprint")["val_acc"]
    assert dict(last) == dict(zip(comparison.runs["fingerprint"], comparison.runs["val_acc"], strict=True))


def test_what_is_no_setting_is_named() -> None:
    rng = np.random.default_rng(1)
    done = compare(table().assign(gnorm=rng.random(20), note=[f"n{i}" for i in range(20)]))
    assert "Taken for measurements or labels, not settings: gnorm, note" in done.notes
    assert done.question.compare == ("optimizer", "width")


def test_diverged_runs_leave_a_share_a_share(tmp_path: Path) -> None:
    frame = table()
    frame["val_acc"] = frame["val_acc"].astype(object)
    frame.loc[0, "val_acc"] = "nan"
    assert compare_file(saved(frame, tmp_path))[0].question.is_share


def test_failed_and_running_runs_are_left_out(tmp_path: Path) -> None:
    frame = table(status="FINISHED")
    frame.loc[[0, 1, 5], "status"] = ["FAILED", "RUNNING", "failed"]
    frame.loc[1, "val_acc"] = np.nan
    comparison, lines = compare_file(saved(frame, tmp_path))
    assert "rows of runs that have not finished left out: 2 failed, 1 running" in lines
    assert comparison.summary["n"].sum() == 17


def test_missing_is_not_diverged(tmp_path: Path) -> None:
    text = "model,seed,acc\n" + "".join(f"{m},{s},0.{8 + (m == 'b')}{s}\n" for m in "ab" for s in range(5))
    text = text.replace("a,0,0.80", "a,0,").replace("a,1,0.81", "a,1,nan").replace("b,2,0.92", "b,2,inf")
    comparison, lines = lines_of(text.replace("b,3,0.93", "b,3,oops"), tmp_path)
    assert "1 row without acc left out" in lines
    assert "1 row without a number for acc (oops) left out" in lines
    assert "2 of 8 runs ended without a finite acc: counted as diverged" in lines
    assert comparison.summary.set_index("config")["diverged_runs"].to_dict() == {
        "model=a": "seed 1",
        "model=b": "seed 2",
    }


def test_ragged_lines_are_said(tmp_path: Path) -> None:
    text = "model,seed,acc,note\n" + "".join(f"{m},{s},0.{8 + (m == 'b')}{s},x\n" for m in "ab" for s in range(5))
    text = text.replace("a,0,0.80,x", "a,0,0.80").replace("b,1,0.91,x", "b,1,0.91,x,y,z")
    comparison, lines = lines_of(text, tmp_path)
    assert "lines with more or fewer cells than the first left out: 2" in lines
    assert comparison.summary.set_index("config")["n"].to_dict() == {"model=a": 4, "model=b": 4}


def test_semicolons_and_tabs_separate_too(tmp_path: Path) -> None:
    for separator in ";\t":
        text = table().to_csv(index=False, sep=separator)
        pd.testing.assert_frame_equal(lines_of(text, tmp_path)[0].effects, compare(table()).effects)


def test_all_diverged_is_said(tmp_path: Path) -> None:
    comparison, lines = compare_file(saved(table().assign(val_acc="nan"), tmp_path))
    assert lines[-1] == comparison.no_effects == "Effects: no run finished"
    assert comparison.not_told_apart == ()
    assert comparison.summary["diverged"].sum() == 20


def test_duplicate_cells_keep_last(tmp_path: Path) -> None:
    frame = pd.concat([table().assign(val_acc=0.5), table()])
    comparison, lines = compare_file(saved(frame, tmp_path))
    assert "20 rows of the same configuration and seed as a later one left out" in lines
    pd.testing.assert_frame_equal(comparison.summary, compare(table()).summary)


def test_runs_without_seeds_are_numbered(tmp_path: Path) -> None:
    comparison, lines = compare_file(saved(table().drop(columns="seed"), tmp_path))
    assert lines[0] == "compared: optimizer, width; repeated: repeat (5); endpoint: val_acc"
    assert any(line.startswith("No column tells repeats apart") for line in lines)
    assert set(comparison.pairs["n"]) == {5}
    comparison, lines = compare_file(saved(table().assign(seed=range(20)), tmp_path))
    assert any(line.startswith("No seed is shared by two configurations") for line in lines)
    assert set(comparison.pairs["n"]) == {5}


def test_labels_and_twins_are_no_factors() -> None:
    frame = table().assign(tag=lambda t: [f"run-{i}" for i in range(len(t))], layers=lambda t: t["width"] // 16,
                           machine=lambda t: "gpu" + t["seed"].astype(str))  # fmt: skip
    done = compare(frame)
    assert done.question.compare == ("optimizer", "width")
    assert "Not compared by itself: layers, which moves together with width" in done.notes


def test_frames_of_any_kind_are_taken() -> None:
    parts = [part for _, part in table().groupby("optimizer")]
    frame = pd.concat([part.reset_index(drop=True) for part in parts])
    odd = frame.astype({"optimizer": "category", "width": "float32"}).assign(tags=[["a", "b"]] * len(frame))
    pd.testing.assert_frame_equal(compare(odd).effects, compare(table()).effects)
    lost = table()
    lost.loc[[0, 3], "val_acc"] = [np.nan, np.inf]
    done = compare(lost)
    assert done.summary["diverged"].sum() == 2
    assert "2 of 20 runs ended without a finite val_acc: counted as diverged" in done.notes


def test_one_factor_without_repeats_is_answered() -> None:
    done = compare(pd.DataFrame({"model": list("abc"), "f1": [0.3, 0.9, 0.5]}))
    assert list(done.summary["config"]) == ["model=b", "model=c", "model=a"]
    assert (done.summary["note"] == "one repeat: no interval").all()
    assert not done.pairs["shown"].any()


def test_scikit_learn_folds_are_repeats(tmp_path: Path) -> None:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    grid = {"max_depth": [1, 3], "criterion": ["gini", "entropy"]}
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=5).fit(*load_iris(return_X_y=True))
    comparison, lines = compare_file(saved(pd.DataFrame(search.cv_results_), tmp_path))
    assert compare(pd.DataFrame(search.cv_results_)).reading == lines[0]
    assert lines[0] == "compared: criterion, max_depth; repeated: fold (5); endpoint: test_score"
    means = dict(zip(map(str, search.cv_results_["params"]), search.cv_results_["mean_test_score"], strict=True))
    for _, row in comparison.summary.iterrows():
        params = {"criterion": row["criterion"], "max_depth": int(row["max_depth"])}
        assert row["mean"] == pytest.approx(means[str(params)], abs=1e-12)


def test_repeated_folds_need_their_sizes(tmp_path: Path) -> None:
    """Five folds three times: as 15 folds of one division they would be half as wide. Nadeau and Bengio, by hand."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"param_depth": [1, 2], **{f"split{at}_test_score": rng.random(2) for at in range(15)}})
    with pytest.raises(InputError, match="split0 to split14: 15 folds of one division"):
        compare_file(saved(frame, tmp_path))
    for sizes in ({"n_test": 30}, {"n_test": np.nan, "n_train": np.nan}, {"n_test": 30, "n_train": "120 or so"}):
        with pytest.raises(InputError, match="say by columns n_test and n_train"):
            compare_file(saved(frame.assign(**sizes), tmp_path))
    told = compare_file(saved(frame.assign(n_test=30, n_train=120), tmp_path))[0].pairs.iloc[0]
    each = np.diff(frame[[f"split{at}_test_score" for at in range(15)]].to_numpy(), axis=0)[0]
    error = each.std(ddof=1) * np.sqrt(1 / 15 + 30 / 120)
    assert told["n"] == 15
    assert (told["high"] - told["low"]) / 2 == pytest.approx(stats.t(14).isf(0.025) * error)


BAD = {
    "": "no runs; the first line names the columns",
    "a,b\n": "no runs; the first line names the columns",
    "a,a,acc\n1,2,0.5\n": "several columns are called a",
    "a,b\nx,y\n": "no column looks like a result; name it with endpoint; columns: a, b",
    "a,acc\nx,\ny,\n": "no column looks like a result|no finished run",
    "a,status,acc\nx,failed,0.5\n": "no finished run with a value of acc",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_files_are_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=BAD[text]) as caught:
        lines_of(text, tmp_path)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as csv"):
        compare_file(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="cannot be read as csv"):
        compare_file(tmp_path / "picture.csv")
    with pytest.raises(InputError, match="no column lr; columns: optimizer, width"):
        compare(table(), compare=["lr"])
    with pytest.raises(InputError, match="no rows"):
        compare(table().head(0))


def test_published_results_are_guessed_right() -> None:
    """Even without being told: the metrics, sizes and digests of a table with 32 columns are no settings."""
    path = Path(__file__).parents[2] / "experiments" / "factorial" / "results.csv"
    comparison, lines = compare_file(path)
    assert lines[0] == "compared: loss, hidden, output; repeated: seed (10); endpoint: test_accuracy"
    published = pd.read_csv(path.parent / "effects.csv")
    told = published[published["learning_rates"] == "shared"].assign(note="")[[*comparison.effects]]
    pd.testing.assert_frame_equal(comparison.effects, told, check_exact=True, check_dtype=False)


def test_ten_thousand_rows_are_quick(tmp_path: Path) -> None:
    rows = list(product(*[range(10)] * 4))
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "seed"])
    path = saved(frame.assign(score=np.random.default_rng(0).normal(size=len(rows))), tmp_path)
    began = time.process_time()
    assert len(compare_file(path)[0].summary) == 1000
    assert time.process_time() - began < 30
