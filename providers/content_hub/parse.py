"""What an authentic callback of the hub reports: the route decides.

Every transaction has an id of its own. A win names its bet, a rollback the transaction that it
undoes, and all of them the round, which has any number of wins and ends when one of them says
so. A rollback names no currency, so only the configured one is spoken.
"""

from collections.abc import Callable, Mapping

from providers.content_hub.amounts import stated_amount
from providers.contract import Provider, Verified
from providers.wire.decode import Json, decode_json
from providers.wire.fields import currency_code, identifier, label, route_fields
from vocabulary.errors import Malformed
from vocabulary.facts import BalanceQuery, Bet, Fact, Fund, Rollback, Win
from vocabulary.money import Money

INFO = "/user/info"

Fields = Mapping[str, Json]

_INFO = frozenset({"user", "request_uuid"})
_BALANCE = _INFO | {"token", "game_code"}
_TRANSACTION = _BALANCE | {
    "transaction_uuid",
    "supplier_transaction_id",
    "round",
    "round_closed",
}
_BET = _TRANSACTION | {"currency", "amount"}

#: Fields of transactions that may be missing or null; all but the first decide nothing.
OPTIONAL = frozenset(
    {
        "is_free",
        "is_aggregated",
        "is_supplier_promo",
        "supplier_user",
        "reward_uuid",
        "bet",
        "meta",
        "game_id",
    }
)


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified body.

    Raises:
        Malformed: an unknown route, another field set than the route's, or a field that is not
            of its type.
    """
    route = verified.callback.route
    if route not in _READERS:
        raise Malformed("route", "a route of this dialect is expected")
    document = decode_json(verified.callback.body)
    if not isinstance(document, dict):
        raise Malformed("body", f"at least the fields {_listed(_INFO)} are expected")
    needed = {name: value for name, value in document.items() if name not in OPTIONAL}
    fields = route_fields(needed, route, _FIELDS, provider)
    identifier(fields["request_uuid"], "request_uuid")
    if route != INFO:
        label(fields["token"], "token")
        label(fields["game_code"], "game_code")
    return _READERS[route]({**document, **fields}, provider)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _query(fields: Fields, provider: Provider) -> BalanceQuery:
    return BalanceQuery(handle=_handle(fields), currency=provider.currency)


def _bet(fields: Fields, provider: Provider) -> Bet:
    return Bet(
        key=_key(fields),
        handle=_handle(fields),
        amount=_amount(fields, provider),
        round_id=identifier(fields["round"], "round"),
        occurred_at=None,
        ends_round=_flag(fields, "round_closed"),
        fund=_fund(fields),
    )


def _win(fields: Fields, provider: Provider) -> Win:
    key = _key(fields)
    return Win(
        key=key,
        handle=_handle(fields),
        amount=_amount(fields, provider),
        round_id=identifier(fields["round"], "round"),
        bet_key=_reference(fields, key),
        stake=None,
        occurred_at=None,
        ends_round=_flag(fields, "round_closed"),
        fund=_fund(fields),
    )


def _rollback(fields: Fields, provider: Provider) -> Rollback:
    key = _key(fields)
    _flag(fields, "round_closed")
    return Rollback(
        key=key,
        handle=_handle(fields),
        original_key=_reference(fields, key),
        currency=provider.currency,
        amount=None,
        round_id=identifier(fields["round"], "round"),
        occurred_at=None,
    )


_Reader = Callable[[Fields, Provider], Fact]

_FIELDS: Mapping[str, frozenset[str]] = {
    INFO: _INFO,
    "/user/balance": _BALANCE,
    "/transaction/bet": _BET,
    "/transaction/win": _BET | {"reference_transaction_uuid"},
    "/transaction/rollback": _TRANSACTION | {"reference_transaction_uuid"},
}
_READERS: Mapping[str, _Reader] = {
    INFO: _query,
    "/user/balance": _query,
    "/transaction/bet": _bet,
    "/transaction/win": _win,
    "/transaction/rollback": _rollback,
}

#: Every suffix the hub calls, in the order of its document.
ROUTES = tuple(_FIELDS)


def _handle(fields: Fields) -> str:
    return identifier(fields["user"], "user")


def _key(fields: Fields) -> str:
    label(fields["supplier_transaction_id"], "supplier_transaction_id")
    return identifier(fields["transaction_uuid"], "transaction_uuid")


def _reference(fields: Fields, key: str) -> str:
    name = "reference_transaction_uuid"
    reference = identifier(fields[name], name)
    if reference == key:
        raise Malformed(name, "another transaction is expected")
    return reference


def _flag(fields: Fields, name: str) -> bool:
    value = fields[name]
    if not isinstance(value, bool):
        raise Malformed(name, "true or false is expected")
    return value


def _fund(fields: Fields) -> Fund:
    is_free = fields.get("is_free") is not None and _flag(fields, "is_free")
    return Fund.FREE_ROUND if is_free else Fund.CASH


def _amount(fields: Fields, provider: Provider) -> Money:
    currency = currency_code(fields["currency"], "currency", provider)
    if currency != provider.currency:
        raise Malformed("currency", "the configured currency is expected")
    return stated_amount(fields["amount"], currency, provider, path="amount")
