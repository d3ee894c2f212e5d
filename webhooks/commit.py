"""Group commit: a batch is whatever arrived during the previous commit. No timer."""

import asyncio
from collections.abc import Callable

from ledger.accept import Accepted, Acceptor, retry_later
from ledger.books import Decided, Request
from vocabulary.errors import Unavailable

#: Most requests decided in one statement.
BATCH_MAX = 256


class GroupCommit:
    """Queues requests before one acceptor and hands each its decision."""

    def __init__(
        self, acceptor: Acceptor, *, queue_max: int, after: Callable[[Accepted], None]
    ) -> None:
        self._acceptor = acceptor
        self._queue_max = queue_max
        self._after = after
        self._waiting: list[tuple[Request, asyncio.Future[Decided]]] = []
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._is_over = False

    @property
    def pending(self) -> int:
        """Requests taken and not yet answered."""
        return len(self._waiting) + self._in_flight

    async def submit(self, request: Request) -> Decided:
        """Decide and commit one request; its decision is durable when this returns.

        When too many are waiting, or the database is out of reach, or nobody commits any more,
        the decision says UNAVAILABLE: retry, never declined.
        """
        if self._is_over or len(self._waiting) >= self._queue_max:
            return retry_later(request)
        future: asyncio.Future[Decided] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._wake.set()
        return await future

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
            waiting, self._waiting = self._waiting, []
            _answer(waiting, [retry_later(request) for request, _ in waiting])

    async def _commit(self, batch: list[tuple[Request, "asyncio.Future[Decided]"]]) -> None:
        requests = [request for request, _ in batch]
        try:
            accepted = await self._acceptor.accept(requests)
        except Unavailable:
            accepted = Accepted(
                [retry_later(r) for r in requests], [], recorded=False, conflicts=0
            )
        except Exception as error:
            # A bug. Those who wait must hear "retry"; the process edge decides what follows.
            _answer(batch, [retry_later(r) for r in requests])
            raise RuntimeError("a batch could not be decided") from error
        _answer(batch, accepted.decided)
        self._after(accepted)


def _answer(
    batch: list[tuple[Request, "asyncio.Future[Decided]"]], decided: list[Decided]
) -> None:
    for (_, future), decision in zip(batch, decided, strict=True):
        if not future.done():
            future.set_result(decision)
