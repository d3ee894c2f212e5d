"""The SQL statements of the accept path, for asyncpg; parameters are arrays.

Tables touched: reads ``handles players wallets operations`` and, where an operation is not
there, ``archived_keys recalls rounds``; writes ``batches operations deliveries wallets``, all
four in one statement, so a batch is committed whole or not at all; and ``recalls``.
"""

from collections.abc import Sequence

from ledger.accepting.epochs import READ_MARK
from ledger.accepting.limits import restrictions_to_json
from ledger.accepting.model import AwayName, DeliveryRow, OperationRow, Wallet
from ledger.enums import CLOSED_BY
from vocabulary.ids import RowKind, match_key

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

#: $1 slugs, $2 operation keys. Returns those that are there, and with a null kind those whose
#: rows left for an archive. Books of which nothing left compute no hash, others one for each
#: key that is not there; OFFSET 0 keeps it one. The function is asked only about keys whose
#: hash is archived, for calling it takes longer than all the rest.
READ_OPERATIONS = f"""
SELECT q.provider, q.op_key, o.kind::text, o.decision::text, o.fingerprint, o.wallet_id,
       o.stake, o.payout, o.round_id, o.reply_status, o.reply, o.fund::text,
       (o.received_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01' AS day,
       EXISTS (SELECT FROM operations r
                WHERE r.provider = o.provider AND r.reverses = o.op_key) AS reversed,
       o.kind = 'tombstone' AND starts_with(o.reason, '{CLOSED_BY}') AS closed
  FROM unnest($1::text[], $2::text[]) AS q (provider, op_key)
  LEFT JOIN operations o ON o.provider = q.provider AND o.op_key = q.op_key
 WHERE o.op_key IS NOT NULL
    OR ((SELECT EXISTS (SELECT FROM archived_keys))
        AND EXISTS (SELECT FROM (SELECT operation_hash(q.provider, q.op_key) OFFSET 0) h (hash)
                     CROSS JOIN LATERAL (SELECT k.hashes FROM archived_keys k
                                          WHERE k.first_hash <= h.hash
                                          ORDER BY k.first_hash DESC LIMIT 1) AS k
                     WHERE h.hash = ANY (k.hashes))
        AND is_operation_away(q.provider, q.op_key))
"""  # noqa: S608 - a constant

#: $1 slugs, $2 round ids, $3 match keys. Returns the rounds whose rows left for an archive.
READ_AWAY_ROUNDS = """
SELECT q.provider, q.round_id
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS q (provider, round_id, match_key)
 WHERE is_round_away(q.provider, q.round_id, q.match_key)
"""

#: $1 kinds, $2 slugs, $3 names, $4 match keys of rounds. What is wanted already stays as it is.
WANT_RECALLS = """
INSERT INTO recalls (kind, provider, name, hash, wanted_by)
SELECT q.kind, q.provider, q.name,
       coalesce(q.match_key, operation_hash(q.provider, q.name)), 'callback'
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
       AS q (kind, provider, name, match_key)
ON CONFLICT (provider, kind, name) WHERE came_at IS NULL DO NOTHING
"""

#: A position that no wallet can have: the check on it ends the statement, see WRITE_BATCH.
_MOVED_ON = -1
#: The columns of ``wallets`` a batch sets, in the order of the type ``wallet_line``.
_WALLET = (
    *("wallet_id", "balance", "seq", "turnover", "blocked"),
    *("day", "day_stake", "day_payout", "restrictions"),
)


def _write() -> str:
    operations, deliveries = OperationRow._fields, DeliveryRow._fields
    assignments = ", ".join(f"{name} = v.{name}" for name in _WALLET[1:] if name != "seq")
    return f"""
WITH batch AS (
  INSERT INTO batches (operations, posted_at, session_id, answered_through)
  SELECT $1, CASE WHEN $1 = 0 THEN clock_timestamp() END, $5, $6 WHERE $7 = ({READ_MARK})
  RETURNING batch_id
), written AS (
  INSERT INTO operations (batch_id, {", ".join(operations)})
  SELECT batch.batch_id, {", ".join(f"r.{name}" for name in operations)}
    FROM batch, unnest($2::operation_line[]) AS r
), delivered AS (
  INSERT INTO deliveries (batch_id, {", ".join(deliveries)})
  SELECT batch.batch_id, {", ".join(f"d.{name}" for name in deliveries)}
    FROM batch, unnest($3::delivery_line[]) AS d
), moved AS (
  UPDATE wallets w
     SET {assignments}, seq = CASE WHEN w.seq = v.before THEN v.seq ELSE {_MOVED_ON} END
    FROM batch, ROWS FROM (unnest($4::wallet_line[]), unnest($8::bigint[]))
                     AS v ({", ".join(_WALLET)}, before)
   WHERE w.wallet_id = v.wallet_id
)
SELECT batch_id FROM batch
"""  # noqa: S608 - only column names of our own row types are interpolated


#: One batch: $1 number of operations, then the rows of operations, deliveries and changed
#: wallets, each as one array; $5, $6 the receiver's session and its last answered batch; $7
#: the mark of the epoch; $8 the position of each changed wallet before the batch. Returns the
#: batch id; null, and writes nothing, if the mark is another now. Fails on WALLETS_GUARD if a
#: wallet is at another position: the unique index on positions does not notice one that is
#: taken if its row left for an archive.
WRITE_BATCH = _write()


def recall_arguments(names: Sequence[AwayName]) -> tuple[list[object], ...]:
    """The arguments of WANT_RECALLS."""
    hashes = [
        match_key(provider, name) if kind is RowKind.ROUND else None
        for kind, provider, name in names
    ]
    kinds, slugs, ids = zip(*names, strict=True)
    return [kind.value for kind in kinds], list(slugs), list(ids), list(hashes)


def write_arguments(
    operations: Sequence[OperationRow],
    deliveries: Sequence[DeliveryRow],
    wallets: Sequence[Wallet],
    batch_marks: tuple[int | None, int | None],
    epoch_mark: int,
) -> tuple[object, ...]:
    """The arguments of WRITE_BATCH.

    Rows are sorted by wallet, so that two receivers write shared wallets in the same order.
    """
    wallet_lines = [
        (
            *(w.wallet_id, w.balance, w.seq, w.turnover, w.blocked),
            *(w.day, w.day_stake, w.day_payout, restrictions_to_json(w.restrictions)),
        )
        for w in sorted(wallets, key=_wallet_id)
    ]
    in_order = sorted(operations, key=_position)
    before = {row.wallet_id: row.wallet_seq - 1 for row in reversed(in_order)}
    rows = (in_order, deliveries, wallet_lines)
    positions = [before[line[0]] for line in wallet_lines]
    return (len(operations), *rows, *batch_marks, epoch_mark, positions)


def _wallet_id(wallet: Wallet) -> int:
    return wallet.wallet_id


def _position(row: OperationRow) -> tuple[int, int]:
    return row.wallet_id, row.wallet_seq
