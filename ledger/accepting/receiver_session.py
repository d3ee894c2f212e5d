"""What a receiver tells the database about its answers: the session of its connection.

Every batch carries its session and the last batch that was answered when it was sent. A batch
above that mark was never answered, or nobody knows: its commit timed out, the connection broke,
or the receiver was killed. The view ``unanswered_operations`` finds its operations. A receiver
without a batch to send confirms its last answers by itself, so the mark is never far behind.

Tables written: ``receiver_sessions lost_answers``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import structlog

from vocabulary.errors import Unavailable

if TYPE_CHECKING:
    import asyncpg

#: Most lost answers remembered between two confirmations; further ones are forgotten.
LOST_MAX = 10_000

_IS_THERE = "SELECT EXISTS (SELECT FROM batches WHERE batch_id = $1)"
_OPEN = "INSERT INTO receiver_sessions DEFAULT VALUES RETURNING session_id"
# A confirmation that a crash of the database loses makes nothing wrong: the batches count as
# unanswered, and nobody waits for this one.
_CONFIRM = """
BEGIN; SET LOCAL synchronous_commit = off; {updates} COMMIT
"""
_ANSWERED = """
UPDATE receiver_sessions SET answered_through = greatest(answered_through, {through:d}){ended}
 WHERE session_id = {session:d};
"""
_LOST = """
INSERT INTO lost_answers (provider, op_key, lost_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING
"""


log = structlog.get_logger()


class DatabaseBehind(Unavailable):
    """The database lacks a batch that this process committed: an older state was restored."""


class WrittenBatch(NamedTuple):
    """A committed batch and the session that wrote it."""

    session_id: int
    batch_id: int


class ReceiverSession:
    """The sessions of one receiver: the current one, and ended ones not confirmed yet."""

    def __init__(self) -> None:
        self._session_id: int | None = None
        self._answered_through = 0
        self._confirmed_through = 0
        self._ended: dict[int, int] = {}
        self._lost: list[tuple[str, str, datetime]] = []
        self._last_written = 0
        self._epoch = 0
        self._is_behind = False

    @property
    def batch_marks(self) -> tuple[int | None, int | None]:
        """What the next batch carries: its session and the last answered batch."""
        return self._session_id, self._answered_through

    @property
    def has_news(self) -> bool:
        """Whether the database does not know everything yet."""
        return bool(
            self._answered_through > self._confirmed_through or self._ended or self._lost
        )

    def written(self, batch_id: int) -> WrittenBatch:
        """The batch that the current session has committed."""
        assert self._session_id is not None
        self._last_written = max(self._last_written, batch_id)
        return WrittenBatch(self._session_id, batch_id)

    async def require_written(self, connection: "asyncpg.Connection", epoch: int) -> None:
        """Refuse a database that lacks what this process committed.

        Going on would give the ids of lost transactions, which providers hold, to other ones.
        A later epoch gives other ids, so nothing is refused.

        Args:
            connection: to the database.
            epoch: the database's.

        Raises:
            DatabaseBehind: an older state was restored, or a replica that lagged took over.
        """
        if not self._last_written or epoch > self._epoch:
            return
        if epoch == self._epoch and await connection.fetchval(_IS_THERE, self._last_written):
            return
        if not self._is_behind:
            log.critical("database_behind", batch=self._last_written)
        self._is_behind = True
        raise DatabaseBehind(
            f"the database lacks batch {self._last_written}, which was committed:"
            " an older state was restored; run `tieout restore begin`"
        )

    async def open(self, connection: "asyncpg.Connection", epoch: int) -> None:
        """Begin a session on a new connection to a database in an epoch.

        Raises:
            DatabaseBehind: as ``require_written`` says.
        """
        await self.require_written(connection, epoch)
        if epoch > self._epoch:
            self._forget()
        self._epoch = epoch
        session_id: int = await connection.fetchval(_OPEN)
        self._answered_through = self._confirmed_through = 0
        if self._ended:
            await self.confirm(connection)
        self._session_id = session_id

    def _forget(self) -> None:
        """Forget sessions and batches: a restore may give their numbers to others."""
        if self._last_written:
            log.warning("epoch_raised", last_batch=self._last_written)
        self._last_written = 0
        self._is_behind = False
        self._ended.clear()
        self._lost.clear()

    def end(self) -> None:
        """End the current session: its last batches stay unanswered if they were committed."""
        if self._session_id is not None:
            self._ended[self._session_id] = self._answered_through
        self._session_id = None

    def answered(self, batches: Sequence[WrittenBatch]) -> None:
        """Note that every request of these batches was answered."""
        for session_id, batch_id in batches:
            if session_id == self._session_id:
                self._answered_through = max(self._answered_through, batch_id)
            else:
                self._ended[session_id] = max(self._ended.get(session_id, 0), batch_id)

    def lost(self, provider: str, op_key: str, at: datetime) -> None:
        """Note that the connection of an operation was closed before its answer."""
        if len(self._lost) < LOST_MAX:
            self._lost.append((provider, op_key, at))

    async def confirm(self, connection: "asyncpg.Connection") -> None:
        """Store what is not stored yet."""
        ended, through, lost = dict(self._ended), self._answered_through, list(self._lost)
        updates = [
            _ANSWERED.format(session=session, through=mark, ended=", ended_at = now()")
            for session, mark in ended.items()
        ]
        if self._session_id is not None:
            updates.append(
                _ANSWERED.format(session=self._session_id, through=through, ended="")
            )
        if lost:
            await connection.execute(_LOST, *zip(*lost, strict=True))
        await connection.execute(_CONFIRM.format(updates="".join(updates)))
        self._confirmed_through = through
        self._ended = {s: mark for s, mark in self._ended.items() if ended.get(s) != mark}
        self._lost = self._lost[len(lost) :]
