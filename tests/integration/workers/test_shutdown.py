"""Stopping a worker loses nothing: it finishes what it runs and requeues the rest."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from dramatiq import Message

from storage.broker.redis import open_broker, post_message
from tests.harness.servers.receiver import wait_until
from tests.harness.servers.worker_stack import WorkerStack, block_postings

#: Postings that wait for the test's table lock.
BLOCKED_POSTINGS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INTO entries%'
"""


@pytest.fixture
def env(database: str, broker_url: str, tmp_path: Path) -> Iterator[WorkerStack]:
    opened = WorkerStack(database, broker_url, tmp_path)
    opened.books.player("42")
    assert opened.books.failed_checks() == []  # posts the opening balance
    yield opened
    opened.close()


def remaining_messages(url: str) -> list[Message[None]]:
    """Every message that the broker still has, in any queue."""
    with closing(redis.Redis.from_url(url)) as client:
        messages = [
            data
            for queue in ("post", "post.DQ", "post.XQ")
            for data in client.hgetall(f"dramatiq:{queue}.msgs").values()
        ]
    return [Message.decode(data) for data in messages if isinstance(data, bytes)]


def waiting_messages(url: str) -> int:
    with closing(redis.Redis.from_url(url)) as client:
        return int(client.llen("dramatiq:post"))


def test_a_stopped_worker_finishes_its_posting_and_counts_no_attempt(
    env: WorkerStack,
) -> None:
    batch = env.bet("42", "OP-1")
    worker = env.worker()
    broker = open_broker(env.broker_url, [])
    with closing(block_postings(env.books.url)):
        for _ in range(8):
            broker.enqueue(post_message([batch]))
        assert wait_until(lambda: env.books.rows(BLOCKED_POSTINGS) == [(1,)]), worker.log()
        worker.process.terminate()
        assert wait_until(lambda: worker.has_logged("Stopping worker process")), worker.log()
    code = worker.process.wait(90)

    assert code == 0, worker.log()
    assert env.is_posted(batch), worker.log()
    messages = remaining_messages(env.broker_url)
    assert [m.options.get("retries", 0) for m in messages] == [0] * len(messages)
    assert "job_retried" not in worker.log()

    # The next worker processes the requeued messages.
    second = env.worker()
    assert wait_until(lambda: second.has_logged("ready for action")), second.log()
    assert wait_until(lambda: waiting_messages(env.broker_url) == 0), second.log()
    assert second.terminate() == 0
    assert env.books.failed_checks() == []


def test_a_worker_killed_during_its_posting_leaves_the_batch_to_the_next(
    env: WorkerStack,
) -> None:
    batch = env.bet("42", "OP-1")
    worker = env.worker()
    with closing(block_postings(env.books.url)):
        env.notify_workers()
        assert wait_until(lambda: env.books.rows(BLOCKED_POSTINGS) == [(1,)]), worker.log()
        worker.kill()
        # PostgreSQL has not noticed the death of the client yet: end its transaction.
        env.books.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%INTO entries%' AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
    second = env.worker()
    env.notify_workers()

    assert wait_until(lambda: second.has_logged("ready for action")), second.log()
    assert wait_until(lambda: env.is_posted(batch)), second.log()
    assert env.books.rows("SELECT count(*) FROM parked") == [(0,)]
    assert second.terminate() == 0
    assert env.books.failed_checks() == []
