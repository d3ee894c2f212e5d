"""Balances as of an instant, from checkpoints that are proven against the sum of entries.

A wallet's checkpoint covers the first operations of its chain, as far as all of them were
received and posted by the checkpoint's instant. The balance at any later instant is the
checkpoint's plus the later operations of the chain up to that instant, so an operation that is
committed late is still counted.

Tables touched: ``checkpoints`` (written), ``wallets operations batches booked_entries`` (read).

Every function that takes an engine raises Unavailable if the database is out of reach.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, text

from ledger.queries.openings import OPENINGS
from ledger.queries.query import fetch_rows
from storage.archive.row_cut import require_rows_since
from storage.transactions import reading, transaction
from vocabulary.clock import iso

#: The instant of an operation that counts.
BalanceClock = Literal["received", "posted"]

# An opening covers what was posted after the instant, too: such a wallet gets no checkpoint.
_TAKE = f"""
WITH opening AS (
  {OPENINGS.format(wallets="")}
), last AS (
  SELECT DISTINCT ON (wallet_id) wallet_id, wallet_seq, balance FROM (
    SELECT wallet_id, wallet_seq, balance FROM checkpoints WHERE as_of <= :at
     UNION ALL
    SELECT wallet_id, wallet_seq, balance FROM opening) s
   ORDER BY wallet_id, wallet_seq DESC
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
), not_yet AS (
  SELECT DISTINCT o.wallet_id FROM batches b JOIN operations o USING (batch_id)
   WHERE b.committed_at < (SELECT max(at) FROM archived_row_months) AND b.posted_at > :at
), reach AS (
  SELECT wallet_id, base, balance,
         coalesce(min(wallet_seq) FILTER (WHERE NOT covered) - 1, max(wallet_seq)) AS seq
    FROM fresh WHERE wallet_id NOT IN (SELECT wallet_id FROM not_yet)
   GROUP BY wallet_id, base, balance
)
INSERT INTO checkpoints (wallet_id, as_of, wallet_seq, balance)
SELECT r.wallet_id, :at, r.seq, r.balance + e.amount
  FROM reach r
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(e.amount), 0) AS amount FROM booked_entries e
    WHERE e.wallet_id = r.wallet_id AND e.wallet_seq > r.base AND e.wallet_seq <= r.seq
      AND e.account IN ('player_wallet', 'player_receivable')) e
 WHERE r.seq > r.base
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING
"""  # noqa: S608 - only the constant is put in
# Of a wallet whose old operations are away, the checkpoints from its opening on.
_PROVABLE = f"""
WITH opening AS (
  {OPENINGS.format(wallets="")}
), provable AS (
  SELECT c.*, coalesce(p.wallet_seq, 0) AS base, coalesce(p.balance, 0) AS opening
    FROM checkpoints c LEFT JOIN opening p USING (wallet_id)
   WHERE c.wallet_seq >= coalesce(p.wallet_seq, 0)
)
"""  # noqa: S608 - only the constant is put in
_COUNT = f"{_PROVABLE} SELECT count(*) FROM provable"  # noqa: S608 - only the constant is put in
_WRONG = f"""
{_PROVABLE}
SELECT w.player || ' ' || w.currency || ' at ' || c.as_of
  FROM provable c JOIN wallets w USING (wallet_id)
  LEFT JOIN operations o USING (wallet_id, wallet_seq)
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(e.amount), 0) AS whole,
          coalesce(sum(e.amount) FILTER (WHERE e.wallet_seq > c.wallet_seq), 0) AS after
     FROM booked_entries e WHERE e.wallet_id = c.wallet_id AND e.wallet_seq > c.base
      AND e.account IN ('player_wallet', 'player_receivable')) s
 WHERE c.balance + s.after <> c.opening + s.whole
    OR c.balance IS DISTINCT FROM
       CASE WHEN c.wallet_seq = c.base THEN c.opening ELSE o.balance_after END
 ORDER BY c.wallet_id, c.as_of
"""  # noqa: S608 - only constants are put in
# An operation from before the opening may be later by its clock, and is taken off again: its
# row is there, because only rows leave that were received and posted before the cut.
_AT = f"""
WITH w AS (
  SELECT wallet_id FROM wallets
   WHERE player = :player AND currency = :currency
), opening AS (
  {OPENINGS.format(wallets="AND w.player = :player AND w.currency = :currency")}
), c AS (
  SELECT s.* FROM (
    SELECT wallet_id, wallet_seq, balance, as_of FROM checkpoints
      JOIN w USING (wallet_id) WHERE as_of <= :at
     UNION ALL
    SELECT wallet_id, wallet_seq, balance, NULL FROM opening) s
   ORDER BY s.wallet_seq DESC, s.as_of DESC NULLS LAST LIMIT 1
)
SELECT coalesce(c.balance, 0) + coalesce(later.amount, 0) - coalesce(not_yet.amount, 0), c.as_of
  FROM w LEFT JOIN c USING (wallet_id)
 CROSS JOIN LATERAL ({{later}}) later
 CROSS JOIN LATERAL ({{not_yet}}) not_yet
"""  # noqa: S608 - only the constant is put in
_LATER = {
    "received": """
SELECT sum(o.amount)::bigint AS amount FROM operations o
 WHERE o.wallet_id = w.wallet_id AND o.wallet_seq > coalesce(c.wallet_seq, 0)
   AND o.received_at <= :at""",
    "posted": """
SELECT sum(e.amount)::bigint AS amount FROM booked_entries e
 WHERE e.wallet_id = w.wallet_id AND e.wallet_seq > coalesce(c.wallet_seq, 0)
   AND e.account IN ('player_wallet', 'player_receivable') AND e.posted_at <= :at""",
}
_NOT_YET = {
    "received": """
SELECT sum(o.amount)::bigint AS amount FROM operations o
 WHERE o.wallet_id = c.wallet_id AND o.wallet_seq <= c.wallet_seq AND c.as_of IS NULL
   AND o.received_at > :at""",
    "posted": """
SELECT sum(e.amount)::bigint AS amount FROM booked_entries e
 WHERE e.wallet_id = c.wallet_id AND e.wallet_seq <= c.wallet_seq AND c.as_of IS NULL
   AND e.account IN ('player_wallet', 'player_receivable') AND e.posted_at > :at""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAt:
    """A wallet's balance at an instant, in minor units.

    Attributes:
        checkpoint: the instant of the checkpoint it was computed from, or None.
    """

    player: str
    currency: str
    balance: int
    checkpoint: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """How many checkpoints were checked, how many are wrong, and the first wrong one."""

    checked: int
    wrong: int
    first: str | None


def take_checkpoint(engine: Engine, *, at: datetime) -> int:
    """Checkpoint every wallet with new operations; returns how many were written.

    ``at`` must not be in the future. A second call for the same instant writes nothing.

    Raises:
        RowsAreAway: rows from before the instant left for archives, and later ones, too.
    """
    with transaction(engine, "checkpoint") as connection:
        require_rows_since(connection, at, f"checkpoints as of {iso(at)}")
        return connection.execute(text(_TAKE), {"at": at}).rowcount


def prove_checkpoints(engine: Engine) -> Proof:
    """Check that each checkpoint plus the entries after it is the sum of all entries.

    Where rows left for archives, sums begin at the wallet's opening, and older checkpoints are
    not counted.
    """
    wrong = [row[0] for row in fetch_rows(engine, _WRONG, {})]
    checked = fetch_rows(engine, _COUNT, {})[0][0]
    return Proof(checked, len(wrong), wrong[0] if wrong else None)


def balance_at(
    engine: Engine, *, player: str, currency: str, at: datetime, by: BalanceClock
) -> BalanceAt | None:
    """The wallet's balance at an instant, or None if there is no such wallet.

    Args:
        engine: the database.
        player: the player.
        currency: the wallet's currency.
        at: the instant; operations received or posted exactly then are counted.
        by: ``received`` counts received operations, ``posted`` counts posted entries.

    Raises:
        RowsAreAway: operations from after the instant left for archives.
    """
    parameters = {"player": player, "currency": currency, "at": at}
    sql = _AT.format(later=_LATER[by], not_yet=_NOT_YET[by])
    with reading(engine, "") as connection:
        require_rows_since(connection, at, f"a balance at {iso(at)}")
        row = connection.execute(text(sql), parameters).one_or_none()
    if row is None:
        return None
    balance, checkpoint = row
    return BalanceAt(
        player=player, currency=currency, balance=int(balance), checkpoint=checkpoint
    )
