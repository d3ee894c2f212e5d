"""Decode stored bytes again: who sent them, what they say, and our own operations. Pure."""

from typing import NamedTuple

from msgspec.structs import replace

from ledger.accepting.acceptor import own_operation_request
from ledger.accepting.model import DeliveryRow, OperationRow, Request
from ledger.accepting.own_operations import Adjust, own_operation_from_bytes
from ledger.enums import OPENING_KEY, OWN_SLUG, OperationKind
from ledger.replay.report import ProviderDecoders
from providers.contract import Callback
from vocabulary.currencies import CurrencyUnknown
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.outcomes import Verdict

#: Causes for taking an operation as it is stored.
NOT_CONFIGURED = "the provider is not configured"
UNVERIFIABLE = "the signature holds under none of today's secrets"
OPENING = "an opening balance, which no request brought"
BYTES_NOT_KEPT = "an own operation whose bytes were not kept"
CURRENCY_UNKNOWN = "in a currency whose digits no settings name"
WRITTEN_WITH_ANOTHER = "written with an operation that is taken as it stands"
OUTSIDE_WINDOW = "outside of the window, or another provider's"
ROWS_AWAY = "names an operation that left for an archive"
#: Causes for which evidence should be there and is not, or cannot be checked.
UNPROVEN = frozenset({NOT_CONFIGURED, UNVERIFIABLE, BYTES_NOT_KEPT, CURRENCY_UNKNOWN})


class DecodedDelivery(NamedTuple):
    """The request in stored bytes, or why there is none.

    Attributes:
        as_stored: why the row can only be taken as it is stored, or None.
        fault: what is wrong with the bytes; a difference for an operation.
    """

    request: Request | None
    as_stored: str | None = None
    fault: str | None = None


def decode(row: OperationRow | DeliveryRow, decoders: ProviderDecoders) -> DecodedDelivery:
    """Verify and parse a provider's stored bytes.

    A delivery may be malformed, or refused for its currency: its request then has no fact. An
    operation may not.
    """
    decoder = decoders.providers.get(row.provider)
    if decoder is None:
        return DecodedDelivery(None, as_stored=NOT_CONFIGURED)
    dialect, provider = decoder.dialect, decoder.provider
    callback = Callback.from_evidence(route=row.route, headers=row.headers, body=row.body)
    try:
        verified = dialect.verify(callback, provider)
    except NotAuthentic:
        return DecodedDelivery(None, as_stored=UNVERIFIABLE)
    request = Request(
        provider=row.provider,
        policy=decoder.policy,
        fact=None,
        route=row.route,
        headers=row.headers,
        body=row.body,
        received_at=row.received_at,
        respond=lambda outcome: dialect.respond(outcome, provider),
    )
    try:
        fact = dialect.parse(verified, provider)
    except CurrencyUnknown:
        if isinstance(row, DeliveryRow) and row.verdict == Verdict.CURRENCY_WRONG:
            return DecodedDelivery(replace(request, unread=Verdict.CURRENCY_WRONG))
        return DecodedDelivery(None, as_stored=CURRENCY_UNKNOWN)
    except Malformed as malformed:
        return DecodedDelivery(request, fault=f"malformed: {malformed.path}")
    return DecodedDelivery(replace(request, fact=fact))


def decode_own_operation(row: OperationRow) -> DecodedDelivery:
    """Decode one of our own operations from the bytes kept with it."""
    if is_opening(row):
        return DecodedDelivery(None, as_stored=OPENING)
    if not row.body:
        return DecodedDelivery(None, as_stored=BYTES_NOT_KEPT)
    try:
        operation = own_operation_from_bytes(row.body)
    except ValueError:  # the errors of json and msgspec are ValueErrors
        return DecodedDelivery(None, fault="not an own operation")
    return DecodedDelivery(own_operation_request(operation, now=row.received_at))


def is_own_operation(row: OperationRow) -> bool:
    """Whether the operation is our own; a correction of a round has the provider's slug."""
    return row.provider == OWN_SLUG or row.kind == OperationKind.ADJUSTMENT.value


def is_own_delivery(row: DeliveryRow) -> bool:
    """Whether the delivery is of one of our own operations, sent again.

    That of a correction of a round has the provider's slug. A provider's own callback has a
    route, or the header of its signature.
    """
    if row.provider == OWN_SLUG or row.route or row.headers:
        return row.provider == OWN_SLUG
    try:
        return isinstance(own_operation_from_bytes(row.body), Adjust)
    except ValueError:
        return False


def is_opening(row: OperationRow) -> bool:
    """Whether the row is the deposit an imported wallet opens with."""
    return row.wallet_seq == 1 and row.op_key == f"{OPENING_KEY}{row.wallet_id}"
