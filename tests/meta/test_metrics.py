"""The list of metrics, the metrics, and the alerts on them agree; each check can fail."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from ops.metrics.catalogue import CATALOGUE
from ops.tools.dashboard import dashboard, text_of
from tests.meta.documents import headings
from tests.meta.tree import ROOT
from webhooks.metrics import ReceiverMetrics

Labels = dict[str, tuple[str, ...]]
Rule = dict[str, Any]

ROW = re.compile(r"^\| `(tieout_\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
#: A metric in an expression, with the labels that it is restricted to.
USED = re.compile(r"(tieout_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\b(?:by|without|on) ?\(([^)]*)\)")


def listed(text: str) -> Labels:
    return {
        name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels, _ in ROW.findall(text)
    }


def collectors() -> list[MetricWrapperBase]:
    """Ours of a receiver, without the operating system's figures of its process."""
    registry = ReceiverMetrics().registry
    return [
        each for each in registry._collector_to_names if isinstance(each, MetricWrapperBase)
    ]


def of_receivers() -> Labels:
    """What the receiver's registry holds, under the names that are served."""
    found: Labels = {}
    for collector in collectors():
        name, labels = collector._name, collector._labelnames
        served = f"{name}_total" if collector._type == "counter" else name
        found[served] = tuple(labels)
    return found


def known() -> Labels:
    return {**{name: each.labels for name, each in CATALOGUE.items()}, **of_receivers()}


def alerts() -> list[Rule]:
    document = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def queryable() -> Labels:
    """What expressions may name: every metric, and the buckets of histograms."""
    histograms = {
        collector._name: tuple(collector._labelnames)
        for collector in collectors()
        if collector._type == "histogram"
    }
    buckets = {f"{name}_bucket": (*labels, "le") for name, labels in histograms.items()}
    return {**known(), **buckets}


def wrong_names(rule: Rule) -> list[str]:
    """Metrics and labels of an expression that nobody serves."""
    found, labels = [], set()
    for name, restricted in USED.findall(rule["expr"]):
        if name not in queryable():
            found.append(name)
            continue
        labels |= set(queryable()[name])
        found += [
            f"{name}: {label}"
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", restricted)
            if label not in queryable()[name]
        ]
    named = {each.strip() for some in GROUPED.findall(rule["expr"]) for each in some.split(",")}
    told = " ".join(rule["annotations"].values())
    named |= set(re.findall(r"\$labels\.(\w+)", told))
    return found + sorted(named - labels)


def wrong_shape(rule: Rule) -> list[str]:
    """What a rule lacks to be understood at night."""
    anchors = [
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-")
        for each in headings((ROOT / "docs" / "runbook.md").read_text())
    ]
    found = [
        key for key in ("alert", "expr", "for", "labels", "annotations") if key not in rule
    ]
    if found:
        return found
    if rule["labels"].get("severity") not in {"page", "ticket"}:
        found.append("severity")
    if not rule["annotations"].get("summary"):
        found.append("summary")
    if not re.fullmatch(r"\d+[smhd]", str(rule["for"])):
        found.append("for")
    page, _, anchor = rule["annotations"].get("runbook_url", "").partition("#")
    return found if page == "docs/runbook.md" and anchor in anchors else [*found, "runbook_url"]


def test_every_metric_is_listed_with_its_labels_and_nothing_else_is() -> None:
    assert listed((ROOT / "docs" / "metrics.md").read_text()) == known()


def test_names_end_with_their_unit_and_no_label_grows_with_the_business() -> None:
    labels = {label for each in known().values() for label in each}

    assert labels & {"player", "wallet", "round", "worker", "pid", "run", "file"} == set()
    assert [name for name in known() if re.search(r"(age|oldest|late|duration)$", name)] == []
    assert [name for name in known() if "money" in name and not name.endswith("_minor")] == []


def test_every_alert_is_about_metrics_that_are_served_and_told_in_the_runbook() -> None:
    rules = alerts()

    assert [(rule["alert"], wrong_names(rule)) for rule in rules if wrong_names(rule)] == []
    assert [(rule.get("alert"), wrong_shape(rule)) for rule in rules if wrong_shape(rule)] == []
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 6


def test_what_matters_is_alerted_on() -> None:
    used = {name for rule in alerts() for name, _ in USED.findall(rule["expr"])}

    assert {
        "tieout_work_oldest_seconds",
        "tieout_breaks_overdue",
        "tieout_feed_stale",
        "tieout_day_unclosed_seconds",
        "tieout_parked",
        "tieout_canary_age_seconds",
        "tieout_up",
    } <= used


GOOD: Rule = {
    "alert": "Parked",
    "expr": "sum by (job) (tieout_parked) > 0",
    "for": "5m",
    "labels": {"severity": "ticket"},
    "annotations": {
        "summary": "{{ $labels.job }} parked",
        "runbook_url": "docs/runbook.md#work-is-parked",
    },
}


@pytest.mark.parametrize(
    "planted",
    [
        {"expr": "tieout_parked_total > 0"},
        {"expr": "sum by (player) (tieout_parked) > 0"},
        {"expr": 'tieout_parked{queue="post"} > 0'},
        {"annotations": {**GOOD["annotations"], "summary": "{{ $labels.round }}"}},
    ],
    ids=["a metric", "a group", "a label", "a sentence"],
)
def test_an_alert_on_what_nobody_serves_is_found(planted: Rule) -> None:
    assert wrong_names(GOOD) == []
    assert wrong_names({**GOOD, **planted}) != []


@pytest.mark.parametrize(
    "planted",
    [
        {"labels": {"severity": "maybe"}},
        {"annotations": {**GOOD["annotations"], "runbook_url": "docs/runbook.md#nowhere"}},
        {"annotations": {**GOOD["annotations"], "summary": ""}},
        {"for": "soon"},
    ],
    ids=["severity", "runbook", "summary", "for"],
)
def test_an_alert_that_says_too_little_is_found(planted: Rule) -> None:
    assert wrong_shape(GOOD) == []
    assert wrong_shape({**GOOD, **planted}) != []


def test_a_metric_that_is_not_listed_is_found() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()

    assert listed(text.replace("| `tieout_up` |", "| `tieout_down` |")) != known()
    assert listed(text.replace("| `service` |", "| `server` |")) != known()


def test_the_dashboard_is_what_the_list_of_metrics_makes_of_it() -> None:
    written = (ROOT / "deploy" / "grafana" / "tieout.json").read_text()

    assert written == text_of(dashboard()), "run: make dashboard"


def test_the_dashboard_shows_every_metric_and_asks_for_no_other() -> None:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in panels]

    named = {name for name, _ in USED.findall(asked)}
    served = queryable() | {f"{name}_bucket": () for name in known()}
    assert named - set(served) == set()
    assert {name for name in CATALOGUE if name not in named} == {"tieout_queue_findings"}
    assert {
        name for name in of_receivers() if not any(n.startswith(name) for n in named)
    } == set()
    assert len(set(places)) == len(places)
