"""Read one round: each player's part in it, and its operations with their entries.

The operations of a round are read between two positions of the chain of each wallet that plays
it: no index leads from a round to them, because each accepted callback would pay for it.
Positions follow the order of time but for requests that waited to be decided.
"""

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from sqlalchemy import Connection, text

from vocabulary.cursors import cut_page, parts_of
from vocabulary.ids import match_key, transaction_id

#: Most players of one round that are read.
PARTS_MAX = 200

_PARTS = """
SELECT r.wallet_id, w.player, r.currency, r.stake, r.payout, r.bets, r.wins, r.rollbacks,
       r.status::text AS status, r.declared_stake, r.declared_payout, r.first_at, r.last_at,
       r.stake - r.payout - r.swept AS clearing
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.match_key = :match_key AND r.provider = :provider AND r.round_id = :round_id
 ORDER BY w.player, r.currency LIMIT :limit
"""
_SUMS = """
SELECT r.currency, sum(r.stake)::bigint AS stake, sum(r.payout)::bigint AS payout
  FROM rounds r
 WHERE r.match_key = :match_key AND r.provider = :provider AND r.round_id = :round_id
 GROUP BY r.currency
"""
#: Joins the operations ``o`` of rounds ``r``. OFFSET keeps this a lookup between two positions,
#: whatever statistics say: joined plainly, all of a wallet are read if few are expected.
OPERATIONS_OF_ROUNDS = """
 CROSS JOIN LATERAL (
       SELECT * FROM operations x
        WHERE x.wallet_id = r.wallet_id
          AND x.wallet_seq >= chain_position_at(r.wallet_id, r.first_at - interval '10 min')
          AND x.wallet_seq < chain_position_at(r.wallet_id, r.last_at + interval '10 min')
          AND x.match_key = r.match_key AND x.provider = r.provider
          AND x.round_id = r.round_id OFFSET 0) o
"""
_FROM_OPERATIONS = f"""
  FROM rounds r {OPERATIONS_OF_ROUNDS}
  JOIN wallets w ON w.wallet_id = o.wallet_id
 WHERE r.match_key = :match_key AND r.provider = :provider AND r.round_id = :round_id
"""
_OPERATIONS = f"""
SELECT o.wallet_id, o.wallet_seq, o.op_key, o.kind::text AS kind, o.batch_id,
       o.decision::text AS decision, o.reason, w.player, o.currency, o.amount, o.balance_after,
       o.reply_status, o.received_at, ledger_epoch(o.batch_id) AS epoch,
       ARRAY(SELECT e.account::text FROM booked_entries e
              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq ORDER BY e.leg)
         AS accounts,
       ARRAY(SELECT e.amount FROM booked_entries e
              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq ORDER BY e.leg)
         AS amounts
{_FROM_OPERATIONS}
   AND (CAST(:after_at AS timestamptz) IS NULL
        OR (o.received_at, o.wallet_id, o.wallet_seq)
           > (CAST(:after_at AS timestamptz), CAST(:after_wallet AS bigint),
              CAST(:after_seq AS bigint)))
 ORDER BY o.received_at, o.wallet_id, o.wallet_seq LIMIT :limit
"""  # noqa: S608 - only the constant above is put in
_BALANCES = f"""
SELECT w.player, o.currency,
       (array_agg(o.balance_after - o.amount ORDER BY o.wallet_seq))[1] AS before,
       (array_agg(o.balance_after ORDER BY o.wallet_seq DESC))[1] AS after
{_FROM_OPERATIONS}
 GROUP BY o.wallet_id, w.player, o.currency ORDER BY w.player, o.currency LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPart:
    """What one player played in one currency of a round; minor units.

    Attributes:
        declared_stake, declared_payout: what the provider's end of the round states.
        clearing: what the round's clearing account still holds.
    """

    wallet_id: int
    player: str
    currency: str
    stake: int
    payout: int
    bets: int
    wins: int
    rollbacks: int
    status: str
    declared_stake: int | None
    declared_payout: int | None
    first_at: datetime
    last_at: datetime
    clearing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOperation:
    """An operation of a round with its entries as account and amount; minor units."""

    transaction: str
    wallet_seq: int
    op_key: str
    kind: str
    batch_id: int
    decision: str
    reason: str | None
    player: str
    currency: str
    amount: int
    balance_after: int
    reply_status: int
    received_at: datetime
    entries: tuple[tuple[str, int], ...]

    @property
    def balance_before(self) -> int:
        """The balance of the wallet before the operation."""
        return self.balance_after - self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPage:
    """Operations of a round; ``next`` is the cursor of the next page, None after the last."""

    operations: list[RoundOperation]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """The balance of one player's wallet before and after the round, minor units."""

    player: str
    currency: str
    before: int
    after: int


def parts_of_round(connection: Connection, provider: str, round_id: str) -> list[RoundPart]:
    """The players' parts of a round, at most ``PARTS_MAX``; none if it is not booked."""
    rows = connection.execute(text(_PARTS), {**_key(provider, round_id), "limit": PARTS_MAX})
    return [RoundPart(**row) for row in rows.mappings()]


def sums_of_parts(
    connection: Connection, provider: str, round_id: str
) -> dict[str, tuple[int, int]]:
    """Stake and payout of all players of a round, by currency."""
    rows = connection.execute(text(_SUMS), _key(provider, round_id))
    return {row.currency: (row.stake, row.payout) for row in rows}


def balances_of_round(
    connection: Connection, provider: str, round_id: str
) -> list[BalanceChange]:
    """The balance of each wallet before its first and after its last operation of a round."""
    params = {**_key(provider, round_id), "limit": PARTS_MAX}
    return [
        BalanceChange(**row) for row in connection.execute(text(_BALANCES), params).mappings()
    ]


def operations_of_round(
    connection: Connection, provider: str, round_id: str, *, after: str | None, limit: int
) -> OperationPage:
    """The operations that follow a cursor, in the order of their arrival, at most ``limit``.

    Raises:
        Malformed: the cursor is none of ours.
    """
    at, wallet, seq = parts_of(after, datetime, int, int) or (None, None, None)
    position = {"after_at": at, "after_wallet": wallet, "after_seq": seq}
    params = {**_key(provider, round_id), **position, "limit": limit + 1}
    rows = connection.execute(text(_OPERATIONS), params).mappings().all()
    shown, cursor = cut_page(rows, limit, itemgetter("received_at", "wallet_id", "wallet_seq"))
    operations = []
    for row in shown:
        values = dict(row)
        name = transaction_id(
            values.pop("wallet_id"), values["wallet_seq"], values.pop("epoch")
        )
        entries = zip(values.pop("accounts"), values.pop("amounts"), strict=True)
        operations.append(RoundOperation(transaction=name, entries=tuple(entries), **values))
    return OperationPage(operations=operations, next=cursor)


def _key(provider: str, round_id: str) -> dict[str, object]:
    key = match_key(provider, round_id)
    return {"provider": provider, "round_id": round_id, "match_key": key}
