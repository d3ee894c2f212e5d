"""Per dialect: a provider's voice for tests, signing with the standard library alone."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha512

from providers.contract import Callback, OptionValue, Provider
from providers.dialect import Dialect
from providers.registry import DIALECTS

#: A text that stands nowhere else, to be looked for in messages.
SECRET = b"canary-secret-7f3a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """How one provider speaks.

    Attributes:
        valid: one valid body per route, compact, without its signature.
        sign: (route, body, secret) to a callback signed as the provider does.
        signature_header: where the signature is a header, its name.
        takes_more_fields: fields that the dialect does not know are accepted.
    """

    dialect: Dialect
    valid: Mapping[str, bytes]
    sign: Callable[[str, bytes, bytes], Callback]
    signature_header: str | None
    takes_more_fields: bool = False

    def callback(self, route: str, body: bytes | None = None) -> Callback:
        """A callback that is authentic under the canary secret."""
        return self.sign(route, self.valid[route] if body is None else body, SECRET)


def configured(
    dialect: Dialect,
    *,
    secrets: tuple[bytes, ...] = (SECRET,),
    currency: str = "USD",
    exponents: Mapping[str, int] | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Provider:
    """A provider of the dialect with its default options, some of them changed."""
    changed = options or {}
    assert changed.keys() <= dialect.options.keys()
    defaults = {name: option.default for name, option in dialect.options.items()}
    return Provider(
        slug=dialect.name,
        currency=currency,
        exponents=exponents or {},
        secrets=secrets,
        options={**defaults, **changed},
    )


def _hex(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, sha256).hexdigest()


def sign_aggregator(route: str, body: bytes, secret: bytes) -> Callback:
    """Append ``hmac`` to a compact JSON object whose keys are sorted."""
    tail = b'"hmac":"' + _hex(secret, body).encode() + b'"}'
    comma = b"" if body == b"{}" else b","
    headers = {"content-type": "application/json"}
    return Callback(route=route, headers=headers, body=body[:-1] + comma + tail)


def sign_xigs(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the signature of the body as sent into the header."""
    signature = hmac.new(secret, body, sha512).hexdigest()
    headers = {"content-type": "application/json", "x-signed-request": signature}
    return Callback(route=route, headers=headers, body=body)


def sign_sportsbook(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the hash of the raw body into the header."""
    headers = {"content-type": "application/json", "x-security-hash": _hex(secret, body)}
    return Callback(route=route, headers=headers, body=body)


def sign_agent_platform(route: str, body: bytes, secret: bytes) -> Callback:
    """Put the signature of the body as sent into the header."""
    headers = {"content-type": "application/json", "x-signature": _hex(secret, body)}
    return Callback(route=route, headers=headers, body=body)


_AGENT_PLATFORM = {
    "": (
        b'{"agent_id":1,"bet":10.00,"currency":"USD","player_id":"player_123",'
        b'"transaction_id":"T-1","type":"makeBet","win":25.50}'
    ),
}
_AGGREGATOR = {
    "/balance": b'{"user_agent":"LAG1.0632094194"}',
    "/bet": b'{"balance":5,"bet_id":"1677950013029748736","user_agent":"LAG1.0632094194"}',
    "/settle-bet": (
        b'{"balance":20,"bet":5,"bet_id":"1677950013029748736","user_agent":"LAG1.0632094194"}'
    ),
    "/bet-end": (
        b'{"balance":5,"bet_id":"1677950013029748736","user_agent":"LAG1.0632094194",'
        b'"win_balance":20}'
    ),
    "/history": (
        b'{"_id":"66a1c0f2e1b2c3d4e5f60718","after_balance":311.59,"before_balance":296.59,'
        b'"createdAt":"2026-06-04T09:30:00.000Z","game":"Super Golf Drive","game_id":"1513328",'
        b'"provider":"PGSoft","receive_balance":20,"type":"update",'
        b'"updatedAt":"2026-06-04T09:30:04.000Z","used_balance":5,'
        b'"user_agent":"LAG1.0632094194","winlose":15}'
    ),
}
_SPORTSBOOK = {
    "/transaction": (
        b'{"transaction_id":"OP-1","action":"bet","user_id":"42","currency":"USD",'
        b'"amount":"10.00"}'
    ),
    "/transaction-rollback": (
        b'{"transaction_id":"OP-2","rollback_transaction_id":"OP-1","action":"rollback",'
        b'"user_id":"42","currency":"USD","amount":"10.00"}'
    ),
}

_XIGS = {
    "": b'{"amount":2.5,"eventType":"open-round","roundId":"r-1","userId":"usr_7c21"}',
}

SPEAKERS: Mapping[str, Speaker] = {
    "agent_platform": Speaker(
        dialect=DIALECTS["agent_platform"],
        valid=_AGENT_PLATFORM,
        sign=sign_agent_platform,
        signature_header="x-signature",
        takes_more_fields=True,
    ),
    "aggregator": Speaker(
        dialect=DIALECTS["aggregator"],
        valid=_AGGREGATOR,
        sign=sign_aggregator,
        signature_header=None,
    ),
    "sportsbook": Speaker(
        dialect=DIALECTS["sportsbook"],
        valid=_SPORTSBOOK,
        sign=sign_sportsbook,
        signature_header="x-security-hash",
    ),
    "xigs": Speaker(
        dialect=DIALECTS["xigs"],
        valid=_XIGS,
        sign=sign_xigs,
        signature_header="x-signed-request",
        takes_more_fields=True,
    ),
}
