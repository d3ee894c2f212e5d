"""What an authentic callback of the agent platform reports: ``type`` decides.

Other fields than those needed are accepted, because two generations of the document differ in
them; they stay in the evidence, which is the raw body. ``request_id`` names an attempt and
``session_id`` a game session: neither is ever a key.
"""

import re
from collections.abc import Callable, Mapping

from providers.contract import Provider, Verified
from providers.options import flag_of, number_of, text_of, texts_of
from providers.wire.decode import Json, Number, decode_json
from providers.wire.fields import (
    currency_code,
    identifier,
    one_of,
    plain_number,
    refuse_unknown,
    unsigned_amount,
)
from vocabulary.errors import Malformed
from vocabulary.facts import BalanceQuery, BetAndWin, Fact, Fund, Rollback
from vocabulary.money import Money

#: One URL for everything.
ROUTES = ("",)

_COMMON = ("agent_id", "currency", "player_id", "type")
_DOCUMENTED = frozenset(
    {*_COMMON, "session_id", "player_username", "language", "game_id", "request_id"}
    | {"freespins", "bet", "win"}
)
_WHOLE = re.compile(r"[0-9]{1,20}", re.ASCII)
_FLAGS: Mapping[Json, bool] = {True: True, False: False, "1": True, "0": False}

Document = Mapping[str, Json]


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified body.

    Raises:
        Malformed: an unknown route, not a JSON object, a needed field missing or not of its
            type, or another agent's ``agent_id``.
    """
    if verified.callback.route not in ROUTES:
        raise Malformed("route", "a route of this dialect is expected")
    document = verified.document
    if not isinstance(document, dict):
        document = decode_json(verified.callback.body)
    fields = _having(document, _COMMON)
    refuse_unknown(fields, _known(provider), provider)
    read = _READERS[one_of(fields["type"], tuple(_READERS), "type")]
    _must_be_ours(fields["agent_id"], provider)
    return read(fields, provider)


def _balance(document: Document, provider: Provider) -> BalanceQuery:
    return BalanceQuery(handle=_handle(document), currency=_currency(document, provider))


def _bet_and_win(document: Document, provider: Provider) -> BetAndWin:
    id_field = text_of(provider, "transaction_id_field")
    _having(document, (id_field, "bet", "win"))
    key = _id(document[id_field], id_field)
    round_id = named_round(document, provider)
    bet = _amount(document, "bet", provider)
    return BetAndWin(
        key=key,
        handle=_handle(document),
        bet=bet,
        win=_amount(document, "win", provider),
        round_id=round_id or key,
        occurred_at=None,
        ends_round=round_id is None or _ends_round(document, provider),
        fund=_fund(document, bet, provider),
    )


def _rollback(document: Document, provider: Provider) -> Rollback:
    """A single id is the original's; the rollback's own key is then made from it."""
    id_field = text_of(provider, "transaction_id_field")
    own = _id_if_sent(document, id_field)
    original = _original(document, provider) or own
    if original is None:
        raise Malformed("body", f"at least the field {id_field} is expected")
    return Rollback(
        key=rollback_key(own, original),
        handle=_handle(document),
        original_key=original,
        currency=_currency(document, provider),
        amount=None,
        round_id=named_round(document, provider) or original,
        occurred_at=None,
    )


_READERS: Mapping[str, Callable[[Document, Provider], Fact]] = {
    "getBalance": _balance,
    "makeBet": _bet_and_win,
    "rollback": _rollback,
}


def rollback_key(own: str | None, original: str) -> str:
    """The key of a rollback: its own id, or one derived where it has none of its own."""
    return own if own and own != original else f"rollback:{original}"


def named_round(document: Document, provider: Provider) -> str | None:
    """The round that the document names, if rounds are named at all.

    Raises:
        Malformed: the field holds no id.
    """
    if text_of(provider, "rounds") == "per_transaction":
        return None
    return _id_if_sent(document, text_of(provider, "round_id_field"))


def _having(document: object, names: tuple[str, ...]) -> Document:
    if not isinstance(document, dict):
        raise Malformed("body", "an object is expected")
    if not document.keys() >= set(names):
        raise Malformed("body", f"at least the fields {', '.join(names)} are expected")
    return document


def _known(provider: Provider) -> frozenset[str]:
    """Every field that the document or an option names."""
    named = [text_of(provider, "transaction_id_field"), text_of(provider, "round_id_field")]
    listed = [*texts_of(provider, "original_id_fields")]
    listed += texts_of(provider, "round_finished_fields")
    free_rounds = text_of(provider, "free_rounds_field")
    return _DOCUMENTED.union(named, listed, [free_rounds])


def _must_be_ours(agent_id: Json, provider: Provider) -> None:
    if type(agent_id) is not Number or _WHOLE.fullmatch(agent_id) is None:
        raise Malformed("agent_id", "a whole number is expected")
    ours = number_of(provider, "agent_id")
    if ours and int(agent_id) != ours:
        raise Malformed("agent_id", "our agent id is expected")


def _handle(document: Document) -> str:
    return identifier(document["player_id"], "player_id")


def _currency(document: Document, provider: Provider) -> str:
    return currency_code(document["currency"], "currency", provider)


def _id(value: Json, path: str) -> str:
    """An id of a transaction or round: text, or a whole number, whose token is exact here."""
    if type(value) is Number and _WHOLE.fullmatch(value) is not None:
        return str(value)
    return identifier(value, path)


def _id_if_sent(document: Document, name: str) -> str | None:
    value = document.get(name)
    return None if value is None else _id(value, name)


def _original(document: Document, provider: Provider) -> str | None:
    names = texts_of(provider, "original_id_fields")
    named = {_id_if_sent(document, name) for name in names} - {None}
    if len(named) > 1:
        raise Malformed("body", "one original transaction is expected")
    return named.pop() if named else None


def _ends_round(document: Document, provider: Provider) -> bool:
    for name in texts_of(provider, "round_finished_fields"):
        value = document.get(name)
        if value is None:
            continue
        if isinstance(value, dict | list) or value not in _FLAGS:
            raise Malformed(name, "true or false is expected")
        return _FLAGS[value]
    return flag_of(provider, "round_finished_default")


def _fund(document: Document, bet: Money, provider: Provider) -> Fund:
    """A free round has no bet; a bet may mention the progress of free rounds too."""
    name = text_of(provider, "free_rounds_field")
    is_free = name != "" and bet.minor == 0 and isinstance(document.get(name), dict)
    return Fund.FREE_ROUND if is_free else Fund.CASH


def _amount(document: Document, name: str, provider: Provider) -> Money:
    """A JSON number or a text, in plain digits."""
    value = document[name]
    if not isinstance(value, str):
        raise Malformed(name, "a decimal number is expected")
    return unsigned_amount(
        plain_number(value), _currency(document, provider), provider, path=name
    )
