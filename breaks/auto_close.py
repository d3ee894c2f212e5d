"""Auto-close: a stored run closes breaks that it no longer finds and reopens those that return.

``apply_run`` is called in the transaction that stores a run, after its breaks are written.
Tables written: ``break_workflows``, ``adjustments`` (proposals for closed breaks are rejected),
``write_offs`` with their bookings (reversed or rejected where the difference is another one),
``audit``; ``breaks`` is read.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from breaks.states import BreakState, settled_states
from breaks.write_offs import end_write_offs

#: The actor in the audit trail for what a run does.
ACTOR = "reconcile"

# A break that a person explained or closed stays so while its difference is the same. A posted
# break must be gone for a run that began after the posting, also if a person closed it since.
# An approved break is about to be booked and left to the next run. A break that a person moves
# at the same time is left alone.
_DUE = """
WITH due AS (
  SELECT l.break_id, l.state AS before, 'closed' AS after, 'it is no longer found' AS why
    FROM break_workflows l JOIN breaks b USING (break_id)
   WHERE l.state NOT IN ('approved', 'closed')
     AND b.provider = :provider AND b.cleared_at IS NOT NULL
   UNION ALL
  SELECT l.break_id, l.state, 'open',
         CASE WHEN l.state = 'posted' THEN 'the correction did not resolve it'
              WHEN l.settled IS NULL AND w.amount IS NULL THEN 'it was found again'
              ELSE 'its difference has changed' END
    FROM breaks b JOIN break_workflows l USING (break_id)
    LEFT JOIN write_offs w ON w.break_id = b.break_id
                          AND w.state IN ('proposed', 'approved')
   WHERE b.run_id = :run AND b.cleared_at IS NULL
     AND ((l.state = 'closed' AND l.settled <> b.difference)
          OR (l.state = 'closed' AND l.settled IS NULL AND l.since <= b.last_seen)
          OR (l.state IN ('explained', 'written_off') AND l.settled <> b.difference)
          OR (l.state = 'write_off_proposed' AND w.amount <> b.difference)
          OR (l.state = 'posted' AND l.since < b.last_seen))
)
SELECT l.break_id, l.state, due.after, due.why FROM due JOIN break_workflows l USING (break_id)
 WHERE l.state = due.before
 ORDER BY l.break_id FOR UPDATE OF l
"""
# What was settled before is closed since then: so a statement carries forward what the next one
# brings forward, whatever a run finds in between.
_MOVE = """
UPDATE break_workflows l
   SET state = m.after, settled = NULL,
       since = CASE WHEN m.after = 'closed' AND l.state = ANY(CAST(:settled AS text[]))
                    THEN l.since ELSE :now END,
       opened_at = CASE WHEN m.after = 'open' THEN :now ELSE l.opened_at END,
       reopened = l.reopened + (m.after = 'open')::integer,
       assignee = CASE WHEN m.after = 'open' THEN NULL ELSE l.assignee END
  FROM unnest(CAST(:ids AS text[]), CAST(:after AS text[])) AS m (break_id, after)
 WHERE l.break_id = m.break_id
"""
_AUDIT = """
INSERT INTO audit (actor, action, subject, detail)
SELECT :actor, CASE m.after WHEN 'open' THEN 'break.reopened' ELSE 'break.closed' END,
       m.break_id,
       jsonb_build_object('run', CAST(:run AS text), 'why', m.why, 'before', m.before,
                          'after', m.after, 'since', CAST(:now AS timestamptz),
                          'difference', b.difference)
  FROM unnest(CAST(:ids AS text[]), CAST(:before AS text[]), CAST(:after AS text[]),
              CAST(:why AS text[]))
       WITH ORDINALITY AS m (break_id, before, after, why, place)
  JOIN breaks b USING (break_id)
 ORDER BY m.place
"""
_WRITTEN_OFF = frozenset({BreakState.WRITTEN_OFF, BreakState.WRITE_OFF_PROPOSED})
# A break that a person closed and that is gone now is open again if it returns.
_CLEAR_SETTLED = """
UPDATE break_workflows l SET settled = NULL FROM breaks b
 WHERE b.break_id = l.break_id AND b.provider = :provider AND b.cleared_at IS NOT NULL
   AND l.state = 'closed' AND l.settled IS NOT NULL
"""
_REJECT_PROPOSALS = """
WITH rejected AS (
  UPDATE adjustments SET state = 'rejected', decided_by = :actor, decided_at = :now,
         decision = :why
   WHERE state = 'proposed' AND break_id = ANY(CAST(:ids AS text[])) RETURNING id
)
INSERT INTO audit (actor, action, subject, detail)
SELECT :actor, 'adjustment.rejected', id, jsonb_build_object('reason', CAST(:why AS text))
  FROM rejected ORDER BY id
"""


def apply_run(connection: Connection, *, provider: str, run_id: str, now: datetime) -> None:
    """Close and reopen breaks by the run that was just stored on the connection.

    ``now`` is the start of the run: its breaks were seen or cleared then.
    """
    params = {"provider": provider, "run": run_id, "now": now, "actor": ACTOR}
    due = [tuple(row) for row in connection.execute(text(_DUE), params)]
    if due:
        ids, before, after, why = (list(column) for column in zip(*due, strict=True))
        moves = {
            **params,
            "ids": ids,
            "before": before,
            "after": after,
            "why": why,
            "settled": settled_states(),
        }
        for break_id, state, reason in zip(ids, before, why, strict=True):
            if state in _WRITTEN_OFF:
                end_write_offs(connection, break_id, by=ACTOR, now=now, why=reason)
        connection.execute(text(_MOVE), moves)
        connection.execute(text(_AUDIT), moves)
        closed = [id_ for id_, state in zip(ids, after, strict=True) if state == "closed"]
        reason = f"{run_id} no longer finds the break"
        connection.execute(text(_REJECT_PROPOSALS), {**params, "ids": closed, "why": reason})
    connection.execute(text(_CLEAR_SETTLED), params)
