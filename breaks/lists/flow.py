"""How many breaks were opened and resolved on each day, as of now.

A break counts where it was opened last: one that came back counts on the day of its return. It
is resolved when it was settled by a person, or when a run no longer found it.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from breaks.states import settled_states
from vocabulary.window import Window

_FLOW = """
WITH spans AS (
  SELECT w.opened_at,
         CASE WHEN w.state = ANY(:settled) THEN w.since ELSE b.cleared_at END AS settled_at
    FROM breaks b JOIN break_workflows w USING (break_id)
   WHERE b.provider = :provider
), steps AS (
  SELECT opened_at AS at, 1 AS opened, 0 AS resolved FROM spans
   UNION ALL
  SELECT settled_at, 0, 1 FROM spans WHERE settled_at IS NOT NULL
)
SELECT (at AT TIME ZONE :zone)::date AS day, sum(opened) AS opened, sum(resolved) AS resolved
  FROM steps WHERE at >= :start AND at < :end GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFlow:
    """The breaks of one provider that were opened and resolved on a day."""

    day: date
    opened: int
    resolved: int


def break_flow(
    connection: Connection, provider: str, window: Window, zone: str
) -> list[BreakFlow]:
    """The days of a window on which any break was opened or resolved, in order."""
    params = {
        "provider": provider,
        "zone": zone,
        "start": window.start,
        "end": window.end,
        "settled": settled_states(),
    }
    return [
        BreakFlow(day=row.day, opened=row.opened, resolved=row.resolved)
        for row in connection.execute(text(_FLOW), params)
    ]
