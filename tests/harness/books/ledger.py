"""Facts, requests and an in-memory ledger for the tests of the ledger."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import structs

from ledger.accepting.acceptor import Accepted, Acceptor
from ledger.accepting.decide import decide
from ledger.accepting.model import (
    Decision,
    HandleKey,
    KnownOperation,
    LedgerView,
    OperationKey,
    Request,
    Wallet,
)
from ledger.accepting.own_operations import (
    Adjust,
    Deposit,
    InRound,
    OwnOperation,
    SetBlocked,
    Withdrawal,
)
from ledger.enums import OWN_SLUG
from ledger.players.importer import PlayerRow, import_players
from providers.contract import LedgerPolicy
from storage.engine import open_accept_connection, open_engine
from tests.harness.currencies import CRYPTO
from vocabulary.facts import (
    BalanceQuery,
    Bet,
    BetAndWin,
    Fact,
    Fund,
    HistoryRecord,
    Rollback,
    RoundEnd,
    Win,
)
from vocabulary.money import Money
from vocabulary.outcomes import CallbackReply, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
SLUG = "lottery"
#: Refuses wins of unknown bets and rollbacks of rollbacks, as a game aggregator does.
STRICT = LedgerPolicy(
    orphan_win_credits=False,
    rollback_of_rollback_accepts=False,
    round_per_operation=False,
    rollback_moves_stated=False,
)
#: Accepts both, and every operation is a round of its own, as a sportsbook does.
LENIENT = LedgerPolicy(
    orphan_win_credits=True,
    rollback_of_rollback_accepts=True,
    round_per_operation=True,
    rollback_moves_stated=False,
)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def bet(key: str, minor: int, *, handle: str = "ann", round_id: str = "r1") -> Bet:
    return Bet(key=key, handle=handle, amount=eur(minor), round_id=round_id, occurred_at=None)


def win(
    key: str,
    minor: int,
    *,
    bet_key: str | None = None,
    stake: int | None = None,
    handle: str = "ann",
    round_id: str = "r1",
) -> Win:
    return Win(
        key=key,
        handle=handle,
        amount=eur(minor),
        round_id=round_id,
        bet_key=bet_key,
        stake=None if stake is None else eur(stake),
        occurred_at=None,
    )


def bet_and_win(key: str, staked: int, won: int) -> BetAndWin:
    return BetAndWin(
        key=key, handle="ann", bet=eur(staked), win=eur(won), round_id="r1", occurred_at=None
    )


def rollback(
    key: str, of: str, *, minor: int | None = None, handle: str = "ann", round_id: str = "r9"
) -> Rollback:
    return Rollback(
        key=key,
        handle=handle,
        original_key=of,
        currency="EUR",
        amount=None if minor is None else eur(minor),
        round_id=round_id,
        occurred_at=None,
    )


def round_end(
    key: str,
    *,
    of: str,
    staked: int,
    paid: int = 0,
    handle: str = "ann",
    round_id: str = "r1",
) -> RoundEnd:
    return RoundEnd(
        key=key,
        handle=handle,
        round_id=round_id,
        bet_key=of,
        stake=eur(staked),
        payout=eur(paid),
        occurred_at=None,
    )


def balance_query(handle: str = "ann", currency: str = "EUR") -> BalanceQuery:
    return BalanceQuery(handle=handle, currency=currency)


def history(record_id: str, *, handle: str = "ann") -> HistoryRecord:
    return HistoryRecord(
        record_id=record_id,
        round_id=record_id,
        handle=handle,
        currency="EUR",
        stake=eur(1),
        payout=eur(0),
        rolled_back=False,
        declared_net=None,
        balance_before=None,
        balance_after=None,
        game=None,
        created_at=NOON,
        updated_at=NOON,
        raw=b"{}",
    )


def deposit(key: str, minor: int, *, handle: str = "ann") -> Deposit:
    return Deposit(key=key, handle=handle, amount=eur(minor), reason="a gift")


def withdrawal(key: str, minor: int) -> Withdrawal:
    return Withdrawal(key=key, handle="ann", amount=eur(minor), reason="cash")


def adjust(
    key: str, minor: int, *, within: InRound | None = None, fund: Fund = Fund.CASH
) -> Adjust:
    return Adjust(
        key=key, handle="ann", amount=eur(minor), reason="agreed", within=within, fund=fund
    )


def set_blocked(key: str, *, blocked: bool, handle: str = "ann") -> SetBlocked:
    return SetBlocked(key=key, handle=handle, currency="EUR", blocked=blocked, reason="asked")


def render_answer(outcome: Outcome) -> CallbackReply:
    """Render every field of an outcome, so that equal answers mean equal outcomes."""
    fields = {
        "verdict": outcome.verdict.value,
        "transaction": outcome.transaction_id,
        "balance": None if outcome.balance is None else outcome.balance.text(exponents=CRYPTO),
        "turnover": None
        if outcome.turnover is None
        else outcome.turnover.text(exponents=CRYPTO),
    }
    return CallbackReply(200, json.dumps(fields).encode())


def request(
    fact: Fact | OwnOperation | None,
    *,
    policy: LedgerPolicy = STRICT,
    provider: str = SLUG,
    headers: str = "",
) -> Request:
    """A request by the provider, or by ourselves if the fact is an own operation."""
    own = isinstance(fact, OwnOperation)
    if isinstance(fact, Adjust) and fact.within is not None:
        own, provider = False, fact.within.provider
    return Request(
        provider=OWN_SLUG if own else provider,
        policy=policy,
        fact=fact,
        route="/callback",
        headers=headers,
        body=repr(fact).encode(errors="backslashreplace"),
        received_at=NOON,
        respond=render_answer,
    )


class MemoryLedger:
    """A ledger in memory with wallets of ann and bob in EUR; decides one fact at a time."""

    def __init__(self, *, balance: int = 1000, blocked: bool = False) -> None:
        self.wallets = {
            1: Wallet(1, "ann", "EUR", balance, 0, 0, blocked),
            2: Wallet(2, "bob", "EUR", balance, 0, 0, False),
        }
        self.operations: dict[OperationKey, KnownOperation] = {}
        self.players: Mapping[HandleKey, Mapping[str, int] | None] = {
            (slug, handle): wallets
            for slug in (SLUG, OWN_SLUG)
            for handle, wallets in (("ann", {"EUR": 1}), ("bob", {"EUR": 2}), ("eve", None))
        }

    @property
    def view(self) -> LedgerView:
        return LedgerView(dict(self.wallets), self.players, dict(self.operations))

    def decide(
        self,
        fact: Fact | OwnOperation | None,
        *,
        policy: LedgerPolicy = STRICT,
        at: datetime = NOON,
    ) -> Decision:
        """Decide one fact, received at an instant, and keep its changes."""
        received = structs.replace(request(fact, policy=policy), received_at=at)
        decision = decide(self.view, received)
        if decision.wallet is not None:
            self.wallets[decision.wallet.wallet_id] = decision.wallet
            self.operations.update(decision.changes)
        return decision

    def decide_all(
        self, *facts: Fact | OwnOperation, policy: LedgerPolicy = STRICT
    ) -> Decision:
        """Decide several facts; return the last decision."""
        return [self.decide(fact, policy=policy) for fact in facts][-1]

    @property
    def balance(self) -> int:
        return self.wallets[1].balance


def players_file(*openings: tuple[str, int]) -> list[PlayerRow]:
    """Rows of a players file, one EUR wallet each."""
    return [
        PlayerRow(line=line, player=player, opening=eur(minor), handles={})
        for line, (player, minor) in enumerate(openings, start=2)
    ]


def open_wallets(database: str, *openings: tuple[str, int]) -> None:
    """Import players, each with one EUR wallet."""
    engine = open_engine(database)
    import_players(engine, players_file(*openings))
    engine.dispose()


@asynccontextmanager
async def acceptors(database: str, count: int) -> "AsyncIterator[list[Acceptor]]":
    """Acceptors on one database; their connections are closed at the end."""
    opened = [Acceptor(partial(open_accept_connection, database)) for _ in range(count)]
    try:
        yield opened
    finally:
        for acceptor in opened:
            await acceptor.close()


def accept(
    database: str,
    *facts: Fact | OwnOperation | None,
    policy: LedgerPolicy = STRICT,
    at: datetime = NOON,
    headers: str = "",
    body: bytes | None = None,
) -> list[Decision]:
    """Accept facts as one batch, received at an instant, over a new connection.

    All have the same bytes if a body is given.
    """
    requests = [
        structs.replace(request(fact, policy=policy, headers=headers), received_at=at)
        for fact in facts
    ]
    if body is not None:
        requests = [structs.replace(each, body=body) for each in requests]
    return asyncio.run(_accept(database, requests)).decisions


async def _accept(database: str, requests: Sequence[Request]) -> Accepted:
    async with acceptors(database, 1) as (acceptor,):
        return await acceptor.accept(requests)
