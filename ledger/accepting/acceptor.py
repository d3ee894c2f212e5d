"""Accept a batch of requests: read what the cache lacks, decide, write one statement.

There are no locks. If another receiver changed one of the wallets or wrote one of the keys, the
statement violates a check or a unique index. The acceptor then reads everything the batch
touches and decides again, up to a maximum number of attempts. It splits a batch that keeps
failing, so that one request that cannot be written never fails its neighbours. A request that
needs rows which left for an archive is put off, and asks for them; its neighbours are decided
as always.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from ledger.accepting.accept_sql import WRITE_BATCH, write_arguments
from ledger.accepting.away import DecideOne, recalls_of, unless_away
from ledger.accepting.cache import LedgerCache, ReadSet, has_unguarded_refusal, read_set_of
from ledger.accepting.decide import decide, decide_batch
from ledger.accepting.driver_errors import (
    BatchRefused,
    ConnectionGone,
    RaceLost,
    RowsAway,
    answer_of,
)
from ledger.accepting.epochs import read_mark
from ledger.accepting.model import AwayName, Decision, HandleKey, OperationKey, Request
from ledger.accepting.own_operations import Adjust, OwnOperation, own_operation_bytes
from ledger.accepting.own_replies import own_reply, with_first_verdict
from ledger.accepting.read_rows import (
    read_away_rounds,
    read_operations,
    read_players,
    want_back,
)
from ledger.accepting.receiver_session import ReceiverSession, WrittenBatch
from ledger.accepting.retry_later import retry_later
from ledger.enums import OWN_SLUG
from providers.contract import LedgerPolicy
from storage.engine import is_read_only, open_accept_connection
from vocabulary import fault_points
from vocabulary.errors import Unavailable
from vocabulary.fault_points import Step
from vocabulary.outcomes import TO_INGEST

if TYPE_CHECKING:
    import asyncpg

#: Attempts to commit one batch before it is split. With several receivers on one wallet of a
#: busy machine, one attempt in three was measured to lose the race; sixteen attempts make it
#: very unlikely that a provider has to send again.
ATTEMPTS_MAX = 16

# One request can fail its whole batch: the database refuses a value, or our own code fails on
# it.
_POISON = (BatchRefused, ValueError, TypeError, LookupError, ArithmeticError)

# Own operations follow no provider's policy, so every option is off.
_OWN_POLICY = LedgerPolicy(
    orphan_win_credits=False,
    rollback_of_rollback_accepts=False,
    round_per_operation=False,
    rollback_moves_stated=False,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of accepting a batch of requests.

    Attributes:
        decisions: one for each request, in the same order.
        batches: ids of the written batches that hold operations to post.
        recorded: history records, or callbacks that could not be read, wait to be ingested.
        conflicts: number of lost races.
        written: every batch that was written in a session, to be confirmed once answered.
        recalls: rows are wanted back from the archives.
    """

    decisions: list[Decision]
    batches: list[int]
    recorded: bool
    conflicts: int
    written: list[WrittenBatch] = field(default_factory=list)
    recalls: bool = False


class Acceptor:
    """Accepts one batch at a time over one connection; the caller queues batches.

    Args:
        connect: opens the connection.
        session: tells the database which batches were answered; None for our own operations,
            which nobody waits for.
        during_restore: book although a restore holds the books, as what recovers them does.
        decide_one: decides each request; a recovery refuses more than the rules do.
        is_trial: only decide; nothing is booked, but rows that are away are asked for.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection"]],
        *,
        session: ReceiverSession | None = None,
        during_restore: bool = False,
        decide_one: DecideOne = decide,
        is_trial: bool = False,
    ) -> None:
        self._connect = connect
        self._during_restore = during_restore
        self._decide_one, self._is_trial = decide_one, is_trial
        self._epoch_mark: int | None = None
        self._session = session
        self._connection: asyncpg.Connection | None = None
        self._cache = LedgerCache()

    async def accept(self, requests: Sequence[Request]) -> Accepted:
        """Decide and commit requests; they are durable when this returns.

        Raises:
            Unavailable: the database is out of reach, or held by a restore. The batch may or
                may not be committed; a committed request that is sent again is answered as a
                repeat.
        """
        conflicts = 0
        is_new_connection = self._connection is None
        fresh = self._is_trial
        refused: frozenset[AwayName] = frozenset()
        for _ in range(ATTEMPTS_MAX):
            try:
                decisions = await self._decided(requests, fresh=fresh, refused=refused)
                return await self._carry_out(decisions, conflicts)
            except RowsAway as error:
                conflicts += 1
                refused |= error.names
                continue  # what was read is as right as before
            except RaceLost:
                conflicts += 1
            except ConnectionGone as error:
                await self.close()
                if is_new_connection:
                    raise _out_of_reach(error) from error
                # A connection that was kept open may have died unnoticed. The next attempt
                # reads everything first, so it repeats nothing this one may have committed.
                is_new_connection = True
            except _POISON as error:
                log.critical("batch_poisoned", requests=len(requests), error=_name_of(error))
                break
            fresh = True
        return await self._split(requests, conflicts)

    async def close(self) -> None:
        """Close the connection; the next batch opens a new one."""
        connection, self._connection = self._connection, None
        if self._session is not None:
            self._session.end()
        if connection is not None:
            connection.terminate()

    def answered(self, batches: Sequence[WrittenBatch]) -> None:
        """Note that all requests of these batches were answered."""
        if self._session is not None:
            self._session.answered(batches)

    def lost(self, provider: str, op_key: str, at: datetime) -> None:
        """Note that the answer about an operation was not sent: its connection was closed."""
        if self._session is not None:
            self._session.lost(provider, op_key, at)

    async def confirm(self) -> None:
        """Tell the database which batches were answered since the last batch was sent.

        Raises:
            Unavailable: the database is out of reach; the next confirmation includes this one.
        """
        if self._session is None or not self._session.has_news:
            return
        try:
            await answer_of(self._session.confirm(await self._connected()))
        except (RaceLost, BatchRefused, ConnectionGone) as error:
            await self.close()
            raise _out_of_reach(error) from error

    async def check(self) -> None:
        """Check that the database accepts a connection and writes, and has what was committed.

        Raises:
            Unavailable: the database is out of reach, behind, or read-only.
        """
        try:
            connection = await answer_of(self._connect())
            try:
                mark = await answer_of(self._read_mark(connection))
                if self._session is not None:
                    await answer_of(self._session.require_written(connection, abs(mark)))
                if await answer_of(is_read_only(connection)):
                    raise Unavailable(
                        "the database takes no writes: it is a replica or read-only"
                    )
            finally:
                await answer_of(connection.close())
        except (RaceLost, BatchRefused, ConnectionGone) as error:
            raise _out_of_reach(error) from error

    async def _split(self, requests: Sequence[Request], conflicts: int) -> Accepted:
        if len(requests) == 1:
            return Accepted([retry_later(requests[0])], [], recorded=False, conflicts=conflicts)
        half = len(requests) // 2
        first = await self.accept(requests[:half])
        second = await self.accept(requests[half:])
        return Accepted(
            first.decisions + second.decisions,
            first.batches + second.batches,
            first.recorded or second.recorded,
            conflicts + first.conflicts + second.conflicts,
            first.written + second.written,
            first.recalls or second.recalls,
        )

    async def _decided(
        self, requests: Sequence[Request], *, fresh: bool, refused: Set[AwayName]
    ) -> list[Decision]:
        """Read what the cache lacks and decide.

        Args:
            requests: of one batch.
            fresh: read everything.
            refused: what is away of the rows that an earlier attempt would have written.
        """
        read_set = read_set_of(requests)
        away = refused | await self._read(*self._cache.missing(read_set, fresh=fresh))
        decisions = self._decide(read_set, requests, away)
        if not fresh and has_unguarded_refusal(decisions, requests, refused):
            # The commit does not notice that such a key exists already, or that another
            # receiver reversed the operation it refers to: read both before refusing.
            away |= await self._read([], sorted(read_set.own_keys | read_set.referenced_keys))
            decisions = self._decide(read_set, requests, away)
        if self._is_trial:  # no guard looks at what it would write
            away |= await read_away_rounds(await self._connected(), decisions)
            decisions = self._decide(read_set, requests, away)
        return decisions

    def _decide(
        self, read_set: ReadSet, requests: Sequence[Request], away: Set[AwayName]
    ) -> list[Decision]:
        decide_one = unless_away(self._decide_one, away)
        return decide_batch(self._cache.view(read_set), requests, decide_one)

    async def _carry_out(self, decisions: list[Decision], conflicts: int) -> Accepted:
        fault_points.reached(Step.DECIDED)
        recalls = recalls_of(decisions)
        if recalls:
            await want_back(await self._connected(), recalls)
        batch_id = await self._commit(decisions)
        fault_points.reached(Step.COMMITTED)
        self._cache.store_decisions(decisions)
        has_operations = any(d.operations for d in decisions)
        return Accepted(
            decisions,
            [batch_id] if batch_id is not None and has_operations else [],
            any(d.verdict in TO_INGEST for d in decisions),
            conflicts,
            self._written(batch_id),
            bool(recalls),
        )

    def _written(self, batch_id: int | None) -> list[WrittenBatch]:
        if batch_id is None or self._session is None:
            return []
        return [self._session.written(batch_id)]

    async def _commit(self, decisions: Sequence[Decision]) -> int | None:
        operations = [row for d in decisions for row in d.operations]
        deliveries = [d.delivery for d in decisions if d.delivery is not None]
        if self._is_trial or not (operations or deliveries):
            return None
        wallets = {d.wallet.wallet_id: d.wallet for d in decisions if d.wallet is not None}
        connection = await self._connected()
        marks = (None, None) if self._session is None else self._session.batch_marks
        arguments = write_arguments(
            operations, deliveries, list(wallets.values()), marks, self._epoch_mark or 0
        )
        batch_id: int | None = await answer_of(connection.fetchval(WRITE_BATCH, *arguments))
        if batch_id is None:
            await self.close()
            raise RaceLost("a restore began or ended")
        return batch_id

    async def _read(
        self, handles: Sequence[HandleKey], keys: Sequence[OperationKey]
    ) -> set[AwayName]:
        """Read into the cache; returns the keys whose rows left for an archive."""
        if not handles and not keys:
            return set()
        connection = await self._connected()
        players, wallets = await read_players(connection, handles)
        operations, away = await read_operations(connection, keys)
        self._cache.store_read(players, wallets, operations)
        return away

    async def _connected(self) -> "asyncpg.Connection":
        if self._connection is None or self._connection.is_closed():
            await self.close()
            try:
                connection = await answer_of(self._connect())
                mark = await self._open(connection)
            except (RaceLost, BatchRefused) as error:
                # A server that refuses to open a connection is as good as none.
                raise ConnectionGone(str(error)) from error
            self._connection = connection
            self._use_mark(mark)
        return self._connection

    async def _open(self, connection: "asyncpg.Connection") -> int:
        """Begin to use a connection; returns the mark of the epoch."""
        try:
            mark = await answer_of(self._read_mark(connection))
            if self._session is not None:
                await answer_of(self._session.open(connection, abs(mark)))
        except BaseException:
            connection.terminate()
            raise
        return mark

    async def _read_mark(self, connection: "asyncpg.Connection") -> int:
        return await read_mark(connection, during_restore=self._during_restore)

    def _use_mark(self, mark: int) -> None:
        """Forget everything cached if the database was restored.

        Raises:
            RaceLost: it was: the batch in hand was decided on what is forgotten.
        """
        before, self._epoch_mark = self._epoch_mark, mark
        if before == mark:
            return
        self._cache = LedgerCache(abs(mark))
        if before is not None:
            raise RaceLost("the database was restored")


def accept_own_operation(
    database_url: str, operation: OwnOperation, *, now: datetime
) -> Decision:
    """Decide and commit one of our own operations; its bytes are kept as evidence.

    A correction, which two people agreed on, is also booked while a restore holds the books: it
    books again what was lost. The repeat of a declined operation is declined again. Runs an
    event loop of its own: call it from a thread where no other loop runs.

    Raises:
        Unavailable: the database is out of reach, or held by a restore.
    """
    request = own_operation_request(operation, now=now)
    return with_first_verdict(asyncio.run(_accept_alone(database_url, request)))


def own_operation_request(operation: OwnOperation, *, now: datetime) -> Request:
    """The request for one of our own operations.

    A correction of a round is booked under the round's provider, everything else under ours.
    """
    within = operation.within if isinstance(operation, Adjust) else None
    return Request(
        provider=OWN_SLUG if within is None else within.provider,
        policy=_OWN_POLICY,
        fact=operation,
        route="",
        headers="",
        body=own_operation_bytes(operation),
        received_at=now,
        respond=own_reply,
    )


async def _accept_alone(database_url: str, request: Request) -> Decision:
    connect = partial(open_accept_connection, database_url)
    acceptor = Acceptor(connect, during_restore=isinstance(request.fact, Adjust))
    try:
        accepted = await acceptor.accept([request])
    finally:
        await acceptor.close()
    return accepted.decisions[0]


def _out_of_reach(error: Exception) -> Unavailable:
    return Unavailable(f"the database is out of reach: {error}")


def _name_of(error: Exception) -> str:
    """The kind of an error: of the driver's where it refused the batch."""
    return str(error) if isinstance(error, BatchRefused) else type(error).__name__
