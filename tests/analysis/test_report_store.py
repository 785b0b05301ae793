"""The report from a real store: logged once, linked, the same twice; and a thousand runs in time."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from octant.analysis.report import pages, reports
from octant.analysis.report.findings import find
from octant.analysis.report.pages import write_files
from octant.runs.settings import Tracking
from octant.tracking.store import connect, locate
from support.command import Database, run_octant
from support.comparison_frames import frame, noise
from support.report_frames import curves_of, material


def test_errors_agree_with_accuracy(swept: tuple[Path, str]) -> None:
    folders = list((swept[0] / "journal").iterdir())
    assert len(folders) == 16
    for folder in folders:
        errors = json.loads((folder / "files" / "test_errors.json").read_text())
        last = json.loads((folder / "epochs.jsonl").read_text().splitlines()[-2])["metrics"]["test_accuracy"]
        examples = sum(errors["examples"])
        assert 1 - len(errors["wrong"]) / examples == pytest.approx(last, abs=1e-12)
        assert all(label != said for _, label, said in errors["wrong"])


def test_description_links_the_one_report(swept: tuple[Path, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(swept[0], home)
    first = {path.name: path.read_bytes() for path in (home / "reports" / "smoke").iterdir()}
    (home / "reports" / "smoke" / reports.KEPT).unlink()  # all is drawn anew
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


@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
def test_unchanged_reports_are_not_drawn_again(
    swept: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody changed, another number of a run, or other code is drawn; else nothing is."""
    home = Path(shutil.copytree(swept[0], tmp_path / "home"))
    folder, drawn = home / "reports" / "smoke", []
    monkeypatch.setenv("OCTANT_HOME", str(home))
    monkeypatch.setattr(reports, "write_files", lambda *given, **more: drawn.append(1) or write_files(*given, **more))
    connection = connect(locate(Tracking(), home), "smoke", create=False)
    first = reports.write(connection)
    drawn.clear()
    again = reports.write(connection)
    assert (drawn, again.files, again.text) == ([], first.files, first.text)
    page = (folder / "report.html").read_bytes()
    (folder / "report.html").write_bytes(page[:-9])
    reports.write(connection)
    assert (drawn, (folder / "report.html").read_bytes() == page) == ([1], True)
    (folder / "why.png").unlink()
    reports.write(connection)
    assert (len(drawn), (folder / "why.png").is_file()) == (2, True)
    with sqlite3.connect(home / "mlflow.db") as store:
        store.execute("update metrics set value = value / 2 where key = 'test_accuracy' and step = 1")
    store.close()
    reports.write(connection)
    assert len(drawn) == 3
    monkeypatch.setattr(reports, "version", lambda name: "another")
    reports.write(connection)
    assert len(drawn) == 4


def test_experiment_without_runs_is_one_line(swept: tuple[Path, str], tmp_path: Path) -> None:
    run_octant(tmp_path, "epochs=1", "experiment.name=other")
    done = run_octant(tmp_path, "report", "nothing")
    assert done.returncode == 2
    assert done.stderr.startswith("octant: experiment nothing has no runs in sqlite:///")
    assert done.stderr.endswith("; known there: other; run it with: octant experiment=nothing\n")
    assert Database(tmp_path).query("select name from experiments where name = 'nothing'") == []


def test_thousand_runs_of_thirty_epochs(tmp_path: Path) -> None:
    runs = frame(noise(125) - np.linspace(0, 0.03, 8))
    began = time.process_time()
    many = dataclasses.replace(material(runs), curves=curves_of(runs, 30))
    assert (len(runs), len(many.curves)) == (1000, 31_000)
    pages.write_files(find(many), tmp_path)
    assert time.process_time() - began < 20
