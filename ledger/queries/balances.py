"""Read a balance, a wallet's statement or the trial balance. Amounts in minor units.

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ledger.queries.query import fetch_rows
from vocabulary.ids import transaction_id

_BALANCE = """
SELECT balance, seq, blocked FROM wallets
 WHERE player = :player AND currency = :currency
"""
_STATEMENT = """
SELECT o.wallet_id, o.wallet_seq, o.provider, o.kind::text, o.decision::text, o.reason,
       o.round_id, o.op_key, o.amount, o.balance_after, o.occurred_at, o.received_at,
       b.posted_at, ledger_epoch(o.batch_id) AS epoch
  FROM operations o JOIN wallets w USING (wallet_id) JOIN batches b USING (batch_id)
 WHERE w.player = :player AND w.currency = :currency AND o.wallet_seq > :after
 ORDER BY o.wallet_seq LIMIT :limit
"""
_TRIAL = """
SELECT account::text, CASE WHEN account = 'player_wallet' THEN '' ELSE provider END AS provider,
       currency, sum(amount) AS amount, sum(entries)::bigint
  FROM (SELECT account, provider, currency, amount, 1 AS entries FROM entries
        UNION ALL
        SELECT account, provider, currency, amount, entries FROM archived_totals
        UNION ALL
        SELECT account, provider, currency, amount, 1 FROM residual_entries) e
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletBalance:
    """One wallet as stored now."""

    player: str
    currency: str
    balance: int
    seq: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One operation of a wallet, in chain order."""

    transaction: str
    seq: int
    provider: str
    kind: str
    decision: str
    reason: str | None
    round_id: str
    op_key: str
    amount: int
    balance_after: int
    occurred_at: datetime | None
    received_at: datetime
    posted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One account's total over all posted entries."""

    account: str
    provider: str
    currency: str
    amount: int
    entries: int


def balance_of(engine: Engine, *, player: str, currency: str) -> WalletBalance | None:
    """The wallet, or None if the player has none in the currency."""
    rows = fetch_rows(engine, _BALANCE, {"player": player, "currency": currency})
    if not rows:
        return None
    balance, seq, blocked = rows[0]
    return WalletBalance(
        player=player, currency=currency, balance=balance, seq=seq, blocked=blocked
    )


def statement_of(
    engine: Engine, *, player: str, currency: str, after_seq: int, limit: int
) -> list[StatementLine]:
    """Up to ``limit`` operations of the wallet after position ``after_seq`` of its chain."""
    parameters = {"player": player, "currency": currency, "after": after_seq, "limit": limit}
    return [
        StatementLine(
            transaction=transaction_id(row[0], row[1], row[13]),
            seq=row[1],
            provider=row[2],
            kind=row[3],
            decision=row[4],
            reason=row[5],
            round_id=row[6],
            op_key=row[7],
            amount=row[8],
            balance_after=row[9],
            occurred_at=row[10],
            received_at=row[11],
            posted_at=row[12],
        )
        for row in fetch_rows(engine, _STATEMENT, parameters)
    ]


def trial_balance(engine: Engine) -> list[TrialLine]:
    """Every account with its total; the totals of one currency sum to zero."""
    return [
        TrialLine(
            account=account,
            provider=provider,
            currency=currency,
            amount=int(amount),
            entries=entries,
        )
        for account, provider, currency, amount, entries in fetch_rows(engine, _TRIAL, {})
    ]
