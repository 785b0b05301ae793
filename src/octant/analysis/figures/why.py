"""The endpoint beside what explains it, by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from octant.analysis.figures.canvas import WIDTH, Drawing, fitted, in_house_style, left_to_the_table, panels, plain
from octant.analysis.figures.design import Design
from octant.analysis.figures.labels import KEY_ROW, draw_key, key_rows

MOST = 8


@in_house_style
def why_figure(table: pd.DataFrame, ranking: Sequence[str], design: Design, reasons: Mapping[str, str]) -> Drawing:
    """A panel for the endpoint and for each of `reasons` (column: words), means of `table` against epoch.

    A reason that is a size and spans a factor of ten is drawn on a logarithmic axis. The first eight of `ranking`.
    """
    endpoint, shown = design.question.endpoint, [config for config in ranking if config in set(table["config"])][:MOST]
    names = {endpoint: design.axis, **{name: words for name, words in reasons.items() if name in table}}
    rows = key_rows(design, shown, fewest=1)
    figure, grid = panels(len(names), 2.6, sharex=True)
    foot = 0.05 + KEY_ROW * len(rows)
    figure.set_size_inches(WIDTH, figure.get_size_inches()[1] + foot)
    share = foot / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, share, 1, 1 - share))
    for (column, words), axes in zip(names.items(), grid, strict=True):
        scale = design.question.scale if column == endpoint else 1.0
        for config in reversed(shown):
            line, look = table[table["config"] == config].dropna(subset=[column]), design.style(config)
            values = scale * line[column]
            axes.plot(line["epoch"], values, color=look.colour, linestyle=look.dash, linewidth=1.6)
            axes.plot(line["epoch"].iloc[-1:], values.iloc[-1:], color=look.colour, marker=look.marker, markersize=4.5)
        values = table.loc[table["config"].isin(shown), column].dropna()
        if column != endpoint and len(values) and values.min() > 0 and values.max() > 10 * values.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(fitted(words, WIDTH / len(names) - 0.5, 9, 3), fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
        axes.set_xlabel("epoch", fontsize=8.5)
        plain(axes).tick_params(labelsize=8)
    draw_key(figure, rows)
    told = left_to_the_table(len(shown), table["config"].nunique(), "configurations", "why.csv")
    return Drawing(figure, _described(table, shown, names, told))


def _described(table: pd.DataFrame, shown: Sequence[str], names: Mapping[str, str], told: str) -> str:
    first, last = table["epoch"].min(), table["epoch"].max()
    parts = []
    for config in shown:
        line = table[table["config"] == config].set_index("epoch")
        ends = [f"{words} {line[name].iloc[0]:.2g} to {line[name].iloc[-1]:.2g}"
                for name, words in list(names.items())[1:] if line[name].notna().all()]  # fmt: skip
        parts.append(f"{config}: {', '.join(ends)}")
    return f"What explains the curves, epochs {first} to {last}. {'; '.join(parts)}. {told}".strip()
