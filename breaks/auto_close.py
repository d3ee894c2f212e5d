"""What a run means for the lives of breaks: it closes what is over and reopens what came back.

``follow_run`` is called in the transaction that stores a run, after its breaks are written.
Tables touched: ``break_lives``, ``adjustments`` (pending ones of what is over are rejected),
``audit``; ``breaks`` is read.
"""

from sqlalchemy import Connection, text

#: Who acts in the audit trail where a run does.
ACTOR = "reconcile"

# What a person explained or closed stays so while its difference is the same; what was posted
# must be gone for a run that began afterwards. An approved correction is about to be booked:
# whatever it turns out to be, the next run tells. What a person moves meanwhile is theirs.
_DUE = """
WITH due AS (
  SELECT l.break_id, l.state AS before, 'closed' AS after, 'it is no longer found' AS why
    FROM break_lives l JOIN breaks b USING (break_id)
   WHERE l.state IN ('open', 'assigned', 'explained', 'adjustment_proposed', 'posted')
     AND b.provider = :provider AND b.cleared_at IS NOT NULL
   UNION ALL
  SELECT l.break_id, l.state, 'open',
         CASE WHEN l.state = 'posted' THEN 'the correction did not resolve it'
              WHEN l.settled IS NULL THEN 'it came back'
              ELSE 'its difference is another one' END
    FROM breaks b JOIN break_lives l USING (break_id)
   WHERE b.run_id = :run AND b.cleared_at IS NULL
     AND ((l.state = 'closed' AND l.settled IS DISTINCT FROM b.difference)
          OR (l.state = 'explained' AND l.settled <> b.difference)
          OR (l.state = 'posted' AND l.since < b.last_seen))
)
SELECT l.break_id, l.state, due.after, due.why FROM due JOIN break_lives l USING (break_id)
 WHERE l.state = due.before
 ORDER BY l.break_id FOR UPDATE OF l
"""
_MOVE = """
UPDATE break_lives l
   SET state = m.after, since = :now, settled = NULL,
       opened_at = CASE WHEN m.after = 'open' THEN :now ELSE l.opened_at END,
       reopened = l.reopened + (m.after = 'open')::integer,
       assignee = CASE WHEN m.after = 'open' THEN NULL ELSE l.assignee END
  FROM unnest(CAST(:ids AS text[]), CAST(:after AS text[])) AS m (break_id, after)
 WHERE l.break_id = m.break_id
"""
_TELL = """
INSERT INTO audit (actor, action, subject, detail)
SELECT :actor, CASE m.after WHEN 'open' THEN 'break.reopened' ELSE 'break.closed' END,
       m.break_id,
       jsonb_build_object('run', CAST(:run AS text), 'why', m.why, 'before', m.before,
                                      'after', m.after)
  FROM unnest(CAST(:ids AS text[]), CAST(:before AS text[]), CAST(:after AS text[]),
              CAST(:why AS text[]))
       WITH ORDINALITY AS m (break_id, before, after, why, place)
 ORDER BY m.place
"""
# What a person closed and what is now gone may come back: then it is a new question.
_FORGET = """
UPDATE break_lives l SET settled = NULL FROM breaks b
 WHERE b.break_id = l.break_id AND b.provider = :provider AND b.cleared_at IS NOT NULL
   AND l.state = 'closed' AND l.settled IS NOT NULL
"""
_WITHDRAW = """
WITH withdrawn AS (
  UPDATE adjustments SET state = 'rejected', decided_by = :actor, decided_at = :now,
         decision = :why
   WHERE state = 'proposed' AND break_id = ANY(CAST(:ids AS text[])) RETURNING id
)
INSERT INTO audit (actor, action, subject, detail)
SELECT :actor, 'adjustment.rejected', id, jsonb_build_object('reason', CAST(:why AS text))
  FROM withdrawn ORDER BY id
"""


def follow_run(connection: Connection, *, provider: str, run_id: str, now: object) -> None:
    """Close and reopen what this run, just stored on the connection, says about breaks.

    ``now`` is the run's beginning, a datetime: the instant its breaks were seen or cleared at.
    """
    said = {"provider": provider, "run": run_id, "now": now, "actor": ACTOR}
    due = [tuple(row) for row in connection.execute(text(_DUE), said)]
    if due:
        ids, before, after, why = (list(column) for column in zip(*due, strict=True))
        moved = {**said, "ids": ids, "before": before, "after": after, "why": why}
        connection.execute(text(_MOVE), moved)
        connection.execute(text(_TELL), moved)
        over = [each for each, end in zip(ids, after, strict=True) if end == "closed"]
        resolved = f"{run_id} no longer finds the break"
        connection.execute(text(_WITHDRAW), {**said, "ids": over, "why": resolved})
    connection.execute(text(_FORGET), said)
