"""`octant watch`: the page of a sweep grows while it is trained, for this machine alone, and its end is told."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser

from octant.servers.watched import Watched
from octant.tracking.noted import Noted
from support.browser import keep
from support.command import environment, run_octant
from support.services import Service, free_port, wait_for

SLOW = """
import time
import octant


class Settings(octant.Settings):
    width: int = 1
    epochs: int = 12


def train(settings, state=None):
    for epoch in range(settings.epochs + 1):
        time.sleep(1)
        yield octant.Epoch(epoch, {"test_accuracy": settings.width * epoch / 100})


if __name__ == "__main__":
    octant.main(train, Settings)
"""


def asked(port: int, path: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read().decode()


def data_of(html: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    return json.loads(found[1]) if found else {"configs": {}}


def configs(port: int) -> Any:
    return data_of(asked(port, "/")[1])["configs"]


def test_finished_sweep_is_the_reports_page(swept: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The journals give the page that MLflow's store gives, but for the sweep's name."""
    monkeypatch.setenv("OCTANT_HOME", str(swept[0]))
    watch = Watched(Noted.read())
    assert not watch.look()
    theirs = (swept[0] / "reports" / "smoke" / "explore.html").read_text()
    assert re.sub(r"smoke-\w{8}", "smoke", watch.page()[0]) == theirs


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Eight runs that are over, without and with a hidden layer at two rates, and what each was at its end."""
    home = tmp_path_factory.mktemp("tuned") / "home"
    done = run_octant(home, "-m", "hidden=none,tanh", "learning_rate=0.01,0.1", "seed=0,1", "epochs=3",
                      "engine=numpy", "batch_size=8", "experiment.tune=[learning_rate]")  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(next((home / "reports").glob("*/results.csv"))).set_index("fingerprint").to_dict("index")
    return home, runs


def under_way(home: Path, name: str) -> None:
    """The journal as it was after epoch 1."""
    lines = (home / "journal" / name / "epochs.jsonl").read_bytes().splitlines(keepends=True)
    (home / "journal" / name / "epochs.jsonl").write_bytes(b"".join(lines[:2]))


@pytest.fixture
def part(tuned: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Watched, str]:
    """The same with one run under way, of tanh at 0.1, and the other of that rate not begun."""
    home, runs = shutil.copytree(tuned[0], tmp_path / "home"), tuned[1]
    first, second = (name for name, run in runs.items() if (run["hidden"], run["learning_rate"]) == ("tanh", 0.1))
    under_way(home, first)
    shutil.rmtree(home / "journal" / second)
    monkeypatch.setenv("OCTANT_HOME", str(home))
    watch = Watched(Noted.read())
    watch.look()
    return watch, first


def test_finished_rates_are_the_reports(tuned: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTANT_HOME", str(tuned[0]))
    watch = Watched(Noted.read())
    watch.look()
    page = watch.page()[0]
    name = next((tuned[0] / "reports").iterdir())
    assert (
        page.replace(f"octant: {name.name}", "octant: octant").replace(f"· {name.name}", "· octant")
        == (name / "explore.html").read_text()
    )


def test_rates_and_mistakes_are_of_runs_over(part: tuple[Watched, str], tuned: tuple[Path, dict[str, Any]]) -> None:
    """Each mean by hand from results.csv; the run under way is a curve and no more."""
    watch, name = part
    shown, runs = watch.explored(), pd.DataFrame(tuned[1].values())
    assert shown
    assert shown.rates
    setting, table = shown.rates
    assert setting == "learning_rate"
    over = runs[(runs["hidden"] == "none") | (runs["learning_rate"] == 0.01)]
    means = 100 * over.groupby(["config", "learning_rate"])["test_accuracy"].mean()
    assert table.set_index(["config", "learning_rate"])["mean"].to_dict() == pytest.approx(means.to_dict())
    assert set(shown.curves.loc[shown.curves["fingerprint"] == name, "epoch"]) <= {0, 1}
    assert set(shown.curves["config"]) == {"hidden=none", "hidden=tanh"}
    assert shown.examples
    assert all(each["predicted"].keys() <= {"hidden=none", "hidden=tanh"} for each in shown.examples)
    assert shown.note == (
        "Curves are means of the runs that have come furthest, each configuration at the learning rate that is best on "
        "validation so far. A run under way has its curve alone: what it got wrong, its place in the chart of learning "
        "rate and its weights come when it is over."
    )


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_watched_page_opens_without_network(part: tuple[Watched, str], browser: Browser, tmp_path: Path) -> None:
    file, faults = tmp_path / "watched.html", []
    file.write_text(part[0].page()[0])
    for width in (390, 1280):
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
        tab = context.new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.goto(file.as_uri())
        tab.wait_for_selector(".bk-Figure")
        tab.wait_for_timeout(500)
        assert tab.locator(".bk-Figure").count() == 2  # curves and rates
        assert tab.locator("#examples tr").count() == 3  # and each configuration's answers
        assert tab.locator("#examples canvas").count() == len(data_of(part[0].page()[0])["examples"]) > 0
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        keep(tab, f"watched-{width}")
        context.close()
    assert faults == []


@contextmanager
def watched(home: Path, folder: Path) -> Iterator[tuple[Service, int]]:
    folder.mkdir()
    with closing(Service(folder)) as service:
        port = free_port()
        service.spawn(sys.executable, "-m", "octant", "watch", env=environment(home, OCTANT_PORT=str(port)))
        wait_for(lambda: f"http://127.0.0.1:{port}/" in service.log() or service.children[0].poll(), 60, "watch")
        yield service, port


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Service]]:
    folder = tmp_path_factory.mktemp("slow")
    (folder / "mine.py").write_text(SLOW)
    with closing(Service(folder)) as sweep:
        sweep.spawn(sys.executable, folder / "mine.py", "-m", "width=1,2", env=environment(folder / "home"))
        wait_for(lambda: list((folder / "home" / "sweeps").glob("*.json")), 60, "the sweep")
        yield folder / "home", sweep


def test_page_grows_to_the_end(slow: tuple[Path, Service], tmp_path: Path) -> None:
    home, sweep = slow
    with watched(home, tmp_path / "watch") as (watch, port):
        wait_for(lambda: configs(port), 60, "an epoch")
        version, early = asked(port, "/version")[1], configs(port)
        assert f'!== "{version}"' in asked(port, "/")[1]
        assert all(len(each["epochs"]) < 13 for each in early.values())
        for host in ("evil.com", f"evil.com:{port}", f"127.0.0.1:{port + 1}"):
            assert asked(port, "/", Host=host)[0] == 403
        for path in ("/../mlflow.db", "/mlflow.db", "//etc/passwd", "/version/.."):
            assert asked(port, path)[0] == 404
        wait_for(lambda: asked(port, "/version")[1] != version, 60, "more epochs")
        assert sum(len(each["epochs"]) for each in configs(port).values()) > sum(
            len(each["epochs"]) for each in early.values()
        )
        assert watch.children[0].wait(90) == 0  # nobody reads: it ends with the sweep
        lines = watch.log().splitlines()
        assert re.fullmatch(r"\d\d:\d\d mine-\w{8}: 0 of 2 runs are over, \d under way", lines[1])
        assert re.fullmatch(r"\d\d:\d\d mine-\w{8} is over: 2 of 2 runs", lines[-1])
    assert sweep.children[0].wait(60) == 0, sweep.log()


def test_ctrl_c_ends_the_page_alone(slow: tuple[Path, Service], tmp_path: Path) -> None:
    home, sweep = slow
    sweep.children[0].wait(60)
    sweep.spawn(sys.executable, home.parent / "mine.py", "-m", "width=3,4", "epochs=40", env=environment(home))
    wait_for(lambda: len(list((home / "sweeps").glob("*.json"))) == 2, 60, "the second sweep")
    with watched(home, tmp_path / "watch") as (watch, port):
        wait_for(lambda: asked(port, "/version")[1], 30, "the page")
        watch.children[0].send_signal(signal.SIGINT)
        assert watch.children[0].wait(20) == 130
        assert watch.log().endswith("octant: stopped\n")
    assert sweep.children[1].poll() is None
    sweep.children[1].send_signal(signal.SIGINT)
    sweep.children[1].wait(20)
    with watched(home, tmp_path / "again") as (watch, _):
        assert watch.children[0].wait(30) == 0
        assert "nobody trains it now, 0 of 2 runs are over; continue: " in watch.log()


def test_no_sweep_is_one_line(slow: tuple[Path, Service], tmp_path: Path) -> None:
    none = run_octant(tmp_path, "watch")
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr.startswith(f"octant: no sweep was launched in {tmp_path} yet; start one: octant ")
    unknown = run_octant(slow[0], "watch", "mine-0")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "sweep: 'mine-0' is unknown" in unknown.stderr
