"""A slot of a scheduled job is claimed by a lease: whoever dies with it loses it.

Tables touched: ``job_runs``, one row per (job, slot). A row that has ``done_at`` is over; one
whose lease ran out without it is taken over by whoever comes first.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable

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
# An outage is no attempt of the job's.
_RELEASE = """
UPDATE job_runs SET lease_until = clock_timestamp(), attempts = attempts - 1
 WHERE job = :job AND slot = :slot AND owner = :owner AND done_at IS NULL
"""
_LEFT_BEHIND = """
SELECT slot FROM job_runs
 WHERE job = :job AND done_at IS NULL AND lease_until < clock_timestamp() ORDER BY slot
"""
_FORGET = """
DELETE FROM job_runs WHERE job = :job AND done_at < clock_timestamp() - interval '7 days'
"""


class Leases:
    """The leases of one scheduler.

    Args:
        engine: where they stand.
        owner: unique among all schedulers that ever ran.
        length: how long a claim holds without being renewed.

    Every method raises Unavailable when the database is out of reach.
    """

    def __init__(self, engine: Engine, *, owner: str, length: timedelta) -> None:
        self._engine = engine
        self._owner = owner
        self.length = length

    def claim(self, job: str, slot: str) -> int | None:
        """Claim a slot: which attempt at it this is, or None: it is done or somebody's."""
        rows = self._all(_CLAIM, job, slot)
        if rows:
            self._all(_FORGET, job, slot)
        return int(rows[0]) if rows else None

    def renew(self, job: str, slot: str) -> None:
        """Hold on to a slot that is still being worked on."""
        self._all(_RENEW, job, slot)

    def complete(self, job: str, slot: str) -> None:
        """The slot is done, for ever."""
        self._all(_COMPLETE, job, slot)

    def release(self, job: str, slot: str) -> None:
        """Let go of a slot that an outage prevented."""
        self._all(_RELEASE, job, slot)

    def left_behind(self, job: str) -> list[str]:
        """Slots that somebody claimed and did not complete in time."""
        return [str(slot) for slot in self._all(_LEFT_BEHIND, job, "")]

    def _all(self, statement: str, job: str, slot: str) -> list[Any]:
        given = {"job": job, "slot": slot, "owner": self._owner, "lease": self.length}
        try:
            with self._engine.begin() as connection:
                told = connection.execute(text(statement), given)
                return list(told.scalars()) if told.returns_rows else []
        except OperationalError as error:
            raise Unavailable("schedule: the database is out of reach") from error
