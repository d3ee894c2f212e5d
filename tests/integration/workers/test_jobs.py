"""The jobs themselves, on a real database: any message may come twice, late, or never."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.stub import StubBroker
from structlog.testing import capture_logs

from ops.providers.configured import ConfiguredProvider
from storage.engine import open_engine
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.servers.receiver import OLD_SECRET, SECRET, Books
from vocabulary.clock import SystemClock
from vocabulary.errors import Unavailable
from workers.actors import post_some
from workers.context import WorkerContext
from workers.ingest import ingest
from workers.outcomes import Done, Parked
from workers.sweeper import PATIENCE, backlog, sweep

OLDER, NEWER = "09:30:00", "10:30:00"
RECORDS = "SELECT record_id, payout FROM feed_records ORDER BY record_id"


class Place:
    """A desk at a fresh database, and callbacks that have been taken."""

    def __init__(self, url: str, known: dict[str, ConfiguredProvider]) -> None:
        self.url = url
        self.books = Books(url)
        self.known = known
        self.engine = open_engine(url)

    def desk(self, *slugs: str) -> WorkerContext:
        """A desk that knows these providers, or all of them."""
        chosen = {slug: self.known[slug] for slug in slugs or self.known}
        return WorkerContext(
            engine=self.engine,
            clock=SystemClock(),
            providers={slug: (one.dialect, one.provider) for slug, one in chosen.items()},
        )

    def pushed(self, record: str, *, payout: int, updated: str, slug: str = "games") -> None:
        came = history(record, payout=payout, updated=updated)
        assert commit(self.url, self.known[slug], [came]).recorded

    def age(self, seconds: int) -> None:
        """Let time pass for everything that waits."""
        self.books.run(
            f"UPDATE batches SET committed_at = committed_at - interval '{seconds} s'"
        )
        self.books.run(
            f"UPDATE deliveries SET received_at = received_at - interval '{seconds} s'"
        )


@pytest.fixture
def place(database: str, tmp_path: Path) -> Iterator[Place]:
    found = Place(database, providers(tmp_path))
    found.books.player("42")
    post_some(found.desk())
    yield found
    found.engine.dispose()
    found.books.close()


class Asked(StubBroker):
    """Notes what it was asked for; may be down."""

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


def test_the_newest_version_of_a_record_stands_in_whatever_order_it_comes(
    place: Place,
) -> None:
    place.pushed("r1", payout=20, updated=OLDER)
    place.pushed("r1", payout=30, updated=NEWER)
    place.pushed("r2", payout=30, updated=NEWER)
    assert ingest(place.desk()) == Done(3)
    place.pushed("r2", payout=20, updated=OLDER)

    assert ingest(place.desk()) == Done(1)
    assert place.books.rows(RECORDS) == [("r1", 3000), ("r2", 3000)]
    assert place.books.rows("SELECT count(*) FROM feed_versions") == [(4,)]


def test_history_pushed_again_changes_nothing(place: Place) -> None:
    for _ in range(3):
        place.pushed("r1", payout=20, updated=NEWER)
        ingest(place.desk())

    assert ingest(place.desk()) == Done(0)
    assert place.books.rows(RECORDS) == [("r1", 2000)]
    assert place.books.rows("SELECT count(*) FROM feed_versions") == [(1,)]


def test_history_of_a_provider_no_longer_configured_is_parked_and_others_go_on(
    place: Place,
) -> None:
    place.pushed("gone", payout=20, updated=NEWER, slug="games-fenced")
    place.pushed("r1", payout=20, updated=NEWER)

    assert ingest(place.desk("games", "sport")) == Parked(1)

    assert place.books.rows(RECORDS) == [("r1", 2000)]
    ((job, detail),) = place.books.rows("SELECT job, detail FROM parked")
    assert job == "ingest.v1"
    assert "'games-fenced'" in detail
    state = "SELECT ingested_at IS NULL, parked_at IS NULL FROM deliveries ORDER BY delivery_id"
    assert place.books.rows(state) == [(True, False), (False, True)]
    assert ingest(place.desk("games", "sport")) == Done(0)


def test_history_whose_secret_was_retired_meanwhile_is_parked_and_others_go_on(
    place: Place,
) -> None:
    came = history("old", payout=20, updated=NEWER, secret=OLD_SECRET)
    commit(place.url, place.known["games"], [came])
    place.pushed("r1", payout=20, updated=NEWER)
    asked = place.known["games"].provider
    retired = replace(place.known["games"], provider=replace(asked, secrets=(SECRET,)))
    place.known["games"] = retired

    assert ingest(place.desk()) == Parked(1)
    assert place.books.rows(RECORDS) == [("r1", 2000)]
    assert place.books.rows("SELECT cause FROM parked") == [("NotAuthentic",)]


def test_posting_and_ingesting_without_a_database_is_an_outage() -> None:
    nowhere = WorkerContext(
        engine=open_engine("postgresql://tieout@/tieout?host=/nowhere"),
        clock=SystemClock(),
        providers={},
    )

    with pytest.raises(Unavailable, match="posting"):
        post_some(nowhere)
    with pytest.raises(Unavailable, match="ingest"):
        ingest(nowhere)
    with pytest.raises(Unavailable, match="sweep"):
        backlog(nowhere.engine, age_s=1)


def test_what_is_young_is_left_to_the_message_that_is_on_its_way(place: Place) -> None:
    commit(place.url, place.known["sport"], [bet("42", "OP-1")])
    place.pushed("r1", payout=20, updated=NEWER)
    broker = Asked()

    sweep(place.desk(), broker, age_s=3600)

    assert broker.messages == []


def test_what_is_old_is_asked_for_again_and_not_done_by_the_sweeper(place: Place) -> None:
    (batch,) = commit(place.url, place.known["sport"], [bet("42", "OP-1")]).batches
    place.pushed("r1", payout=20, updated=NEWER)
    place.age(20)
    broker = Asked()

    found = sweep(place.desk(), broker, age_s=10)

    assert broker.messages == [("post.v1", [batch]), ("ingest.v1", None)]
    assert found.batches == [batch]
    assert place.books.rows("SELECT count(*) FROM entries WHERE account = 'ggr'") == [(0,)]
    assert place.books.rows(RECORDS) == []


@pytest.mark.parametrize("is_down", [False, True])
def test_what_is_far_too_old_is_done_by_the_sweeper_itself(place: Place, is_down: bool) -> None:
    commit(place.url, place.known["sport"], [bet("42", "OP-1")])
    place.pushed("r1", payout=20, updated=NEWER)
    place.age(10 * PATIENCE + 10)

    with capture_logs() as logs:
        sweep(place.desk(), Asked(is_down=is_down), age_s=10)

    events = {log["event"] for log in logs}
    assert {"sweep_posts", "sweep_ingests"} <= events
    assert ("sweep_cannot_ask" in events) is is_down
    assert place.books.rows("SELECT amount FROM entries WHERE account = 'ggr'") == [(100,)]
    assert place.books.rows(RECORDS) == [("r1", 2000)]
    assert sweep(place.desk(), Asked(), age_s=10).batches == []
