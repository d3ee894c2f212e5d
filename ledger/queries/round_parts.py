"""Read one round: each player's part in it, and its operations with their entries.

The operations of a round are read between two positions of the chain of each wallet that plays
it: no index leads from a round to them, because each accepted callback would pay for it.
Positions follow the order of time but for requests that waited to be decided.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.ids import match_key, transaction_id

#: Most operations of one round that are read.
OPERATIONS_MAX = 500
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
_OPERATIONS = """
SELECT o.wallet_id, o.wallet_seq, o.op_key, o.kind::text AS kind, o.batch_id,
       o.decision::text AS decision, o.reason, w.player, o.currency, o.amount, o.balance_after,
       o.reply_status, o.received_at, ledger_epoch(o.batch_id) AS epoch,
       ARRAY(SELECT e.account::text FROM entries e
              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq ORDER BY e.leg)
         AS accounts,
       ARRAY(SELECT e.amount FROM entries e
              WHERE e.wallet_id = o.wallet_id AND e.wallet_seq = o.wallet_seq ORDER BY e.leg)
         AS amounts
  FROM rounds r
  JOIN operations o
    ON o.wallet_id = r.wallet_id
   AND o.wallet_seq >= chain_position_at(r.wallet_id, r.first_at - interval '10 min')
   AND o.wallet_seq < chain_position_at(r.wallet_id, r.last_at + interval '10 min')
   AND o.match_key = r.match_key AND o.provider = r.provider AND o.round_id = r.round_id
  JOIN wallets w ON w.wallet_id = o.wallet_id
 WHERE r.match_key = :match_key AND r.provider = :provider AND r.round_id = :round_id
 ORDER BY o.received_at, o.wallet_id, o.wallet_seq LIMIT :limit
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


def parts_of_round(connection: Connection, provider: str, round_id: str) -> list[RoundPart]:
    """The players' parts of a round, at most ``PARTS_MAX``; none if it is not booked."""
    rows = connection.execute(text(_PARTS), {**_key(provider, round_id), "limit": PARTS_MAX})
    return [RoundPart(**row) for row in rows.mappings()]


def operations_of_round(
    connection: Connection, provider: str, round_id: str
) -> list[RoundOperation]:
    """The operations of a round in the order of their arrival, at most ``OPERATIONS_MAX``."""
    params = {**_key(provider, round_id), "limit": OPERATIONS_MAX}
    operations = []
    for row in connection.execute(text(_OPERATIONS), params).mappings():
        values = dict(row)
        name = transaction_id(
            values.pop("wallet_id"), values["wallet_seq"], values.pop("epoch")
        )
        entries = zip(values.pop("accounts"), values.pop("amounts"), strict=True)
        operations.append(RoundOperation(transaction=name, entries=tuple(entries), **values))
    return operations


def _key(provider: str, round_id: str) -> dict[str, object]:
    key = match_key(provider, round_id)
    return {"provider": provider, "round_id": round_id, "match_key": key}
