"""The hub's callbacks, from its document alone: a route for each, signed over the raw body."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from simulator.protocol.configuration import Configuration
from simulator.protocol.json_text import PLAIN, Value, WireRequest
from simulator.protocol.messages import Call, CallKind
from simulator.systems.content_hub.keys import signature

HEADER = "X-Hub-Signature"
#: Amounts are sent as whole numbers of 10 to the power of minus this.
DIGITS = 5
GAME = "hub_lucky_comet"

ROUTES: Mapping[CallKind, str] = {
    CallKind.BALANCE: "/user/balance",
    CallKind.BET: "/transaction/bet",
    CallKind.WIN: "/transaction/win",
    CallKind.ROLLBACK: "/transaction/rollback",
}


def request_of(
    call: Call, configuration: Configuration, _sent_at: datetime | None
) -> WireRequest:
    """The signed request that makes this call."""
    body = PLAIN(fields_of(call, configuration)).encode()
    headers = {
        "Content-Type": "application/json",
        configuration.option("signature_header", HEADER): signature(
            body, configuration.secrets[0]
        ),
    }
    return WireRequest(ROUTES[call.kind], headers, body)


def fields_of(call: Call, configuration: Configuration) -> dict[str, Value]:
    """The fields of a call, in the documented order."""
    fields: dict[str, Value] = {
        "user": call.handle,
        "token": f"token-of-{call.handle}",
        "request_uuid": _request_uuid(call),
        "game_code": GAME,
    }
    if call.kind is CallKind.BALANCE:
        return fields
    fields |= {
        "transaction_uuid": call.reference,
        "supplier_transaction_id": f"{call.reference}-S",
        "round": call.round,
        "round_closed": call.closes,
    }
    if call.original:
        fields["reference_transaction_uuid"] = call.original
    if call.kind is CallKind.ROLLBACK:
        return fields
    return fields | {
        "currency": call.currency,
        "amount": units(call.amount, call.currency, configuration),
        "is_free": False,
    }


def units(minor: int, currency: str, configuration: Configuration) -> int:
    """Minor units as the hub counts them."""
    spare = wire_digits_of(configuration) - configuration.digits_of(currency)
    assert spare >= 0, f"{currency} is finer than the hub counts"
    return minor * int(10**spare)


def wire_digits_of(configuration: Configuration) -> int:
    """The decimals that amounts are scaled by."""
    return configuration.number("amount_digits", DIGITS)


def _request_uuid(call: Call) -> str:
    """The id of a delivery; one that is sent again, byte for byte, has the same."""
    text = "\x00".join((call.reference or call.handle, call.kind, str(call.amount)))
    return str(UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))
