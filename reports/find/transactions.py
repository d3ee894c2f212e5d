"""Look up operations: by our id, by the provider's, or by what they moved."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from ledger.amounts.lookup import batches_of_amount
from ledger.queries.restores import loss_of
from reports.find.away import away_operations, away_transaction
from reports.find.hits import Hit, SearchScope
from reports.find.lookup import (
    DAYS_OF_PROVIDERS,
    at,
    columns_of,
    days_of_amount,
    fetch,
    slugs,
)
from reports.find.query import By, Candidate, FoundKind
from vocabulary.ids import transaction_id, transaction_position
from vocabulary.window import Window

_TRANSACTION = """
SELECT o.wallet_id, o.wallet_seq, o.provider, o.op_key, o.kind::text AS kind,
       o.decision::text AS decision, o.reason, w.player, o.currency, o.amount, o.balance_after,
       o.round_id, o.route, o.reply_status, o.received_at, o.batch_id, b.posted_at,
       ledger_epoch(o.batch_id) AS epoch
  FROM {operations} JOIN wallets w USING (wallet_id) JOIN batches b USING (batch_id)
 {where} ORDER BY o.provider, o.wallet_id, o.wallet_seq LIMIT :limit
"""
_BY_POSITION = _TRANSACTION.format(
    operations="operations o",
    where="WHERE o.wallet_id = :wallet_id AND o.wallet_seq = :wallet_seq"
    " AND ledger_epoch(o.batch_id) = :epoch",
)
_BY_KEY = _TRANSACTION.format(
    operations="operations o",
    where="WHERE o.provider = ANY(CAST(:slugs AS text[])) AND o.op_key = :text",
)
_BY_POSITIONS = _TRANSACTION.format(
    operations="unnest(CAST(:wallet_ids AS bigint[]), CAST(:wallet_seqs AS bigint[]))"
    " AS p (wallet_id, wallet_seq) JOIN operations o USING (wallet_id, wallet_seq)",
    where="",
)
# All providers in one pass, as batches hold those of all. OFFSET keeps each range of batches a
# lookup by the index of batches, whatever statistics say.
_OF_AMOUNT = f"""
SELECT o.wallet_id, o.wallet_seq
  FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS n (first, last)
 CROSS JOIN LATERAL (
       SELECT x.wallet_id, x.wallet_seq, x.provider, abs(x.amount) AS minor, t.committed_at
         FROM operations x JOIN batches t USING (batch_id)
        WHERE x.batch_id >= n.first AND x.batch_id <= n.last
          AND abs(x.amount) = ANY(CAST(:amounts AS bigint[])) AND x.currency = :currency
       OFFSET 0) o
  JOIN {DAYS_OF_PROVIDERS}
    ON o.provider = d.slug AND o.minor = d.minor
       AND o.committed_at >= d.start_at AND o.committed_at < d.end_at
 LIMIT :limit
"""  # noqa: S608 - our own constants


def by_id_or_name(
    connection: Connection, candidate: Candidate, scope: SearchScope
) -> list[Hit]:
    """Operations by our transaction id, or by the provider's id."""
    if candidate.by is By.ID:
        return _transaction_of_id(connection, candidate.text, scope)
    parameters = {
        "slugs": slugs(scope, own=True),
        "text": candidate.text,
        "limit": scope.limit,
    }
    rows = fetch(connection, _BY_KEY, parameters)
    here = [_transaction(row, scope, exact=True) for row in rows]
    return [*here, *away_operations(connection, candidate.text, scope)]


def _transaction_of_id(connection: Connection, id_: str, scope: SearchScope) -> list[Hit]:
    """The operation with our id, or the restore that may have taken it back."""
    position = transaction_position(id_)
    parameters = {**position._asdict(), "limit": scope.limit}
    rows = fetch(connection, _BY_POSITION, parameters)
    if rows:
        return [_transaction(row, scope, exact=True) for row in rows]
    loss = loss_of(connection, position)
    if loss is None:
        return away_transaction(connection, id_)
    current = loss.recovered_as or loss.there_now
    return [
        Hit(
            kind=FoundKind.TRANSACTION,
            id=loss.transaction,
            provider=None,
            summary=loss.text,
            facts={"restore began": at(loss.begun_at) or ""},
            next=(f"tieout find {current}",) if current else (),
        )
    ]


def by_amount(connection: Connection, candidate: Candidate, scope: SearchScope) -> list[Hit]:
    """Operations of a day that moved an amount, either way."""
    days = days_of_amount(candidate, scope, own=True)
    if not days:
        return []
    amounts = {day["slug"]: day["minor"] for day in days}
    window = Window(
        start=min(day["start"] for day in days), end=max(day["end"] for day in days)
    )
    ranges = batches_of_amount(connection, amounts, candidate.currency, window)
    parameters = {
        **columns_of(days),
        "firsts": [batches.first for batches in ranges],
        "lasts": [batches.last for batches in ranges],
        "amounts": sorted(set(amounts.values())),
        "currency": candidate.currency,
        "limit": scope.limit,
    }
    positions = fetch(connection, _OF_AMOUNT, parameters)
    if not positions:
        return []
    rows = fetch(
        connection,
        _BY_POSITIONS,
        {
            "wallet_ids": [row["wallet_id"] for row in positions],
            "wallet_seqs": [row["wallet_seq"] for row in positions],
            "limit": scope.limit,
        },
    )
    return [_transaction(row, scope, exact=False) for row in rows]


def _transaction(row: Mapping[str, Any], scope: SearchScope, *, exact: bool) -> Hit:
    transaction = transaction_id(row["wallet_id"], row["wallet_seq"], row["epoch"])
    amount = scope.money(row["amount"], row["currency"], row["provider"])
    balance = scope.money(row["balance_after"], row["currency"], row["provider"])
    reason = f", {row['reason']}" if row["reason"] else ""
    wallet = f"--player {row['player']} --currency {row['currency']}"
    return Hit(
        kind=FoundKind.TRANSACTION,
        id=transaction,
        provider=row["provider"],
        summary=f"{row['kind'].replace('_', ' ')} of {row['player']} by {row['provider']}:"
        f" {amount}, {row['decision']}{reason}",
        facts={
            "their id": row["op_key"],
            "round": row["round_id"],
            "moved": f"{amount}, balance after {balance}",
            "received": f"{at(row['received_at'])} on /{row['route']}, answered"
            f" {row['reply_status']}",
            "posted": at(row["posted_at"]) or f"not yet: batch {row['batch_id']} waits",
            "batch": str(row["batch_id"]),
        },
        next=(
            f"tieout ledger statement {wallet} --after {row['wallet_seq'] - 1} --most 1",
            f"tieout find {row['round_id']}",
        ),
        exact=exact,
    )
