"""MLflow's page of an experiment: a chart with a curve per configuration, a table of runs, and links to both.

The curves are runs of kind `mean`, one per configuration and sweep: MLflow colours groups of runs by a hash, but a run
by its tag. Such a run has neither the tag `sweep` nor a fingerprint, so nothing that looks for runs finds it: no
report, promotion, delivery or repetition.

The layout of MLflow's shared views is unpublished: read from MLflow 3.17, held by tests/servers/test_browser.py.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from octant import home
from octant.analysis.means import Mean, Means
from octant.analysis.question import Question
from octant.errors import printable
from octant.runs.disk import Busy, locked
from octant.tracking.declared import DECLARED, of_sweep
from octant.tracking.rows import Whole, artifact_root, write_whole
from octant.tracking.search import search
from octant.tracking.store import KIND, REPLACED, Connection, Store

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

UI_HOST = "octant.localhost"  # this machine, for every browser; on 127.0.0.1 MLflow opens its Assistant by itself
_CHART, _TABLE = "CHART", "TABLE"
_PATIENCE_SECONDS = 60.0  # a hundred means take a tenth of that
_MOST_METRICS = 900  # MLflow's limit for one batch is 1000, params and tags included
_MOST_KEYS = 6  # curves that the key below a chart has room for; of more, the list beside it says which is which


def path_of(experiment_id: str, sweep: str, mode: str = _CHART) -> str:
    """The comparison's link behind the server's address, or that of the table of runs."""
    key = sweep if mode == _CHART else f"{sweep}-runs"
    return (
        f"#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={key}&compareRunsMode={mode}"
    )


def store_views(connection: Connection, text: str, sweep: str, question: Question) -> str:
    """Store the views of a sweep that begins, its name and the description; returns `path_of` the comparison.

    The chart shows MLflow's own means over the repeats, until there are runs of kind `mean`.
    """
    varied, question = [*question.compare, *question.tune], question.at_the_end
    groups = [{"mode": "param", "groupByData": name} for name in varied]
    means = f"Mean over {', '.join(question.repeat)}, so far" if question.repeat else "So far"
    chart = _state(of_sweep(sweep), question.endpoint, question.goal, varied) | {
        "groupBy": {"aggregateFunction": "average", "groupByKeys": groups} if groups else None,
        **_charts(sweep, means, [question.endpoint], None),
    }
    table = _state(of_sweep(sweep), question.endpoint, question.goal, [*varied, *question.repeat])
    _store(connection, sweep, chart, f"Comparison of {sweep}")
    _store(connection, f"{sweep}-runs", table, f"Runs of {sweep}")
    for key, value in (KIND, ("question", text)):
        connection.client.set_experiment_tag(connection.experiment_id, key, value)
    _describe(connection, sweep)
    return path_of(connection.experiment_id, sweep)


def show_means(connection: Connection, sweep: str, means: Means) -> None:
    """Log the means of a finished sweep and let its comparison show them: a curve per configuration."""
    _log_means(connection, sweep, means)
    if not means.curves:
        return
    left = f" The best {len(means.curves)}; {means.left_out} more are in the report." if means.left_out else ""
    columns = [*means.columns, "repeats"]
    view = _state(_mean_filter(sweep), means.endpoint, means.goal, columns)
    view["runListHidden"] = len(means.curves) <= _MOST_KEYS
    view |= _charts(sweep, f"{means.title}.{left}" if left else means.title, means.metrics, means.floor)
    _store(connection, sweep, view, f"Comparison of {sweep}")


def base_address(store: Store) -> str:
    """Where the UI answers: the server itself, or what `octant ui` starts for a local store."""
    if store.uri.startswith("http"):
        return store.shown.rstrip("/") + "/"
    return f"http://{UI_HOST}:{os.environ.get('OCTANT_PORT', '5000')}/"


def log_report(connection: Connection, sweep: str, files: Sequence[Path]) -> str:
    """Log a sweep's report as a run of kind `report`, one per sweep, and link it from the description.

    Returns the link's part behind the server's address. `files` begins with the page to show.
    """
    client, experiment_id = connection.client, connection.experiment_id
    tags = {"kind": "report", "report_of": sweep}
    found = client.search_runs([experiment_id], f"tags.kind = 'report' and tags.report_of = '{sweep}'", max_results=1)
    run = found[0] if found else client.create_run(experiment_id, tags=tags, run_name=f"report of {sweep}")
    client.set_terminated(run.info.run_id)  # first: no kill leaves it RUNNING
    for file in files:
        client.log_artifact(run.info.run_id, str(file))
    page = f"#/experiments/{experiment_id}/runs/{run.info.run_id}/artifacts/{files[0].name}"
    path = f"{page}?workflowType=machine_learning"
    _describe(connection, sweep, f" · [Report]({path})")
    return path


def _describe(connection: Connection, sweep: str, more: str = "") -> None:
    """The links first: MLflow folds a description to its first line. A variant leaves the description as it is."""
    tags = connection.client.get_experiment(connection.experiment_id).tags
    known = {name: printable(value) for name, value in tags.items()}
    if known.get(DECLARED, sweep) != sweep:
        return
    chart, table = (path_of(connection.experiment_id, sweep, mode) for mode in (_CHART, _TABLE))
    links = f"[Compare the configurations]({chart}) · [All runs]({table}){more}"
    text = f"{links}\n\n{known.get('question', '')}\n\nSweep {sweep}"
    connection.client.set_experiment_tag(connection.experiment_id, "mlflow.note.content", text)


def _store(connection: Connection, key: str, state: dict[str, object], name: str) -> None:
    """Store a view so that its link opens it, and MLflow's button "Views" lists it by name."""
    envelope = {"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    tag = f"mlflow.sharedViewState.{key}"
    connection.client.set_experiment_tag(connection.experiment_id, tag, json.dumps(envelope))


def _state(search: str, endpoint: str, goal: str, columns: Sequence[str]) -> dict[str, object]:
    return {
        "searchFilter": search, "orderByKey": f"metrics.`{endpoint}`", "orderByAsc": goal == "min", "startTime": "ALL",
        "lifecycleFilter": "Active", "modelVersionFilter": "All Runs", "datasetsFilter": [],
        "selectedColumns": [f"metrics.`{endpoint}`", *(f"params.`{name}`" for name in columns)],
        "runsHiddenMode": "SHOW_ALL", "viewMaximized": False, "runListHidden": True, "isAccordionReordered": True,
        "useGroupedValuesInCharts": True, "hideEmptyCharts": True, "groupBy": None,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }  # fmt: skip


def _charts(sweep: str, title: str, metrics: Sequence[str], floor: float | None) -> dict[str, object]:
    """The endpoint by itself, with its key within a window of 1280 x 800; the other metrics below it, in pairs."""
    parts = {title: (metrics[:1], 1), "Other metrics": (metrics[1:], 2)}
    sections = [_section(f"{sweep}-{at}", name, columns) for at, (name, (_, columns)) in enumerate(parts.items())]
    charts = [
        _chart(metric, f"{sweep}-{at}", _range(metric, metrics[0], floor))
        for at, (each, _) in enumerate(parts.values())
        for metric in each
    ]
    return {"compareRunSections": sections[: 1 + (len(metrics) > 1)], "compareRunCharts": charts}


def _section(uuid: str, name: str, columns: int) -> dict[str, object]:
    return {
        "uuid": uuid, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False,
        "columns": columns, "cardHeight": 345,
    }  # fmt: skip


def _range(metric: str, endpoint: str, floor: float | None) -> dict[str, float]:
    """One axis for the endpoint and its fellows, where it is a share."""
    alike = floor is not None and metric.rpartition("_")[2] == endpoint.rpartition("_")[2]
    return {"yMin": floor, "yMax": 1.0} if alike and floor is not None else {}


def _chart(metric: str, section: str, limits: dict[str, float]) -> dict[str, object]:
    return {
        "type": "LINE", "uuid": f"{section}-{metric}", "runsCountToCompare": 100, "metricSectionId": section,
        "deleted": False, "isGenerated": False, "displayName": metric, "metricKey": metric,
        "selectedMetricKeys": [metric], "lineSmoothness": 0, "xAxisScaleType": "linear", "scaleType": "linear",
        "range": limits, "xAxisKey": "step", "selectedXAxisMetricKey": "", "yAxisKey": "metric", "yAxisExpressions": [],
        "ignoreOutliers": False, "useGlobalXaxisKey": True, "useGlobalLineSmoothing": True,
    }  # fmt: skip


def _mean_filter(sweep: str) -> str:
    return f"tags.kind = 'mean' and tags.mean_of = '{sweep}'"


def _log_means(connection: Connection, sweep: str, means: Means) -> None:
    """Let the store have these means of the sweep and no others; what is there already is left as it is.

    Two launches of one sweep take turns: each would discard what the other is about to complete.
    """
    with suppress(Busy), locked(home.state() / "means.lock", wait=_PATIENCE_SECONDS):
        _let_have(connection, sweep, means)


def _let_have(connection: Connection, sweep: str, means: Means) -> None:
    there: dict[str, Run] = {}
    for run in list(search(connection, _mean_filter(sweep))):
        digest = run.data.tags.get("digest")
        if run.info.status != "FINISHED" or digest is None or digest in there:  # of a launch that was killed
            _discard(connection, run)
        else:
            there[digest] = run
    wanted = {mean.digest for mean in means.curves}
    for digest, run in there.items():
        if digest not in wanted:
            _discard(connection, run)
    now = int(time.time() * 1000) + len(means.curves)
    for place, mean in enumerate(means.curves):
        if mean.digest not in there:
            _log(connection, sweep, mean, means.endpoint, now - place)  # the best is the newest: MLflow lists it first
    _discard_orphans(connection, sweep)


def _log(connection: Connection, sweep: str, mean: Mean, endpoint: str, started: int) -> None:
    from mlflow.entities import Metric, Param, RunTag

    client = connection.client
    about = f"Mean of {mean.repeats} runs, and their lowest and highest {endpoint}: for the chart, no run itself."
    tags = {"kind": "mean", "mean_of": sweep, "mlflow.runColor": mean.colour, "mlflow.source.name": "octant",
            "mlflow.note.content": about}  # fmt: skip
    settings = {**mean.settings, "repeats": str(mean.repeats)}
    points = [Metric(name, value, started, epoch) for name, epoch, value in mean.points]
    if root := artifact_root(connection):
        run_id, own = uuid.uuid4().hex, {"mlflow.runName": mean.name, "digest": mean.digest}
        where = f"{root}/{run_id}/artifacts"
        write_whole(connection, Whole(run_id, where, (started, started), tags | own, settings, points))
        return
    run = client.create_run(connection.experiment_id, started, tags, mean.name)
    client.set_terminated(run.info.run_id, end_time=started)  # first: no kill leaves it RUNNING
    params = [Param(name, value) for name, value in settings.items()]
    for batch in _batches(points):
        client.log_batch(run.info.run_id, batch, params, synchronous=True)
        params = []
    client.log_batch(run.info.run_id, tags=[RunTag("digest", mean.digest)], synchronous=True)  # last: it is complete


def _batches(points: list[Metric]) -> list[list[Metric]]:
    return [points[at : at + _MOST_METRICS] for at in range(0, len(points), _MOST_METRICS)]


def _discard(connection: Connection, run: Run) -> None:
    connection.client.set_tag(run.info.run_id, REPLACED, "true", synchronous=True)
    connection.client.delete_run(run.info.run_id)


def _discard_orphans(connection: Connection, sweep: str) -> None:
    """Means of sweeps that have no run any more: a larger sweep has taken them all."""
    others: dict[str, list[Run]] = {}
    for run in search(connection, f"tags.kind = 'mean' and tags.mean_of != '{sweep}'"):
        others.setdefault(run.data.tags["mean_of"], []).append(run)
    for other, runs in others.items():
        if not connection.client.search_runs([connection.experiment_id], of_sweep(other), max_results=1):
            for run in runs:
                _discard(connection, run)
