"""Full rows: everything a comparison looks at in the few rounds that do not simply agree.

The queries find the keys they are asked for in a table ``residual``, whatever that is.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from psycopg import sql

from reconcile.snapshot.frames import RECORDS

_ARROW: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "str": pa.string(),
    "text": pa.string(),
    "bool": pa.bool_(),
    "instant": pa.timestamp("us", "UTC"),
}
# A round whose rollbacks left nothing of it was taken back.
OURS_RECORDS = """
SELECT r.match_key, r.round_id, r.round_id || ' ' || r.wallet_id AS record_id,
       row_number() OVER (PARTITION BY r.round_id, r.wallet_id) AS occurrence,
       w.player, r.currency, r.stake, r.payout,
       r.rollbacks > 0 AND r.stake = 0 AND r.payout = 0 AS rolled_back,
       NULL::bigint AS declared_net, {balances},
       r.declared_stake, r.declared_payout, r.first_at AS began, r.last_at AS at,
       NOT r.ended AND r.first_at < {overdue} AS overdue,
       r.first_at >= {start} AND r.first_at < {end} AS inside,
       {holds_ours}, {young_ours}
  FROM rounds r JOIN residual USING (match_key) JOIN wallets w USING (wallet_id)
  {chain}
 WHERE r.provider = {provider}
"""
# Where names tie, nobody asks for the balances of every round that is looked at.
_NO_BALANCES = sql.SQL("NULL::bigint AS balance_before, NULL::bigint AS balance_after")
_BALANCES = sql.SQL("c.balance_before, c.balance_after")
# By the wallet's own chain: there is no other index over operations of a round.
_CHAIN = """
LEFT JOIN (SELECT o.match_key, o.round_id, o.wallet_id,
                  (array_agg(o.balance_after - o.amount ORDER BY o.wallet_seq))[1]
                  AS balance_before,
                  (array_agg(o.balance_after ORDER BY o.wallet_seq DESC))[1] AS balance_after
             FROM rounds q JOIN residual USING (match_key)
             JOIN operations o ON o.wallet_id = q.wallet_id AND o.match_key = q.match_key
                              AND o.provider = q.provider AND o.round_id = q.round_id
            WHERE q.provider = {provider} AND o.decision = 'accepted' AND o.amount <> 0
            GROUP BY o.match_key, o.round_id, o.wallet_id) c
       ON c.match_key = r.match_key AND c.round_id = r.round_id AND c.wallet_id = r.wallet_id
"""
THEIRS_RECORDS = """
SELECT f.match_key, f.round_id, f.record_id, f.occurrence::bigint AS occurrence,
       coalesce(h.player, f.handle) AS player, f.currency, f.stake, f.payout, f.rolled_back,
       f.declared_net, f.balance_before, f.balance_after,
       NULL::bigint AS declared_stake, NULL::bigint AS declared_payout,
       f.created_at AS began, f.created_at AS at, false AS overdue,
       f.created_at >= {start} AND f.created_at < {end} AS inside,
       {holds_theirs}, {young_theirs}
  FROM feed_records f JOIN residual USING (match_key)
  LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
 WHERE f.provider = {provider}
"""


def balances_said(provider: str, *, balances: bool) -> dict[str, sql.Composable]:
    """What the query of our rows says of the wallet's balances."""
    if not balances:
        return {"balances": _NO_BALANCES, "chain": sql.SQL("")}
    chain = sql.SQL(_CHAIN).format(provider=sql.Literal(provider))
    return {"balances": _BALANCES, "chain": chain}


def table_of(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows that came one by one, as they would have come as columns of these names."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    told = {
        name: pa.array(values, _ARROW[RECORDS.columns[name]])
        for name, values in zip(names, columns, strict=True)
    }
    return pa.table(told)


def records_frame(table: pa.Table) -> pd.DataFrame:
    """A RECORDS frame of full rows."""
    nullable = [name for name, kind in RECORDS.columns.items() if kind == "Int64"]
    frame = table.drop_columns(nullable).to_pandas()
    for name in nullable:
        frame[name] = table[name].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return RECORDS.check(frame[list(RECORDS.columns)])
