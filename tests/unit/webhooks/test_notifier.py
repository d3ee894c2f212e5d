"""Telling the workers: in the background, many batches at once, and never in the way."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.stub import StubBroker
from structlog.testing import capture_logs

from ledger.accepting.acceptor import Accepted
from storage.broker.redis import open_broker
from webhooks.notifier import PENDING_MAX, Notifier

WAIT_S = 5


class GatedBroker(StubBroker):
    """Takes messages, each only when let through."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.sent: list[tuple[str, Any]] = []
        self.began = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.took = threading.Semaphore(0)

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        self.began.release()
        assert self.gate.acquire(timeout=WAIT_S)
        self.sent.append((message.actor_name, message.kwargs.get("batches")))
        self.took.release()
        return message


def _accepted(batches: Sequence[int], *, recorded: bool = False) -> Accepted:
    return Accepted([], list(batches), recorded=recorded, conflicts=0)


def _let_through(broker: GatedBroker, messages: int) -> None:
    for _ in range(messages):
        broker.gate.release()


def test_batches_committed_while_a_message_is_sent_travel_together_in_the_next() -> None:
    async def scene() -> None:
        broker = GatedBroker()
        notifier = Notifier(broker)
        running = asyncio.create_task(notifier.run())
        notifier.tell(_accepted([1]))
        assert await asyncio.to_thread(broker.began.acquire, timeout=WAIT_S)
        for batch in (2, 3, 4):
            notifier.tell(_accepted([batch]))
        assert broker.sent == []  # nobody waited for the broker
        _let_through(broker, 2)
        for _ in range(2):
            assert await asyncio.to_thread(broker.took.acquire, timeout=WAIT_S)
        running.cancel()
        await asyncio.wait({running})

        assert broker.sent == [("post.v1", [1]), ("post.v1", [2, 3, 4])]

    asyncio.run(asyncio.wait_for(scene(), WAIT_S))


def test_history_is_told_once_for_however_many_records() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.tell(_accepted([], recorded=True))
    notifier.tell(_accepted([7], recorded=True))
    _let_through(broker, 2)

    asyncio.run(notifier.flush())

    assert broker.sent == [("post.v1", [7]), ("ingest.v1", None)]


def test_nothing_committed_is_nothing_told() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.tell(_accepted([]))

    asyncio.run(notifier.flush())

    assert broker.sent == []


def test_one_message_names_a_bounded_number_of_batches_the_newest() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.tell(_accepted(range(PENDING_MAX + 3)))
    _let_through(broker, 1)

    asyncio.run(notifier.flush())

    ((_, batches),) = broker.sent
    assert batches == list(range(3, PENDING_MAX + 3))


def test_a_broker_that_is_down_is_logged_and_left_to_the_sweeper(tmp_path: Path) -> None:
    notifier = Notifier(open_broker(f"unix://{tmp_path}/nobody.sock?db=0", []))
    notifier.tell(_accepted([1, 2]))

    with capture_logs() as logs:
        asyncio.run(notifier.flush())

    assert [(log["event"], log["batches"]) for log in logs] == [("notify_failed", 2)]


def test_notices_go_on_after_an_outage(tmp_path: Path) -> None:
    class Recovering(GatedBroker):
        def enqueue(
            self, message: "dramatiq.Message[Any]", *, delay: int | None = None
        ) -> "dramatiq.Message[Any]":
            if not self.sent:
                self.sent.append(("lost", None))
                self.took.release()
                raise redis.ConnectionError
            return super().enqueue(message, delay=delay)

    async def scene() -> None:
        broker = Recovering()
        notifier = Notifier(broker)
        _let_through(broker, 1)
        running = asyncio.create_task(notifier.run())
        notifier.tell(_accepted([1]))
        assert await asyncio.to_thread(broker.took.acquire, timeout=WAIT_S)
        notifier.tell(_accepted([2]))
        assert await asyncio.to_thread(broker.took.acquire, timeout=WAIT_S)
        running.cancel()
        await asyncio.wait({running})

        assert broker.sent == [("lost", None), ("post.v1", [2])]

    asyncio.run(asyncio.wait_for(scene(), WAIT_S))
