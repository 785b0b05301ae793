"""What a person sees: the comparison, a run, its model and the report in MLflow's page, in real headless Chromium.

Screenshots are kept in OCTANT_SCREENSHOTS, if set. Without Chromium the tests are skipped, or fail under CI.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Database, environment

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars")  # fmt: skip
CUBE = [
    "-".join(words)
    for words in itertools.product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax"))
]


def look(url: str, picture: Path, size: str = "1600,1100", seconds: int = 25) -> str:
    """The page's DOM after `seconds` of its own time; its screenshot goes to `picture`."""
    assert CHROMIUM is not None
    profile = picture.with_suffix(".profile")
    wait = f"--virtual-time-budget={1000 * seconds}"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"--window-size={size}", wait]
    done = [
        subprocess.run([*command, way, url], capture_output=True, text=True, timeout=180, check=True).stdout
        for way in (f"--screenshot={picture}", "--dump-dom")
    ]
    shutil.rmtree(profile, ignore_errors=True)
    if kept := os.environ.get("OCTANT_SCREENSHOTS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, kept)
    return done[1]


@pytest.fixture(scope="module")
def page(swept: tuple[Path, str]) -> Iterator[tuple[str, str]]:
    """MLflow as `make ui` starts it: its address and the comparison's link that it prints."""
    if CHROMIUM is None:
        assert "CI" not in os.environ, "CI needs Chromium"
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = environment(swept[0], OCTANT_PORT=str(port))
    server = subprocess.Popen([sys.executable, "-u", "-m", "octant.ui"], stdout=subprocess.PIPE, text=True, env=where)
    assert server.stdout is not None
    said = iter(server.stdout.readline, "")
    link = next(found[0] for line in said if (found := re.findall(r"http://\S+viewStateShareKey=\S+", line)))
    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).close()
    yield f"http://127.0.0.1:{port}/", link
    server.send_signal(signal.SIGINT)
    server.wait(20)
    server.stdout.close()


def test_the_comparison_shows_eight_named_curves(page: tuple[str, str], tmp_path: Path) -> None:
    dom = look(page[1], tmp_path / "comparison.png")
    assert [name for name in CUBE if name not in dom] == []
    assert "test_accuracy" in dom
    assert "train_accuracy" in dom
    assert (tmp_path / "comparison.png").stat().st_size > 50_000


def test_a_run_its_model_and_the_report(page: tuple[str, str], swept: tuple[Path, str], tmp_path: Path) -> None:
    database = Database(swept[0])
    ((run, experiment),) = database.query(
        "select r.run_uuid, r.experiment_id from runs r join tags t using (run_uuid) where t.key = 'config' limit 1"
    )
    ((model,),) = database.query(f"select model_id from logged_models where source_run_id = '{run}'")
    ((report,),) = database.query("select run_uuid from tags where key = 'report_of'")
    runs = f"{page[0]}#/experiments/{experiment}/runs"
    dom = look(f"{runs}/{run}?workflowType=machine_learning", tmp_path / "run.png")
    assert "final_test_accuracy" in dom
    assert "octant-rerun" in dom
    dom = look(f"{page[0]}#/experiments/{experiment}/models/{model}", tmp_path / "model.png")
    assert "Ready" in dom
    assert "best_test_accuracy" in dom
    look(f"{runs}/{report}/artifacts/report.html?workflowType=machine_learning", tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 50_000


@pytest.mark.parametrize("size", ["390,844", "1280,900"])
def test_the_report_fits_phone_and_desktop(
    page: tuple[str, str], swept: tuple[Path, str], size: str, tmp_path: Path
) -> None:
    """No page wider than its window, no missing picture."""
    report = next(swept[0].glob("experiments/smoke/report.html"))
    inspected = tmp_path / "report.html"
    script = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script>"
    inspected.write_text(report.read_text().replace("</body>", f"{script}</body>"))
    dom = look(inspected.as_uri(), tmp_path / f"report-{size.split(',')[0]}.png", size, 5)
    width, window = map(int, re.findall(r"<title>(\d+) of (\d+)</title>", dom)[0])
    assert width <= window
    assert dom.count("<img") >= 4
