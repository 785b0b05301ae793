"""What the comparison says: the effects, the ranking, and the ranks over data sets."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from octant.analysis.comparison.ranks import ranks_of
from octant.analysis.figures.canvas import (
    FAINT,
    INK,
    Drawing,
    canvas,
    fitted,
    in_house_style,
    left_to_the_table,
    note_below,
    plain,
)
from octant.analysis.figures.design import ENOUGH, Design

MOST_ROWS = 40
_NAME = 2.7  # inches


@in_house_style
def effects_figure(effects: pd.DataFrame, design: Design) -> Drawing:
    """Forest plot: each effect with its 95 % interval, filled where the effect is shown, hollow where it is not; the
    first 40 of them. Below five repeats there is no interval.
    """
    drawn = effects.head(MOST_ROWS)
    names = [fitted(contrast(row), _NAME, 8.5, 3) for _, row in drawn.iterrows()]
    lines = max(name.count("\n") + 1 for name in names)
    figure = canvas(1.0 + (0.16 + 0.13 * lines) * len(drawn))
    axes = plain(figure.subplots())
    axes.axvline(0, color=INK, linewidth=1)
    axes.locator_params(axis="x", nbins=6)  # numbers such as -0.175 are wide
    for y, (_, row) in enumerate(drawn.iterrows()):
        paint, fill = (INK, INK) if row["shown"] else (FAINT, "white")
        if row["n"] >= ENOUGH:
            axes.plot([row["low"], row["high"]], [y, y], color=paint, linewidth=2.2, solid_capstyle="butt")
        axes.plot(row["estimate"], y, "o", color=paint, markerfacecolor=fill, markeredgewidth=1.6, markersize=7)
    axes.set_yticks(range(len(drawn)), names, fontsize=8.5, linespacing=1.05)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    unit = ", percentage points" if design.question.is_share else ""
    rest = left_to_the_table(len(drawn), len(effects), "effects", "effects.csv")
    few = "Fewer than 5 repeats: no intervals." if drawn["n"].min() < ENOUGH and not design.question.exact else ""
    note_below(figure, f"effect on {design.question.words}{unit} (hollow: not shown to differ from 0)", rest, few)
    return Drawing(figure, _effects_described(effects, design))


def contrast(row: pd.Series) -> str:
    """Which levels an effect compares: `tanh minus sigmoid`; for an interaction, each factor's pair after its name."""
    factors = str(row["effect"]).split(" x ")
    pairs = list(zip(str(row["plus"]).split(", "), str(row["minus"]).split(", "), strict=False))
    if any(str(row[side]).count(", ") != len(factors) - 1 for side in ("plus", "minus")):  # a level with a comma in it
        return f"{row['effect']}: {row['plus']} minus {row['minus']}"
    words = " x ".join(
        f"({plus} minus {minus})" if len(pairs) > 1 else f"{plus} minus {minus}" for plus, minus in pairs
    )
    return f"{row['effect']}: {words}"


def _effects_described(effects: pd.DataFrame, design: Design) -> str:
    unit = " points" if design.question.is_share else ""
    shown = effects[effects["shown"].astype(bool)]
    parts = []
    for _, row in shown.head(8).iterrows():
        ends = "" if pd.isna(row["low"]) or row["n"] < ENOUGH else f" ({row['low']:+.2f} to {row['high']:+.2f})"
        parts.append(f"{contrast(row)} {row['estimate']:+.2f}{unit}{ends}")
    named = f": {'; '.join(parts)}" if parts else ""
    more = f"; and {len(shown) - 8} more" if len(shown) > 8 else ""
    head = f"Forest plot of {len(effects)} effects on {design.question.words}."
    return f"{head} Shown to differ from 0: {len(shown)}{named}{more}."


@in_house_style
def ranking_figure(summary: pd.DataFrame, runs: pd.DataFrame, design: Design) -> Drawing:
    """Each configuration's repeats (faint), mean and 95 % interval, in the ranking's order; the first 40."""
    drawn = summary.head(MOST_ROWS)
    figure = canvas(0.9 + 0.3 * len(drawn))
    axes = plain(figure.subplots())
    finished = runs[runs["outcome"] == "finished"]
    for y, (_, row) in enumerate(drawn.iterrows()):
        look = design.style(row["config"])
        values = design.question.scale * finished.loc[finished["config"] == row["config"], design.question.endpoint]
        axes.plot(values, [y] * len(values), "|", color=look.colour, alpha=0.6, markersize=9)
        if row["n"] >= ENOUGH:
            interval = design.within(*(pd.Series([row[end]], dtype=float) for end in ("low", "high")))
            axes.plot([each.iloc[0] for each in interval], [y, y], color=look.colour, linewidth=3, alpha=0.9)
        axes.plot(row["mean"], y, look.marker, color=look.colour, markeredgecolor="white", markersize=8)
    _name_rows(axes, drawn, design)
    rest = left_to_the_table(len(drawn), len(summary), "configurations")
    few = "Fewer than 5 repeats: no intervals." if drawn["n"].min() < ENOUGH and not design.question.exact else ""
    note_below(figure, design.axis, rest, few)
    return Drawing(figure, _ranking_described(summary, design))


def _name_rows(axes: Axes, drawn: pd.DataFrame, design: Design) -> None:
    axes.set_yticks(range(len(drawn)), [fitted(design.label(str(name)), _NAME, 8.5, 2) for name in drawn["config"]],
                    fontsize=8.5, linespacing=1.05)  # fmt: skip
    axes.set_ylim(len(drawn) - 0.4, -0.6)


def _ranking_described(summary: pd.DataFrame, design: Design) -> str:
    finished = summary[summary["n"] > 0]
    names = [f"{row['config']} {design.number(row['mean'])}" for _, row in finished.head(8).iterrows()]
    last = (
        f"; last {finished.iloc[-1]['config']} {design.number(finished.iloc[-1]['mean'])}" if len(finished) > 8 else ""
    )
    none = f"; {len(summary) - len(finished)} without a finished run" if len(finished) < len(summary) else ""
    several = f"{len(summary)} configuration{'s' * (len(summary) != 1)}"
    return f"Mean {design.question.words} of {several}, best first: {'; '.join(names)}{last}{none}."


@in_house_style
def ranks_figure(ranks: pd.DataFrame, design: Design) -> Drawing:
    """The rank diagram: each configuration's rank in each data set (faint) and its mean rank; the first 40.

    `ranks` is the table of `ranks_over_data`.
    """
    each = ranks_of(ranks.set_index("config").drop(columns="mean_rank"), design.question)
    drawn = ranks.head(MOST_ROWS)
    figure = canvas(0.9 + 0.3 * len(drawn))
    axes = plain(figure.subplots())
    for y, (name, mean) in enumerate(zip(drawn["config"], drawn["mean_rank"], strict=True)):
        look = design.style(name)
        axes.plot(each.loc[name], [y] * each.shape[1], "|", color=look.colour, alpha=0.6, markersize=9)
        axes.plot(mean, y, look.marker, color=look.colour, markeredgecolor="white", markersize=8)
    _name_rows(axes, drawn, design)
    axes.set_xlim(0.8, len(ranks) + 0.2)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    rest = left_to_the_table(len(drawn), len(ranks), "configurations", "ranks.csv")
    note_below(figure, f"rank by {design.question.words}, 1 is best", rest)
    told = "; ".join(f"{row['config']} {row['mean_rank']:.2f}" for _, row in ranks.head(8).iterrows())
    return Drawing(figure, f"Rank diagram over {each.shape[1]} data sets, mean rank: {told}.")
