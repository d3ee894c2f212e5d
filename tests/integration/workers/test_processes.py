"""Workers and schedulers as processes, with a real broker that may forget everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from storage.broker.redis import ingest_message, open_broker, post_message
from tests.harness.books.delivered import bet, commit, history, providers
from tests.harness.servers import receiver as harness
from tests.harness.servers.receiver import Books, Tieout, until

UNPOSTED = "SELECT count(*) FROM batches WHERE posted_at IS NULL"
UNTAKEN = "SELECT count(*) FROM deliveries WHERE verdict = 'recorded' AND ingested_at IS NULL"
WRITTEN = (
    "SELECT (SELECT count(*) FROM entries), (SELECT sum(stake) FROM rounds),"
    " (SELECT count(*) FROM feed_versions), (SELECT max(posted_at) FROM batches)"
)


class Place:
    """A database with work in it, a broker, and processes that are always ended."""

    def __init__(self, database: str, broker: str, folder: Path) -> None:
        self.books = Books(database)
        self.known = providers(folder)
        self.broker = broker
        self.folder = folder
        self.running: list[Tieout] = []

    def start(self, *words: str, broker: str | None = None) -> Tieout:
        started = Tieout(self.folder, self.books.url, broker or self.broker, *words)
        self.running.append(started)
        return started

    def worker(self) -> Tieout:
        return self.start("worker", "--processes", "1", "--threads", "2")

    def bets(self, *keys: str) -> list[int]:
        """Each a batch of its own."""
        sport = self.known["sport"]
        return [
            batch
            for key in keys
            for batch in commit(self.books.url, sport, [bet("42", key)]).batches
        ]

    def pushed(self, record: str, payout: int, updated: str) -> None:
        came = history(record, payout=payout, updated=updated)
        commit(self.books.url, self.known["games"], [came])

    def is_done(self) -> bool:
        return self.books.rows(UNPOSTED) == [(0,)] and self.books.rows(UNTAKEN) == [(0,)]

    def is_silent(self) -> bool:
        """Nothing waits in the broker and nothing is being worked on."""
        client = redis.Redis.from_url(self.broker)
        queues = [client.hlen(f"dramatiq:{queue}.msgs") for queue in ("post", "ingest")]
        client.close()
        return queues == [0, 0]


@pytest.fixture
def place(database: str, broker_url: str, tmp_path: Path) -> Iterator[Place]:
    found = Place(database, broker_url, tmp_path)
    found.books.player("42")
    yield found
    for process in found.running:
        process.end()
    found.books.close()


def test_a_worker_posts_takes_in_history_shrugs_at_repeats_and_ends_well(
    place: Place,
) -> None:
    batches = place.bets("OP-1", "OP-2", "OP-3")
    place.pushed("r1", 30, "10:30:00")
    place.pushed("r1", 20, "09:30:00")
    broker = open_broker(place.broker, [])
    worker = place.worker()
    broker.enqueue(post_message(batches))
    broker.enqueue(ingest_message())
    assert until(place.is_done), worker.log()
    written = place.books.rows(WRITTEN)

    for _ in range(50):
        broker.enqueue(post_message(batches))
        broker.enqueue(ingest_message())
    assert until(place.is_silent), worker.log()
    code = worker.terminate()

    assert code == 0
    assert written[0][:3] == (8, 300, 2)
    assert place.books.rows(WRITTEN) == written
    assert place.books.rows("SELECT payout FROM feed_records") == [(3000,)]
    assert place.books.wrong() == []
    assert "Traceback" not in worker.log()


def test_a_message_for_an_actor_nobody_knows_stops_no_other(place: Place) -> None:
    broker = open_broker(place.broker, [])
    worker = place.worker()
    broker.enqueue(post_message([]).copy(actor_name="post.v0"))
    broker.enqueue(post_message(place.bets("OP-1")))

    assert until(place.is_done), worker.log()
    assert worker.terminate() == 0


def test_a_broker_that_forgot_everything_loses_nothing(place: Place) -> None:
    place.bets("OP-1", "OP-2")
    place.pushed("r1", 30, "10:30:00")
    broker = open_broker(place.broker, [])
    broker.enqueue(post_message(place.bets("OP-3")))
    client = redis.Redis.from_url(place.broker)
    client.flushall()
    client.close()

    worker = place.worker()
    scheduler = place.start("scheduler")

    assert until(place.is_done), scheduler.log() + worker.log()
    # The scheduler asks for what is old; on a slow machine it has done some of it by itself.
    assert '"job_done"' in worker.log() or "sweep_posts" in scheduler.log()
    assert [scheduler.terminate(), worker.terminate()] == [0, 0]
    assert place.books.wrong() == []


def test_without_a_broker_the_scheduler_does_the_work_itself_after_a_while(
    place: Place,
) -> None:
    place.bets("OP-1")
    place.pushed("r1", 30, "10:30:00")
    place.books.run("UPDATE batches SET committed_at = committed_at - interval '4 s'")
    place.books.run("UPDATE deliveries SET received_at = received_at - interval '4 s'")
    scheduler = place.start("scheduler", broker="unix:///nowhere/valkey.sock?db=0")

    assert until(place.is_done), scheduler.log()
    assert "sweep_cannot_ask" in scheduler.log()
    assert "sweep_posts" in scheduler.log()
    assert scheduler.terminate() == 0
    assert place.books.wrong() == []


def test_a_scheduler_without_a_database_waits_for_it(place: Place) -> None:
    nowhere = "postgresql://tieout@/tieout?host=/nowhere"
    scheduler = Tieout(place.folder, nowhere, place.broker, "scheduler")
    place.running.append(scheduler)

    assert until(lambda: scheduler.log().count("job_unavailable") >= 2), scheduler.log()
    assert scheduler.terminate() == 0
    assert "Traceback" not in scheduler.log()


def test_a_callback_taken_by_a_receiver_is_posted_by_a_worker(place: Place) -> None:
    worker = place.worker()
    process = harness.receivers(place.folder, place.books.url, place.broker)
    with process as (door, (receiver,)):
        taken = door.post("sport", bet("42", "OP-1"))
        pushed = door.post("games", history("r1", payout=30, updated="10:30:00"))
        posted = until(place.is_done)
        code = receiver.terminate()

    assert (taken.status, pushed.status) == (200, 200)
    assert posted, worker.log()
    assert code == 0
    assert place.books.rows("SELECT payout FROM feed_records") == [(3000,)]
