"""Which other correction of a round makes an approval move money twice.

The correction of a break is tried on what is posted, and one by hand is not tried at all, so
neither knows of the other while both wait. Tables read: ``adjustments operations batches``.
"""

from sqlalchemy import Connection, text

# Approvals of one round wait for each other: each then sees what the one before decided.
_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('correct ' || provider || ' ' || round_id, 0))
  FROM adjustments WHERE id = :id AND round_id IS NOT NULL
"""
# One by hand is refused for that of a break, which made the round what the provider reports.
# One of a break is refused for what its trial does not see yet, also an earlier one of the same
# break, but not for the other side of the round, which may be a break of its own.
_OTHER = """
SELECT a.id, a.break_id, mine.break_id IS NULL AS by_hand
  FROM adjustments mine
  JOIN adjustments a ON (a.provider, a.round_id, a.player, a.currency)
                      = (mine.provider, mine.round_id, mine.player, mine.currency)
 WHERE mine.id = :id AND a.id <> mine.id AND a.state IN ('approved', 'posted')
   AND CASE WHEN mine.break_id IS NULL
            THEN a.break_id IS NOT NULL AND a.decided_at >= mine.proposed_at
            ELSE (a.break_id IS NULL OR a.side = mine.side)
                 AND CASE a.state
                     WHEN 'approved' THEN a.break_id IS DISTINCT FROM mine.break_id
                     ELSE EXISTS (SELECT FROM operations o JOIN batches b USING (batch_id)
                                   WHERE o.provider = a.provider AND o.op_key = a.id
                                     AND b.posted_at IS NULL) END END
 ORDER BY a.decided_at, a.id LIMIT 1
"""


def refusal_beside_another(connection: Connection, proposal_id: str) -> str | None:
    """Why a correction must not be approved beside another of the same part of a round.

    Until the caller's transaction ends, no other correction of the round is approved.
    """
    params = {"id": proposal_id}
    connection.execute(text(_LOCK), params)
    row = connection.execute(text(_OTHER), params).one_or_none()
    if row is None:
        return None
    if row.by_hand:
        return (
            f"{row.id} of {row.break_id} corrects the same round and was approved after"
            f" {proposal_id} was proposed: reject it, and propose what is still missing"
        )
    other = f"{row.id} of {row.break_id}" if row.break_id else row.id
    return f"{other} corrects the same round and is not posted yet: approve again once it is"
