"""Callbacks field by field, so that every field can also be wrong."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from simulator.protocol.configuration import Configuration
from simulator.protocol.messages import Call

Pairs: TypeAlias = tuple[tuple[str, str], ...]
#: Reads a name from the configuration, where options decide it.
FieldName = Callable[[Configuration], str]
Applies = Callable[[Configuration], bool]


@dataclass(frozen=True, slots=True)
class Message:
    """One callback before it is signed: the route and each field's JSON token, in order."""

    route: str
    pairs: Pairs

    def put(self, name: str, token: str) -> "Message":
        """The same message with another token in one of its fields."""
        assert name in dict(self.pairs), name
        return replace(self, pairs=tuple((n, token if n == name else t) for n, t in self.pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFormat:
    """How one system's callbacks are made of fields, and what its document says about replies.

    Attributes:
        routes: every suffix it calls.
        message: the fields of a call.
        amount_field: what a bet's stake is called.
        player_field: what the player is called.
        amount_token: a decimal as the JSON token that the system sends for it.
        signature_header: the header with the signature; None where it is a field.
        signature_field: the last field of the body, where that is the signature; else None.
        signs_as_sent: the signature covers the bytes as sent; else the fields sorted by name.
        signature: the keyed hash of a text in hex, given (text, secret).
        statuses: the HTTP statuses that each kind of reply may have.
        wins_name_bets: a win names its bet as configured; else any win is owed.
        takes_forms: bodies may be form-encoded.
        round_end_books: a round's end books a bet or win that was never seen.
        declines_name_balance: a bet that the balance cannot cover is answered with the balance.
    """

    routes: tuple[str, ...]
    message: Callable[[Call, Configuration], Message]
    amount_field: FieldName
    player_field: FieldName
    amount_token: Callable[[str, Configuration], str]
    signature_header: FieldName | None
    signature_field: str | None
    signs_as_sent: Applies
    signature: Callable[[bytes, bytes, Configuration], str]
    statuses: Callable[[Configuration], Mapping[str, tuple[int, ...]]]
    wins_name_bets: Applies
    takes_forms: Applies
    round_end_books: Applies
    declines_name_balance: Applies


#: Any refusal, where the document names no status.
ANY_ERROR = tuple(range(400, 500))


def yes(_configuration: Configuration) -> bool:
    """Always."""
    return True


def no(_configuration: Configuration) -> bool:
    """Never."""
    return False


def as_text(amount: str, _configuration: Configuration) -> str:
    """An amount in a JSON text."""
    return json.dumps(amount)


def as_number(amount: str, _configuration: Configuration) -> str:
    """An amount as a JSON number."""
    return amount


def called(name: str) -> FieldName:
    """A field that has one name."""
    return lambda _configuration: name


def called_by_option(option: str, default: str) -> FieldName:
    """A field whose name is an option of the dialect."""
    return lambda configuration: configuration.option(option, default)


def hmac_sha256(text: bytes, secret: bytes, _configuration: Configuration) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def printed(pairs: Iterable[tuple[str, str]]) -> bytes:
    """A compact JSON object; a surrogate that escapes a byte becomes that byte again."""
    text = "{" + ",".join(f"{json.dumps(name)}:{token}" for name, token in pairs) + "}"
    return text.encode("utf-8", "surrogateescape")
