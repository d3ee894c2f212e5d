"""What an authentic callback of the aggregator reports.

The bet, its win and its end share one ``bet_id``, so the operation is part of the key. The
signature covers neither the path nor a time, so a body signed for one route is validly signed
for all. The field set of each route distinguishes them.
"""

from collections.abc import Callable, Mapping

from providers.aggregator.amounts import stated_amount
from providers.aggregator.feed import HISTORY_FIELDS, history_record
from providers.contract import Provider, Verified
from providers.options import text_of
from providers.wire.decode import Json
from providers.wire.fields import identifier, route_fields
from vocabulary.errors import Malformed
from vocabulary.facts import (
    BalanceQuery,
    Bet,
    Fact,
    HistoryRecord,
    RoundEnd,
    UnreadableHistory,
    Win,
)
from vocabulary.money import Money

Document = Mapping[str, Json]


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified document.

    Raises:
        Malformed: an unknown route, another field set than the route's, or a field that is not
            of its documented type. A line of history that cannot be read is a fact instead.
    """
    route = verified.callback.route
    if route not in _READERS:
        raise Malformed("route", "a route of this dialect is expected")
    try:
        fields = route_fields(verified.document, route, _FIELDS, provider)
        return _READERS[route](fields, provider, verified.callback.body)
    except Malformed as error:
        if not _is_history(route, verified.document):
            raise
        # A refusal would reach nobody who can do something about it, so the line is kept.
        return UnreadableHistory(path=error.path, reason=error.reason)


def _is_history(route: str, document: object) -> bool:
    """Whether this is a line of history, however written; no other document has an _id."""
    return route == "/history" and isinstance(document, dict) and "_id" in document


def _balance(document: Document, provider: Provider, _raw: bytes) -> BalanceQuery:
    return BalanceQuery(handle=_handle(document), currency=provider.currency)


def _bet(document: Document, provider: Provider, _raw: bytes) -> Bet:
    amount = stated_amount(document["balance"], provider, path="balance")
    return _bet_of(_handle(document), _bet_id(document), amount)


def _bet_of(handle: str, bet_id: str, amount: Money) -> Bet:
    return Bet(
        key=f"bet:{bet_id}", handle=handle, amount=amount, round_id=bet_id, occurred_at=None
    )


def _settle(document: Document, provider: Provider, _raw: bytes) -> Win:
    amount = stated_amount(document["balance"], provider, path="balance")
    stake = stated_amount(document["bet"], provider, path="bet")
    return _win_of(_handle(document), _bet_id(document), amount, stake)


def _win_of(handle: str, bet_id: str, amount: Money, stake: Money) -> Win:
    return Win(
        key=f"settle-bet:{bet_id}",
        handle=handle,
        amount=amount,
        round_id=bet_id,
        bet_key=f"bet:{bet_id}",
        stake=stake,
        occurred_at=None,
    )


def _end(document: Document, provider: Provider, _raw: bytes) -> RoundEnd:
    bet_id, handle = _bet_id(document), _handle(document)
    stake = stated_amount(document["balance"], provider, path="balance")
    payout = stated_amount(document["win_balance"], provider, path="win_balance")
    applies = text_of(provider, "bet_end") == "apply_missing"
    return RoundEnd(
        key=f"bet-end:{bet_id}",
        handle=handle,
        round_id=bet_id,
        bet_key=f"bet:{bet_id}",
        stake=stake,
        payout=payout,
        occurred_at=None,
        implied=_implied(handle, bet_id, stake, payout) if applies else (),
    )


def _implied(handle: str, bet_id: str, stake: Money, payout: Money) -> tuple[Bet | Win, ...]:
    """The round's bet, and its win if there was one, as their own callbacks report them."""
    bet = _bet_of(handle, bet_id, stake)
    return (bet, _win_of(handle, bet_id, payout, stake)) if payout.minor else (bet,)


def _history(document: Document, provider: Provider, raw: bytes) -> HistoryRecord:
    return history_record(document, provider, raw=raw)


def _handle(document: Document) -> str:
    return identifier(document["user_agent"], "user_agent")


def _bet_id(document: Document) -> str:
    return identifier(document["bet_id"], "bet_id")


_Reader = Callable[[Document, Provider, bytes], Fact]

_FIELDS: Mapping[str, frozenset[str]] = {
    "/balance": frozenset({"user_agent"}),
    "/bet": frozenset({"user_agent", "balance", "bet_id"}),
    "/settle-bet": frozenset({"user_agent", "bet", "balance", "bet_id"}),
    "/bet-end": frozenset({"user_agent", "balance", "win_balance", "bet_id"}),
    "/history": HISTORY_FIELDS,
}
_READERS: Mapping[str, _Reader] = {
    "/balance": _balance,
    "/bet": _bet,
    "/settle-bet": _settle,
    "/bet-end": _end,
    "/history": _history,
}

#: Every suffix the aggregator calls, in the order of its document.
ROUTES = tuple(_FIELDS)
