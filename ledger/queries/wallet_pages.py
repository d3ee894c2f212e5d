"""Read a player's wallets in pages: the statement with its running balance, and its rounds.

A page is a stretch of the chain of one wallet, so each costs the same, however long the chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from ledger.enums import OperationKind
from vocabulary.ids import transaction_id

#: Positions of a chain that one page of a few kinds looks through.
STRETCH = 20_000
#: The kinds that move money in or out.
FUNDING_KINDS = (OperationKind.DEPOSIT, OperationKind.WITHDRAWAL, OperationKind.ADJUSTMENT)

_WALLETS = """
SELECT wallet_id, currency, seq FROM wallets WHERE player = :player ORDER BY currency
"""
_KNOWN = "SELECT created_at FROM players WHERE player = :player"
_HANDLES = """
SELECT provider, handle FROM handles WHERE player = :player ORDER BY provider, handle
 LIMIT :limit
"""
_LINES = """
SELECT o.wallet_id, o.wallet_seq AS seq, o.provider, o.op_key, o.kind::text AS kind,
       o.decision::text AS decision, o.reason, o.round_id, o.amount, o.balance_after,
       o.received_at, b.posted_at, ledger_epoch(o.batch_id) AS epoch
  FROM operations o JOIN batches b USING (batch_id)
 WHERE o.wallet_id = :wallet AND o.wallet_seq > :low AND o.wallet_seq < :high
   AND (CAST(:kinds AS operation_kind[]) IS NULL
        OR o.kind = ANY(CAST(:kinds AS operation_kind[])))
 ORDER BY o.wallet_seq {order} LIMIT :limit
"""
_LAST_BEFORE = "SELECT chain_position_at(:wallet, :at) - 1"
_ROUNDS = """
SELECT r.provider, r.round_id, r.currency, r.stake, r.payout, r.status::text AS status,
       r.first_at, r.last_at
  FROM (SELECT match_key, provider, round_id, wallet_id FROM operations
         WHERE wallet_id = :wallet AND wallet_seq > :low AND wallet_seq <= :high
           AND round_id <> ''
         GROUP BY match_key, provider, round_id, wallet_id
         ORDER BY max(wallet_seq) DESC LIMIT :limit) k
  JOIN rounds r USING (match_key, provider, round_id, wallet_id)
 ORDER BY r.first_at DESC, r.provider, r.round_id LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerWallet:
    """A wallet; ``seq`` is the last position of its chain."""

    wallet_id: int
    currency: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletLine:
    """One operation of a wallet; minor units."""

    transaction: str
    seq: int
    provider: str
    op_key: str
    kind: str
    decision: str
    reason: str | None
    round_id: str
    amount: int
    balance_after: int
    received_at: datetime
    posted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPage:
    """A stretch of a wallet's chain, the newest operation first.

    Attributes:
        older, newer: positions from which the neighbouring pages go; None: there is none.
    """

    lines: tuple[WalletLine, ...]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedRound:
    """A player's part in a round; minor units."""

    provider: str
    round_id: str
    currency: str
    stake: int
    payout: int
    status: str
    first_at: datetime
    last_at: datetime


def player_since(connection: Connection, player: str) -> datetime | None:
    """When we first stored the player; None: nobody is called so."""
    since: datetime | None = connection.execute(text(_KNOWN), {"player": player}).scalar()
    return since


def wallets_of(connection: Connection, player: str) -> list[PlayerWallet]:
    """The player's wallets by currency."""
    rows = connection.execute(text(_WALLETS), {"player": player}).mappings()
    return [PlayerWallet(**row) for row in rows]


def handles_of(connection: Connection, player: str, *, limit: int) -> list[tuple[str, str]]:
    """What each provider calls the player."""
    params = {"player": player, "limit": limit}
    return [(row.provider, row.handle) for row in connection.execute(text(_HANDLES), params)]


def last_before(connection: Connection, wallet: PlayerWallet, at: datetime) -> int:
    """The last position that was received before an instant; 0 if none was.

    A chain is in order of commit, so callbacks that crossed on the way may stand some places
    off: whoever reads from here sees what came around the instant.
    """
    params = {"wallet": wallet.wallet_id, "at": at}
    return int(connection.execute(text(_LAST_BEFORE), params).scalar_one())


def page_before(
    connection: Connection,
    wallet: PlayerWallet,
    position: int | None,
    *,
    limit: int,
    kinds: Sequence[OperationKind] = (),
) -> WalletPage:
    """The operations before a position, or the newest ones."""
    high = wallet.seq + 1 if position is None else min(position, wallet.seq + 1)
    low = max(high - 1 - STRETCH, 0) if kinds else 0
    rows = _rows(connection, wallet, low, high, "DESC", limit=limit, kinds=kinds)
    lines = tuple(_line(row) for row in rows)
    bottom = lines[-1].seq if len(lines) == limit else low + 1
    return WalletPage(
        lines=lines,
        older=bottom if bottom > 1 else None,
        newer=high - 1 if high <= wallet.seq else None,
    )


def page_after(
    connection: Connection, wallet: PlayerWallet, position: int, *, limit: int
) -> WalletPage:
    """The operations that follow a position, the newest of them first."""
    rows = _rows(connection, wallet, position, wallet.seq + 1, "ASC", limit=limit, kinds=())
    lines = tuple(_line(row) for row in reversed(rows))
    top = lines[0].seq if lines else wallet.seq
    return WalletPage(
        lines=lines,
        older=position + 1 if position else None,
        newer=top if top < wallet.seq else None,
    )


def rounds_of_stretch(
    connection: Connection, wallet: PlayerWallet, *, last: int, limit: int
) -> list[PlayedRound]:
    """The rounds of the last operations of a wallet, the newest first.

    Args:
        connection: to read with.
        wallet: whose rounds.
        last: how many operations of the chain are looked at.
        limit: the most rounds to return.
    """
    params = {
        "wallet": wallet.wallet_id,
        "low": max(wallet.seq - last, 0),
        "high": wallet.seq,
        "limit": limit,
    }
    rows = connection.execute(text(_ROUNDS), params).mappings()
    return [PlayedRound(**row) for row in rows]


def _rows(
    connection: Connection,
    wallet: PlayerWallet,
    low: int,
    high: int,
    order: str,
    *,
    limit: int,
    kinds: Sequence[OperationKind],
) -> list[Any]:
    params = {
        "wallet": wallet.wallet_id,
        "low": low,
        "high": high,
        "kinds": [kind.value for kind in kinds] or None,
        "limit": limit,
    }
    query = text(_LINES.format(order=order))
    return list(connection.execute(query, params).mappings())


def _line(row: Any) -> WalletLine:
    values = dict(row)
    name = transaction_id(values.pop("wallet_id"), row["seq"], values.pop("epoch"))
    return WalletLine(transaction=name, **values)
