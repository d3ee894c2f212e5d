"""Jobs on a real database: posting, ingesting and sweeping are idempotent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.stub import StubBroker
from structlog.testing import capture_logs

import workers.ingest
from ledger.posting.posting import BATCHES_PER_POSTING
from ops.providers.configured import ConfiguredProvider
from storage.engine import open_engine
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.servers.receiver import OLD_SECRET, SECRET, LedgerDatabase
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable
from workers.actors import post_unposted
from workers.context import WorkerContext
from workers.ingest import ingest
from workers.outcomes import BUSY_FOR, Done, Parked, Requeued
from workers.sweeper import TAKEOVER_FACTOR, backlog, sweep

OLDER, NEWER = "09:30:00", "10:30:00"
RECORDS = "SELECT record_id, payout FROM feed_records ORDER BY record_id"


class JobEnvironment:
    """A fresh database with accepted callbacks, and contexts for jobs."""

    def __init__(self, url: str, providers: dict[str, ConfiguredProvider]) -> None:
        self.url = url
        self.books = LedgerDatabase(url)
        self.providers = providers
        self.engine = open_engine(url)

    def context(self, *slugs: str) -> WorkerContext:
        """A worker context with these providers, or with all of them."""
        chosen = {slug: self.providers[slug] for slug in slugs or self.providers}
        return WorkerContext(
            engine=self.engine,
            clock=SystemClock(),
            providers={slug: (entry.dialect, entry.provider) for slug, entry in chosen.items()},
        )

    def push(self, record: str, *, payout: int, updated: str, slug: str = "games") -> None:
        callback = history(record, payout=payout, updated=updated)
        assert commit(self.url, self.providers[slug], [callback]).recorded

    def age(self, seconds: int) -> None:
        """Make everything that waits older."""
        self.books.rewrite(
            f"UPDATE batches SET committed_at = committed_at - interval '{seconds} s'"
        )
        self.books.rewrite(
            f"UPDATE deliveries SET received_at = received_at - interval '{seconds} s'"
        )


@pytest.fixture
def env(database: str, tmp_path: Path) -> Iterator[JobEnvironment]:
    opened = JobEnvironment(database, providers(tmp_path))
    opened.books.player("42")
    post_unposted(opened.context())
    yield opened
    opened.engine.dispose()
    opened.books.close()


class RecordingBroker(StubBroker):
    """Records the messages; may be down."""

    def __init__(self, *, is_down: bool = False) -> None:
        super().__init__(middleware=[])
        self.messages: list[tuple[str, Any]] = []
        self._is_down = is_down

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        if self._is_down:
            raise redis.ConnectionError
        self.messages.append((message.actor_name, message.kwargs.get("batches")))
        return message


def test_the_newest_version_of_a_record_wins_in_any_order_of_arrival(
    env: JobEnvironment,
) -> None:
    env.push("r1", payout=20, updated=OLDER)
    env.push("r1", payout=30, updated=NEWER)
    env.push("r2", payout=30, updated=NEWER)
    assert ingest(env.context()) == Done(3)
    env.push("r2", payout=20, updated=OLDER)

    assert ingest(env.context()) == Done(1)
    assert env.books.rows(RECORDS) == [("r1", 3000), ("r2", 3000)]
    assert env.books.rows("SELECT count(*) FROM feed_versions") == [(4,)]


def test_history_pushed_again_changes_nothing(env: JobEnvironment) -> None:
    for _ in range(3):
        env.push("r1", payout=20, updated=NEWER)
        ingest(env.context())

    assert ingest(env.context()) == Done(0)
    assert env.books.rows(RECORDS) == [("r1", 2000)]
    assert env.books.rows("SELECT count(*) FROM feed_versions") == [(1,)]


class HurryingClock:
    """A clock that is later by half of what one message may take whenever it is read."""

    def __init__(self) -> None:
        self._instant = SystemClock().now()

    def now(self) -> datetime:
        self._instant += BUSY_FOR / 2
        return self._instant


def test_a_large_backlog_of_history_is_ingested_message_by_message(
    env: JobEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.ingest, "DELIVERIES_PER_INGEST", 1)
    for record in ("r1", "r2"):
        env.push(record, payout=20, updated=NEWER)

    hurried = replace(env.context(), clock=HurryingClock())

    assert ingest(hurried) == Requeued("the backlog exceeds one message")
    assert env.books.rows(RECORDS) == [("r1", 2000)]
    assert ingest(env.context()) == Done(1)
    assert env.books.rows(RECORDS) == [("r1", 2000), ("r2", 2000)]


def test_a_large_backlog_of_batches_is_posted_message_by_message(env: JobEnvironment) -> None:
    env.books.player("rich", balance="500.00")
    post_unposted(env.context())
    for number in range(BATCHES_PER_POSTING + 1):
        commit(env.url, env.providers["sport"], [bet("rich", f"bet-{number}")])

    hurried = replace(env.context(), clock=HurryingClock())

    assert post_unposted(hurried) == Requeued("the backlog exceeds one message")
    assert post_unposted(env.context()) == Done(1)


def test_history_of_an_unconfigured_provider_is_parked_and_the_rest_is_ingested(
    env: JobEnvironment,
) -> None:
    env.push("gone", payout=20, updated=NEWER, slug="games-fenced")
    env.push("r1", payout=20, updated=NEWER)

    assert ingest(env.context("games", "sport")) == Parked(1)

    assert env.books.rows(RECORDS) == [("r1", 2000)]
    ((job, detail),) = env.books.rows("SELECT job, detail FROM parked")
    assert job == "ingest.v1"
    assert "'games-fenced'" in detail
    state = "SELECT ingested_at IS NULL, parked_at IS NULL FROM deliveries ORDER BY delivery_id"
    assert env.books.rows(state) == [(True, False), (False, True)]
    assert ingest(env.context("games", "sport")) == Done(0)


def test_history_signed_with_a_retired_secret_is_parked_and_the_rest_is_ingested(
    env: JobEnvironment,
) -> None:
    callback = history("old", payout=20, updated=NEWER, secret=OLD_SECRET)
    commit(env.url, env.providers["games"], [callback])
    env.push("r1", payout=20, updated=NEWER)
    games = env.providers["games"]
    provider = replace(games.provider, secrets=(SECRET,))
    env.providers["games"] = replace(games, provider=provider)

    assert ingest(env.context()) == Parked(1)
    assert env.books.rows(RECORDS) == [("r1", 2000)]
    assert env.books.rows("SELECT cause FROM parked") == [("NotAuthentic",)]


def test_posting_and_ingesting_without_a_database_is_an_outage() -> None:
    nowhere = WorkerContext(
        engine=open_engine("postgresql://tieout@/tieout?host=/nowhere"),
        clock=SystemClock(),
        providers={},
    )

    with pytest.raises(Unavailable, match="posting"):
        post_unposted(nowhere)
    with pytest.raises(Unavailable, match="ingest"):
        ingest(nowhere)
    with pytest.raises(Unavailable, match="sweep"):
        backlog(nowhere.engine, age_s=1)


def test_recent_work_is_left_to_its_own_message(env: JobEnvironment) -> None:
    commit(env.url, env.providers["sport"], [bet("42", "OP-1")])
    env.push("r1", payout=20, updated=NEWER)
    broker = RecordingBroker()

    sweep(env.context(), broker, age_s=3600)

    assert broker.messages == []


def test_old_work_gets_another_message_and_is_not_done_by_the_sweeper(
    env: JobEnvironment,
) -> None:
    (batch,) = commit(env.url, env.providers["sport"], [bet("42", "OP-1")]).batches
    env.push("r1", payout=20, updated=NEWER)
    env.age(20)
    broker = RecordingBroker()

    waiting = sweep(env.context(), broker, age_s=10)

    assert broker.messages == [("post.v1", [batch]), ("ingest.v1", None)]
    assert waiting.batches == [batch]
    assert env.books.rows("SELECT count(*) FROM entries WHERE account = 'ggr'") == [(0,)]
    assert env.books.rows(RECORDS) == []


@pytest.mark.parametrize("is_down", [False, True])
def test_work_that_is_far_too_old_is_done_by_the_sweeper(
    env: JobEnvironment, is_down: bool
) -> None:
    commit(env.url, env.providers["sport"], [bet("42", "OP-1")])
    env.push("r1", payout=20, updated=NEWER)
    env.age(10 * TAKEOVER_FACTOR + 10)

    with capture_logs() as logs:
        sweep(env.context(), RecordingBroker(is_down=is_down), age_s=10)

    events = {log["event"] for log in logs}
    assert {"sweep_posts", "sweep_ingests"} <= events
    assert ("sweep_notify_failed" in events) is is_down
    assert env.books.rows("SELECT amount FROM entries WHERE account = 'ggr'") == [(100,)]
    assert env.books.rows(RECORDS) == [("r1", 2000)]
    assert sweep(env.context(), RecordingBroker(), age_s=10).batches == []
