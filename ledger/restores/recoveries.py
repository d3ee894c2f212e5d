"""Recoveries of lost callbacks: one person proposes a file, another approves the same bytes.

Tables written: ``recoveries``, ``audit``.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from ledger.restores.steps import Restore, RestoreRefused
from storage.audit import record
from storage.transactions import reading, transaction

_COLUMNS = (
    "recovery_id, epoch, file, sha256, callbacks, proposed_by, proposed_at, state, decided_by,"
    " decided_at"
)
_OF_FILE = f"SELECT {_COLUMNS} FROM recoveries WHERE epoch = :epoch AND sha256 = :sha256"  # noqa: S608 - our columns
_PROPOSE = """
INSERT INTO recoveries (recovery_id, epoch, file, sha256, callbacks, proposed_by, proposed_at,
                        state)
VALUES (:id, :epoch, :file, :sha256, :callbacks, :by, :now, 'proposed')
"""
_APPROVE = """
UPDATE recoveries SET state = 'approved', decided_by = :by, decided_at = :now
 WHERE recovery_id = :id
"""
# A correction of a round stands for its lost operations: booking those too would double them.
# One from before a restore was begun again does so, too.
_CORRECTED = """
SELECT provider, round_id, id FROM adjustments
 WHERE round_id IS NOT NULL AND state <> 'rejected'
   AND proposed_at >= (SELECT min(begun_at) FROM restores)
 ORDER BY proposed_at, id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A file of lost callbacks that is proposed, or approved, to be booked again.

    Attributes:
        file: its name when it was proposed.
        sha256: of its bytes.
        callbacks: how many of it could be booked when it was proposed.
    """

    recovery_id: str
    epoch: int
    file: str
    sha256: str
    callbacks: int
    proposed_by: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None


def propose_recovery(
    engine: Engine,
    restore: Restore,
    *,
    file: str,
    sha256: str,
    callbacks: int,
    by: str,
    now: datetime,
) -> Recovery:
    """Propose to book the callbacks of a file again; a file is proposed once.

    Raises:
        Unavailable: the database is out of reach.
    """
    params = {"epoch": restore.epoch, "file": file, "sha256": sha256, "callbacks": callbacks}
    with transaction(engine, "recoveries") as connection:
        proposed = _of_file(connection, restore, sha256)
        if proposed is not None:
            return proposed
        name = f"rec-{uuid.uuid4().hex}"
        connection.execute(text(_PROPOSE), {**params, "id": name, "by": by, "now": now})
        record(connection, by, "recovery.proposed", name, params)
        recovery = _of_file(connection, restore, sha256)
    assert recovery is not None
    return recovery


def approve_recovery(
    engine: Engine, restore: Restore, *, sha256: str, by: str, now: datetime
) -> Recovery:
    """Approve another person's proposal; one that is approved already is booked to its end.

    Raises:
        RestoreRefused: nobody proposed this file, or the approver did.
        PersonRefused: the database does not take the person beside the one who proposed it.
        Unavailable: the database is out of reach.
    """
    with transaction(engine, "recoveries") as connection:
        recovery = _of_file(connection, restore, sha256)
        if recovery is None:
            raise RestoreRefused(
                "nobody proposed a file of these bytes since the restore: run the command"
                " without --approve first"
            )
        if recovery.state == "approved":
            return recovery
        if recovery.proposed_by == by:
            raise RestoreRefused(
                f"{by} proposed {recovery.recovery_id}: another person approves"
            )
        params = {"id": recovery.recovery_id, "by": by, "now": now}
        connection.execute(text(_APPROVE), params)
        detail = {"file": recovery.file, "sha256": sha256}
        record(connection, by, "recovery.approved", recovery.recovery_id, detail)
        approved = _of_file(connection, restore, sha256)
    assert approved is not None
    return approved


def corrected_rounds(engine: Engine) -> dict[tuple[str, str], str]:
    """Rounds with a correction since the first restore began: the last, by provider and round.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "adjustments") as connection:
        rows = connection.execute(text(_CORRECTED))
        return {(row.provider, row.round_id): row.id for row in rows}


def _of_file(connection: Connection, restore: Restore, sha256: str) -> Recovery | None:
    params = {"epoch": restore.epoch, "sha256": sha256}
    row = connection.execute(text(_OF_FILE), params).mappings().one_or_none()
    return None if row is None else Recovery(**row)
