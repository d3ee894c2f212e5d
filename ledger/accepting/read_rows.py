"""Read what a batch needs and the cache lacks: players, wallets, operations, what is away.

Each function raises as ``answer_of`` says.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.accepting.accept_sql import (
    READ_AWAY_ROUNDS,
    READ_OPERATIONS,
    READ_PLAYERS,
    WANT_RECALLS,
    recall_arguments,
)
from ledger.accepting.away import away_key, rounds_of
from ledger.accepting.driver_errors import answer_of
from ledger.accepting.limits import restrictions_from_json
from ledger.accepting.model import (
    AwayName,
    Decision,
    HandleKey,
    KnownOperation,
    OperationKey,
    Wallet,
)
from ledger.enums import OperationDecision, OperationKind
from vocabulary.facts import Fund
from vocabulary.ids import RowKind
from vocabulary.outcomes import CallbackReply

if TYPE_CHECKING:
    import asyncpg


async def read_players(
    connection: "asyncpg.Connection", handles: Sequence[HandleKey]
) -> tuple[dict[HandleKey, dict[str, int]], dict[int, Wallet]]:
    """Wallet ids by currency of each known handle, and the wallets."""
    if not handles:
        return {}, {}
    rows = await answer_of(connection.fetch(READ_PLAYERS, *zip(*handles, strict=True)))
    return _players(rows)


async def read_operations(
    connection: "asyncpg.Connection", keys: Sequence[OperationKey]
) -> tuple[dict[OperationKey, KnownOperation], set[AwayName]]:
    """The operations that are there, and those whose rows left for an archive."""
    if not keys:
        return {}, set()
    rows = await answer_of(connection.fetch(READ_OPERATIONS, *zip(*keys, strict=True)))
    operations = {(row[0], row[1]): _operation(row) for row in rows if row[2] is not None}
    return operations, {away_key((row[0], row[1])) for row in rows if row[2] is None}


async def read_away_rounds(
    connection: "asyncpg.Connection", decisions: Sequence[Decision]
) -> set[AwayName]:
    """Of the rounds that decisions would write to, those whose rows left for an archive."""
    rounds = rounds_of(decisions)
    if not rounds:
        return set()
    rows = await answer_of(connection.fetch(READ_AWAY_ROUNDS, *zip(*rounds, strict=True)))
    return {AwayName(RowKind.ROUND, row[0], row[1]) for row in rows}


async def want_back(connection: "asyncpg.Connection", names: Sequence[AwayName]) -> None:
    """Ask for rows that left; what is asked for already stays as it is."""
    await answer_of(connection.execute(WANT_RECALLS, *recall_arguments(names)))


def _players(
    rows: Sequence["asyncpg.Record"],
) -> tuple[dict[HandleKey, dict[str, int]], dict[int, Wallet]]:
    players: dict[HandleKey, dict[str, int]] = {}
    wallets: dict[int, Wallet] = {}
    for row in rows:
        provider, handle, player, wallet_id, currency = row[:5]
        if player is None:
            continue
        by_currency = players.setdefault((provider, handle), {})
        if wallet_id is not None:
            by_currency[currency] = wallet_id
            wallets[wallet_id] = _wallet(row)
    return players, wallets


def _wallet(row: "asyncpg.Record") -> Wallet:
    return Wallet(
        wallet_id=row["wallet_id"],
        player=row["player"],
        currency=row["currency"],
        balance=row["balance"],
        seq=row["seq"],
        turnover=row["turnover"],
        blocked=row["blocked"],
        day=row["day"],
        day_stake=row["day_stake"],
        day_payout=row["day_payout"],
        restrictions=restrictions_from_json(row["restrictions"]),
    )


def _operation(row: "asyncpg.Record") -> KnownOperation:
    return KnownOperation(
        kind=OperationKind(row["kind"]),
        decision=OperationDecision(row["decision"]),
        fingerprint=row["fingerprint"],
        wallet_id=row["wallet_id"],
        stake=row["stake"],
        payout=row["payout"],
        round_id=row["round_id"],
        reversed=row["reversed"],
        reply=CallbackReply(row["reply_status"], row["reply"]),
        fund=Fund(row["fund"]),
        day=row["day"],
        closed=row["closed"],
    )
