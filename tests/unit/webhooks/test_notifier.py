"""The notifier sends messages in the background, many batches at once, without blocking."""

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
    """Accepts each message once the gate opens."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.sent: list[tuple[str, Any]] = []
        self.started = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.accepted = threading.Semaphore(0)

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        self.started.release()
        assert self.gate.acquire(timeout=WAIT_S)
        self.sent.append((message.actor_name, message.kwargs.get("batches")))
        self.accepted.release()
        return message


def _accepted(batches: Sequence[int], *, recorded: bool = False) -> Accepted:
    return Accepted([], list(batches), recorded=recorded, conflicts=0)


def _open_gate(broker: GatedBroker, messages: int) -> None:
    for _ in range(messages):
        broker.gate.release()


def test_batches_committed_during_a_send_share_the_next_message() -> None:
    async def scene() -> None:
        broker = GatedBroker()
        notifier = Notifier(broker)
        task = asyncio.create_task(notifier.run())
        notifier.notify(_accepted([1]))
        assert await asyncio.to_thread(broker.started.acquire, timeout=WAIT_S)
        for batch in (2, 3, 4):
            notifier.notify(_accepted([batch]))
        assert broker.sent == []  # notify does not wait for the broker
        _open_gate(broker, 2)
        for _ in range(2):
            assert await asyncio.to_thread(broker.accepted.acquire, timeout=WAIT_S)
        task.cancel()
        await asyncio.wait({task})

        assert broker.sent == [("post.v1", [1]), ("post.v1", [2, 3, 4])]

    asyncio.run(asyncio.wait_for(scene(), WAIT_S))


def test_any_number_of_history_records_needs_one_ingest_message() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.notify(_accepted([], recorded=True))
    notifier.notify(_accepted([7], recorded=True))
    _open_gate(broker, 2)

    asyncio.run(notifier.flush())

    assert broker.sent == [("post.v1", [7]), ("ingest.v1", None)]


def test_an_empty_commit_sends_no_message() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.notify(_accepted([]))

    asyncio.run(notifier.flush())

    assert broker.sent == []


def test_one_message_holds_at_most_the_newest_batches_up_to_its_limit() -> None:
    broker = GatedBroker()
    notifier = Notifier(broker)
    notifier.notify(_accepted(range(PENDING_MAX + 3)))
    _open_gate(broker, 1)

    asyncio.run(notifier.flush())

    ((_, batches),) = broker.sent
    assert batches == list(range(3, PENDING_MAX + 3))


def test_an_unreachable_broker_is_logged_and_the_batches_are_left_to_the_sweeper(
    tmp_path: Path,
) -> None:
    notifier = Notifier(open_broker(f"unix://{tmp_path}/nobody.sock?db=0", []))
    notifier.notify(_accepted([1, 2]))

    with capture_logs() as logs:
        asyncio.run(notifier.flush())

    assert [(log["event"], log["batches"]) for log in logs] == [("notify_failed", 2)]


def test_messages_are_sent_again_after_an_outage(tmp_path: Path) -> None:
    class Recovering(GatedBroker):
        def enqueue(
            self, message: "dramatiq.Message[Any]", *, delay: int | None = None
        ) -> "dramatiq.Message[Any]":
            if not self.sent:
                self.sent.append(("lost", None))
                self.accepted.release()
                raise redis.ConnectionError
            return super().enqueue(message, delay=delay)

    async def scene() -> None:
        broker = Recovering()
        notifier = Notifier(broker)
        _open_gate(broker, 1)
        task = asyncio.create_task(notifier.run())
        notifier.notify(_accepted([1]))
        assert await asyncio.to_thread(broker.accepted.acquire, timeout=WAIT_S)
        notifier.notify(_accepted([2]))
        assert await asyncio.to_thread(broker.accepted.acquire, timeout=WAIT_S)
        task.cancel()
        await asyncio.wait({task})

        assert broker.sent == [("lost", None), ("post.v1", [2])]

    asyncio.run(asyncio.wait_for(scene(), WAIT_S))


class BreakingBroker(GatedBroker):
    """Its driver fails at the first message in a way that says nothing of an outage."""

    def enqueue(
        self, message: "dramatiq.Message[Any]", *, delay: int | None = None
    ) -> "dramatiq.Message[Any]":
        if message.kwargs["batches"] == [1]:
            raise AttributeError("'NoneType' object has no attribute 'sendall'")
        return super().enqueue(message, delay=delay)


def test_whatever_a_driver_raises_later_batches_are_told() -> None:
    async def scene() -> None:
        broker = BreakingBroker()
        failures: list[int] = []
        notifier = Notifier(broker, lambda: failures.append(1))
        task = asyncio.create_task(notifier.run())
        notifier.notify(_accepted([1]))
        async with asyncio.timeout(WAIT_S):
            while not failures:  # noqa: ASYNC110 - nothing to wait for
                await asyncio.sleep(0.005)
        notifier.notify(_accepted([2]))
        _open_gate(broker, 1)
        assert await asyncio.to_thread(broker.accepted.acquire, timeout=WAIT_S)
        task.cancel()
        await asyncio.wait({task})

        assert broker.sent == [("post.v1", [2])]

    with capture_logs() as logs:
        asyncio.run(asyncio.wait_for(scene(), 2 * WAIT_S))
    (failed,) = [log for log in logs if log["event"] == "notify_failed"]
    assert (failed["log_level"], failed["error"]) == ("critical", "AttributeError")
