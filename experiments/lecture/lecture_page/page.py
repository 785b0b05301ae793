"""The words of experiments/lecture/: templates with every number filled in from the csv files beside them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Between these `octant report` writes; what stands there is kept.
_BEGIN, _END = "<!-- written by octant report: begin -->", "<!-- end -->"


def pages(folder: Path) -> dict[str, str]:
    """Every `NAME.md.j2` of the folder rendered from its csv files: NAME.md -> text."""
    frames = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    environment = Environment(loader=FileSystemLoader(folder), autoescape=False, undefined=StrictUndefined,  # noqa: S701
                              trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # fmt: skip
    environment.globals |= {
        "value": lambda table, column, **where: _value(frames[table], column, where),
        "table": lambda table, columns, **where: _table(_rows(frames[table], where), columns),
        "rows": lambda table, **where: _rows(frames[table], where).to_dict("records"),
    }
    names = [path.name.removesuffix(".j2") for path in sorted(folder.glob("*.md.j2"))]
    return {name: _kept(folder / name, environment.get_template(f"{name}.j2").render()) for name in names}


def _rows(frame: pd.DataFrame, where: dict[str, Any]) -> pd.DataFrame:
    for column, wanted in where.items():
        frame = frame[frame[column].isin(wanted if isinstance(wanted, list) else [wanted])]
    return frame


def _value(frame: pd.DataFrame, column: str, where: dict[str, Any]) -> Any:
    found = _rows(frame, where)[column]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows for {column} where {where}")
    return found.iloc[0]


def _table(frame: pd.DataFrame, columns: dict[str, str]) -> str:
    """A Markdown table of `columns`, column -> heading."""
    rows = [list(columns.values()), ["---"] * len(columns)]
    rows += [[_said(each) for each in row] for row in frame[list(columns)].itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(cell: Any) -> str:
    if not isinstance(cell, float):
        return {"True": "yes", "False": ""}.get(str(cell), str(cell))
    if math.isnan(cell):
        return "-"
    if 0 < abs(cell) < 0.01:
        return f"{cell:.1e}" if abs(cell) < 0.001 else f"{cell:.3f}"
    return f"{cell:.2f}"


def _kept(path: Path, text: str) -> str:
    """`text` with what `octant report` wrote into the page that is there."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    _, begin, rest = old.partition(_BEGIN)
    kept, end, _ = rest.partition(_END)
    before, mark, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{kept}{_END}{rest.partition(_END)[2]}" if begin and end and mark else text
