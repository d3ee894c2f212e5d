"""Metrics over HTTP: what is listed is served, figures agree with the books, nothing hangs."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from ops.metrics.cache import MetricsPart
from ops.metrics.catalogue import CATALOGUE, PARTS, QUEUE_FINDINGS, Sample, sample
from ops.metrics.server import MetricsCollector, open_bounded_engine, parts_of, serve_metrics
from ops.runtime.child_jobs import ChildJobs
from ops.settings.loader import load
from ops.settings.sections.metrics import MetricsSettings
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.servers.ports import free_port
from tests.harness.servers.receiver import wait_until
from vocabulary.build import commit, version
from vocabulary.clock import FrozenClock, SystemClock
from vocabulary.errors import Unavailable
from vocabulary.window import Window

SETTINGS = """
mode = "test"
[database]
url = "{database}"
[broker]
url = "{broker}"
[reconcile]
every = "1m"
[[breaks.sla]]
impact = "player_owed"
within = "1h"
over = {{USD = "5.00"}}
[[breaks.sla]]
impact = "operator_owed"
within = "1h"
[[providers]]
slug = "agg"
dialect = "aggregator"
currency = "USD"
secrets = ["literal:secret"]
feed = {{stale_after = "1h"}}
[[providers]]
slug = "cards"
dialect = "xigs"
currency = "USD"
secrets = ["literal:secret"]
api = {{base_url = "http://127.0.0.1:1", key = "literal:key"}}
feed = {{pull_every = "1h", stale_after = "1d"}}
[proofs]
every = "1h"
[[notify]]
name = "finance"
when = ["break"]
chat = {{url = "literal:http://127.0.0.1:1/hook"}}
"""
#: One of everything that an operator may see.
TRACES = """
INSERT INTO batches (committed_at, operations) VALUES (clock_timestamp() - interval '90 s', 3);
INSERT INTO parked (job, subject, cause, detail, fingerprint)
VALUES ('pull.cards', 'slot 1', 'Contradiction', '', 'f00'),
       ('pull.cards', 'slot 2', 'Contradiction', '', 'f00');
INSERT INTO proof_runs (kind, scope, started_at, finished_at, is_clean, detail)
VALUES ('verify', '', now() - interval '5 h', now() - interval '5 h', false, '1 wrong');
INSERT INTO paused_queues (queue, paused_by, reason) VALUES ('post', 'nora', 'a repair');
INSERT INTO canaries (queue, number, sent_at, passed, passed_at)
VALUES ('ingest', 1, clock_timestamp(), 1, clock_timestamp() - interval '7 s');
INSERT INTO worker_heartbeats (worker, role, host, pid, version, started_at, seen_at)
VALUES ('w-1', 'worker', 'h', 1, '1', clock_timestamp(), clock_timestamp()),
       ('w-2', 'worker', 'h', 2, '1', clock_timestamp(), clock_timestamp() - interval '1 h');
INSERT INTO job_runs (job, slot, lease_until)
VALUES ('reconcile', '1', clock_timestamp() - interval '1 s');
INSERT INTO feed_watermarks VALUES
       ('cards', 'rounds', clock_timestamp() - interval '2 h', clock_timestamp(), 1);
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, detail,
                           first_seen, last_seen)
VALUES ('fnd-1', 'cards', 'rounds', 'pulls', 'pull_failed', 'error', '', now(), now());
"""


def samples_of(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(parts: list[MetricsPart], *, patience_s: float = 120) -> str:
    registry = CollectorRegistry()
    registry.register(MetricsCollector(parts, patience_s=patience_s))
    return generate_latest(registry).decode()


@contextmanager
def serving(parts: list[MetricsPart]) -> Iterator[str]:
    port = free_port()
    with capture_logs():
        stop = serve_metrics(MetricsSettings(port=port), parts)
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        stop()


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=120) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain")
        return str(reply.read().decode())


def books_with_breaks(database: str) -> None:
    """Two days ago: a player is owed 10.00, one 1.00, and one owes us 2.00; nothing closed."""
    long_ago = SystemClock().now() - timedelta(days=2)
    books = TwoBooks()
    for name, ours, theirs in (("a", 0, 1_000), ("b", 0, 100), ("c", 200, 0), ("d", 7, 7)):
        books.ours(name, 500, ours, at=long_ago)
        books.theirs(name, 500, theirs, at=long_ago)
    books.write(database)
    start = long_ago.replace(hour=0, minute=0, second=0, microsecond=0)
    reconcile(
        database,
        RunRequest(
            provider="agg",
            window=Window(start=start, end=start + timedelta(days=1)),
            maturity=timedelta(minutes=15),
        ),
        clock=FrozenClock(long_ago + timedelta(hours=1)),
    )
    with psycopg.connect(database) as connection:
        connection.execute(TRACES.encode())


@contextmanager
def configured(folder: Path, database: str, broker: str) -> Iterator[str]:
    """Where everything of these engines is served."""
    config = folder / "tieout.toml"
    config.write_text(SETTINGS.format(database=database, broker=broker))
    engine, child_jobs = open_bounded_engine(database), ChildJobs()
    parts = parts_of(
        load(config, {}),
        engine=engine,
        broker_url=broker,
        clock=SystemClock(),
        database_url=database,
        child_jobs=child_jobs,
    )
    try:
        with serving(parts) as url:
            yield url
    finally:
        child_jobs.stop()
        for part in parts:
            assert part.begin().wait(timeout=120)  # nothing is still reading
        engine.dispose()


def expected_labels(name: str) -> set[frozenset[str]]:
    """The labels of a metric's samples; it has none about backups that are not configured."""
    if name in {metric.name for metric in PARTS["backup"]}:
        return set()
    return {frozenset(CATALOGUE[name].labels)}


def assert_listed(text: str) -> None:
    """Check that the whole catalogue is served with its labels, and the process's figures."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    served = {name: each for name, each in families.items() if name.startswith("tieout_")}
    assert "process_resident_memory_bytes" in families
    assert set(served) == set(CATALOGUE) - {metric.name for metric in QUEUE_FINDINGS}
    for name, family in served.items():
        labels = {tuple(entry.labels) for entry in family.samples}
        assert {frozenset(names) for names in labels} == expected_labels(name)


def test_everything_that_is_listed_is_served_and_agrees_with_the_books(
    database: str, broker_url: str, tmp_path: Path
) -> None:
    books_with_breaks(database)

    with configured(tmp_path, database, broker_url) as url:
        read = 'tieout_metrics_read{part="explained"} 1.0'
        assert wait_until(lambda: read in scrape(url))
        text = scrape(url)

    assert_listed(text)
    values = samples_of(text)

    def value(name: str, **labels: str) -> float:
        return values[f"tieout_{name}", tuple(sorted(labels.items()))]

    owed = {"provider": "agg", "kind": "payout_mismatch", "impact": "player_owed"}
    assert value("breaks", **owed, state="open") == 2
    assert value("breaks_money_minor", **owed, state="open", currency="USD") == 1_100
    assert value("breaks_overdue", provider="agg", impact="player_owed") == 1
    assert value("breaks_overdue", provider="agg", impact="operator_owed") == 1
    assert value("breaks_overdue", provider="cards", impact="player_owed") == 0
    assert value("run_rows", provider="agg", side="ours") == 4
    assert (value("run_breaks", provider="agg"), value("run_exit_code", provider="agg")) == (
        3,
        1,
    )
    assert value("run_age_seconds", provider="agg") > 3600
    assert value("days_unclosed", provider="agg") == 1
    assert value("day_unclosed_seconds", provider="agg") > 0
    assert value("explained_rows", provider="agg") == 4
    assert value("parked", job="pull.cards", cause="Contradiction", fingerprint="f00") == 2
    assert value("work_waiting", what="unposted") == 1
    assert value("work_oldest_seconds", what="unposted") >= 90
    assert value("processes_seen", role="worker") == 2
    assert value("worker_progress_age_seconds", role="worker") < 3600
    assert value("canary_age_seconds", queue="ingest") >= 7
    assert value("feed_late_seconds", provider="cards", feed="rounds") >= 7200
    assert value("feed_late_seconds", provider="agg", feed="push") > 3600
    assert (value("feed_stale", provider="agg"), value("feed_stale", provider="cards")) == (
        1,
        0,
    )
    assert value("schema_revision", of="database") == value("schema_revision", of="code")
    assert 0 < value("table_bytes", table="batches") < value("database_bytes")
    assert value("build_info", version=version(), commit=commit()) == 1
    assert value("proof_age_seconds", kind="verify") >= 5 * 3600
    assert value("proof_clean", kind="verify") == 0
    assert value("proof_overdue", kind="verify") == 1
    assert value("up", service="database") == value("up", service="broker") == 1


def test_a_database_that_is_away_is_reported_and_the_rest_goes_on(
    broker_url: str, tmp_path: Path
) -> None:
    nowhere = f"postgresql://tieout@/tieout?host={tmp_path}"

    with capture_logs() as logs, configured(tmp_path, nowhere, broker_url) as url:
        values = samples_of(scrape(url))

    assert values["tieout_up", (("service", "database"),)] == 0
    assert values["tieout_up", (("service", "broker"),)] == 1
    assert values["tieout_metrics_read", (("part", "breaks"),)] == 0
    assert not [name for name, _ in values if name.startswith("tieout_breaks")]
    assert [name for name, _ in values if name == "tieout_queue_messages"]
    assert {log["part"] for log in logs if log["event"] == "metrics_not_read"} >= {
        "database",
        "breaks",
    }


def test_what_hangs_is_left_out_and_read_by_one_thread_however_many_scrape() -> None:
    release, readers = threading.Event(), []

    def hangs() -> list[Sample]:
        readers.append(threading.current_thread().name)
        release.wait(timeout=240)
        return [sample("queue_messages", "post", "waiting", value=3)]

    part = MetricsPart("broker", hangs, keep=timedelta(hours=1))
    first = [scraped([part], patience_s=0.05) for _ in range(5)]
    release.set()
    line = 'tieout_queue_messages{queue="post",state="waiting"} 3.0'
    assert wait_until(lambda: line in scraped([part]))

    assert readers == ["metrics broker"]
    assert all('tieout_up{service="broker"} 0.0' in text for text in first)
    assert not any("tieout_queue_messages" in text for text in first)
    assert 'tieout_up{service="broker"} 1.0' in scraped([part])


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("a bug")])
def test_a_part_that_fails_costs_only_itself(error: Exception) -> None:
    def fails() -> list[Sample]:
        raise error

    broken = MetricsPart("database", fails, keep=timedelta(hours=1))
    sound = MetricsPart("broker", list, keep=timedelta(hours=1))
    with capture_logs():
        text = scraped([broken, sound])

    assert 'tieout_up{service="database"} 0.0' in text
    assert 'tieout_up{service="broker"} 1.0' in text


def test_old_figures_are_not_served_while_new_ones_do_not_come() -> None:
    release, calls = threading.Event(), []

    def slow_at_last() -> list[Sample]:
        calls.append(1)
        if len(calls) > 1:
            release.wait(timeout=240)
        return [sample("queue_messages", "post", "waiting", value=3)]

    # Kept for no time at all: each scrape asks again, and what is old is too old.
    part = MetricsPart(
        "broker", slow_at_last, keep=timedelta(0), stale=timedelta(microseconds=1)
    )
    assert part.begin().wait(timeout=120)
    text = scraped([part])
    release.set()

    assert 'tieout_up{service="broker"} 0.0' in text


def test_a_port_that_is_taken_is_reported_by_its_setting() -> None:
    with serving([]) as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(Unavailable, match=rf"metrics\.port {port} on 127\.0\.0\.1 cannot"):
            serve_metrics(MetricsSettings(port=port), [])
