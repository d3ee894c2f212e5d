"""Every metric that the scheduler serves and that commands print, in one table.

Names begin with ``tieout_`` and end with the unit: seconds, or minor units of a currency that
is a label. Labels have few values: providers, queues, kinds; never a player, a round or a
process. All are gauges, read from PostgreSQL and the broker and not counted in a process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its labels in order, and its help text."""

    name: str
    labels: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; ``labels`` in the metric's order."""

    name: str
    labels: tuple[str, ...]
    value: float


def _table(*rows: tuple[str, str, str]) -> tuple[Metric, ...]:
    return tuple(
        Metric(f"tieout_{name}", tuple(labels.split()), help_) for name, labels, help_ in rows
    )


#: By part: metrics that are read together, and served or missing together.
PARTS: Mapping[str, tuple[Metric, ...]] = {
    "database": _table(
        ("work_waiting", "what", "Work that waits: batches to post, records to take in."),
        ("work_oldest_seconds", "what", "Age of the oldest work that waits."),
        ("parked", "job cause fingerprint", "Work that was set aside for a person."),
        ("queue_paused", "queue", "1 for a queue that is paused."),
        ("canary_age_seconds", "queue", "Time since a canary came out of the queue."),
        (
            "worker_progress_age_seconds",
            "role",
            "Time since a process of a role made progress.",
        ),
        ("processes_seen", "role", "Processes of a role that have not announced their end."),
        ("jobs_overdue", "job", "Slots begun, not completed and not taken over yet."),
    ),
    "broker": _table(
        ("queue_messages", "queue state", "Messages in the broker."),
    ),
    "breaks": _table(
        ("breaks", "provider kind impact state", "Breaks that are not closed."),
        (
            "breaks_money_minor",
            "provider kind impact state currency",
            "Unsigned differences of the same, in minor units.",
        ),
        (
            "breaks_overdue",
            "provider impact",
            "Breaks open longer than the rules allow.",
        ),
        ("breaks_oldest_seconds", "provider impact", "Age of the oldest unsettled break."),
        (
            "unanswered_operations",
            "provider",
            "Booked operations without an answer that nothing has settled yet.",
        ),
    ),
    "feeds": _table(
        ("feed_late_seconds", "provider feed", "How far behind the present the feed ends."),
        ("feed_read_age_seconds", "provider feed", "Time since the feed was last read."),
        ("feed_stale", "provider", "1 where that is longer than the settings allow."),
        ("feed_findings", "provider feed kind severity", "Open findings of feeds."),
    ),
    "runs": _table(
        ("run_age_seconds", "provider", "Time since the last run was stored."),
        ("run_duration_seconds", "provider", "How long the last run took."),
        ("run_rows", "provider side", "Rows of either side of the last run."),
        ("run_breaks", "provider", "Breaks that the last run found."),
        ("run_exit_code", "provider", "How the last run ended: 0, or 1 with breaks."),
        ("days_unclosed", "provider", "Days that are mature and not closed."),
        ("days_waiting", "provider", "Those of them whose feeds have not reported everything."),
        ("day_unclosed_seconds", "provider", "How long the oldest of them has been mature."),
    ),
    "proofs": _table(
        ("proof_age_seconds", "kind", "Time since the last proof of a kind ended."),
        ("proof_clean", "kind", "1 where it held, 0 where it found something."),
        ("proof_overdue", "kind", "1 where the scheduler should have proven again."),
        ("days_unsealed", "", "Days that are over and not sealed."),
    ),
    "sizes": _table(
        ("schema_revision", "of", "Revision of the schema, of the database and the code."),
        ("database_bytes", "", "Size of the database."),
        ("table_bytes", "table", "Size of a table with its indexes and partitions."),
    ),
    "background": _table(
        (
            "background_paused_seconds",
            "work",
            "How long background work that runs now has paused for callbacks.",
        ),
    ),
    "notifications": _table(
        ("notifications", "rule state", "Messages that wait or were given up."),
    ),
    "backup": _table(
        ("backup_findings", "", "Reasons why a restore would fail or lose too much."),
        ("backup_base_age_seconds", "", "Time since the last base backup was complete."),
        ("backup_archive_age_seconds", "", "Time since a segment of the log was archived."),
    ),
    "explained": _table(
        ("explained_rows", "provider", "Rows of the window, immature ones included."),
        ("explained_rows_open", "provider", "Rows that nothing explains so far."),
        ("explained_rows_due", "provider within", "Rows whose horizon has passed."),
        (
            "explained_rows_explained",
            "provider within",
            "Rows that were explained within their horizon.",
        ),
        (
            "explained_money_due_minor",
            "provider within currency",
            "Stake and payout of rows whose horizon has passed, minor units.",
        ),
        (
            "explained_money_explained_minor",
            "provider within currency",
            "The same of rows explained within their horizon, minor units.",
        ),
    ),
}
#: Parts that are served exactly while a service answers.
SERVICES = ("database", "broker")
#: Which services answer.
UP = _table(("up", "service", "1 while the service answers."))
#: Served whatever could be read.
ALWAYS = UP + _table(
    ("metrics_read", "part", "1 where the part of these metrics could be read."),
    ("metrics_age_seconds", "part", "How long ago it was read."),
    ("build_info", "version commit", "1: which code serves these metrics."),
)
#: Only in the output of the command that knows the limits.
QUEUE_FINDINGS = _table(
    ("queue_findings", "", "Findings of `tieout queue status`."),
)
#: Every metric by name.
CATALOGUE: Mapping[str, Metric] = {
    metric.name: metric
    for table in (ALWAYS, *PARTS.values(), QUEUE_FINDINGS)
    for metric in table
}


def sample(name: str, *labels: str, value: float) -> Sample:
    """A value of the metric that is called ``tieout_`` and this."""
    metric = CATALOGUE[f"tieout_{name}"]
    assert len(labels) == len(metric.labels), metric
    return Sample(metric.name, labels, value)


def families(metrics: Iterable[Metric], samples: Iterable[Sample]) -> list[GaugeMetricFamily]:
    """The metrics with their samples; one without samples is known to have none."""
    by_name = {
        metric.name: GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        for metric in metrics
    }
    for sample_ in samples:
        by_name[sample_.name].add_metric(sample_.labels, sample_.value)
    return list(by_name.values())


def exposition(metrics: Iterable[Metric], samples: Iterable[Sample]) -> str:
    """The same in Prometheus' text format, as the commands print it."""
    registry = CollectorRegistry()
    registry.register(_Families(families(metrics, samples)))
    return generate_latest(registry).decode()


class _Families(Collector):
    def __init__(self, metrics: list[GaugeMetricFamily]) -> None:
        self._metrics = metrics

    def collect(self) -> list[GaugeMetricFamily]:
        return self._metrics
