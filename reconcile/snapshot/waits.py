"""What full rows of either side say of the kinds they hold, and of what in them is young.

Fragments of the queries of ``reconcile.snapshot.snapshot``. Young movements are sought only of
rounds that are young themselves and that both sides may tell: a one-sided round waits as a
whole.
"""

from psycopg import sql

from reconcile.snapshot.immature import UNDONE, ImmatureSince

#: Bits as in ``vocabulary.maturity``; nothing where no operation was counted.
_HOLDS_OURS = """nullif((r.bets > 0)::int + 2 * (r.wins > 0)::int
              + 4 * (r.rollbacks > 0)::int, 0)::bigint AS holds"""
_HOLDS_THEIRS = """greatest((f.stake > 0)::int + 2 * (f.payout > 0)::int
                + 4 * (f.rolled_back OR f.stake < 0 OR f.payout < 0)::int, 1)::bigint
       AS holds"""

# A wallet's chain is walked back from its end to where nothing is young any more. An operation
# that bets and wins at once may be told in two steps.
_YOUNG_OURS = """
CASE WHEN r.last_at > {first}{told} THEN (
 SELECT string_agg(m.movement, ';' ORDER BY o.wallet_seq, m.movement)
   FROM operations o
  CROSS JOIN LATERAL (VALUES
    (o.stake || ',0', o.kind IN ('bet', 'bet_and_win') AND o.stake <> 0, {bet}),
    ('0,' || o.payout, o.kind IN ('win', 'bet_and_win') AND o.payout <> 0, {win}),
    (o.stake || ',' || o.payout, o.kind = 'rollback', {rollback})
  ) AS m (movement, moved, since)
  WHERE o.wallet_id = r.wallet_id AND o.match_key = r.match_key
    AND o.provider = r.provider AND o.round_id = r.round_id AND o.decision = 'accepted'
    AND m.moved AND o.received_at > m.since
    AND o.wallet_seq > coalesce((
      SELECT p.wallet_seq FROM operations p
       WHERE p.wallet_id = r.wallet_id AND p.received_at <= {first}
       ORDER BY p.wallet_seq DESC LIMIT 1), 0)) END AS young"""
# A record is told again when something is added to it: what was staked is as old as the record,
# what was won or taken back as its newest telling.
_YOUNG_THEIRS = """
CASE WHEN greatest(f.created_at, f.updated_at) > {first} THEN concat_ws(';',
  CASE WHEN f.stake > 0 AND f.payout >= 0 AND f.created_at > {bet}
       THEN f.stake || ',0' END,
  CASE WHEN f.payout > 0 AND f.stake >= 0 AND greatest(f.created_at, f.updated_at) > {win}
       THEN '0,' || f.payout END,
  CASE WHEN (f.stake < 0 OR f.payout < 0)
        AND greatest(f.created_at, f.updated_at) > {rollback}
       THEN f.stake || ',' || f.payout END,
  CASE WHEN f.rolled_back AND greatest(f.created_at, f.updated_at) > {rollback}
       THEN {undone} END) END AS young"""
_TOLD = " AND EXISTS (SELECT FROM feed_records t WHERE t.match_key = r.match_key)"
_NOTHING = sql.SQL("NULL::text AS young")


def waits_said(since: ImmatureSince | None, *, by_name: bool) -> dict[str, sql.Composable]:
    """What the queries call ``holds_ours``, ``young_ours``, and the same of theirs.

    Args:
        since: from when on an operation is young; None: nothing is.
        by_name: a round that both sides tell has one name.
    """
    holds = {"holds_ours": sql.SQL(_HOLDS_OURS), "holds_theirs": sql.SQL(_HOLDS_THEIRS)}
    if since is None:
        return {**holds, "young_ours": _NOTHING, "young_theirs": _NOTHING}
    said: dict[str, sql.Composable] = {
        name: sql.Literal(getattr(since, name)) for name in ("first", "bet", "win", "rollback")
    }
    said |= {"undone": sql.Literal(UNDONE), "told": sql.SQL(_TOLD if by_name else "")}
    return {
        **holds,
        "young_ours": sql.SQL(_YOUNG_OURS).format(**said),
        "young_theirs": sql.SQL(_YOUNG_THEIRS).format(**said),
    }
