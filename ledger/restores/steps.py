"""The steps of a restore: begin holds the books in a new epoch, finish opens them.

Tables written: ``restores``, ``audit``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, text

from storage.audit import record
from storage.transactions import reading, transaction
from vocabulary.clock import iso
from vocabulary.errors import NotAllowed

# No batch can be written between reading the last one and the new epoch.
_LOCK = "LOCK TABLE batches, restores IN SHARE ROW EXCLUSIVE MODE"
_BEGIN = """
INSERT INTO restores (epoch, after_batch, begun_by, reason, takes_two)
SELECT greatest(:unix, coalesce((SELECT max(epoch) FROM restores), 0) + 1),
       greatest(coalesce((SELECT max(batch_id) FROM batches), 0),
                coalesce((SELECT max(after_batch) FROM restores), 0)),
       :by, :reason, :takes_two
"""
_COLUMNS = (
    "epoch, after_batch, begun_at, begun_by, reason, verified_at, is_clean, proofs,"
    " finished_at, finished_by, takes_two, (SELECT b.committed_at FROM batches b"
    " WHERE b.batch_id = after_batch) AS restored_to"
)
_NEWEST = f"SELECT {_COLUMNS} FROM restores ORDER BY epoch DESC LIMIT 1"  # noqa: S608 - our columns
# A restore that is begun again, or on top of one that was never finished, goes on with it.
_UNFINISHED = f"""
SELECT {_COLUMNS} FROM restores
 WHERE epoch > coalesce((SELECT max(epoch) FROM restores
                          WHERE finished_at IS NOT NULL
                            AND epoch < (SELECT max(epoch) FROM restores)), 0)
 ORDER BY epoch
"""  # noqa: S608 - our columns
_VERIFIED = """
UPDATE restores SET verified_at = :now, is_clean = :is_clean, proofs = CAST(:proofs AS jsonb)
 WHERE epoch = :epoch
"""
_FINISH = "UPDATE restores SET finished_at = :now, finished_by = :by WHERE epoch = :epoch"


class RestoreRefused(NotAllowed):
    """A step of a restore that the rules do not allow; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """One restore of the database.

    Attributes:
        epoch: Unix time of its beginning; transaction ids given since carry it.
        after_batch: the last batch that was restored.
        restored_to: when that batch was committed; None: there is none.
        is_clean: whether its last verification proved the books; None: there was none.
        proofs: the result of each proof in words, by name.
        takes_two: whether another person than the one who began has to finish.
    """

    epoch: int
    after_batch: int
    restored_to: datetime | None
    begun_at: datetime
    begun_by: str
    reason: str
    verified_at: datetime | None
    is_clean: bool | None
    proofs: Mapping[str, str] | None
    finished_at: datetime | None
    finished_by: str | None
    takes_two: bool

    @property
    def is_under_way(self) -> bool:
        """Whether it holds the books."""
        return self.finished_at is None


def begin_restore(
    engine: Engine, *, by: str, reason: str, takes_two: bool, now: datetime
) -> Restore:
    """Hold the books and raise the epoch of transaction ids.

    Waits until batches in flight are written. One that is under way is begun again.

    Args:
        engine: of the tables' owner, who may lock them.
        by: who begins it.
        reason: why the database was restored.
        takes_two: whether another person has to finish it.
        now: the instant, which becomes the epoch.

    Raises:
        RestoreRefused: there is no reason.
        Unavailable: the database is out of reach.
    """
    if not reason.strip():
        raise RestoreRefused("a reason is expected")
    params = {
        "unix": int(now.timestamp()),
        "by": by,
        "reason": reason,
        "takes_two": takes_two,
    }
    with transaction(engine, "restores") as connection:
        connection.execute(text(_LOCK))
        connection.execute(text(_BEGIN), params)
        restore = _newest(connection)
        assert restore is not None
        detail = {
            "reason": reason,
            "after_batch": restore.after_batch,
            "restored_to": restore.restored_to and iso(restore.restored_to),
        }
        record(connection, by, "restore.begun", _subject(restore), detail)
    return restore


def last_restore(engine: Engine) -> Restore | None:
    """The restore that is under way, or else the last one; None if there was none.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "restores") as connection:
        return _newest(connection)


def restores_of_loss(engine: Engine) -> tuple[Restore, ...]:
    """The last restore behind those that it began again; empty if there was none.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "restores") as connection:
        rows = connection.execute(text(_UNFINISHED)).mappings()
        return tuple(Restore(**row) for row in rows)


def keep_verification(
    engine: Engine, *, proofs: Mapping[str, str], is_clean: bool, by: str, now: datetime
) -> Restore:
    """Keep what a verification of the restored books found.

    Raises:
        RestoreRefused: no restore is under way.
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "restores") as connection:
        restore = _under_way(connection)
        params = {
            "epoch": restore.epoch,
            "now": now,
            "is_clean": is_clean,
            "proofs": json.dumps(dict(proofs)),
        }
        connection.execute(text(_VERIFIED), params)
        detail = {"clean": is_clean, **proofs}
        record(connection, by, "restore.verified", _subject(restore), detail)
        return _under_way(connection)


def finish_restore(
    engine: Engine, *, by: str, despite: str | None = None, now: datetime
) -> Restore:
    """Open the books again.

    Args:
        engine: of the database.
        by: who finishes it.
        despite: why it is finished although the last verification was not clean.
        now: the instant.

    Raises:
        RestoreRefused: none is under way, or it was not verified as clean.
        PersonRefused: it takes another person.
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "restores") as connection:
        restore = _under_way(connection)
        if restore.is_clean is None:
            raise RestoreRefused("it is not verified yet; run `tieout restore verify`")
        if not restore.is_clean and not despite:
            raise RestoreRefused(
                "the last verification found differences; mend them and verify again, or give"
                " --despite with the reason"
            )
        params = {"epoch": restore.epoch, "by": by, "now": now}
        connection.execute(text(_FINISH), params)
        detail = {"clean": restore.is_clean, "despite": despite}
        record(connection, by, "restore.finished", _subject(restore), detail)
        finished = _newest(connection)
    assert finished is not None
    return finished


def _under_way(connection: Connection) -> Restore:
    restore = _newest(connection)
    if restore is None or not restore.is_under_way:
        raise RestoreRefused("no restore is under way; `tieout restore begin` begins one")
    return restore


def _newest(connection: Connection) -> Restore | None:
    row: Row[tuple[object, ...]] | None = connection.execute(text(_NEWEST)).one_or_none()
    return None if row is None else Restore(**row._mapping)


def _subject(restore: Restore) -> str:
    return f"restore {restore.epoch}"
