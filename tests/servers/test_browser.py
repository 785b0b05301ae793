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
from playwright.sync_api import Browser, Page, sync_playwright

from support.command import Database, environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CUBE = [
    "-".join(words)
    for words in itertools.product(("mse", "cross_entropy"), ("sigmoid", "tanh"), ("sigmoid", "softmax"))
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert "CI" not in os.environ, "CI needs Chromium"
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def look(browser: Browser, url: str, awaited: list[str], picture: Path, width: int = 1600, height: int = 1100) -> Page:
    """The page with all awaited texts, for a user who has closed MLflow's Assistant; a screenshot of it."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(url)
    if url.startswith("http"):
        page.get_by_role("button", name="Close", exact=True).first.click()
    for text in awaited:
        page.get_by_text(text).filter(visible=True).first.wait_for()
    page.wait_for_timeout(2000)  # charts draw themselves
    page.screenshot(path=picture)
    if kept := os.environ.get("OCTANT_SCREENSHOTS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, kept)
    return page


@pytest.fixture(scope="module")
def page(swept: tuple[Path, str]) -> Iterator[tuple[str, str]]:
    """MLflow as `octant ui` starts it: its address and the comparison's link that it prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = environment(swept[0], OCTANT_PORT=str(port))
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "octant", "ui"], stdout=subprocess.PIPE, text=True, env=where
    )
    assert server.stdout is not None
    said = iter(server.stdout.readline, "")
    link = next(found[0] for line in said if (found := re.findall(r"http://\S+viewStateShareKey=\S+", line)))
    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).close()
    yield f"http://127.0.0.1:{port}/", link
    server.send_signal(signal.SIGINT)
    server.wait(20)
    server.stdout.close()


def test_the_comparison_shows_eight_named_curves(page: tuple[str, str], browser: Browser, tmp_path: Path) -> None:
    picture = tmp_path / "comparison.png"
    seen = look(browser, page[1], ["test_accuracy", "train_accuracy", *CUBE], picture)
    assert seen.locator("svg .scatterlayer .trace").count() >= 16
    assert picture.stat().st_size > 50_000


def test_a_run_its_model_and_the_report(
    page: tuple[str, str], browser: Browser, swept: tuple[Path, str], tmp_path: Path
) -> None:
    database = Database(swept[0])
    ((run, experiment),) = database.query(
        "select r.run_uuid, r.experiment_id from runs r join tags t using (run_uuid) where t.key = 'config' limit 1"
    )
    ((model,),) = database.query(f"select model_id from logged_models where source_run_id = '{run}'")
    ((report,),) = database.query("select run_uuid from tags where key = 'report_of'")
    runs = f"{page[0]}#/experiments/{experiment}/runs"
    look(
        browser,
        f"{runs}/{run}?workflowType=machine_learning",
        ["final_test_accuracy", "octant rerun"],
        tmp_path / "run.png",
    )
    address = f"{page[0]}#/experiments/{experiment}/models/{model}"
    look(browser, address, ["Ready", "best_test_accuracy"], tmp_path / "model.png")
    address = f"{runs}/{report}/artifacts/report.html?workflowType=machine_learning"
    seen = look(browser, address, ["report.html"], tmp_path / "report.png")
    inside = seen.frames[1]
    assert inside.get_by_text("Does the whole pipeline work here?").first.is_visible()
    assert inside.locator("img").count() >= 4


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_the_report_fits_phone_and_desktop(
    browser: Browser, swept: tuple[Path, str], width: int, height: int, tmp_path: Path
) -> None:
    """No page wider than its window, no missing picture."""
    report = next(swept[0].glob("reports/smoke/report.html"))
    seen = look(browser, report.as_uri(), [], tmp_path / f"report-{width}.png", width, height)
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    pictures = seen.evaluate("[...document.images].map(each => each.naturalWidth)")
    assert len(pictures) >= 4
    assert min(pictures) > 0
