"""How late the records of each day arrived, as they are now.

The delay of a record is the time from its creation until we received what it says now: one that
the provider corrected later is late by as much.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from vocabulary.window import Window

#: Of the records of a day, so many in a hundred had arrived by the delay that is reported.
PER_CENT = 95
_DELAYS = """
SELECT (created_at AT TIME ZONE :zone)::date AS day, count(*) AS records,
       ceil(extract(epoch FROM percentile_disc(:share) WITHIN GROUP (
            ORDER BY greatest(received_at - created_at, interval '0'))))::bigint AS delay_s
  FROM feed_records
 WHERE provider = :provider AND created_at >= :start AND created_at < :end
 GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyDelay:
    """The records of one business day.

    Attributes:
        delay_s: the seconds after which ``PER_CENT`` of a hundred had arrived.
    """

    day: date
    records: int
    delay_s: int


def daily_delays(
    connection: Connection, provider: str, window: Window, zone: str
) -> list[DailyDelay]:
    """The days of a window that have records, in order."""
    params = {
        "provider": provider,
        "zone": zone,
        "start": window.start,
        "end": window.end,
        "share": PER_CENT / 100,  # not money
    }
    return [
        DailyDelay(day=row.day, records=row.records, delay_s=row.delay_s)
        for row in connection.execute(text(_DELAYS), params)
    ]
