"""Balances as of an instant, from checkpoints that are proven against the sum of entries.

A checkpoint of a wallet covers a beginning of its chain of which every operation was received
and posted at or before the checkpoint's instant. So the balance at any later instant is the
checkpoint's and what follows it in the chain up to that instant, whatever was committed late.

Tables touched: ``checkpoints`` (written), ``wallets operations batches entries`` (read).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from ledger.queries.query import read
from vocabulary.errors import Unavailable

#: By which clock an operation belongs to an instant.
BalanceClock = Literal["received", "posted"]

_TAKE = """
WITH last AS (
  SELECT DISTINCT ON (wallet_id) wallet_id, wallet_seq, balance FROM checkpoints
   WHERE as_of <= :at ORDER BY wallet_id, as_of DESC
), fresh AS (
  SELECT o.wallet_id, o.wallet_seq, coalesce(l.wallet_seq, 0) AS base,
         coalesce(l.balance, 0) AS balance,
         coalesce(o.received_at <= :at AND b.posted_at <= :at, false) AS covered
    FROM wallets w
    LEFT JOIN last l USING (wallet_id)
    JOIN operations o
      ON o.wallet_id = w.wallet_id AND o.wallet_seq > coalesce(l.wallet_seq, 0)
    JOIN batches b USING (batch_id)
   WHERE w.seq > coalesce(l.wallet_seq, 0)
), reach AS (
  SELECT wallet_id, base, balance,
         coalesce(min(wallet_seq) FILTER (WHERE NOT covered) - 1, max(wallet_seq)) AS seq
    FROM fresh GROUP BY wallet_id, base, balance
)
INSERT INTO checkpoints (wallet_id, as_of, wallet_seq, balance)
SELECT r.wallet_id, :at, r.seq, r.balance + coalesce(sum(e.amount), 0)
  FROM reach r
  LEFT JOIN entries e
    ON e.wallet_id = r.wallet_id AND e.wallet_seq > r.base AND e.wallet_seq <= r.seq
   AND e.account IN ('player_wallet', 'player_receivable')
 WHERE r.seq > r.base
 GROUP BY r.wallet_id, r.seq, r.balance
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING
"""
_COUNT = "SELECT count(*) FROM checkpoints"
_WRONG = """
SELECT w.player || ' ' || w.currency || ' at ' || c.as_of
  FROM checkpoints c JOIN wallets w USING (wallet_id)
  LEFT JOIN operations o USING (wallet_id, wallet_seq)
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(e.amount), 0) AS whole,
          coalesce(sum(e.amount) FILTER (WHERE e.wallet_seq > c.wallet_seq), 0) AS after
     FROM entries e WHERE e.wallet_id = c.wallet_id
      AND e.account IN ('player_wallet', 'player_receivable')) s
 WHERE c.balance + s.after <> s.whole OR c.balance IS DISTINCT FROM o.balance_after
 ORDER BY c.wallet_id, c.as_of
"""
_AT = """
WITH w AS (
  SELECT wallet_id, player, currency FROM wallets
   WHERE player = :player AND currency = :currency
), c AS (
  SELECT k.* FROM checkpoints k JOIN w USING (wallet_id)
   WHERE k.as_of <= :at ORDER BY k.as_of DESC LIMIT 1
)
SELECT w.player, w.currency, coalesce(c.balance, 0) + coalesce(later.amount, 0), c.as_of
  FROM w LEFT JOIN c USING (wallet_id)
 CROSS JOIN LATERAL ({later}) later
"""
_LATER = {
    "received": """
SELECT sum(o.amount)::bigint AS amount FROM operations o
 WHERE o.wallet_id = w.wallet_id AND o.wallet_seq > coalesce(c.wallet_seq, 0)
   AND o.received_at <= :at""",
    "posted": """
SELECT sum(e.amount)::bigint AS amount FROM entries e
 WHERE e.wallet_id = w.wallet_id AND e.wallet_seq > coalesce(c.wallet_seq, 0)
   AND e.account IN ('player_wallet', 'player_receivable') AND e.posted_at <= :at""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAt:
    """What a wallet held at an instant, in minor units.

    Attributes:
        checkpoint: the instant of the checkpoint it was counted from, or None.
    """

    player: str
    currency: str
    balance: int
    checkpoint: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """How many checkpoints were proven, how many are wrong, and the first of those."""

    checked: int
    wrong: int
    first: str | None


def take_checkpoint(engine: Engine, *, at: datetime) -> int:
    """Checkpoint every wallet that moved since its last one; returns how many were written.

    ``at`` must not lie in the future. Taken again for the same instant, nothing is written.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.begin() as connection:
            return connection.execute(text(_TAKE), {"at": at}).rowcount
    except OperationalError as error:
        raise Unavailable("checkpoint: the database is out of reach") from error


def prove_checkpoints(engine: Engine) -> Proof:
    """Prove each checkpoint: it and the entries after it are the sum of all entries.

    Raises:
        Unavailable: the database is out of reach.
    """
    wrong = [row[0] for row in read(engine, _WRONG, {})]
    checked = read(engine, _COUNT, {})[0][0]
    return Proof(checked, len(wrong), wrong[0] if wrong else None)


def balance_at(
    engine: Engine, *, player: str, currency: str, at: datetime, by: BalanceClock
) -> BalanceAt | None:
    """What the wallet held at an instant, or None when there is no such wallet.

    Args:
        engine: the database.
        player: the player.
        currency: the wallet's currency.
        at: the instant; what was received or posted exactly then is counted.
        by: ``received`` counts what had reached us, ``posted`` what stood in the entries.

    Raises:
        Unavailable: the database is out of reach.
    """
    wanted = {"player": player, "currency": currency, "at": at}
    rows = read(engine, _AT.format(later=_LATER[by]), wanted)
    if not rows:
        return None
    who, code, balance, checkpoint = rows[0]
    return BalanceAt(player=who, currency=code, balance=int(balance), checkpoint=checkpoint)
