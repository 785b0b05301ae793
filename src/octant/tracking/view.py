"""The one link that opens a sweep's comparison: MLflow's Chart view, a curve a configuration, mean over seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from octant.errors import printable
from octant.runs.settings import Experiment
from octant.tracking.store import KIND, Connection

CHARTS = ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
NEWEST = "newest_sweep"


def path_of(experiment_id: str, sweep: str) -> str:
    """The link's part behind the server's address."""
    return (
        f"#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&viewStateShareKey={sweep}&compareRunsMode=CHART"
    )


def publish(
    connection: Connection, experiment: Experiment, sweep: str, configurations: Sequence[str], floor: float = 0.0
) -> str:
    """Store the view, the newest sweep's name and the description; returns `path_of` the comparison.

    `floor` is the lower end of the accuracy axes, once the results are known.
    """
    path = path_of(connection.experiment_id, sweep)
    tags = {
        f"mlflow.sharedViewState.{sweep}": json.dumps(_state(sweep, configurations, floor)),
        KIND[0]: KIND[1],
        NEWEST: sweep,
        "mlflow.note.content": f"{experiment.question}\n\n[Compare the configurations of {sweep}]({path})",
        **{name: str(value or "") for name, value in experiment.model_dump(exclude={"name"}).items()},
    }
    for key, value in tags.items():
        connection.client.set_experiment_tag(connection.experiment_id, key, value)
    return path


def experiment_tags(connection: Connection) -> dict[str, str]:
    """What `publish` stored: newest_sweep, question, endpoint, companion, shared_rate."""
    tags = connection.client.get_experiment(connection.experiment_id).tags
    return {name: printable(value) for name, value in tags.items()}


def log_report(connection: Connection, sweep: str, files: Sequence[Path]) -> str:
    """Log a sweep's report as a run of kind `report`, one a sweep, and link it from the description.

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
    links = f"[Compare the configurations]({path_of(experiment_id, sweep)}) · [Report]({path})"
    question = experiment_tags(connection).get("question", "")
    client.set_experiment_tag(experiment_id, "mlflow.note.content", f"{question}\n\n{sweep}: {links}")
    return path


def newest_sweep(connection: Connection) -> str | None:
    """Name of the sweep that was launched last in the experiment."""
    return experiment_tags(connection).get(NEWEST)


def _state(sweep: str, configurations: Sequence[str], floor: float) -> dict[str, Any]:
    section = f"{sweep}-curves"
    return {
        "searchFilter": f"tags.sweep = '{sweep}'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"params.`{name}`" for name in ("loss", "hidden", "output", "seed", "learning_rate")],
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": True,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": "config"}],
        },
        "groupsExpanded": {f"tag.config.{each}": False for each in configurations},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunSections": [
            {
                "uuid": section,
                "name": "Learning curves: mean over seeds",
                "display": True,
                "isReordered": True,
                "deleted": False,
                "isGenerated": False,
                "columns": 1,
                "cardHeight": 400,
            }
        ],
        "compareRunCharts": [_chart(metric, section, floor) for metric in CHARTS],
    }


def _chart(metric: str, section: str, floor: float) -> dict[str, Any]:
    return {
        "type": "LINE",
        "uuid": f"{section}-{metric}",
        "runsCountToCompare": 10,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        "displayName": metric,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {"yMin": floor, "yMax": 1.0} if metric.endswith("accuracy") else {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }
