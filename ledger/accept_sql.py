"""The three statements of the accept path, for asyncpg; parameters are arrays of columns.

Tables touched: reads ``handles players wallets operations``; writes ``batches operations
deliveries wallets``, all four in one statement, so a batch is in the books or it is not.
"""

from collections.abc import Sequence

from ledger.books import DeliveryRow, OperationRow, Wallet
from ledger.kinds import CLOSED_BY
from ledger.limits import to_json

#: $1 slugs, $2 handles. One row per (handle, wallet); wallet columns null when there is none,
#: player null when the handle is unknown.
READ_PLAYERS = """
SELECT q.provider, q.handle, p.player, w.wallet_id, w.currency, w.balance, w.seq, w.turnover,
       w.blocked, w.day, w.day_stake, w.day_payout, w.restrictions::text
  FROM unnest($1::text[], $2::text[]) AS q (provider, handle)
  LEFT JOIN handles h ON h.provider = q.provider AND h.handle = q.handle
  LEFT JOIN players p ON p.player = coalesce(h.player, q.handle)
  LEFT JOIN wallets w ON w.player = p.player
"""

#: $1 slugs, $2 operation keys.
READ_OPERATIONS = f"""
SELECT o.provider, o.op_key, o.kind::text, o.decision::text, o.fingerprint, o.wallet_id,
       o.stake, o.payout, o.round_id, o.reply_status, o.reply, o.fund::text,
       (o.received_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01' AS day,
       EXISTS (SELECT FROM operations r
                WHERE r.provider = o.provider AND r.reverses = o.op_key) AS reversed,
       o.kind = 'tombstone' AND starts_with(o.reason, '{CLOSED_BY}') AS closed
  FROM unnest($1::text[], $2::text[]) AS q (provider, op_key)
  JOIN operations o ON o.provider = q.provider AND o.op_key = q.op_key
"""  # noqa: S608 - a constant

_OPERATION_TYPES = {
    "wallet_id": "bigint",
    "wallet_seq": "bigint",
    "kind": "text",
    "stake": "bigint",
    "payout": "bigint",
    "amount": "bigint",
    "balance_after": "bigint",
    "match_key": "bigint",
    "ends_round": "boolean",
    "declared_stake": "bigint",
    "declared_payout": "bigint",
    "fingerprint": "bytea",
    "body": "bytea",
    "reply_status": "smallint",
    "reply": "bytea",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
}
_DELIVERY_TYPES = {
    "body": "bytea",
    "reply_status": "smallint",
    "reply": "bytea",
    "received_at": "timestamptz",
}
_CASTS = {
    "kind": "::operation_kind",
    "decision": "::operation_decision",
    "fund": "::fund_kind",
}
_WALLET_TYPES = {
    "wallet_id": "bigint",
    "balance": "bigint",
    "seq": "bigint",
    "turnover": "bigint",
    "blocked": "boolean",
    "day": "integer",
    "day_stake": "bigint",
    "day_payout": "bigint",
    "restrictions": "text",
}


def _arrays(columns: Sequence[str], types: dict[str, str], first: int) -> str:
    return ", ".join(
        f"${first + index}::{types.get(column, 'text')}[]"
        for index, column in enumerate(columns)
    )


def _write() -> str:
    operations, deliveries = OperationRow._fields, DeliveryRow._fields
    first_delivery = 2 + len(operations)
    first_wallet = first_delivery + len(deliveries)
    rows = _arrays(operations, _OPERATION_TYPES, 2)
    picked = ", ".join(f"r.{name}{_CASTS.get(name, '')}" for name in operations)
    wallets = tuple(_WALLET_TYPES)
    return f"""
WITH batch AS (
  INSERT INTO batches (operations, posted_at)
  VALUES ($1, CASE WHEN $1 = 0 THEN clock_timestamp() END) RETURNING batch_id
), written AS (
  INSERT INTO operations (batch_id, {", ".join(operations)})
  SELECT batch.batch_id, {picked}
    FROM batch, unnest({rows}) AS r ({", ".join(operations)})
), noted AS (
  INSERT INTO deliveries (batch_id, {", ".join(deliveries)})
  SELECT batch.batch_id, d.* FROM batch,
         unnest({_arrays(deliveries, _DELIVERY_TYPES, first_delivery)}) AS d
), moved AS (
  UPDATE wallets w
     SET balance = v.balance, seq = v.seq, turnover = v.turnover, blocked = v.blocked,
         day = v.day, day_stake = v.day_stake, day_payout = v.day_payout,
         restrictions = v.restrictions::jsonb
    FROM unnest({_arrays(wallets, _WALLET_TYPES, first_wallet)}) AS v ({", ".join(wallets)})
   WHERE w.wallet_id = v.wallet_id
)
SELECT batch_id FROM batch
"""  # noqa: S608 - only column names of our own row types are interpolated


#: One batch: $1 number of operations, then one array per column of operations, deliveries and
#: changed wallets. Returns the batch id.
WRITE_BATCH = _write()


def write_arguments(
    operations: Sequence[OperationRow],
    deliveries: Sequence[DeliveryRow],
    wallets: Sequence[Wallet],
) -> list[object]:
    """The arguments of WRITE_BATCH. Rows are written sorted by wallet, so that two receivers
    meet in the same order."""  # noqa: D205, D209
    rows = sorted(operations, key=_place)
    moved = [
        (
            *(w.wallet_id, w.balance, w.seq, w.turnover, w.blocked),
            *(w.day, w.day_stake, w.day_payout, to_json(w.restrictions)),
        )
        for w in sorted(wallets, key=_wallet_id)
    ]
    return [
        len(rows),
        *_columns(rows, len(OperationRow._fields)),
        *_columns(deliveries, len(DeliveryRow._fields)),
        *_columns(moved, len(_WALLET_TYPES)),
    ]


def _wallet_id(wallet: Wallet) -> int:
    return wallet.wallet_id


def _place(row: OperationRow) -> tuple[int, int]:
    return row.wallet_id, row.wallet_seq


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[Sequence[object]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
