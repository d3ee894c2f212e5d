"""A scheduler's story: pulls, runs, closed days, metrics, and a takeover after its death.

All tests share one stack; every step waits for what it expects.
"""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.providers.api_server import HANGS, ApiServer, Scripted
from tests.harness.providers.api_thread import platform
from tests.harness.providers.feed_api import (
    DELIVERY,
    LOG,
    SESSIONS,
    a_round,
    a_session,
    listed,
    script,
)
from tests.harness.servers.ports import free_port
from tests.harness.servers.tieout_stack import TieoutStack
from vocabulary.clock import SystemClock

YESTERDAY = SystemClock().now() - timedelta(days=1)
REPORTED_AT = YESTERDAY.replace(hour=12, minute=0, second=0, microsecond=0)
TIMES = {"createdAt": REPORTED_AT.isoformat(), "updatedAt": REPORTED_AT.isoformat()}
ROUNDS = [listed([a_session("s-1", a_round(1, **TIMES), a_round(2, **TIMES))])]
DELIVERIES = [listed([{**DELIVERY, "timestamp": REPORTED_AT.isoformat()}])]
SETTINGS = """
mode = "test"
[workers]
canary_every = "1s"
[reconcile]
every = "1s"
[metrics]
port = {port}
[[providers]]
slug = "cards"
dialect = "xigs"
currency = "USD"
secrets = ["literal:secret"]
maturity = "1s"
api = {{base_url = "{url}", key = "literal:key", attempts = 1, deadline = "10m"}}
feed = {{pull_every = "1s", stale_after = "1h"}}
"""
CLOSED = f"SELECT count(*) FROM day_closes WHERE business_day = '{REPORTED_AT.date()}'"


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, polling rarely enough not to slow the stack down."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.2) for _ in range(750))


class Story:
    """The stack, the simulated platform, and the metrics URL."""

    def __init__(self, running: TieoutStack, server: ApiServer) -> None:
        assert running.up.stdout is not None
        word, self.metrics_url = running.up.stdout.readline().split()
        assert word == "metrics"
        self.running = running
        self.server = server

    def count(self, query: str) -> int:
        return int(str(self.running.query(query)[0][0]))

    def log(self, event: str) -> list[dict[str, Any]]:
        """The log entries of an event that are completely written."""
        lines = [line for line in self.running.log().splitlines() if f'"{event}"' in line]
        entries = [json.loads(line) for line in lines if line[:1] + line[-1:] == "{}"]
        return [entry for entry in entries if entry["event"] == event]

    def done(self) -> list[tuple[str, Any]]:
        """Every logged completion of a slot."""
        return [(entry["job"], entry["slot"]) for entry in self.log("job_done")]

    def has_metric(self, name: str, labels: str, value: float) -> bool:
        """Whether a metric has a value; label values in the order of their names."""
        try:
            with urllib.request.urlopen(self.metrics_url, timeout=120) as reply:
                text = reply.read().decode()
        except OSError:  # the scheduler is starting
            return False
        return (name, labels, value) in {
            (sample.name, " ".join(v for _, v in sorted(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    answers = {**script(ROUNDS), LOG: [Scripted(status=503)]}
    with platform(answers) as server:
        folder: Path = tmp_path_factory.mktemp("schedule")
        running = TieoutStack(
            folder, settings=SETTINGS.format(url=server.url, port=free_port())
        )
        try:
            yield Story(running, server)
        finally:
            running.stop()


def test_history_is_pulled_and_compared_but_its_day_waits_for_the_other_feed(
    story: Story,
) -> None:
    assert wait_until(lambda: story.count("SELECT count(*) FROM feed_records") == 2)
    assert wait_until(lambda: story.count("SELECT count(*) FROM breaks") == 2)
    assert wait_until(lambda: len(story.log("day_waits")) > 0)
    assert wait_until(lambda: story.has_metric("tieout_days_waiting", "cards", 1))

    status = json.loads(story.running.command("feed", "status", "--json").stdout)
    (day,) = status[0]["waiting"]
    assert day == {
        "day": str(REPORTED_AT.date()),
        "why": ["feed deliveries was never read whole"],
        "needs_person": False,
    }
    assert story.count(CLOSED) == 0
    assert "answered 503" in story.log("feed_not_pulled")[0]["why"]


def test_the_day_is_closed_once_every_feed_has_passed_its_end(story: Story) -> None:
    story.server.script[LOG] = list(DELIVERIES)

    assert wait_until(lambda: story.count(CLOSED) == 1)
    assert story.count("SELECT count(*) FROM provider_deliveries") == 1
    assert story.count("SELECT count(*) FROM feed_findings WHERE resolved_at IS NULL") == 0


def test_metrics_show_the_same(story: Story) -> None:
    expected = [
        ("days_unclosed", "cards", 0),
        ("run_breaks", "cards", 2),
        ("run_rows", "cards theirs", 2),
        ("breaks", "player_owed missing_in_ledger cards open", 2),
        ("feed_stale", "cards", 0),
        ("processes_seen", "scheduler", 1),
        ("up", "database", 1),
        ("up", "broker", 1),
    ]
    for name, labels, value in expected:
        assert wait_until(partial(story.has_metric, f"tieout_{name}", labels, value)), name


def test_another_scheduler_takes_over_a_killed_ones_slot_and_none_is_done_twice(
    story: Story,
) -> None:
    hanging = [Scripted(mischief=HANGS), Scripted(mischief=HANGS)]
    story.server.script[SESSIONS] = hanging
    assert wait_until(lambda: len(hanging) == 1)  # one pull is waiting for its answer
    pulls = "FROM job_runs WHERE job = 'pull.cards'"
    ((slot,),) = story.running.query(f"SELECT slot {pulls} AND done_at IS NULL")

    story.running.kill("scheduler")
    story.server.script[SESSIONS] = list(ROUNDS)
    # Shorten the minute after which a dead scheduler's lease expires by itself.
    this_slot = f"{pulls} AND slot = '{slot}'"
    which = f"job = 'pull.cards' AND slot = '{slot}'"
    story.running.execute(f"UPDATE job_runs SET lease_until = now() WHERE {which}")
    taken_over = f"SELECT count(*) {this_slot} AND done_at IS NOT NULL AND attempts = 2"
    assert wait_until(lambda: story.count(taken_over) == 1)

    assert wait_until(lambda: ("pull.cards", slot) in story.done())
    assert wait_until(lambda: any(job == "reconcile" and at > slot for job, at in story.done()))
    done = story.done()
    assert len(set(done)) == len(done)
    assert story.count("SELECT count(*) FROM parked") == 0
