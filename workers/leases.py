"""Leases: a scheduler claims a slot of a job for a limited time.

Table: ``job_runs``, one row per (job, slot). A row with ``done_at`` is complete. A row without
it whose lease has expired, because its scheduler died, may be claimed by any scheduler.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from storage.transactions import transaction

_CLAIM = """
INSERT INTO job_runs AS r (job, slot, owner, lease_until)
VALUES (:job, :slot, :owner, clock_timestamp() + :lease)
ON CONFLICT (job, slot) DO UPDATE
   SET owner = EXCLUDED.owner, lease_until = EXCLUDED.lease_until, attempts = r.attempts + 1
 WHERE r.done_at IS NULL AND r.lease_until < clock_timestamp()
RETURNING attempts
"""
_RENEW = """
UPDATE job_runs SET lease_until = clock_timestamp() + :lease
 WHERE job = :job AND slot = :slot AND owner = :owner AND done_at IS NULL
"""
_COMPLETE = """
UPDATE job_runs SET done_at = clock_timestamp()
 WHERE job = :job AND slot = :slot AND owner = :owner AND done_at IS NULL
"""
# An outage does not count as an attempt.
_RELEASE = """
UPDATE job_runs SET lease_until = clock_timestamp(), attempts = attempts - 1
 WHERE job = :job AND slot = :slot AND owner = :owner AND done_at IS NULL
"""
_EXPIRED = """
SELECT slot FROM job_runs
 WHERE job = :job AND done_at IS NULL AND lease_until < clock_timestamp() ORDER BY slot
"""
# A parked slot stays: requeueing it has it run again, by its row.
_FORGET = """
DELETE FROM job_runs r
 WHERE r.job = :job AND r.done_at < clock_timestamp() - interval '7 days'
   AND NOT EXISTS (SELECT FROM parked p WHERE p.job = r.job AND p.subject = 'slot ' || r.slot)
"""


class Leases:
    """The leases of one scheduler.

    Args:
        engine: the database with the leases.
        owner: unique among all schedulers, past ones included.
        length: how long a claim is valid without renewal.

    Every method raises Unavailable if the database is unreachable.
    """

    def __init__(self, engine: Engine, *, owner: str, length: timedelta) -> None:
        self._engine = engine
        self._owner = owner
        self.length = length

    def claim(self, job: str, slot: str) -> int | None:
        """Claim a slot; returns the attempt's number, or None if it is done or claimed."""
        rows = self._execute(_CLAIM, job, slot)
        if rows:
            self._execute(_FORGET, job, slot)
        return int(rows[0]) if rows else None

    def renew(self, job: str, slot: str) -> None:
        """Extend the lease of a slot in progress."""
        self._execute(_RENEW, job, slot)

    def complete(self, job: str, slot: str) -> None:
        """Mark a slot as done for good."""
        self._execute(_COMPLETE, job, slot)

    def release(self, job: str, slot: str) -> None:
        """Return a slot that an outage prevented, without counting the attempt."""
        self._execute(_RELEASE, job, slot)

    def expired(self, job: str) -> list[str]:
        """Slots that were claimed and not completed before their lease expired."""
        return [str(slot) for slot in self._execute(_EXPIRED, job, "")]

    def _execute(self, statement: str, job: str, slot: str) -> list[Any]:
        parameters = {"job": job, "slot": slot, "owner": self._owner, "lease": self.length}
        with transaction(self._engine, "schedule") as connection:
            result = connection.execute(text(statement), parameters)
            return list(result.scalars()) if result.returns_rows else []
