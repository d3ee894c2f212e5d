"""Cross-check: rollbacks whose original a re-delivery of the history left out.

Both sides of such a round come to nothing, so comparing amounts finds no difference. The
history nevertheless contradicts itself: it undoes what it no longer reports.
"""

from collections.abc import Mapping
from typing import Any

from breaks.kinds import BreakKind
from reconcile.findings.cross_check import CrossCheckFinding
from reconcile.snapshot.snapshot import Snapshot

# A record that a statement had twice was withdrawn twice, and is one original.
VANISHED = """
SELECT DISTINCT ON (w.record_id, f.record_id)
       f.record_id AS undo, f.round_id, f.match_key, f.currency, f.created_at AS received_at,
       coalesce(h.player, f.handle) AS player, w.record_id AS op_key, w.source, w.changed_by,
       w.stake, w.payout, w.received_at::text AS told_at, w.changed_at::text AS changed_at
  FROM feed_withdrawals w
  JOIN feed_records f ON f.match_key = w.match_key
                     AND f.provider IS NOT DISTINCT FROM w.provider
                     AND f.round_id = w.round_id AND f.rolled_back
                     AND f.record_id <> w.record_id
  LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
 WHERE w.provider = {provider} AND w.event = 'withdrawn' AND NOT w.rolled_back
   AND f.created_at >= {start} AND f.created_at < {end}
   AND NOT EXISTS (SELECT FROM feed_withdrawals n
                    WHERE n.provider = w.provider AND n.record_id = w.record_id
                      AND n.occurrence = w.occurrence AND n.withdrawal_id > w.withdrawal_id)
   AND NOT EXISTS (SELECT FROM feed_records o
                    WHERE o.match_key = w.match_key
                      AND o.provider IS NOT DISTINCT FROM w.provider
                      AND o.round_id = w.round_id AND NOT o.rolled_back)
 ORDER BY w.record_id, f.record_id, w.occurrence, f.occurrence
"""


def vanished_originals(snapshot: Snapshot) -> list[CrossCheckFinding]:
    """Find the rollbacks of the window whose original was withdrawn and not restored."""
    provider = snapshot.provider
    return [_finding(row, provider) for row in snapshot.query(VANISHED)]


def _finding(row: Mapping[str, Any], provider: str) -> CrossCheckFinding:
    withdrawn = {
        "record": row["op_key"],
        "stake_minor": str(row["stake"]),
        "payout_minor": str(row["payout"]),
        "told_by": row["source"],
        "told_at": row["told_at"],
        "withdrawn_by": row["changed_by"],
        "withdrawn_at": row["changed_at"],
    }
    return CrossCheckFinding(
        kind=BreakKind.ORPHAN_ROLLBACK,
        row=row,
        subject=f"{row['op_key']} {row['undo']}",
        evidence={"records": [row["undo"]], "withdrawn": [withdrawn]},
        explanation=f"{provider} still reports the rollback {row['undo']} in round"
        f" {row['round_id']}, but {row['changed_by']} left out {row['op_key']}, which it"
        " undoes; both sides come to nothing, so no money is owed.",
    )
