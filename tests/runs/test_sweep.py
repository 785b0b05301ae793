"""The main job end to end, through the real command line, looked at in the store with plain SQL."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.command import Database, run_octant

ROOT = Path(__file__).parents[2]
SMOKE = ("experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8")
METRICS = {f"{part}_{what}" for part in ("train", "validation", "test") for what in ("accuracy", "loss")} | {
    "output_distance", "output_error", "saturation_output", "saturation_hidden",
    "gradient_W1", "gradient_W2", "step_W1",
}  # fmt: skip


def test_every_run_has_each_epoch_once(swept: tuple[Path, str]) -> None:
    database = Database(swept[0])
    assert database.statuses() == {"FINISHED": 16}
    histories = database.histories()
    assert len(histories) == 16 * len(METRICS)
    for (_, key), points in histories.items():
        assert key in METRICS
        assert [step for step, _ in points] == [0, 1, 2, 3]


def test_logged_equals_journal_to_the_bit(swept: tuple[Path, str]) -> None:
    for (fingerprint, key), points in Database(swept[0]).histories().items():
        lines = (swept[0] / "journal" / fingerprint / "epochs.jsonl").read_text().splitlines()
        assert [value for _, value in points] == [json.loads(line)["metrics"][key] for line in lines[:-1]]


def test_params_and_tags_name_run(swept: tuple[Path, str]) -> None:
    database = Database(swept[0])
    params = set(database.query("select distinct key from params"))
    wanted = ("loss", "hidden", "output", "init", "engine", "hidden_units", "learning_rate", "batch_size", "epochs",
              "seed", "dtype", "dataset", "n_train", "n_validation", "n_test", "dataset.split_seed")  # fmt: skip
    assert {(name,) for name in wanted} <= params
    tags = {str(key) for (key,) in database.query("select distinct key from tags")}
    assert {
        "config",
        "sweep",
        "fingerprint",
        "trainer",
        "code_digest",
        "dataset_digest",
        "mlflow.runColor",
        "outcome",
        "version_numpy",
    } <= tags
    colours = database.query(
        "select c.value, count(distinct k.value) from tags k join tags c using (run_uuid) "
        "where k.key = 'mlflow.runColor' and c.key = 'config' group by 1"
    )
    assert len(colours) == 8
    assert {count for _, count in colours} == {1}
    assert len(database.query("select distinct value from tags where key = 'sweep'")) == 1
    assert database.query("select count(*) from inputs where source_type = 'DATASET'") == [(16,)]


def test_it_ends_with_table_figure_and_link(swept: tuple[Path, str]) -> None:
    home, printed = swept
    words = r"^ *((?:cross-entropy|squared error) +(?:sigmoid|tanh) +(?:sigmoid|softmax)) +[0-9.]+"
    rows = re.findall(words, printed, re.MULTILINE)
    assert len(set(rows)) == len(rows) == 8
    assert "16 trained" in printed
    figure = home / "reports" / "smoke" / "accuracy.png"
    assert str(figure) in printed
    assert figure.read_bytes().startswith(b"\x89PNG")
    link = next(word for word in printed.split() if "viewStateShareKey" in word)
    assert link.startswith("http://octant.localhost")
    key = link.split("viewStateShareKey=")[1].split("&")[0]
    database = Database(home)
    stored = database.query(f"select value from experiment_tags where key = 'mlflow.sharedViewState.{key}'")
    state = json.loads(json.loads(str(stored[0][0]))["state"])
    assert state["searchFilter"] == f"tags.kind = 'mean' and tags.mean_of = '{key}'"
    assert [chart["metricKey"] for chart in state["compareRunCharts"]][:2] == ["test_accuracy", "train_accuracy"]
    note = str(database.query("select value from experiment_tags where key = 'mlflow.note.content'")[0][0])
    assert link.split("/", 3)[3] in note


def test_same_command_again_trains_nothing(swept: tuple[Path, str]) -> None:
    before = Database(swept[0]).query("select * from metrics order by 1, 2, 3, 4, 5")
    again = run_octant(swept[0], *SMOKE)
    assert again.returncode == 0, again.stderr
    assert "16 runs: 0 trained, 16 were there already" in again.stdout
    assert Database(swept[0]).query("select * from metrics order by 1, 2, 3, 4, 5") == before


def test_report_is_rebuilt_from_store_alone(swept: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(swept[0], home, ignore=shutil.ignore_patterns("journal", "cache", "experiments"))
    original = swept[0] / "reports" / "smoke"
    done = run_octant(home, "report", "smoke", "--uri", f"sqlite:///{home / 'mlflow.db'}")
    assert done.returncode == 0, done.stderr
    for name in ("results.csv", "accuracy.svg", "accuracy.png"):
        assert (home / "reports" / "smoke" / name).read_bytes() == (original / name).read_bytes(), name
    rows = (original / "results.csv").read_text().splitlines()
    assert len(rows) == 17


def test_one_worker_gives_the_same_bits_as_two(swept: tuple[Path, str], tmp_path: Path) -> None:
    done = run_octant(tmp_path / "home", *SMOKE, "workers=1")
    assert done.returncode == 0, done.stderr
    assert Database(tmp_path / "home").histories() == Database(swept[0]).histories()


def test_more_seeds_train_only_new_ones(swept: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(swept[0], home)
    for path in (home / "journal").glob("*/tracking-*.json"):  # the copied store has another address
        path.unlink()
    done = run_octant(home, *SMOKE, "seed=0,1,2")
    assert "24 runs: 8 trained, 16 were there already" in done.stdout, done.stderr


def test_plain_multirun_and_single_run(tmp_path: Path) -> None:
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1")
    done = run_octant(tmp_path, "-m", "loss=mse,cross_entropy", "hidden=tanh,relu", "seed=0,1", *tiny)
    assert "8 runs: 8 trained" in done.stdout, done.stderr
    one = run_octant(tmp_path, "loss=mse", "hidden=tanh", "output=softmax", "seed=3", *tiny)
    assert "1 run: 1 trained" in one.stdout, one.stderr
    assert "test_accuracy" in one.stdout
    assert Database(tmp_path).statuses() == {"FINISHED": 9}
    assert len(list((tmp_path / "reports").glob("octant-*/accuracy.png"))) == 1


def test_rerun_leaves_one_run_per_fingerprint(tmp_path: Path) -> None:
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=2")
    assert run_octant(tmp_path, *tiny).returncode == 0
    first = Database(tmp_path).histories()
    done = run_octant(tmp_path, *tiny, "rerun=true")
    assert "1 run: 1 trained" in done.stdout, done.stderr
    assert Database(tmp_path).histories() == first
    assert Database(tmp_path).statuses() == {"FINISHED": 1}
    assert Database(tmp_path).query("select count(*) from runs") == [(2,)]


def test_diverged_run_is_a_result(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "huge.npz", X=rng.random((60, 4)) * 1e306, y=np.arange(60) % 3)
    arguments = ("dataset=arrays", f"dataset.path={tmp_path / 'huge.npz'}", "hidden=relu", "engine=numpy",
                 "learning_rate=1000", "hidden_units=4")  # fmt: skip
    done = run_octant(tmp_path / "home", *arguments)
    assert done.returncode == 0, done.stderr
    database = Database(tmp_path / "home")
    assert database.statuses() == {"FINISHED": 1}
    tags = dict(database.query("select key, value from tags where key like 'diverged%' or key = 'outcome'"))
    assert tags["outcome"] == "diverged"
    assert "is not finite" in str(tags["diverged_reason"])
    assert int(str(tags["diverged_epoch"])) >= 0
    again = run_octant(tmp_path / "home", *arguments)
    assert "0 trained, 1 was there already" in again.stdout
    assert "diverged in epoch" in again.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("--cfg", "job")])
def test_help_and_configuration(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run_octant(tmp_path, *arguments)
    assert done.returncode == 0
    assert "learning_rate: 0.1" in done.stdout
    assert not list(tmp_path.iterdir())


def test_old_receipt_doubles_nothing(tmp_path: Path) -> None:
    """A launch that died between tagging the run and noting it."""
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1")
    assert run_octant(tmp_path, "-m", *tiny, "seed=0,1").returncode == 0
    for path in (tmp_path / "journal").glob("*/tracking-*.json"):
        path.write_text(
            json.dumps(json.loads(path.read_text()) | {"tagged": "octant-another", "sweep": "octant-third"})
        )
    done = run_octant(tmp_path, "-m", *tiny, "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert Database(tmp_path).statuses() == {"FINISHED": 2}


def test_only_publish_writes_findings(tmp_path: Path) -> None:
    """A sweep's report goes to the state folder, and says how it stands to what is published."""
    tiny = ("experiment=smoke",)
    found, report = tmp_path / "experiments" / "smoke", tmp_path / "reports" / "smoke"
    first = run_octant(tmp_path, *tiny)
    assert str(report / "report.html") in first.stdout, first.stderr
    assert "published" not in first.stdout
    assert not found.exists()
    shutil.copytree(report, found)
    assert f"the same numbers as in {found}" in run_octant(tmp_path, *tiny).stdout
    rows = (found / "results.csv").read_text().splitlines()
    column = rows[0].split(",").index("test_accuracy")
    changed = rows[1].split(",")
    changed[column] = "0.5"
    (found / "results.csv").write_text("\n".join([rows[0], ",".join(changed), *rows[2:]]) + "\n")
    told = run_octant(tmp_path, *tiny).stdout
    assert "1 of 16 common runs differ in test_accuracy, by at most 0." in told
    before = {path: path.read_bytes() for path in found.iterdir()}
    assert run_octant(tmp_path, *tiny, "seed=7").returncode == 0
    assert before == {path: path.read_bytes() for path in found.iterdir()}


def test_publish_asks_for_a_clean_commit(tmp_path: Path) -> None:
    assert run_octant(tmp_path, "experiment=smoke").returncode == 0
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("delete from tags where key = 'git_state'")
        store.execute("insert into tags select 'git_state', 'clean', run_uuid from runs")
    done = run_octant(tmp_path, "publish", "smoke")
    assert (done.returncode, done.stdout) == (0, f"published in {tmp_path}/experiments/smoke\n"), done.stderr
    assert (tmp_path / "experiments" / "smoke" / "report.html").is_file()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        one = "(select run_uuid from runs where name not like 'report%')"
        store.execute(f"update tags set value = 'dirty' where key = 'git_state' and run_uuid = {one}")
    refused = run_octant(tmp_path, "publish", "smoke")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "1 of 16 runs were not trained from a clean commit" in refused.stderr


def test_missing_companion_is_read_from_findings(tmp_path: Path) -> None:
    """So that the first sweep of a fresh clone answers both halves of the question."""
    rows = (ROOT / "experiments" / "tuned" / "results.csv").read_bytes()
    (tmp_path / "experiments" / "tuned").mkdir(parents=True)
    (tmp_path / "experiments" / "tuned" / "results.csv").write_bytes(rows)
    done = run_octant(tmp_path, "experiment=factorial", "engine=numpy", "batch_size=100", "epochs=1", "seed=0")
    assert done.returncode == 0, done.stderr
    (report,) = tmp_path.glob("reports/factorial-*/report.md")
    assert "Each at its own learning rate (experiment tuned: 10 seeds, 30 epochs; here " in report.read_text()
