"""Claimable money of all disputes, added up by the database: no line is read.

The same as ``claims_of`` makes of ``claimed_disputes``. Tables read: ``disputes``,
``dispute_lines``, ``dispute_exports``, ``dispute_answers``, ``breaks``, ``break_workflows``.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from breaks.disputes.claims import NOT_SENT, DisputeClaim, claim_order
from breaks.disputes.model import LineState
from breaks.disputes.store import CLAIMED_LINE
from breaks.policy import AGES
from breaks.states import settled_states

# The newest dispute of a break is found by one pass over all lines: a look-up for each would be
# planned as a join of all with all where statistics are missing. The states are those of
# ``breaks.disputes.model.state_of`` for lines that are not cleared, settled or disputed again.
_CLAIMS = f"""
WITH sent AS (
  SELECT DISTINCT ON (dispute_id) dispute_id, exported_at FROM dispute_exports
   ORDER BY dispute_id, number
), lines AS (
  SELECT d.provider, l.dispute_id, l.line, l.currency, l.difference, d.opened_at,
         w.state <> 'waiting' OR w.since > d.opened_at AS is_taken_back,
         w.opened_at > d.opened_at AS is_returned,
         d.opening_no = max(d.opening_no) OVER (PARTITION BY l.break_id) AS is_newest
    FROM dispute_lines l
    JOIN disputes d USING (dispute_id)
    JOIN breaks b USING (break_id)
    JOIN break_workflows w USING (break_id)
   WHERE {CLAIMED_LINE} AND (CAST(:provider AS text) IS NULL OR d.provider = :provider)
)
SELECT l.provider, coalesce(a.answer, 'unanswered') AS state,
       width_bucket(extract(epoch FROM CAST(:now AS timestamptz)
                                  - CASE WHEN a.answer IS NULL THEN s.exported_at
                                         ELSE a.imported_at END)::float8,
                    CAST(:ends AS double precision[])) AS age,
       l.currency, count(*) AS lines,
       coalesce(sum(l.difference) FILTER (WHERE l.difference > 0), 0) AS in_our_favour,
       coalesce(-sum(l.difference) FILTER (WHERE l.difference < 0), 0) AS in_their_favour
  FROM lines l
  LEFT JOIN dispute_answers a USING (dispute_id, line)
  LEFT JOIN sent s USING (dispute_id)
 WHERE l.is_newest AND NOT l.is_returned
   AND (a.answer IS NOT DISTINCT FROM 'rejected' OR NOT l.is_taken_back)
 GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - only a constant is put in


def claim_sums(
    connection: Connection, *, now: datetime, provider: str | None = None
) -> list[DisputeClaim]:
    """The claimable money of all disputes, or of those of one provider.

    Args:
        connection: reads the database.
        now: the instant that ages count to.
        provider: only of this one.
    """
    ages = list(AGES)
    params = {
        "provider": provider,
        "now": now,
        "settled": settled_states(),
        "ends": [end.total_seconds() for end in list(AGES.values())[:-1]],
    }
    claims = [
        DisputeClaim(
            provider=row.provider,
            state=LineState(row.state),
            age=NOT_SENT if row.age is None else ages[row.age],
            currency=row.currency,
            lines=row.lines,
            in_our_favour=int(row.in_our_favour),
            in_their_favour=int(row.in_their_favour),
        )
        for row in connection.execute(text(_CLAIMS), params)
    ]
    return sorted(
        claims,
        key=lambda claim: claim_order(claim.provider, claim.state, claim.age, claim.currency),
    )
