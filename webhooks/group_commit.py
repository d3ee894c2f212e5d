"""Group commit: a batch holds what arrived during the previous commit.

If commits are spaced and a few requests wait, the next commit begins so long after the last one
began, or at once if ``ENOUGH`` wait. Otherwise no request waits longer.

A batch tells the database which ones before it were answered. When no request waits, the last
answers are confirmed by themselves, at most once in ``CONFIRM_AFTER_S``.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from datetime import datetime

import structlog

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.model import Decision, Request
from ledger.accepting.retry_later import retry_later
from vocabulary.errors import Unavailable
from vocabulary.outcomes import Verdict
from webhooks.sampled_log import SampledLog

#: Most requests decided in one statement.
BATCH_MAX = 256
#: So many waiting requests are committed at once, however commits are spaced.
ENOUGH = 8
#: How long after an answer it is confirmed if no batch is sent meanwhile, in seconds.
CONFIRM_AFTER_S = 1.0
#: The pause after a confirmation that failed, in seconds.
CONFIRM_AGAIN_AFTER_S = 5.0

#: Batches that fail one after the other before callbacks should go to another receiver.
FAILED_MAX = 3
#: How long that holds after the last of them, in seconds.
UNREADY_S = 10.0

#: Receives the decision of one request, once; must not raise.
OnDecision = Callable[[Decision], None]
Batch = list[tuple[Request, OnDecision]]

log = structlog.get_logger()


class GroupCommit:
    """Queues requests for one acceptor and passes each its decision.

    Args:
        acceptor: decides and commits.
        queue_max: waiting requests; further ones are answered "retry later".
        commit_timeout_s: longest time that one batch may take, in seconds.
        on_commit: called with the result of each batch.
        sampled: logs what happens to many batches in a row.
        spacing_s: shortest time between the beginnings of two commits if few requests wait.
    """

    def __init__(
        self,
        acceptor: Acceptor,
        *,
        queue_max: int,
        commit_timeout_s: float,
        on_commit: Callable[[Accepted], None],
        sampled: SampledLog,
        spacing_s: float = 0.0,
    ) -> None:
        self._acceptor = acceptor
        self._queue_max = queue_max
        self._commit_timeout_s = commit_timeout_s
        self._on_commit = on_commit
        self._sampled = sampled
        self._spacing_s = spacing_s
        self._failed_in_a_row = 0
        self._failed_at = -math.inf
        self._why_failed = ""
        self._waiting: Batch = []
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._is_closed = False
        self._is_confirmation_due = False
        self._confirmation: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """Requests accepted for decision and not yet answered."""
        return len(self._waiting) + self._in_flight

    @property
    def why_unready(self) -> str:
        """Why callbacks should go elsewhere: the last batches all failed; empty: they did not.

        It is forgotten after a while without a batch, for only another one can show the end.
        """
        since_s = asyncio.get_running_loop().time() - self._failed_at
        if self._failed_in_a_row < FAILED_MAX or since_s > UNREADY_S:
            return ""
        return f"the last {self._failed_in_a_row} batches failed: {self._why_failed}"

    async def submit(self, request: Request) -> Decision:
        """Decide and commit one request; its decision is durable when this returns.

        The decision is UNAVAILABLE (retry later, never a decline) if too many requests wait,
        the database is unreachable or too slow, or the commit loop has ended. If the caller is
        cancelled meanwhile, the answer is noted as lost.
        """
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()

        def on_decision(decision: Decision) -> None:
            if future.done():
                self.lost(request.provider, decision, request.received_at)
            else:
                future.set_result(decision)

        self.enqueue(request, on_decision)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():  # decided, and cancelled before that was told
                self.lost(request.provider, future.result(), request.received_at)
            raise

    def enqueue(self, request: Request, on_decision: OnDecision) -> None:
        """Like ``submit``, but calls back with the decision once it is durable."""
        if self._is_closed or len(self._waiting) >= self._queue_max:
            self._sampled.warning("callback_put_off", why="too many callbacks wait")
            on_decision(retry_later(request))
            return
        self._waiting.append((request, on_decision))
        self._wake.set()

    async def run(self) -> None:
        """Commit batches until cancelled.

        Raises:
            RuntimeError: a batch could not be decided, which is a bug. All waiting requests are
                answered "retry later".
        """
        loop = asyncio.get_running_loop()
        try:
            while True:
                if not self._waiting:
                    await self._idle()
                    continue
                begun_at = loop.time()
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                self._in_flight = len(batch)
                await self._commit(batch)
                self._in_flight = 0
                pause_s = begun_at + self._spacing_s - loop.time()
                if 0 < len(self._waiting) < ENOUGH and pause_s > 0:
                    await asyncio.sleep(pause_s)
        finally:
            # Without this loop nobody decides: waiting requests would wait for ever.
            self._is_closed = True
            self._reject_waiting()
            if self._confirmation is not None:
                self._confirmation.cancel()

    async def confirm(self) -> None:
        """Tell the database which batches were answered; if that fails, try again later."""
        self._is_confirmation_due = False
        try:
            async with asyncio.timeout(self._commit_timeout_s):
                await self._acceptor.confirm()
        except (TimeoutError, Unavailable) as error:
            log.info("answers_not_confirmed", error=type(error).__name__)
            if isinstance(error, TimeoutError):
                await self._acceptor.close()
                self._reject_waiting()
            self._confirm_after(CONFIRM_AGAIN_AFTER_S)

    def lost(self, provider: str, decision: Decision, at: datetime) -> None:
        """Note that a decision was not sent: its connection was closed first.

        Args:
            provider: whose request it is.
            decision: about it.
            at: when the request came: a repeat that came later and is answered settles it.
        """
        for key in _movements(decision):
            self._acceptor.lost(provider, key, at)
        self._confirm_after(CONFIRM_AFTER_S)

    def _confirm_after(self, seconds: float) -> None:
        """Confirm the answers once no request waits, after this time at the earliest."""
        if self._confirmation is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._confirmation = loop.call_later(seconds, self._confirmation_due)

    async def _idle(self) -> None:
        if self._is_confirmation_due:
            await self.confirm()
            return
        self._wake.clear()
        await self._wake.wait()

    def _confirmation_due(self) -> None:
        self._confirmation = None
        self._is_confirmation_due = True
        self._wake.set()

    async def _commit(self, batch: Batch) -> None:
        requests = [request for request, _ in batch]
        try:
            async with asyncio.timeout(self._commit_timeout_s):
                accepted = await self._acceptor.accept(requests)
        except TimeoutError:
            await self._abandon(batch)
            return
        except Unavailable as error:
            self._note_failure(str(error))
            accepted = Accepted(
                [retry_later(r) for r in requests], [], recorded=False, conflicts=0
            )
        except Exception as error:
            # A bug: answer "retry later" first; the process edge decides what follows.
            _hand_out(batch, [retry_later(r) for r in requests])
            raise RuntimeError("a batch could not be decided") from error
        else:
            self._failed_in_a_row = 0
        # Deferred, so that the next batch is sent first and commits while these are answered.
        asyncio.get_running_loop().call_soon(self._finish, batch, accepted)
        self._on_commit(accepted)

    def _finish(self, batch: Batch, accepted: Accepted) -> None:
        _hand_out(batch, accepted.decisions)
        self._acceptor.answered(accepted.written)
        self._confirm_after(CONFIRM_AFTER_S)

    async def _abandon(self, batch: Batch) -> None:
        """Answer "retry later" to everybody because the database hangs.

        The batch may have been committed, or may be once the database recovers. The provider's
        repeat settles that: a new connection either finds the operation and replays its
        reply, or loses the race on its unique index and decides again. Without a repeat, the
        operation counts as unanswered, because its session ends without having confirmed it.
        """
        log.error("commit_given_up", requests=len(batch), waiting=len(self._waiting))
        self._note_failure("the database hangs")
        await self._acceptor.close()
        _hand_out(batch, [retry_later(request) for request, _ in batch])
        self._reject_waiting()
        self._confirm_after(CONFIRM_AFTER_S)

    def _note_failure(self, why: str) -> None:
        self._failed_in_a_row += 1
        self._failed_at = asyncio.get_running_loop().time()
        self._why_failed = why
        self._sampled.error("batch_unavailable", why=why)

    def _reject_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        _hand_out(waiting, [retry_later(request) for request, _ in waiting])


def _movements(decision: Decision) -> Iterator[str]:
    """The keys of the movements that a decision booked, or booked earlier and repeats."""
    if decision.verdict is Verdict.ACCEPTED:
        yield from (row.op_key for row in decision.operations if row.stake or row.payout)
    elif decision.verdict is Verdict.REPEATED and decision.delivery is not None:
        yield decision.delivery.op_key or ""


def _hand_out(batch: Batch, decisions: list[Decision]) -> None:
    for (_, on_decision), decision in zip(batch, decisions, strict=True):
        try:
            on_decision(decision)
        except Exception:
            # A bug in one callback must not leave the others unanswered.
            log.exception("answer_failed")
