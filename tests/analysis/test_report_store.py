"""The report from a real store: logged once, linked, the same twice; and a thousand runs in time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from octant.analysis.report import pages
from octant.analysis.report.findings import find
from support.command import Database, run_octant
from support.comparison_frames import frame, noise
from support.report_frames import curves_of, material


def test_errors_agree_with_the_accuracy_to_the_example(swept: tuple[Path, str]) -> None:
    folders = list((swept[0] / "journal").iterdir())
    assert len(folders) == 16
    for folder in folders:
        errors = json.loads((folder / "files" / "test_errors.json").read_text())
        last = json.loads((folder / "epochs.jsonl").read_text().splitlines()[-2])["metrics"]["test_accuracy"]
        examples = sum(errors["examples"])
        assert 1 - len(errors["wrong"]) / examples == pytest.approx(last, abs=1e-12)
        assert all(label != said for _, label, said in errors["wrong"])


def test_the_report_is_one_run_linked_from_the_description(swept: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(swept[0], home)
    first = {path.name: path.read_bytes() for path in (home / "reports" / "smoke").iterdir()}
    done = run_octant(home, "report", "smoke")
    assert done.returncode == 0, done.stderr
    again = {path.name: path.read_bytes() for path in (home / "reports" / "smoke").iterdir()}
    assert again == first
    database = Database(home)
    runs = database.query("select run_uuid from tags where key = 'kind' and value = 'report'")
    assert len(runs) == 1
    assert database.query(f"select count(*) from tags where run_uuid = '{runs[0][0]}' and key = 'sweep'") == [(0,)]
    note = str(database.query("select value from experiment_tags where key = 'mlflow.note.content'")[0][0])
    assert f"/runs/{runs[0][0]}/artifacts/report.html" in note
    assert "viewStateShareKey=" in note
    folder = swept[0] / "artifacts" / "smoke" / str(runs[0][0]) / "artifacts"
    assert {"report.html", "results.csv", "hardest.svg"} <= {path.name for path in folder.iterdir()}


def test_an_experiment_without_runs_is_one_line(swept: tuple[Path, str], tmp_path: Path) -> None:
    run_octant(tmp_path, "epochs=1", "experiment.name=other")
    done = run_octant(tmp_path, "report", "nothing")
    assert done.returncode == 2
    assert done.stderr.startswith("octant: experiment nothing has no runs in sqlite:///")
    assert done.stderr.endswith("; known there: other; run it with: octant experiment=nothing\n")
    assert Database(tmp_path).query("select name from experiments where name = 'nothing'") == []


def test_a_thousand_runs_of_thirty_epochs(tmp_path: Path) -> None:
    runs = frame(noise(125) - np.linspace(0, 0.03, 8))
    began = time.process_time()
    many = dataclasses.replace(material(runs), curves=curves_of(runs, 30))
    assert (len(runs), len(many.curves)) == (1000, 31_000)
    pages.write_files(find(many), tmp_path)
    assert time.process_time() - began < 20
