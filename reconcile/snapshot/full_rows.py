"""Full rows: everything a comparison needs about the few rounds that do not simply agree.

The queries find their keys in a table ``residual``, whether temporary or a WITH query. They
look for immature movements only where these can matter: in rounds that are recent themselves
and that both sides may report. A one-sided round is timing or not as a whole.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from psycopg import sql

from reconcile.snapshot.arrays import instants, text_column
from reconcile.snapshot.columns import Array, Columns
from reconcile.snapshot.frames import RECORDS, Kind
from reconcile.snapshot.immature import UNDONE, ImmatureSince
from reconcile.snapshot.values import Value

_INT64: Any = pd.Int64Dtype()
_ARROW_TYPES: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "str": pa.string(),
    "text": pa.string(),
    "bool": pa.bool_(),
    "instant": pa.timestamp("us", "UTC"),
}
# Each row is looked up by its key, in a subquery that OFFSET keeps one: whatever statistics say
# of a table, no plan reads all of it. Sets are joined with nested loops off, see
# ``query_results``.
# A round end declares what the callbacks moved; a correction of ours moves both. A round counts
# as rolled back if its rollbacks left neither stake nor payout.
OUR_RECORDS = """
SELECT r.match_key, r.round_id, r.round_id || ' ' || r.wallet_id AS record_id,
       row_number() OVER (PARTITION BY r.round_id, r.wallet_id) AS occurrence,
       w.player, r.currency, r.stake, r.payout,
       r.rollbacks > 0 AND r.stake = 0 AND r.payout = 0 AS rolled_back,
       NULL::bigint AS declared_net, {balances},
       CASE WHEN r.declared_stake = r.stake - n.stake THEN r.stake ELSE r.declared_stake END
       AS declared_stake,
       CASE WHEN r.declared_payout = r.payout - n.payout THEN r.payout
            ELSE r.declared_payout END AS declared_payout,
       r.first_at AS began, r.last_at AS at,
       r.status = 'open' AND r.first_at < {overdue} AS overdue,
       r.first_at >= {start} AND r.first_at < {end} AS inside,
       {holds_ours}, {immature_ours}
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) r
 CROSS JOIN LATERAL (SELECT x.player FROM wallets x
                      WHERE x.wallet_id = r.wallet_id OFFSET 0) w
  {chain}
  {corrections}
"""
# Only matching by attributes uses the balances of our rounds.
_NO_BALANCES = sql.SQL("NULL::bigint AS balance_before, NULL::bigint AS balance_after")
_BALANCES = sql.SQL("c.balance_before, c.balance_after")
# Of few rounds: those that name the round.
_CORRECTIONS = """
LEFT JOIN LATERAL (
       SELECT sum(o.stake)::bigint AS stake, sum(o.payout)::bigint AS payout
         FROM (SELECT * FROM adjustments x
                WHERE x.provider = {provider} AND x.round_id = r.round_id
                  AND x.state IN ('approved', 'posted') OFFSET 0) a
        CROSS JOIN LATERAL (SELECT * FROM operations x
                             WHERE x.provider = a.provider AND x.op_key = a.id OFFSET 0) o
        WHERE o.match_key = r.match_key AND o.round_id = r.round_id
          AND o.wallet_id = r.wallet_id) n ON true
"""
# Of many rounds: all of the provider, read once.
_CORRECTIONS_AT_ONCE = """
LEFT JOIN (SELECT o.match_key, o.round_id, o.wallet_id, sum(o.stake)::bigint AS stake,
                  sum(o.payout)::bigint AS payout
             FROM adjustments a
            CROSS JOIN LATERAL (SELECT * FROM operations x
                                 WHERE x.provider = a.provider AND x.op_key = a.id
                                OFFSET 0) o
             JOIN residual USING (match_key)
            WHERE a.provider = {provider} AND a.state IN ('approved', 'posted')
            GROUP BY o.match_key, o.round_id, o.wallet_id) n
       ON n.match_key = r.match_key AND n.round_id = r.round_id AND n.wallet_id = r.wallet_id
"""
# Of few rounds: between two positions of the wallet's chain.
_CHAIN = """
CROSS JOIN LATERAL (
       SELECT (array_agg(o.balance_after - o.amount ORDER BY o.wallet_seq))[1]
              AS balance_before,
              (array_agg(o.balance_after ORDER BY o.wallet_seq DESC))[1] AS balance_after
         FROM (SELECT * FROM operations x
                WHERE x.wallet_id = r.wallet_id
                  AND x.wallet_seq >= chain_position_at(r.wallet_id,
                                                        r.first_at - interval '10 min')
                  AND x.wallet_seq < chain_position_at(r.wallet_id,
                                                       r.last_at + interval '10 min')
                OFFSET 0) o
        WHERE o.match_key = r.match_key AND o.round_id = r.round_id
          AND o.provider IS NOT DISTINCT FROM r.provider
          AND o.decision = 'accepted' AND o.amount <> 0) c
"""
# Of many rounds: among all operations since the first of them began, read once.
_CHAINS = """
LEFT JOIN (SELECT o.match_key, o.round_id, o.wallet_id,
                  (array_agg(o.balance_after - o.amount ORDER BY o.wallet_seq))[1]
                  AS balance_before,
                  (array_agg(o.balance_after ORDER BY o.wallet_seq DESC))[1] AS balance_after
             FROM operations o JOIN residual USING (match_key)
            WHERE o.batch_id >= coalesce((
                  SELECT min(batch_id) FROM batches
                   WHERE committed_at >= (
                         SELECT min(x.first_at) - interval '10 min'
                           FROM residual k
                          CROSS JOIN LATERAL (SELECT first_at FROM rounds y
                                               WHERE y.match_key = k.match_key OFFSET 0) x)
                  ), 0)
              AND o.provider IS NOT DISTINCT FROM {provider}
              AND o.decision = 'accepted' AND o.amount <> 0
            GROUP BY o.match_key, o.round_id, o.wallet_id) c
       ON c.match_key = r.match_key AND c.round_id = r.round_id AND c.wallet_id = r.wallet_id
"""
THEIR_RECORDS = """
SELECT f.match_key, f.round_id, f.record_id, f.occurrence::bigint AS occurrence,
       coalesce(h.player, f.handle) AS player, f.currency, f.stake, f.payout, f.rolled_back,
       f.declared_net, f.balance_before, f.balance_after,
       NULL::bigint AS declared_stake, NULL::bigint AS declared_payout,
       f.created_at AS began, f.created_at AS at, false AS overdue,
       f.created_at >= {start} AND f.created_at < {end} AS inside,
       {holds_theirs}, {immature_theirs}
  FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
  LEFT JOIN LATERAL (SELECT x.player FROM handles x
                      WHERE x.provider = f.provider AND x.handle = f.handle OFFSET 0) h ON true
"""


#: Bits as in ``vocabulary.maturity``; null if no operation was counted.
_HOLDS_OURS = """nullif((r.bets > 0)::int + 2 * (r.wins > 0)::int
              + 4 * (r.rollbacks > 0)::int, 0)::bigint AS holds"""
_HOLDS_THEIRS = """greatest((f.stake > 0 AND NOT f.rolled_back)::int
                + 2 * (f.payout > 0 AND NOT f.rolled_back)::int
                + 4 * (f.rolled_back OR f.stake < 0 OR f.payout < 0)::int, 1)::bigint
       AS holds"""

# Follows a wallet's chain back from its end to where everything is mature. The provider may
# report an operation that bets and wins at once in two steps.
_IMMATURE_OURS = """
CASE WHEN r.last_at > {first}{is_reported} THEN (
 SELECT string_agg(m.movement, ';' ORDER BY o.wallet_seq, m.movement)
   FROM operations o
  CROSS JOIN LATERAL (VALUES
    (o.stake || ',0', o.kind IN ('bet', 'bet_and_win') AND o.stake <> 0, {bet}),
    ('0,' || o.payout, o.kind IN ('win', 'bet_and_win') AND o.payout <> 0, {win}),
    (o.stake || ',' || o.payout, o.kind = 'rollback', {rollback})
  ) AS m (movement, moved, since)
  WHERE o.wallet_id = r.wallet_id AND o.match_key = r.match_key
    AND o.provider IS NOT DISTINCT FROM r.provider AND o.round_id = r.round_id
    AND o.decision = 'accepted'
    AND m.moved AND o.received_at > m.since
    AND o.wallet_seq > coalesce((
      SELECT p.wallet_seq FROM operations p
       WHERE p.wallet_id = r.wallet_id AND p.received_at <= {first}
       ORDER BY p.wallet_seq DESC LIMIT 1), 0)) END AS immature"""
# A record is reported again when something is added to it. Its stake is as old as the record;
# a payout or rollback is as old as its newest version.
_IMMATURE_THEIRS = """
CASE WHEN greatest(f.created_at, f.updated_at) > {first} THEN concat_ws(';',
  CASE WHEN f.stake > 0 AND f.payout >= 0 AND NOT f.rolled_back AND f.created_at > {bet}
       THEN f.stake || ',0' END,
  CASE WHEN f.payout > 0 AND f.stake >= 0 AND NOT f.rolled_back
        AND greatest(f.created_at, f.updated_at) > {win}
       THEN '0,' || f.payout END,
  CASE WHEN (f.stake < 0 OR f.payout < 0)
        AND greatest(f.created_at, f.updated_at) > {rollback}
       THEN f.stake || ',' || f.payout END,
  CASE WHEN f.rolled_back AND greatest(f.created_at, f.updated_at) > {rollback}
       THEN {undone} END) END AS immature"""
_IS_REPORTED = " AND EXISTS (SELECT FROM feed_records t WHERE t.match_key = r.match_key)"
_NO_MOVEMENTS = sql.SQL("NULL::text AS immature")


def ledger_fragments(provider: str, *, balances: bool, many: bool) -> dict[str, sql.Composable]:
    """Return the fragments of the query of our rows that select corrections and balances.

    Args:
        provider: the slug.
        balances: select the balances of the wallet.
        many: the rounds are so many that their operations are read once for all of them.
    """
    slug = Value(provider)
    corrections = sql.SQL(_CORRECTIONS_AT_ONCE if many else _CORRECTIONS).format(provider=slug)
    if not balances:
        return {"corrections": corrections, "balances": _NO_BALANCES, "chain": sql.SQL("")}
    chain = sql.SQL(_CHAINS if many else _CHAIN).format(provider=slug)
    return {"corrections": corrections, "balances": _BALANCES, "chain": chain}


def maturity_fragments(
    since: ImmatureSince | None, *, by_name: bool
) -> dict[str, sql.Composable]:
    """Return the fragments that select the kinds of operation and immature movements of a row.

    Args:
        since: since when an operation is immature; None: none is.
        by_name: both sides use the same round ids.
    """
    holds = {"holds_ours": sql.SQL(_HOLDS_OURS), "holds_theirs": sql.SQL(_HOLDS_THEIRS)}
    if since is None:
        return {**holds, "immature_ours": _NO_MOVEMENTS, "immature_theirs": _NO_MOVEMENTS}
    fragments: dict[str, sql.Composable] = {
        name: Value(getattr(since, name)) for name in ("first", "bet", "win", "rollback")
    }
    fragments["undone"] = Value(UNDONE)
    fragments["is_reported"] = sql.SQL(_IS_REPORTED if by_name else "")
    return {
        **holds,
        "immature_ours": sql.SQL(_IMMATURE_OURS).format(**fragments),
        "immature_theirs": sql.SQL(_IMMATURE_THEIRS).format(**fragments),
    }


def table_from_rows(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Build the Arrow table that ADBC would have returned for these rows."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    arrays = {
        name: pa.array(values, _ARROW_TYPES[RECORDS.columns[name]])
        for name, values in zip(names, columns, strict=True)
    }
    return pa.table(arrays)


def records_of(table: pa.Table) -> Columns:
    """Convert full rows to the columns of RECORDS."""
    arrays = {name: _column(table[name], kind) for name, kind in RECORDS.columns.items()}
    return RECORDS.check(Columns(arrays))


def _column(values: pa.ChunkedArray, kind: Kind) -> Array:
    match kind:
        case "str" | "text":
            return text_column(values.cast(pa.large_string()).combine_chunks())
        case "instant":
            return instants(values)
        case "Int64":
            return _INT64.__from_arrow__(values)
        case _:
            return values.to_numpy()
