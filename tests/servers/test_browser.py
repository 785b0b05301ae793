"""What a person sees in MLflow's page with a fresh profile, in real headless Chromium; nothing is closed first."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import support.browser
from support.command import Database, environment, run_octant

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
SWEEP = ("-m", "init=glorot,normal,scaled", "hidden=sigmoid,tanh", "seed=0,1,2", "epochs=4", "experiment.name=inits",
         "engine=numpy", "hidden_units=8", "batch_size=32")  # fmt: skip
NAMES = {f"{init}, {hidden}" for hidden in ("sigmoid", "tanh") for init in ("glorot", "normal", "scaled")}
KEY = "{} (test_accuracy)"


def look(browser: Browser, url: str, width: int = 1280, height: int = 800) -> Page:
    """The page in a profile of its own."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    page.goto(url)
    return page


def follow(page: Page, words: str) -> Page:
    """The page that a link in a description opens, in a tab of its own."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name=words).first.click()
    return opened.value


def await_texts(page: Page, *texts: str) -> None:
    for text in texts:
        page.get_by_text(text).filter(visible=True).first.wait_for()


def keep(page: Page, name: str) -> None:
    page.wait_for_timeout(2000)  # charts draw themselves
    support.browser.keep(page, name, whole=False)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of six configurations."""
    home = tmp_path_factory.mktemp("compared") / "home"
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def link(compared: Path) -> Iterator[str]:
    """MLflow as `octant ui` starts it: the one link that it prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = environment(compared, OCTANT_PORT=str(port))
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "octant", "ui"], stdout=subprocess.PIPE, text=True, env=where
    )
    assert server.stdout is not None
    yield re.findall(r"http://\S+$", server.stdout.readline())[0]
    server.send_signal(signal.SIGINT)
    assert server.stdout.read().strip() == ""
    server.wait(20)
    server.stdout.close()


def drawn(page: Page) -> list[str]:
    """The colours of the first chart's curves."""
    curves = page.locator("svg .scatterlayer").first.locator(".trace path.js-line")
    page.wait_for_function("document.querySelectorAll('svg .scatterlayer .trace path.js-line').length >= 6")
    return [str(curve.evaluate("each => getComputedStyle(each).stroke")) for curve in curves.all()]


def colours(home: Path) -> set[str]:
    rows = Database(home).query(
        "select t.value from tags t join tags k using (run_uuid) where t.key = 'mlflow.runColor' and k.value = 'mean'"
    )
    numbers = [[int(str(text)[i : i + 2], 16) for i in (1, 3, 5)] for (text,) in rows]
    return {f"rgb({', '.join(map(str, each))})" for each in numbers}


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_six_configurations_have_six_colours(
    link: str, compared: Path, browser: Browser, width: int, height: int
) -> None:
    """With the whole of the first chart and its key inside the window, and no Assistant beside it."""
    page = look(browser, link, width, height)
    await_texts(page, *(KEY.format(name) for name in NAMES))
    shown = drawn(page)
    keep(page, f"comparison-{width}")
    assert set(shown) == colours(compared)
    assert len(colours(compared)) == page.get_by_text(re.compile(r" \(test_accuracy\)$")).count() == 6
    assert len({shown.count(colour) for colour in shown}) == 1  # MLflow draws each line more than once
    for name in NAMES:
        box = page.get_by_text(KEY.format(name)).first.bounding_box()
        assert box
        assert box["y"] + box["height"] < height
    assert page.get_by_text("MLflow Assistant").filter(visible=True).count() == 0


def test_home_page_leads_to_the_comparison(link: str, browser: Browser) -> None:
    page = look(browser, link.partition("#")[0])
    page.get_by_role("link", name="inits").first.click()
    page.get_by_role("button", name="Got it").click()  # MLflow's own advice, on traces
    page = follow(page, "Compare the configurations")
    await_texts(page, *(KEY.format(name) for name in NAMES))
    keep(page, "from-home")
    assert len(set(drawn(page))) == 6


def test_table_of_runs_names_and_sorts_them(link: str, browser: Browser, compared: Path) -> None:
    page = follow(look(browser, link), "All runs")
    await_texts(page, "hidden", "init", "seed", "test_accuracy")
    page.get_by_role("link", name=re.compile(r"^(glorot|normal|scaled) (sigmoid|tanh) s=\d$")).first.wait_for()
    keep(page, "runs")
    names = [each.inner_text() for each in page.get_by_role("link", name=re.compile(r" s=\d$")).all()]
    rows = Database(compared).query(
        "select r.name from runs r join latest_metrics m using (run_uuid) join tags t using (run_uuid) "
        "where m.key = 'test_accuracy' and t.key = 'sweep' order by m.value desc"
    )
    assert len(set(rows)) == 18
    assert names[0] == rows[0][0]
    assert len(names) >= 10


def test_run_its_model_and_report(link: str, browser: Browser, compared: Path) -> None:
    database = Database(compared)
    ((run, experiment),) = database.query(
        "select r.run_uuid, r.experiment_id from runs r join tags t using (run_uuid) where t.key = 'sweep' limit 1"
    )
    ((model,),) = database.query(f"select model_id from logged_models where source_run_id = '{run}'")
    ((report,),) = database.query("select run_uuid from tags where key = 'report_of'")
    address = link.partition("#")[0]
    runs = f"{address}#/experiments/{experiment}/runs"
    page = look(browser, f"{runs}/{run}?workflowType=machine_learning")
    await_texts(page, "test_accuracy", "octant rerun")
    page = look(browser, f"{runs}/{run}/model-metrics?workflowType=machine_learning")
    await_texts(page, "gradient_W1")  # MLflow sorts charts by name, and draws those in the window
    keep(page, "run")
    assert page.get_by_text("seconds_per_epoch").count() == 0
    page = look(browser, f"{address}#/experiments/{experiment}/models/{model}")
    await_texts(page, "Ready", "test_accuracy")
    keep(page, "model")
    page = look(browser, f"{runs}/{report}/artifacts/report.html?workflowType=machine_learning")
    await_texts(page, "report.html")
    keep(page, "report")
    inside = page.frames[1]
    assert inside.locator("h1").first.is_visible()
    assert inside.locator("img").count() >= 4
