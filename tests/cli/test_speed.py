"""Sweeps whose endpoint is how soon a level is reached: octant's network and a stranger's trainer, to their reports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import octant
from octant.servers.watched import Watched
from octant.tracking.noted import Noted
from support.command import environment, run_here

STRANGER = """
import octant


class Settings(octant.Settings):
    width: int = 1
    epochs: int = 6


def train(settings, state=None):
    for epoch in range(1, settings.epochs + 1):
        loss = 1 / (epoch * settings.width) + 0.01 * settings.seed
        yield octant.Epoch(epoch, {"test_loss": loss}, seconds=0.5 + 0.01 * settings.seed)


if __name__ == "__main__":
    octant.main(train, Settings, endpoint="seconds_to_test_loss_below_0.3")
"""


def journals(home: Path) -> dict[str, list[float]]:
    """Fingerprint -> test accuracy by epoch, from before training on."""
    folders = (home / "journal").iterdir()
    return {folder.name: [line["metrics"]["test_accuracy"]
                          for text in (folder / "epochs.jsonl").read_text().splitlines()
                          if "metrics" in (line := json.loads(text))] for folder in folders}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
def test_network_sweep_to_its_report(
    swept: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, endpoint = tmp_path / "home", "epochs_to_test_accuracy_above_20"
    shutil.copytree(swept[0], home)
    words = ["experiment=smoke", "engine=numpy", "hidden_units=8", "batch_size=8"]
    assert run_here(home, *words, f"experiment.endpoint={endpoint}", "experiment.margin=1") == 0
    told = capsys.readouterr().out
    assert "16 runs: 0 trained, 16 were there already" in told
    folder = next(path for path in (home / "reports").iterdir() if path.name.startswith("smoke-"))
    results = pd.read_csv(folder / "results.csv").set_index("fingerprint")
    curves = journals(home)
    first = {name: next((at for at, value in enumerate(line) if value >= 0.2), None) for name, line in curves.items()}
    assert results[endpoint].to_dict() == {name: 3 if at is None else at for name, at in first.items()}
    assert results["reached"].to_dict() == {name: at is not None for name, at in first.items()}
    lost = list(first.values()).count(None)
    assert 0 < lost < 16
    page = (folder / "report.html").read_text()
    assert f"{lost} of 16 finished runs did not reach 20 % test accuracy" in page
    assert "epochs to 20 % test accuracy" in told
    monkeypatch.setenv("OCTANT_HOME", str(home))
    watch = Watched(Noted.read(folder.name))
    watch.look()
    assert re.sub(r"smoke-\w{8}", "smoke", watch.page()[0]) == re.sub(
        r"smoke-\w{8}", "smoke", (folder / "explore.html").read_text()
    )
    again = ["compare", str(folder / "results.csv"), "--endpoint", endpoint, "--out", str(tmp_path / "out")]
    assert run_here(home, *again) == 0
    means = [
        pd.read_csv(path / "configurations.csv").set_index("config")["mean"] for path in (folder, tmp_path / "out")
    ]
    pd.testing.assert_series_equal(*means)
    assert run_here(home, "plan", "smoke", "--sweep", folder.name, "--detect", "1") == 0
    assert "show a difference of 1 in epochs to 20 % test accuracy" in capsys.readouterr().out
    store = ["--uri", str(home / "mlflow.db"), "--experiment", "smoke", "--endpoint", endpoint]
    assert run_here(home, "compare", *store, "--compare", "loss,hidden,output", "--out", str(tmp_path / "store")) == 0
    stored = pd.read_csv(tmp_path / "store" / "configurations.csv").set_index("config")["mean"]
    pd.testing.assert_series_equal(stored, means[0], check_like=True)


def test_stranger_counts_seconds_to_a_loss(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STRANGER)
    here = environment(tmp_path / "home", PYTHONPATH=str(Path(octant.__file__).parents[1]))
    command = [sys.executable, "mine.py", "-m", "width=1,2", "seed=range(5)", "experiment.name=soon"]
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "width 2 reaches test loss below 0.3 about 1.04 seconds (" in done.stdout
    folder = tmp_path / "home" / "reports" / "soon"
    results = pd.read_csv(folder / "results.csv").set_index(["width", "seed"])["seconds_to_test_loss_below_0.3"]
    for width, epochs in ((1, 4), (2, 2)):  # the first with 1 / (epoch x width) + seed / 100 <= 0.3
        assert results.loc[width].tolist() == pytest.approx([epochs * (0.5 + 0.01 * seed) for seed in range(5)])
    assert "Seconds are the wall time that training took" in (folder / "report.html").read_text()
    grown = [*command[:3], "width=5,6", "seed=range(5)", "experiment.max_repeats=10", "experiment.name=grown"]
    more = subprocess.run(grown, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
    assert "octant: not decided by 5 seeds" in more.stderr  # both after the first epoch
    wrong = [*command, "experiment.endpoint=seconds_to_test_loss"]
    refused = subprocess.run(wrong, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "'seconds_to_test_loss' has another form than" in refused.stderr
