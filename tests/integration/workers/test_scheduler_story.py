"""The scheduler as it runs: pulls, runs, closed days, metrics, and a successor when it dies.

One stack is taken through the story; every step waits for what it expects.
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
from tests.harness.servers.running import Running
from vocabulary.clock import SystemClock

YESTERDAY = SystemClock().now() - timedelta(days=1)
TOLD = YESTERDAY.replace(hour=12, minute=0, second=0, microsecond=0)
AT = {"createdAt": TOLD.isoformat(), "updatedAt": TOLD.isoformat()}
ROUNDS = [listed([a_session("s-1", a_round(1, **AT), a_round(2, **AT))])]
DELIVERIES = [listed([{**DELIVERY, "timestamp": TOLD.isoformat()}])]
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
CLOSED = f"SELECT count(*) FROM day_closes WHERE business_day = '{TOLD.date()}'"


def until(what: Callable[[], bool]) -> bool:
    """Wait for something, looking rarely enough that it is not kept from happening."""
    pause = threading.Event()
    return any(what() or pause.wait(0.2) for _ in range(750))


class Story:
    """The stack, the platform it pulls from, and where its metrics are."""

    def __init__(self, running: Running, server: ApiServer) -> None:
        assert running.up.stdout is not None
        word, self.metrics_url = running.up.stdout.readline().split()
        assert word == "metrics"
        self.running = running
        self.server = server

    def count(self, query: str) -> int:
        return int(str(self.running.query(query)[0][0]))

    def log(self, event: str) -> list[dict[str, Any]]:
        """What processes wrote of an event, as far as they have written it."""
        lines = [line for line in self.running.log().splitlines() if f'"{event}"' in line]
        whole = [json.loads(line) for line in lines if line[:1] + line[-1:] == "{}"]
        return [told for told in whole if told["event"] == event]

    def done(self) -> list[tuple[str, Any]]:
        """Every slot that a scheduler said is done, as often as one said so."""
        return [(each["job"], each["slot"]) for each in self.log("job_done")]

    def shows(self, name: str, labels: str, value: float) -> bool:
        """Whether a metric has come to have a value; labels in the order of their names."""
        try:
            with urllib.request.urlopen(self.metrics_url, timeout=120) as reply:
                text = reply.read().decode()
        except OSError:  # the scheduler is just starting
            return False
        return (name, labels, value) in {
            (each.name, " ".join(said for _, said in sorted(each.labels.items())), each.value)
            for family in text_string_to_metric_families(text)
            for each in family.samples
        }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    answers = {**script(ROUNDS), LOG: [Scripted(status=503)]}
    with platform(answers) as server:
        folder: Path = tmp_path_factory.mktemp("schedule")
        running = Running(folder, settings=SETTINGS.format(url=server.url, port=free_port()))
        try:
            yield Story(running, server)
        finally:
            running.stop()


def test_history_arrives_and_is_compared_but_its_day_waits_for_the_other_feed(
    story: Story,
) -> None:
    assert until(lambda: story.count("SELECT count(*) FROM feed_records") == 2)
    assert until(lambda: story.count("SELECT count(*) FROM breaks") == 2)
    assert until(lambda: len(story.log("day_waits")) > 0)
    assert until(lambda: story.shows("tieout_days_waiting", "cards", 1))

    status = json.loads(story.running.command("feed", "status", "--json").stdout)
    (day,) = status[0]["waiting"]
    assert day == {"day": str(TOLD.date()), "why": ["feed deliveries was never read whole"]}
    assert story.count(CLOSED) == 0
    assert "answered 503" in story.log("feed_not_pulled")[0]["why"]


def test_the_day_is_closed_once_every_feed_has_told_its_end(story: Story) -> None:
    story.server.script[LOG] = list(DELIVERIES)

    assert until(lambda: story.count(CLOSED) == 1)
    assert story.count("SELECT count(*) FROM provider_deliveries") == 1
    assert story.count("SELECT count(*) FROM feed_findings WHERE resolved_at IS NULL") == 0


def test_metrics_tell_the_same(story: Story) -> None:
    told = [
        ("days_unclosed", "cards", 0),
        ("run_breaks", "cards", 2),
        ("run_rows", "cards theirs", 2),
        ("breaks", "player_owed missing_in_ledger cards open", 2),
        ("feed_stale", "cards", 0),
        ("processes_seen", "scheduler", 1),
        ("up", "database", 1),
        ("up", "broker", 1),
    ]
    for name, labels, value in told:
        assert until(partial(story.shows, f"tieout_{name}", labels, value)), name


def test_a_killed_schedulers_successor_takes_its_slot_over_and_none_is_done_twice(
    story: Story,
) -> None:
    hanging = [Scripted(mischief=HANGS), Scripted(mischief=HANGS)]
    story.server.script[SESSIONS] = hanging
    assert until(lambda: len(hanging) == 1)  # the first one was given, to whom it keeps waiting
    pulls = "FROM job_runs WHERE job = 'pull.cards'"
    ((slot,),) = story.running.query(f"SELECT slot {pulls} AND done_at IS NULL")

    story.running.kill("scheduler")
    story.server.script[SESSIONS] = list(ROUNDS)
    # Its minute is shortened: what a dead scheduler holds lapses by itself.
    mine = f"{pulls} AND slot = '{slot}'"
    which = f"job = 'pull.cards' AND slot = '{slot}'"
    story.running.execute(f"UPDATE job_runs SET lease_until = now() WHERE {which}")
    taken_over = f"SELECT count(*) {mine} AND done_at IS NOT NULL AND attempts = 2"
    assert until(lambda: story.count(taken_over) == 1)

    assert until(lambda: ("pull.cards", slot) in story.done())
    assert until(lambda: any(job == "reconcile" and at > slot for job, at in story.done()))
    done = story.done()
    assert len(set(done)) == len(done)
    assert story.count("SELECT count(*) FROM parked") == 0
