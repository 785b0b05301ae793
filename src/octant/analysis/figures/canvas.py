"""What all figures share: one width, one look whatever a user's matplotlibrc says, text that fits, one way to save."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
from matplotlib import rc_context, rcParamsDefault
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

WIDTH = 6.2  # inches
COLUMNS = 4  # of a grid of panels
MOST_PANELS = 16
INK, FAINT = "#222222", "#9a9a9a"
# For names in Korean, Chinese and Japanese, where one of them is installed.
_EASTERN = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo",
            "Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Hiragino Sans")  # fmt: skip
_FONTS = ["DejaVu Sans", *sorted({*_EASTERN} & {font.name for font in fontManager.ttflist}, key=_EASTERN.index)]
# Names come from strangers: a dollar sign in one begins no formula.
_OURS: dict[RcKeyType, object] = {"text.parse_math": False, "svg.hashsalt": "octant", "svg.fonttype": "path",
                                      "font.size": 9.0, "font.family": _FONTS, "axes.titley": 1.0}  # fmt: skip
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Drawing:
    """A figure, and what it shows in words and numbers for those who cannot see it."""

    figure: Figure
    alt: str


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's matplotlibrc or style says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of defaults that only stand there until they go
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a box in the figure, a name in the table
        own: dict[RcKeyType, object] = {
            name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")
        }
        with rc_context(own | _OURS):
            yield


def in_house_style(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, drawing in the house style."""

    @wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with house_style():
            return draw(*args, **kwargs)

    return styled


@in_house_style
def rendered(figure: Figure) -> tuple[bytes, bytes]:
    """The figure as svg and png, laid out once; the same figure gives the same bytes."""
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if not axis.label.get_text()):
        axis.set_label_coords(0, 0)  # else matplotlib measures all ticks for the place of a label that is not there
    svg = io.BytesIO()
    # Not savefig, which draws everything twice and lays it out anew for each format.
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")
    figure.set_dpi(150)
    return svg.getvalue(), as_png(figure)


@in_house_style
def as_png(figure: Figure) -> bytes:
    """The figure as png."""
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return png.getvalue()


@in_house_style
def as_pdf(figure: Figure) -> bytes:
    """The figure as pdf, for LaTeX; as it was laid out where it has been rendered."""
    pdf = io.BytesIO()
    FigureCanvasPdf(figure).print_pdf(pdf, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
    return pdf.getvalue()


def canvas(height: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def plain(axes: Axes) -> Axes:
    """Light grid, no frame above and to the right."""
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def panels(
    count: int, row_height: float, *, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with `count` axes in rows of four; what is left over of the last row stays empty."""
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure = canvas(rows * row_height)
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey))
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid[max(count - columns, 0) : count]:
        axes.tick_params(labelbottom=True)
    return figure, list(grid[:count])


@lru_cache(maxsize=4096)
def width_of(text: str, size: float) -> float:
    """Width of a line of text in inches."""
    if not text.strip():
        return 0.0
    # Not TextPath, which builds the letters' outlines: thirty times as long.
    return (
        float(text_to_path.get_text_width_height_descent(text, FontProperties(family=_FONTS, size=size), False)[0]) / 72
    )


def fitted(text: str, width: float, size: float, lines: int = 1) -> str:
    """The text in at most `lines` lines of `width` inches, broken after spaces and hyphens, its middle left out where
    it is still too long.
    """
    rows = [""]
    for part in re.split(r"(?<=[\s,/-])(?=\S)", " ".join(text.split())):
        if width_of(rows[-1] + part, size) > width and rows[-1]:
            rows.append("")
        rows[-1] += part
    if len(rows) > lines:
        rows = [*rows[: lines - 1], "".join(rows[lines - 1 :])]
    return "\n".join(_shortened(row.strip(), width, size) for row in rows)


def _shortened(line: str, width: float, size: float) -> str:
    keep, short = len(line), line
    while width_of(short, size) > width and keep > 2:
        keep -= 1
        short = f"{line[: (keep + 1) // 2]}…{line[len(line) - keep // 2 :]}"
    return short


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str], title: str | None = None) -> None:
    """One legend under the axes, in as many columns as fit; the first 16 entries where there are more."""
    size, handle = 8.5, 0.55
    shown, drawn = [fitted(label, WIDTH - 0.9, size) for label in labels[:MOST_PANELS]], list(handles[:MOST_PANELS])
    if len(labels) > len(shown):
        shown, drawn = [*shown, f"and {len(labels) - len(shown)} more"], [*drawn, Line2D([], [], linestyle="")]
    widest = max(width_of(label, size) for label in shown) + handle
    columns = max(1, min(len(shown), 4, int((WIDTH - 0.3) / widest)))
    title = fitted(title, WIDTH - 0.4, 9, 2) if title else None
    figure.legend(drawn, shown, title=title, loc="outside lower center", ncols=columns, frameon=False, fontsize=size,
                  title_fontsize=9, columnspacing=1.2, handlelength=2.2)  # fmt: skip


def note_below(figure: Figure, *sentences: str) -> None:
    """Remarks under the axes, each on a line of its own; empty ones are left out."""
    lines = [fitted(sentence, WIDTH - 0.3, 8.5, 3) for sentence in sentences if sentence]
    figure.supxlabel("\n".join(lines), fontsize=8.5, color=INK)


def left_to_the_table(shown: int, count: int, what: str, table: str = "configurations.csv") -> str:
    """What is said where not all is shown; empty where all is."""
    return "" if shown >= count else f"Shown: {shown} of {count} {what}; all are in {table}."
