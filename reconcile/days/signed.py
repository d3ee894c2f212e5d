"""Which parts of a stretch of time lie in no signed business day, by provider."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from reconcile.days.states import DayAction
from vocabulary.clock import iso

# Jumps from one provider to the next in the index instead of reading every round.
_ACTIVE = """
WITH RECURSIVE p AS (
    SELECT min(provider) AS provider FROM rounds
    UNION ALL
    SELECT (SELECT min(r.provider) FROM rounds r WHERE r.provider > p.provider)
      FROM p WHERE p.provider IS NOT NULL
)
SELECT provider,
       least((SELECT min(first_at) FROM rounds r WHERE r.provider = p.provider),
             (SELECT min(starts_at) FROM day_closes c
               WHERE c.provider = p.provider
                 AND EXISTS (SELECT FROM archived_row_months))) AS began_at
  FROM p
 WHERE EXISTS (SELECT FROM rounds r
                WHERE r.provider = p.provider AND r.first_at >= :since AND r.first_at < :until)
 ORDER BY provider
"""
_SIGNED = """
SELECT c.provider, c.starts_at, c.ends_at FROM day_closes c
 WHERE c.starts_at < :until AND c.ends_at > :since
   AND :signed = (SELECT s.action FROM day_steps s
                   WHERE s.provider = c.provider AND s.business_day = c.business_day
                   ORDER BY s.number DESC LIMIT 1)
 ORDER BY c.provider, c.starts_at
"""


class UnsignedStretch(NamedTuple):
    """Time in which a provider had rounds and no signed day."""

    provider: str
    since: datetime
    until: datetime

    @property
    def text(self) -> str:
        """The stretch as a sentence."""
        return f"{self.provider} is not signed from {iso(self.since)} to {iso(self.until)}"


def unsigned_stretches(
    connection: Connection, since: datetime, until: datetime
) -> list[UnsignedStretch]:
    """What no signed day covers of ``since`` to ``until``, from each provider's first round on.

    A provider without a round in that time has nothing to sign.
    """
    params = {"since": since, "until": until, "signed": DayAction.SIGN.value}
    signed: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in connection.execute(text(_SIGNED), params):
        signed.setdefault(row.provider, []).append((row.starts_at, row.ends_at))
    return [
        UnsignedStretch(row.provider, *gap)
        for row in connection.execute(text(_ACTIVE), params)
        for gap in uncovered(signed.get(row.provider, ()), max(since, row.began_at), until)
    ]


def uncovered(
    windows: Sequence[tuple[datetime, datetime]], since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The gaps between windows in the order of their starts, within ``since`` to ``until``."""
    reached = since
    for start, end in windows:
        if start > reached:
            yield reached, min(start, until)
        reached = max(reached, end)
        if reached >= until:
            return
    yield reached, until
