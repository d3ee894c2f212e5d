"""What an authentic callback of the sportsbook reports.

A result names no bet, and a bet may have several results, so every transaction is its own
round; a rollback belongs to the round of the transaction it undoes.
"""

from collections.abc import Mapping

from providers.contract import Provider, Verified
from providers.options import flag_of
from providers.wire.decode import Json, Number, decode_json
from providers.wire.fields import (
    currency_code,
    identifier,
    one_of,
    route_fields,
    unsigned_amount,
)
from vocabulary.errors import Malformed
from vocabulary.facts import Bet, Fact, Rollback, Win
from vocabulary.money import Money

_TRANSACTION = frozenset({"transaction_id", "action", "user_id", "currency", "amount"})
_ROLLBACK = _TRANSACTION | {"rollback_transaction_id"}

_FIELDS: Mapping[str, frozenset[str]] = {
    "/transaction": _TRANSACTION,
    "/transaction-rollback": _ROLLBACK,
}

#: Both suffixes the sportsbook calls.
ROUTES = tuple(_FIELDS)


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified body.

    Raises:
        Malformed: an unknown route, not JSON, another field set than the route's, or a field
            that is not of its documented type.
    """
    route = verified.callback.route
    if route not in _FIELDS:
        raise Malformed("route", "a route of this dialect is expected")
    document = decode_json(verified.callback.body)
    fields = route_fields(document, route, _FIELDS, provider)
    if not flag_of(provider, "allow_extra_fields") and fields.keys() != _FIELDS[route]:
        raise Malformed("body", "no further fields are expected")
    is_rollback = route == "/transaction-rollback"
    return _rollback(fields, provider) if is_rollback else _movement(fields, provider)


def _movement(document: Mapping[str, Json], provider: Provider) -> Bet | Win:
    action = one_of(document["action"], ("bet", "result"), "action")
    key = identifier(document["transaction_id"], "transaction_id")
    handle = identifier(document["user_id"], "user_id")
    amount = _amount(document, provider)
    if action == "bet":
        return Bet(key=key, handle=handle, amount=amount, round_id=key, occurred_at=None)
    return Win(
        key=key,
        handle=handle,
        amount=amount,
        round_id=key,
        bet_key=None,
        stake=None,
        occurred_at=None,
    )


def _rollback(document: Mapping[str, Json], provider: Provider) -> Rollback:
    one_of(document["action"], ("rollback",), "action")
    key = identifier(document["transaction_id"], "transaction_id")
    original = identifier(document["rollback_transaction_id"], "rollback_transaction_id")
    if original == key:
        raise Malformed("rollback_transaction_id", "another transaction is expected")
    amount = _amount(document, provider)
    return Rollback(
        key=key,
        handle=identifier(document["user_id"], "user_id"),
        original_key=original,
        currency=amount.currency,
        amount=amount,
        round_id=original,
        occurred_at=None,
    )


def _amount(document: Mapping[str, Json], provider: Provider) -> Money:
    """The samples quote the amount, the prose calls it a number: either, in plain digits."""
    currency = currency_code(document["currency"], "currency", provider)
    value = document["amount"]
    if not isinstance(value, str | Number):
        raise Malformed("amount", "a decimal number is expected")
    return unsigned_amount(value, currency, provider, path="amount")
