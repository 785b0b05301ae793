"""Levels with signs that mean something in markdown and HTML: read back by parsers, each name is what it was."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from octant.analysis.report.table import TableReport
from octant.analysis.tables import compare_file
from support.verdict_sweeps import sweep

NAMES = ("a|b", "`x` ``", "<b>&lt;", "two\nlines", "한국어", '"it\'s"', "__init__", "[a](b)", "*c* ~d~", "e\\|f")


class Reader(HTMLParser):
    """The cells of tables and the targets of links, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True
        assert tag != "b", "a name became a tag"
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nasty")
    runs = sweep({"model": NAMES}, {(name,): 0.5 + at / 100 for at, name in enumerate(NAMES)}, 5, endpoint="val_acc")
    runs.to_csv(folder / "runs.csv", index=False)
    comparison, lines = compare_file(folder / "runs.csv")
    report = TableReport("na|sty", comparison, lines, "octant compare 'a|b.csv'", pd.DataFrame())
    report.write(folder / "out")
    return folder / "out"


@pytest.mark.parametrize("page", ["report.html", "report.md"])
def test_every_name_fills_one_cell(written: Path, page: str) -> None:
    text = (written / page).read_text(encoding="utf-8")
    read = Reader(text if page.endswith("html") else MarkdownIt("commonmark").enable("table").render(text))
    names = {" ".join(name.split()) for name in NAMES}
    ranked = [row for row in read.rows if len(row) > 5]
    assert {" ".join(row[0].split()).removeprefix("model=") for row in ranked} >= names
    assert len({len(row) for row in read.rows if row[0].removeprefix("model=") in names}) <= 3
    files = {unquote(link) for link in read.links if link.endswith(".csv")}
    assert files >= {"configurations.csv", "effects.csv", "pairs.csv"}
    assert all((written / name).is_file() for name in files)
