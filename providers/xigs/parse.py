"""What an authentic webhook reports: a ticket bought, or a round closed with its prize.

Both arrive at one URL, and the event is part of the signed body, so no body can pass for the
other. No field of the payload is documented: names are settings, other fields are ignored, and
only what moves money is read strictly.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from providers.contract import Provider, Verified
from providers.options import text_of
from providers.wire.decode import Json, Number, decode_json
from providers.wire.fields import currency_code, identifier, instant, one_of, refuse_unknown
from providers.xigs.amounts import stated_amount
from vocabulary.errors import Malformed
from vocabulary.facts import Bet, Fact, Win
from vocabulary.money import Money

#: The one URL that was registered, without a suffix.
ROUTES = ("",)
#: Both triggers that a webhook can be registered for.
EVENTS = ("open-round", "close-round")
#: The options that name the fields without which nothing can be read.
REQUIRED = ("event_type_field", "round_id_field", "user_id_field", "amount_field")
#: The options that name the fields read where they are present.
OPTIONAL = ("currency_field", "transaction_id_field", "timestamp_field")
#: Fields that are expected and not read.
DESCRIPTIVE = frozenset({"sessionId", "gameId"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last millisecond that a datetime can hold.
_EPOCH_MS_MAX = 253_402_300_799_999
_EPOCH_MS = re.compile(r"[0-9]{1,15}", re.ASCII)

Document = Mapping[str, Json]


def parse(verified: Verified, provider: Provider) -> Fact:
    """Read one fact from a verified body.

    Raises:
        Malformed: an unknown route, not a JSON object, a required field is missing, or a field
            that is read is not of its type.
    """
    if verified.callback.route not in ROUTES:
        raise Malformed("route", "a route of this dialect is expected")
    document = _document(verified, provider)
    name = text_of(provider, "event_type_field")
    is_open = one_of(document[name], EVENTS, name) == "open-round"
    return _opened(document, provider) if is_open else _closed(document, provider)


def _document(verified: Verified, provider: Provider) -> Document:
    """The body as an object with every required field."""
    document = verified.document
    if document is None:
        document = decode_json(verified.callback.body)
    if not isinstance(document, dict):
        raise Malformed("body", "an object is expected")
    names = {text_of(provider, option) for option in REQUIRED}
    if not names <= document.keys():
        raise Malformed("body", f"at least the fields {', '.join(sorted(names))} are expected")
    named = {text_of(provider, option) for option in OPTIONAL}
    refuse_unknown(document, names | named | DESCRIPTIVE, provider)
    return document


def _opened(document: Document, provider: Provider) -> Bet:
    round_id = _id(document, provider, "round_id_field")
    return Bet(
        key=_key("open", round_id, document, provider),
        handle=_id(document, provider, "user_id_field"),
        amount=_amount(document, provider),
        round_id=round_id,
        occurred_at=_occurred_at(document, provider),
    )


def _closed(document: Document, provider: Provider) -> Win:
    round_id = _id(document, provider, "round_id_field")
    by_round = text_of(provider, "key_source") == "round"
    return Win(
        key=_key("close", round_id, document, provider),
        handle=_id(document, provider, "user_id_field"),
        amount=_amount(document, provider),
        round_id=round_id,
        # Under a transaction id the bet's key cannot be told from the round.
        bet_key=f"open:{round_id}" if by_round else None,
        stake=None,
        occurred_at=_occurred_at(document, provider),
        ends_round=True,
    )


def _key(event: str, round_id: str, document: Document, provider: Provider) -> str:
    name = text_of(provider, "transaction_id_field")
    transaction_id = document.get(name)
    if text_of(provider, "key_source") == "transaction" and transaction_id is not None:
        return identifier(transaction_id, name)
    return f"{event}:{round_id}"


def _id(document: Document, provider: Provider, option: str) -> str:
    name = text_of(provider, option)
    return identifier(document[name], name)


def _amount(document: Document, provider: Provider) -> Money:
    currency_name = text_of(provider, "currency_field")
    stated = document.get(currency_name)
    currency = (
        provider.currency if stated is None else currency_code(stated, currency_name, provider)
    )
    name = text_of(provider, "amount_field")
    return stated_amount(document[name], currency, provider, path=name)


def _occurred_at(document: Document, provider: Provider) -> datetime | None:
    """The provider's clock: text in ISO-8601, or a number of milliseconds since 1970."""
    name = text_of(provider, "timestamp_field")
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, Number):
        return instant(value, name)
    if _EPOCH_MS.fullmatch(value) is None or int(value) > _EPOCH_MS_MAX:
        raise Malformed(name, "milliseconds since 1970 are expected")
    return _EPOCH + timedelta(milliseconds=int(value))
