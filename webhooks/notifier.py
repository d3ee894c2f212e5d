"""Notify the workers of committed batches. Best effort: the sweeper finds what it misses.

A message carries the ids of all batches committed since the previous message. Messages are
spaced, because sending one costs this process more than committing a batch.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import structlog
from redis.exceptions import RedisError

from ledger.accepting.acceptor import Accepted
from storage.broker.redis import ingest_message, post_message
from vocabulary import fault_points
from vocabulary.fault_points import Step

#: Most batch ids in one message; the sweeper finds the rest.
PENDING_MAX = 10_000
#: Shortest time between two messages, in seconds. Each costs a posting of its own: at 800
#: callbacks a second 0.2 instead of 0.05 saves 40 % of the processor time of posting.
SPACING_S = 0.2
#: Pause after a failed send, in seconds.
RETRY_PAUSE_S = 0.5

# A driver whose connection dies raises other errors, too: whatever it meets.
_OUTAGES = (RedisError, OSError, dramatiq.errors.BrokerConnectionError)

log = structlog.get_logger()


class Notifier:
    """Sends ``post.v1`` and ``ingest.v1`` in the background, one message at a time.

    Args:
        broker: takes the messages.
        on_failure: called when it does not.
    """

    def __init__(
        self, broker: dramatiq.Broker, on_failure: Callable[[], None] = lambda: None
    ) -> None:
        self._broker = broker
        self._on_failure = on_failure
        # One thread for all messages: a RabbitMQ connection belongs to the thread that made it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notify")
        self._batches: list[int] = []
        self._ingest = False
        self._wake = asyncio.Event()

    def notify(self, accepted: Accepted) -> None:
        """Queue the work that a commit left for the workers."""
        self._batches += accepted.batches
        self._ingest = self._ingest or accepted.recorded
        if self._batches or self._ingest:
            self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(SPACING_S)

    async def flush(self) -> None:
        """Send what is queued; leave what cannot be sent to the sweeper."""
        batches, self._batches = self._batches[-PENDING_MAX:], []
        ingest, self._ingest = self._ingest, False
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._send, batches, ingest)
        except Exception as error:  # noqa: BLE001 - or workers would hear nothing any more
            self._on_failure()
            write = log.warning if isinstance(error, _OUTAGES) else log.critical
            write("notify_failed", error=type(error).__name__, batches=len(batches))
            await asyncio.sleep(RETRY_PAUSE_S)

    def _send(self, batches: list[int], ingest: bool) -> None:  # noqa: FBT001 - thread target
        fault_points.reached(Step.ANSWERED)
        if batches:
            self._broker.enqueue(post_message(batches))
        if ingest:
            self._broker.enqueue(ingest_message())
        fault_points.reached(Step.NOTIFIED)
