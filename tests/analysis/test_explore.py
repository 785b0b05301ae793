"""explore.html: its numbers, its size, and a hand that plays with it in a browser without a network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from octant.analysis.figures import design_of
from octant.analysis.question import Question
from octant.analysis.report.explore import Explored, explore_page
from octant.analysis.report.explored import _SNAPSHOT_BYTES
from octant.network.data import Dataset, load
from octant.network.initialisers import Parameters
from octant.network.network import build, forward
from octant.network.snapshots import page, snapshot
from octant.network.training import train
from support.browser import keep
from support.settings import settings

LOSSES = ("mse", "cross_entropy")
METRICS = {"test_accuracy": "test accuracy, %", "gradient_W1": "gradient of W1"}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(settings().dataset)


@pytest.fixture(scope="module")
def shown(digits: Dataset) -> Explored:
    rows, kept = [], {}
    for loss in LOSSES:
        for seed in (0, 1):
            run = settings(loss=loss, seed=seed, epochs=6, learning_rate=0.5, batch_size=4)
            network, snapshots = build(loss, "sigmoid", "softmax"), []
            for record in train(run, digits):
                own = {"fingerprint": f"{loss}{seed}", "config": loss, "loss": loss, "seed": seed}
                rows.append({**own, "epoch": record.epoch, **record.metrics})
                assert record.predicted is not None
                if record.epoch in (0, 1, 2, 4, 6):
                    snapshots.append(snapshot(network, record.parameters, digits, record.epoch, record.predicted))
            words = {"loss": loss, "hidden": "sigmoid", "output": "softmax"}
            kept[loss] = json.loads(page(json.dumps(snapshots), words, digits, record.parameters))
    curves = pd.DataFrame(rows)
    design = design_of(curves, Question(("loss",)))
    return Explored("tiny", "Why <b>?", "An answer & more.", curves, METRICS, LOSSES, design, kept)


def data_of(html: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_numbers_are_the_frames(shown: Explored) -> None:
    data = data_of(explore_page(shown))
    for loss in LOSSES:
        own = shown.curves[shown.curves["config"] == loss]
        for epoch in range(7):
            mean = 100 * own.loc[own["epoch"] == epoch, "test_accuracy"].mean()
            assert data["configs"][loss]["values"]["test_accuracy"][epoch] == pytest.approx(mean, rel=1e-5)
    assert len(data["runs"]) == 4
    first = next(run for run in data["runs"] if run["config"] == "mse")
    assert first["values"]["gradient_W1"] == pytest.approx(list(shown.curves["gradient_W1"][:7]), rel=1e-5)


def test_large_weights_stay_finite(digits: Dataset) -> None:
    last = next(iter(train(settings(epochs=1, batch_size=100), digits))).parameters
    large = last._replace(W1=last.W1 + 1e6)
    kept = json.loads(page("[]", {}, digits, large))
    assert np.isfinite(np.frombuffer(base64.b64decode(kept["W1"]), "<f2")).all()


def test_confusion_counts_accuracy(shown: Explored, digits: Dataset) -> None:
    for loss in LOSSES:
        own = shown.curves[(shown.curves["config"] == loss) & (shown.curves["seed"] == 1)].set_index("epoch")
        for each in shown.snapshots[loss]["snapshots"]:
            right = np.trace(np.array(each["confusion"])) / len(digits.test)
            assert right == pytest.approx(own.loc[each["epoch"], "test_accuracy"])


def test_page_is_one_safe_file(shown: Explored) -> None:
    evil = shown.curves.replace("mse", "</script><b>")
    design = design_of(evil, Question(("loss",)))
    html = explore_page(Explored("a", "q", "b", evil, METRICS, list(set(evil["config"])), design))
    assert "</script><b>" not in html
    html = explore_page(shown)
    assert explore_page(shown) == html  # though Bokeh counts its models up as long as the process lives
    assert "Why &lt;b&gt;?" in html
    assert not re.findall(r'<(?:script|link)[^>]*(?:src|href)="(?!data:)', html)
    assert len(html) < 2.2e6


def test_identifiers_in_names_stay(shown: Explored) -> None:
    name = "0f8fad5b-d9cb-469f-a165-70867728950e"
    curves = shown.curves.replace("mse", name)
    design = design_of(curves, Question(("loss",)))
    html = explore_page(Explored(name, "q", "b", curves, METRICS, [name], design))
    assert data_of(html)["configs"].keys() == {name}
    assert f"octant: {name}" in html
    assert not set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", html)) - {name}


def test_720_runs_fit_five_megabytes(shown: Explored) -> None:
    """72 configurations of 10 seeds, 31 epochs, the network's six metrics, and as many snapshots as may be."""
    rng = np.random.default_rng(0)
    places = pd.MultiIndex.from_product([range(72), range(10), range(31)], names=["config", "seed", "epoch"])
    curves = places.to_frame(index=False).astype({"config": str})
    metrics = METRICS | {f"measured_{number}": "measured" for number in range(4)}
    for metric in metrics:
        curves[metric] = rng.uniform(0, 1, len(curves))
    curves["fingerprint"], curves["loss"] = curves["config"] + "-" + curves["seed"].astype(str), curves["config"]
    design = design_of(curves, Question(("loss",)))
    kept = {config: {**shown.snapshots["mse"], "W1": "A" * (_SNAPSHOT_BYTES // 8)} for config in "01234567"}
    html = explore_page(Explored("big", "q", "a", curves, metrics, sorted(set(curves["config"])), design, kept))
    data = data_of(html)
    assert (len(data["configs"]), data["left"]) == (60, 12)
    assert len(html) < 5e6


@pytest.fixture
def tab(shown: Explored, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    file, faults = tmp_path / "explore.html", []
    file.write_text(explore_page(shown))
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(file.as_uri())
    opened.wait_for_selector(".bk-Figure")
    opened.wait_for_timeout(500)
    yield opened
    context.close()
    assert faults == []


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_keys_and_pointer_move_the_epoch(tab: Page, shown: Explored) -> None:
    assert tab.locator("#at").inner_text() == "At epoch 6"
    tab.locator(".noUi-handle").focus()
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_function("document.getElementById('at').textContent === 'At epoch 5'")
    assert "after epoch 4" in tab.locator("#kept").inner_text()
    own = shown.curves[(shown.curves["config"] == "mse") & (shown.curves["epoch"] == 5)]
    shown_value = float(tab.locator("#values tr").nth(1).locator("td").nth(1).inner_text())
    assert shown_value == pytest.approx(100 * own["test_accuracy"].mean(), rel=1e-3)
    box = tab.locator(".noUi-handle").bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(20, box["y"], steps=10)
    tab.mouse.up()
    assert tab.locator("#at").inner_text() == "At epoch 0"
    assert "before training" in tab.locator("#kept").inner_text()


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_page_classifies_as_network(tab: Page, shown: Explored, digits: Dataset) -> None:
    x = digits.test.X[:20]
    for loss in LOSSES:
        arrays = [np.frombuffer(base64.b64decode(shown.snapshots[loss][name]), np.float16).astype(float)
                  for name in Parameters._fields]  # fmt: skip
        parameters = Parameters(arrays[0].reshape(64, -1), arrays[1], arrays[2].reshape(-1, 10), arrays[3])
        found = tab.evaluate("([loss, rows]) => rows.map((x) => forward(page.snapshots[loss], x))", [loss, x.tolist()])
        expected = forward(build(loss, "sigmoid", "softmax"), parameters, x).A2
        np.testing.assert_allclose(np.array(found), expected, atol=1e-9)


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_drawn_seven_is_seen(tab: Page) -> None:
    tab.locator("#pad").scroll_into_view_if_needed()
    box = tab.locator("#pad").bounding_box()
    assert box is not None
    points = [(0.25, 0.15), (0.75, 0.15), (0.6, 0.45), (0.45, 0.9)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    for place in places[1:]:
        tab.mouse.move(*place, steps=10)
    tab.mouse.up()
    assert "7" in tab.locator("#answers td.answer").all_inner_texts()
    keep(tab, "explore-1280")
    tab.get_by_role("button", name="Clear").click()
    assert tab.locator("#answers td.answer").count() == 0


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_finger_draws_on_a_telephone(shown: Explored, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "explore.html").write_text(explore_page(shown))
    context = browser.new_context(offline=True, has_touch=True, viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto((tmp_path / "explore.html").as_uri())
    tab.locator("#pad").scroll_into_view_if_needed()
    box, finger, before = tab.locator("#pad").bounding_box(), context.new_cdp_session(tab), tab.evaluate("scrollY")
    assert box
    for kind, share in [("touchStart", 0.15), *(("touchMove", y / 10) for y in range(2, 9)), ("touchEnd", 0.9)]:
        points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + share * box["height"]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if kind != "touchEnd" else []})
    tab.wait_for_function("document.querySelectorAll('#answers td.answer').length === 2")
    assert tab.evaluate("scrollY") == before  # it draws, and does not scroll
    context.close()


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_curves_answer_pointer_and_boxes(tab: Page) -> None:
    seen = "[...Bokeh.documents[0]._all_models.values()].filter((m) => m.type === 'GlyphRenderer' && m.visible).length"
    assert tab.evaluate(seen) == 4  # of each configuration its mean and the marks along it
    tab.get_by_role("checkbox", name="● mse", exact=True).uncheck()
    assert tab.evaluate(seen) == 2
    tab.get_by_role("checkbox", name="single runs").check()
    assert tab.evaluate(seen) == 3
    box = tab.locator(".bk-Figure").first.bounding_box()
    assert box is not None
    for share in np.linspace(0.1, 0.9, 40):  # down the middle, across the curve
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + share * box["height"])
        if tab.get_by_text("epoch:").count():
            break
    assert tab.get_by_text("epoch:").count()
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    keep(tab, "explore-390")
