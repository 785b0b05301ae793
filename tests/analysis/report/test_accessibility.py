"""Every kind of page that octant writes, as people meet it: axe-core finds nothing serious, nothing leaves the window.

Screenshots for the eye: three widths, light and dark, printed, and as a deuteranope sees them.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page

from octant.analysis.guess import Asked
from octant.analysis.report.table import TableReport
from octant.analysis.tables import compare_file
from support.browser import keep
from support.verdict_sweeps import sweep

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
ROOT = Path(__file__).parents[3]
KINDS = ("report", "explore", "compared", "lecture", "lecture-ko")


def compared(folder: Path) -> Path:
    """The report of a stranger's csv: two factors, the second tuned."""
    levels = {"optimizer": ["adam", "lion", "sgd"], "width": [16, 64], "lr": [0.01, 0.1]}
    means = {(o, w, lr): 0.8 + 0.05 * len(o) / w + lr / 10 for o, w, lr in product(*levels.values())}
    runs = sweep(levels, means, 6, endpoint="test_acc").assign(val_acc=lambda frame: frame["test_acc"] - 0.01)
    runs.to_csv(folder / "runs.csv", index=False)
    comparison, lines = compare_file(folder / "runs.csv", Asked(tune=["lr"], endpoint="test_acc"))
    report = TableReport("runs", comparison, lines, "octant compare runs.csv", comparison.curves)
    return report.write(folder)[0]


def published(markdown: Path, language: str, folder: Path) -> Path:
    """A page that GitHub shows, in plain HTML."""
    body = MarkdownIt("commonmark").enable("table").render(markdown.read_text(encoding="utf-8"))
    body = body.replace("<table>", '<table tabindex="0">').replace("<pre>", '<pre tabindex="0">')
    style = "body { max-width: 60rem; font: 16px sans-serif } img { max-width: 100% } td { padding: .3rem }"
    style += "table { display: block; overflow-x: auto } pre { overflow-x: auto }"
    head = f'<meta charset="utf-8"><title>octant</title><base href="{markdown.parent.as_uri()}/">'
    html = f'<html lang="{language}"><head>{head}<style>{style}</style></head><body><main>{body}</main></body></html>'
    (folder / "page.html").write_text(f"<!DOCTYPE html>{html}", encoding="utf-8")
    return folder / "page.html"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(kind: str, swept: tuple[Path, str], tmp_path: Path) -> str:
    if kind == "compared":
        return compared(tmp_path).as_uri()
    if kind.startswith("lecture"):
        ending, language = (".ko.md", "ko") if kind.endswith("ko") else (".md", "en")
        return published(ROOT / f"experiments/lecture/README{ending}", language, tmp_path).as_uri()
    return (swept[0] / f"reports/smoke/{kind}.html").as_uri()


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the first place of each."""
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {len(each['nodes'])} times, {each['nodes'][0]['html'][:200]}" for each in grave]


def test_axe_sees_a_grave_fault(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        '<html lang="en"><title>a</title><main><img src="a.png"><p style="color: #ccc">pale</p></main></html>'
    )
    assert [each.partition(":")[0] for each in faults(page)] == ["color-contrast", "image-alt"]
    page.close()


def test_no_page_has_grave_faults(kind: str, address: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(address)
    page.wait_for_timeout(500)
    for width in (390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(media="screen", color_scheme=scheme)
            page.wait_for_timeout(200)  # Bokeh's charts follow
            assert faults(page) == [], (width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, scheme)
            keep(page, f"{kind}-{width}-{scheme}")
    page.set_viewport_size({"width": 680, "height": 1000})  # A4 less its margins
    page.emulate_media(media="print", color_scheme="light")
    assert faults(page) == []
    keep(page, f"{kind}-printed")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen")
    eye = page.context.new_cdp_session(page)
    eye.send("Emulation.setEmulatedVisionDeficiency", {"type": "deuteranopia"})
    keep(page, f"{kind}-deuteranopia")
    pictures = page.evaluate("[...document.images].map(each => each.naturalWidth)")
    assert all(pictures)
    page.close()
