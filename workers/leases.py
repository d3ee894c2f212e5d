"""Leases: a scheduler claims a slot of a job for a limited time.

Table: ``job_runs``, one row per (job, slot). A row with ``done_at`` is complete. A row without
it whose lease has expired, because its scheduler died, may be claimed by any scheduler.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from storage.transactions import transaction

#: By how much the clocks of schedulers and of the database may differ.
CLOCKS_DIFFER = timedelta(minutes=5)

_IS_PARKED = (
    "EXISTS (SELECT FROM parked p WHERE p.job = r.job AND p.subject = 'slot ' || r.slot)"
)
# Nobody asks again for what was done long ago, unless a scheduler's clock was set back.
_CLAIM = f"""
INSERT INTO job_runs AS r (job, slot, owner, lease_until)
VALUES (:job, :slot, :owner, clock_timestamp() + :lease)
ON CONFLICT (job, slot) DO UPDATE
   SET owner = EXCLUDED.owner, lease_until = EXCLUDED.lease_until, done_at = NULL,
       attempts = CASE WHEN r.done_at IS NULL THEN r.attempts + 1 ELSE 1 END
 WHERE (r.done_at IS NULL AND r.lease_until < clock_timestamp())
    OR (r.done_at < clock_timestamp() - CAST(:again_after AS interval) AND NOT {_IS_PARKED})
RETURNING attempts
"""  # noqa: S608 - only the constant is put in
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
# A parked slot stays: requeueing it has it run again, by its row. What was done in the future
# was done before the database's clock was set back. What no scheduler has taken over for a day
# is of a job that nobody's settings have any more: it would be overdue for ever.
_FORGET = f"""
DELETE FROM job_runs r
 WHERE (r.job = :job AND NOT {_IS_PARKED}
        AND (r.done_at < clock_timestamp() - interval '7 days'
             OR r.done_at > clock_timestamp() + CAST(:clocks_differ AS interval)))
    OR (r.job <> ALL(CAST(:jobs AS text[])) AND r.done_at IS NULL
        AND r.lease_until < clock_timestamp() - interval '1 day')
"""  # noqa: S608 - only the constant is put in


class Leases:
    """The leases of one scheduler.

    Args:
        engine: the database with the leases.
        owner: unique among all schedulers, past ones included.
        length: how long a claim is valid without renewal.
        jobs: all that the scheduler runs; what others never completed is forgotten after a day.
            None: not known.

    Every method raises Unavailable if the database is unreachable.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        owner: str,
        length: timedelta,
        jobs: Collection[str] | None = None,
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._jobs = None if jobs is None else list(jobs)
        self.length = length

    def claim(self, job: str, slot: str, *, every: timedelta | None = None) -> int | None:
        """Claim a slot; returns the attempt's number, or None if it is done or claimed.

        Args:
            job: its name.
            slot: of the job.
            every: the job's interval: a slot that was done earlier is claimed anew, as after
                the scheduler's clock was set back; None: what is done stays done.
        """
        self._execute(_FORGET, job, slot)
        again_after = None if every is None else every + CLOCKS_DIFFER
        rows = self._execute(_CLAIM, job, slot, again_after=again_after)
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

    def _execute(
        self, statement: str, job: str, slot: str, *, again_after: timedelta | None = None
    ) -> list[Any]:
        parameters = {
            "job": job,
            "slot": slot,
            "owner": self._owner,
            "lease": self.length,
            "again_after": again_after,
            "clocks_differ": CLOCKS_DIFFER,
            "jobs": self._jobs,
        }
        with transaction(self._engine, "schedule") as connection:
            result = connection.execute(text(statement), parameters)
            return list(result.scalars()) if result.returns_rows else []
