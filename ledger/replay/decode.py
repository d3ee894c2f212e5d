"""Hear stored bytes again: who said them, what they say, and what our own orders were. Pure."""

from typing import NamedTuple

from msgspec.structs import replace

from ledger.accepting.acceptor import own_operation_request
from ledger.accepting.model import DeliveryRow, OperationRow, Request
from ledger.accepting.own_operations import own_operation_from_bytes
from ledger.enums import OWN_SLUG, OperationKind
from ledger.replay.report import ProviderDecoders
from providers.contract import Callback
from vocabulary.errors import Malformed, NotAuthentic

#: Why an operation is taken as it stands.
NOT_CONFIGURED = "the provider is not configured"
UNVERIFIABLE = "the signature holds under none of today's secrets"
OPENING = "an opening balance, which no request brought"
BYTES_NOT_KEPT = "an order of ours whose bytes were not kept"
WRITTEN_WITH_ANOTHER = "written with an operation that is taken as it stands"
OUTSIDE_WINDOW = "outside of the window, or another provider's"


class DecodedDelivery(NamedTuple):
    """What came of hearing: a request, or why there is none; ``fault`` is a difference."""

    request: Request | None
    told: str | None = None
    fault: str | None = None


def decode(row: OperationRow | DeliveryRow, voices: ProviderDecoders) -> DecodedDelivery:
    """Verify and parse a provider's stored bytes.

    A delivery may be malformed: its request then has no fact. An operation may not.
    """
    voice = voices.providers.get(row.provider)
    if voice is None:
        return DecodedDelivery(None, told=NOT_CONFIGURED)
    callback = Callback(route=row.route, headers=headers_of(row.headers), body=row.body)
    try:
        verified = voice.dialect.verify(callback, voice.provider)
    except NotAuthentic:
        return DecodedDelivery(None, told=UNVERIFIABLE)
    respond, provider = voice.dialect.respond, voice.provider
    request = Request(
        provider=row.provider,
        policy=voice.policy,
        fact=None,
        route=row.route,
        headers=row.headers,
        body=row.body,
        received_at=row.received_at,
        respond=lambda outcome: respond(outcome, provider),
    )
    try:
        fact = voice.dialect.parse(verified, voice.provider)
    except Malformed as malformed:
        return DecodedDelivery(request, fault=f"malformed: {malformed.path}")
    return DecodedDelivery(replace(request, fact=fact))


def decode_own_operation(row: OperationRow) -> DecodedDelivery:
    """Our own order, as its operation keeps it."""
    if is_opening(row):
        return DecodedDelivery(None, told=OPENING)
    if not row.body:
        return DecodedDelivery(None, told=BYTES_NOT_KEPT)
    try:
        order = own_operation_from_bytes(row.body)
    except ValueError:  # of which both libraries' errors are
        return DecodedDelivery(None, fault="not an order of ours")
    return DecodedDelivery(own_operation_request(order, now=row.received_at))


def is_own_operation(row: OperationRow) -> bool:
    """Whether we ordered it ourselves; a correction of a round stands under its provider."""
    return row.provider == OWN_SLUG or row.kind == OperationKind.ADJUSTMENT.value


def is_opening(row: OperationRow) -> bool:
    """Whether the row is the deposit an imported wallet opens with."""
    return row.wallet_seq == 1 and row.op_key == f"opening:{row.wallet_id}"


def headers_of(lines: str) -> dict[str, str]:
    """The headers that were kept, by name in lower case."""
    pairs = (line.partition(": ") for line in lines.split("\n") if line)
    return {name: value for name, _, value in pairs}
