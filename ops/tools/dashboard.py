"""Write Grafana's dashboard from the tables of metrics.

``python -m ops.tools.dashboard FILE``; ``make dashboard`` writes deploy/grafana/tieout.json.
A first row answers whether all is well; then each part of the metrics has a row, a panel for
each metric, titled as its help text says.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.metrics import MetricWrapperBase

from ops.metrics.catalogue import ALWAYS, PARTS
from webhooks.metrics import ReceiverMetrics

#: Width of Grafana's grid, and the size of a panel in it.
GRID_WIDTH = 24
PANEL_WIDTH, PANEL_HEIGHT, STAT_HEIGHT = 8, 8, 4
_PUT_OFF = (
    'sum(rate(tieout_callbacks_total{verdict="unavailable"}[5m]))'
    " / sum(rate(tieout_callbacks_total[5m]))"
)
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_UNITS = {"_seconds": "s", "_bytes": "bytes", "_total": "cps"}
_ROWS: Mapping[str, str] = {
    "database": "Queues and processes",
    "broker": "Broker",
    "breaks": "Breaks",
    "feeds": "Feeds",
    "runs": "Runs and days",
    "proofs": "Proofs and seals",
    "sizes": "Schema and sizes",
    "background": "Background work",
    "notifications": "Notifications",
    "explained": "What was explained",
    "backup": "Backups",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its title, the queries with their legends, and how it is drawn.

    Attributes:
        red_above: a stat is red above this value, else green.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    red_above: float | None = None


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "uid": "tieout",
        "title": "Tieout",
        "tags": ["tieout"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_datasource_variable()]},
        "panels": list(_placed(_rows())),
    }


def _rows() -> Iterator[tuple[str, list[Panel]]]:
    yield "Is all well?", list(_overview())
    yield "Receivers", [_receiver_panel(metric) for metric in _receiver_metrics()]
    for part, metrics in PARTS.items():
        yield _ROWS[part], [_gauge(each.name, each.labels, each.help) for each in metrics]
    yield "The scheduler", [_gauge(each.name, each.labels, each.help) for each in ALWAYS]
    yield "Processes", list(_processes())


def _overview() -> Iterator[Panel]:
    for title, query, unit, red_above in (
        ("Services that do not answer", "count(tieout_up == 0) or vector(0)", "short", 0),
        (
            "Callbacks told to come back",
            _PUT_OFF,
            "percentunit",
            0.01,
        ),
        (
            "Answers, 99th percentile",
            "histogram_quantile(0.99, sum by (le) (rate(tieout_callback_seconds_bucket[5m])))",
            "s",
            1,
        ),
        ("Oldest work", "max(tieout_work_oldest_seconds)", "s", 300),
        ("Parked", "sum(tieout_parked) or vector(0)", "short", 0),
        ("Overdue breaks", "sum(tieout_breaks_overdue)", "short", 0),
        ("Silent feeds", "sum(tieout_feed_stale) or vector(0)", "short", 0),
        ("Proofs that did not hold", "count(tieout_proof_clean == 0) or vector(0)", "short", 0),
        ("Oldest unclosed day", "max(tieout_day_unclosed_seconds)", "s", 21600),
    ):
        yield Panel(title, ((query, ""),), unit, kind="stat", red_above=red_above)


def _receiver_metrics() -> list[MetricWrapperBase]:
    collectors = ReceiverMetrics().registry._collector_to_names
    return [metric for metric in collectors if isinstance(metric, MetricWrapperBase)]


def _receiver_panel(metric: MetricWrapperBase) -> Panel:
    name, labels, title = metric._name, metric._labelnames, metric._documentation
    if metric._type == "counter":
        query = f"sum by ({', '.join(labels)}) (rate({name}_total[5m]))"
        return Panel(title, ((query, _legend(labels)),), "cps")
    if metric._type == "histogram":
        by = ", ".join((*labels, "le"))
        queries = tuple(
            (
                f"histogram_quantile({share}, sum by ({by}) (rate({name}_bucket[5m])))",
                f"{_legend(labels)} {share}".strip(),
            )
            for share in (0.5, 0.99)
        )
        return Panel(title, queries, _unit(name))
    return Panel(title, ((name, "{{instance}}"),), _unit(name))


def _gauge(name: str, labels: Iterable[str], title: str) -> Panel:
    return Panel(title, ((name, _legend(labels)),), _unit(name))


def _processes() -> Iterator[Panel]:
    for title, query, unit in (
        ("Processors in use", "rate(process_cpu_seconds_total[5m])", "short"),
        ("Memory", "process_resident_memory_bytes", "bytes"),
        ("Open files, share", "process_open_fds / process_max_fds", "percentunit"),
        ("Age", "time() - process_start_time_seconds", "s"),
    ):
        yield Panel(title, ((query, "{{job}} {{instance}}"),), unit)


def _legend(labels: Iterable[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "short")


def _placed(rows: Iterable[tuple[str, list[Panel]]]) -> Iterator[dict[str, Any]]:
    """Rows and their panels with the places they have in the grid."""
    y, number = 0, 1
    for title, panels in rows:
        row = {"h": 1, "w": GRID_WIDTH, "x": 0, "y": y}
        yield {"id": number, "type": "row", "title": title, "gridPos": row, "panels": []}
        y, number = y + 1, number + 1
        width = 6 if panels[0].kind == "stat" else PANEL_WIDTH
        height = STAT_HEIGHT if panels[0].kind == "stat" else PANEL_HEIGHT
        columns = GRID_WIDTH // width
        for index, panel in enumerate(panels):
            at = {"x": index % columns * width, "y": y + index // columns * height}
            yield _json_of(panel, number, {"h": height, "w": width, **at})
            number += 1
        y += -(-len(panels) // columns) * height


def _json_of(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.red_above is not None:
        steps = [
            {"color": "green", "value": None},
            {"color": "red", "value": panel.red_above or 1},  # more than none is at least one
        ]
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _DATASOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query,
                "legendFormat": legend or "__auto",
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def _datasource_variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def text_of(document: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text_of(dashboard()), encoding="utf-8")
