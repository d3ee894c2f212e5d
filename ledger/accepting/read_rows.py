"""What the rows that a batch reads become: players, wallets and known operations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.accepting.limits import restrictions_from_json
from ledger.accepting.model import HandleKey, KnownOperation, Wallet
from ledger.enums import OperationDecision, OperationKind
from vocabulary.facts import Fund
from vocabulary.outcomes import Answer

if TYPE_CHECKING:
    import asyncpg


def players_from(
    rows: Sequence["asyncpg.Record"],
) -> tuple[dict[HandleKey, dict[str, int]], dict[int, Wallet]]:
    """Wallet ids by currency of each known handle, and the wallets, of ``READ_PLAYERS``."""
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


def operation_from(row: "asyncpg.Record") -> KnownOperation:
    """The operation in a row of ``READ_OPERATIONS``."""
    return KnownOperation(
        kind=OperationKind(row["kind"]),
        decision=OperationDecision(row["decision"]),
        fingerprint=row["fingerprint"],
        wallet_id=row["wallet_id"],
        stake=row["stake"],
        payout=row["payout"],
        round_id=row["round_id"],
        reversed=row["reversed"],
        reply=Answer(row["reply_status"], row["reply"]),
        fund=Fund(row["fund"]),
        day=row["day"],
        closed=row["closed"],
    )
