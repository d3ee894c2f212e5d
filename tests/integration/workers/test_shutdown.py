"""Stopping a worker costs nothing: what is in flight is finished, the rest goes back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from dramatiq import Message

from storage.broker.redis import open_broker, post_message
from tests.harness.servers.queues import Place, locked_entries
from tests.harness.servers.receiver import until

#: Postings that wait for the table that the test holds.
HELD_UP = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INTO entries%'
"""


@pytest.fixture
def place(database: str, broker_url: str, tmp_path: Path) -> Iterator[Place]:
    found = Place(database, broker_url, tmp_path)
    found.books.player("42")
    assert found.books.wrong() == []  # the opening balance is posted
    yield found
    found.end()


def left(url: str) -> list[Message[None]]:
    """Every message that the broker still has, wherever."""
    with closing(redis.Redis.from_url(url)) as client:
        found = [
            data
            for queue in ("post", "post.DQ", "post.XQ")
            for data in client.hgetall(f"dramatiq:{queue}.msgs").values()
        ]
    return [Message.decode(data) for data in found if isinstance(data, bytes)]


def waiting(url: str) -> int:
    with closing(redis.Redis.from_url(url)) as client:
        return int(client.llen("dramatiq:post"))


def test_a_worker_that_is_told_to_stop_finishes_its_posting_and_burns_no_attempt(
    place: Place,
) -> None:
    batch = place.bet("42", "OP-1")
    worker = place.worker()
    broker = open_broker(place.broker_url, [])
    with closing(locked_entries(place.books.url)):
        for _ in range(8):
            broker.enqueue(post_message([batch]))
        assert until(lambda: place.books.rows(HELD_UP) == [(1,)]), worker.log()
        worker.process.terminate()
        assert until(lambda: worker.said("Stopping worker process")), worker.log()
    code = worker.process.wait(90)

    assert code == 0, worker.log()
    assert place.is_posted(batch), worker.log()
    messages = left(place.broker_url)
    assert [m.options.get("retries", 0) for m in messages] == [0] * len(messages)
    assert "job_retried" not in worker.log()

    # And whoever comes next works off what went back.
    second = place.worker()
    assert until(lambda: second.said("ready for action")), second.log()
    assert until(lambda: waiting(place.broker_url) == 0), second.log()
    assert second.terminate() == 0
    assert place.books.wrong() == []


def test_a_worker_that_is_killed_in_its_posting_leaves_the_batch_to_the_next(
    place: Place,
) -> None:
    batch = place.bet("42", "OP-1")
    worker = place.worker()
    with closing(locked_entries(place.books.url)):
        place.ask()
        assert until(lambda: place.books.rows(HELD_UP) == [(1,)]), worker.log()
        worker.end()
        # Its connection notices when it next has something to say: end its transaction.
        place.books.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%INTO entries%' AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
    second = place.worker()
    place.ask()

    assert until(lambda: second.said("ready for action")), second.log()
    assert until(lambda: place.is_posted(batch)), second.log()
    assert place.books.rows("SELECT count(*) FROM parked") == [(0,)]
    assert second.terminate() == 0
    assert place.books.wrong() == []
