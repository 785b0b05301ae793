"""explore.html: one file to play with a sweep's curves, weights and mistakes. No server, no network; it trains nothing.

The charts are Bokeh's, shipped within the page. What a run kept for people to look at (a trainer's snapshots.json:
pictures of weights, confusion matrices, areas in the plane, the network in half precision) is drawn where it is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from octant.analysis.figures import Design
from octant.analysis.figures.curves import metrics_of
from octant.seal import Json

if TYPE_CHECKING:
    from bokeh.models import Column, GlyphRenderer
    from bokeh.plotting import figure

MOST_POINTS = 60_000  # of single runs, beyond which only means are in the page
MOST = 60  # configurations
_IDENTIFIER = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What tells curves apart without colours, and the sign for it in words.
_MARKS = {"circle": "●", "square": "■", "triangle": "▲", "diamond": "◆", "inverted_triangle": "▼", "star": "★",
          "plus": "✚", "x": "✖"}  # fmt: skip
_MOST_MARKS = 6  # along a curve
_DASHES = {"-": [], "--": [6, 3], ":": [2, 2], "-.": [6, 3, 2, 3]}


@dataclass(frozen=True)
class Explored:
    """What the page shows: `curves` has a row per run and epoch (fingerprint, config, epoch, `metrics`), `ranking`
    the configurations, best first, `snapshots` what each one's typical run kept, `examples` the hardest ones as
    pictures with what each configuration says, `rates` the endpoint against one tuned setting (config, setting, mean).
    `left_out` configurations have snapshots that are not in the page; `note` stands under the answer.
    """

    name: str
    question: str
    answer: str
    curves: pd.DataFrame
    metrics: Mapping[str, str]
    ranking: Sequence[str]
    design: Design
    snapshots: Mapping[str, Json] = field(default_factory=dict)
    examples: Sequence[Mapping[str, Json]] = ()
    rates: tuple[str, pd.DataFrame] | None = None
    left_out: int = 0
    note: str = ""


def explore_page(shown: Explored) -> str:
    """The page; the same sweep gives the same bytes."""
    from bokeh.document import Document  # a second: only when needed
    from bokeh.embed import file_html
    from bokeh.models import CustomJS
    from bokeh.resources import INLINE
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("octant.analysis.report", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    configs = [config for config in shown.ranking if config in set(shown.curves["config"])][:MOST]
    data = _data(shown, configs)
    variables = {"shown": shown, "data": _embedded(data)}
    page, title = pages.get_template("explore.html"), f"octant: {shown.name}"
    with _long_identifiers():
        charts = Document()
        charts.add_root(_charts(shown, configs, data))
        charts.js_on_event("document_ready", CustomJS(code="octantReady()"))
        html = str(file_html(charts, INLINE, title=title, template=page, template_variables=variables))
    ours = json.dumps([data, shown.name, shown.question, shown.answer, shown.note], ensure_ascii=False)
    return _settled(html, frozenset(re.findall(_IDENTIFIER, ours)))


def _embedded(data: object) -> str:
    """JSON that no name in it can break out of."""
    from markupsafe import Markup

    return Markup(json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))  # noqa: S704


@contextmanager
def _long_identifiers() -> Iterator[None]:
    """Bokeh numbers its models as long as the process lives; random identifiers can be told from all other text."""
    from bokeh.settings import settings

    settings.simple_ids.set_value(False)
    try:
        yield
    finally:
        settings.simple_ids.unset_value()


def _settled(html: str, ours: frozenset[str]) -> str:
    """Bokeh's random identifiers replaced by the order in which they come; those in the sweep's own text stay."""
    seen: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return found[0] if found[0] in ours else seen.setdefault(found[0], f"id-{len(seen)}")

    return re.sub(_IDENTIFIER, number, html)


def _data(shown: Explored, configs: Sequence[str]) -> dict[str, Json]:
    curves, names = shown.curves[shown.curves["config"].isin(list(configs))], list(shown.metrics)
    means = curves.groupby(["config", "epoch"])[names].mean()
    single = len(curves) * len(names) <= MOST_POINTS
    question = shown.design.question.at_the_end
    shares = metrics_of(curves, question.endpoint)
    scale = {name: question.scale if name in shares else 1.0 for name in names}
    return {
        "metrics": dict(shown.metrics),
        "configs": {config: {"mark": list(_MARKS)[at % len(_MARKS)]} | _config(shown, config, means, scale)
                    for at, config in enumerate(configs)},
        "runs": [_run(run, scale) for _, run in curves.groupby("fingerprint", sort=True)] if single else [],
        "marks": _MARKS,
        "left": len(shown.ranking) - len(configs),
        "snapshots": {config: shown.snapshots[config] for config in configs if config in shown.snapshots},
        "examples": list(shown.examples),
    }  # fmt: skip


def _config(shown: Explored, config: str, means: pd.DataFrame, scale: Mapping[str, float]) -> dict[str, Json]:
    table, look = means.loc[config], shown.design.style(config)
    dash = look.dash[1] if isinstance(look.dash, tuple) else _DASHES[look.dash]
    return {
        "label": shown.design.label(config),
        "colour": look.colour,
        "dash": [round(3 * part) for part in dash],
        "epochs": [int(epoch) for epoch in table.index],
        "values": {name: _numbers(scale[name] * table[name]) for name in scale},
    }


def _run(run: pd.DataFrame, scale: Mapping[str, float]) -> dict[str, Json]:
    ordered = run.sort_values("epoch")
    return {
        "config": str(ordered["config"].iloc[0]),
        "epochs": [int(epoch) for epoch in ordered["epoch"]],
        "values": {name: _numbers(scale[name] * ordered[name]) for name in scale},
    }


def _numbers(values: pd.Series) -> list[float | None]:
    return [None if not np.isfinite(value) else float(f"{value:.6g}") for value in values]


def _charts(shown: Explored, configs: Sequence[str], data: Mapping[str, Json]) -> Column:
    """Curves with their controls, and the endpoint against a tuned setting where one is."""
    from bokeh.layouts import column
    from bokeh.models import CheckboxGroup, CustomJS, Select, Slider, Span

    first = next(iter(shown.metrics))
    plot, means, marks, runs = _curves(shown, configs, data, first)
    last = max((max(each["epochs"]) for each in data["configs"].values()), default=1)
    at = Span(location=last, dimension="height", line_color="#888888", line_dash="dashed")
    plot.add_layout(at)
    metric = Select(title="What is drawn", value=first, options=list(shown.metrics.items()))
    slider = Slider(title="Epoch", start=0, end=max(last, 1), value=last, step=1, sizing_mode="stretch_width")
    labels = [f"{_MARKS[data['configs'][each]['mark']]} {data['configs'][each]['label']}" for each in configs]
    boxes = CheckboxGroup(labels=labels, active=list(range(len(configs))),
                          inline=True, sizing_mode="stretch_width",
                          stylesheets=[".bk-input-group { flex-wrap: wrap; gap: 0 .5rem; }"
                                       ".bk-input-group > * { margin-left: 0 !important; }"])  # fmt: skip
    single = CheckboxGroup(labels=["single runs"], active=[])
    args = {"means": means, "marks": marks, "runs": runs, "at": at, "metric": metric, "slider": slider, "boxes": boxes,
            "single": single, "axis": plot.yaxis[0], "configs": list(configs)}  # fmt: skip
    changed = CustomJS(
        args=args, code="octantChanged(means, marks, runs, at, metric, slider, boxes, single, axis, configs)"
    )
    metric.js_on_change("value", changed)
    slider.js_on_change("value", changed)
    for box in (boxes, single):
        box.js_on_change("active", changed)
    return column(metric, plot, slider, boxes, single, *_rates(shown, configs, data), sizing_mode="stretch_width")


def _curves(
    shown: Explored, configs: Sequence[str], data: Mapping[str, Json], metric: str
) -> tuple[figure, list[GlyphRenderer], list[GlyphRenderer], list[GlyphRenderer]]:
    """The plot, and of each configuration its mean, the marks along it and its single runs."""
    from bokeh.models import BasicTicker, CDSView, ColumnDataSource, HoverTool, IndexFilter
    from bokeh.plotting import figure

    plot = figure(height=360, sizing_mode="stretch_width", tools="pan,wheel_zoom,box_zoom,reset", x_axis_label="epoch",
                  y_axis_label=shown.metrics[metric], output_backend="svg")  # fmt: skip
    plot.xaxis.ticker = BasicTicker(min_interval=1, num_minor_ticks=0)
    means, marks, runs = [], [], []
    for at, config in enumerate(configs):
        each = data["configs"][config]
        own = [run for run in data["runs"] if run["config"] == config]
        thin = ColumnDataSource({"xs": [run["epochs"] for run in own], "ys": [run["values"][metric] for run in own]})
        runs.append(plot.multi_line("xs", "ys", source=thin, line_color=each["colour"], line_width=0.7, visible=False))
        label = [each["label"]] * len(each["epochs"])
        source = ColumnDataSource({"x": each["epochs"], "y": each["values"][metric], "name": label})
        means.append(
            plot.line("x", "y", source=source, line_color=each["colour"], line_dash=each["dash"], line_width=2.2)
        )
        apart = 1 + len(label) // _MOST_MARKS
        some = CDSView(filter=IndexFilter(list(range(at % apart, len(label), apart))))
        marks.append(
            plot.scatter("x", "y", source=source, view=some, marker=each["mark"], color=each["colour"], size=8)
        )
    told = [("", "@name"), ("epoch", "@x"), ("value", "@y{0.[000]}")]
    plot.add_tools(HoverTool(renderers=means, tooltips=told, line_policy="nearest"))
    return plot, means, marks, runs


def _rates(shown: Explored, configs: Sequence[str], data: Mapping[str, Json]) -> list[figure]:
    from bokeh.models import ColumnDataSource, HoverTool
    from bokeh.plotting import figure

    if shown.rates is None:
        return []
    setting, table = shown.rates
    values = table[setting]
    plot = figure(height=300, sizing_mode="stretch_width", tools="pan,wheel_zoom,reset", output_backend="svg",
                  x_axis_type="log" if (values > 0).all() and values.max() >= 10 * values.min() else "linear",
                  x_axis_label=setting.replace("_", " "), y_axis_label=shown.design.axis)  # fmt: skip
    lines = []
    for config in configs:
        each, own = data["configs"][config], table[table["config"] == config].sort_values(setting)
        source = ColumnDataSource(
            {"x": list(own[setting]), "y": _numbers(own["mean"]), "name": [each["label"]] * len(own)}
        )
        plot.scatter("x", "y", source=source, marker=each["mark"], color=each["colour"], size=8)
        lines.append(
            plot.line("x", "y", source=source, line_color=each["colour"], line_dash=each["dash"], line_width=2)
        )
    plot.add_tools(HoverTool(renderers=lines, tooltips=[("", "@name"), (setting, "@x"), ("mean", "@y{0.[000]}")]))
    return [plot]
