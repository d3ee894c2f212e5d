"""Group commit: a batch is whatever arrived during the previous commit. No timer."""

import asyncio
from collections.abc import Callable

import structlog

from ledger.accepting.acceptor import Accepted, Acceptor, retry_later
from ledger.accepting.model import Decision, Request
from vocabulary.errors import Unavailable

#: Most requests decided in one statement.
BATCH_MAX = 256

#: Is told the decision of one request, once; must not raise.
Tell = Callable[[Decision], None]
Batch = list[tuple[Request, Tell]]

log = structlog.get_logger()


class GroupCommit:
    """Queues requests before one acceptor and hands each its decision.

    Args:
        acceptor: decides and commits.
        queue_max: requests waiting beyond which new ones are told to retry.
        patience_s: longest wait of any request for its decision, in seconds.
        after: told what became of each batch.
    """

    def __init__(
        self,
        acceptor: Acceptor,
        *,
        queue_max: int,
        patience_s: float,
        after: Callable[[Accepted], None],
    ) -> None:
        self._acceptor = acceptor
        self._queue_max = queue_max
        self._patience_s = patience_s
        self._after = after
        self._waiting: Batch = []
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._is_over = False

    @property
    def pending(self) -> int:
        """Requests taken and not yet answered."""
        return len(self._waiting) + self._in_flight

    async def submit(self, request: Request) -> Decision:
        """Decide and commit one request; its decision is durable when this returns.

        When too many are waiting, or the database is out of reach or does not answer in time,
        or nobody commits any more, the decision says UNAVAILABLE: retry, never declined.
        """
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()

        def settle(decided: Decision) -> None:
            if not future.done():
                future.set_result(decided)

        self.take(request, settle)
        return await future

    def take(self, request: Request, tell: Tell) -> None:
        """Like ``submit``, for who does not wait: the decision is told when it is durable."""
        if self._is_over or len(self._waiting) >= self._queue_max:
            tell(retry_later(request))
            return
        self._waiting.append((request, tell))
        self._wake.set()

    async def run(self) -> None:
        """Commit batches until cancelled.

        Raises:
            RuntimeError: a batch could not be decided: a bug. Whoever waits is told to retry.
        """
        try:
            while True:
                if not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                self._in_flight = len(batch)
                await self._commit(batch)
                self._in_flight = 0
        finally:
            # Nobody is left to decide: a request that waited on would wait for ever.
            self._is_over = True
            self._send_back_the_waiting()

    async def _commit(self, batch: Batch) -> None:
        requests = [request for request, _ in batch]
        try:
            async with asyncio.timeout(self._patience_s):
                accepted = await self._acceptor.accept(requests)
        except TimeoutError:
            await self._give_up(batch)
            return
        except Unavailable:
            accepted = Accepted(
                [retry_later(r) for r in requests], [], recorded=False, conflicts=0
            )
        except Exception as error:
            # A bug. Those who wait must hear "retry"; the process edge decides what follows.
            _answer(batch, [retry_later(r) for r in requests])
            raise RuntimeError("a batch could not be decided") from error
        # Soon, not now: the next batch is sent first, and decided while these are answered.
        asyncio.get_running_loop().call_soon(_answer, batch, accepted.decisions)
        self._after(accepted)

    async def _give_up(self, batch: Batch) -> None:
        """The database hangs: tell everybody to retry, those who came meanwhile as well.

        Whether the batch was committed, or will be once the database goes on, is unknown. The
        repeat tells: it is decided on another connection, where an operation that stands
        answers as it did, and one that comes to stand in between makes it decide again.
        """
        log.error("commit_given_up", requests=len(batch), waiting=len(self._waiting))
        await self._acceptor.close()
        _answer(batch, [retry_later(request) for request, _ in batch])
        self._send_back_the_waiting()

    def _send_back_the_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        _answer(waiting, [retry_later(request) for request, _ in waiting])


def _answer(batch: Batch, decided: list[Decision]) -> None:
    for (_, tell), decision in zip(batch, decided, strict=True):
        try:
            tell(decision)
        except Exception:
            # A bug in who waits; the others still wait to be told.
            log.exception("answer_failed")
