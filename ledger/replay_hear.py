"""Hear stored bytes again: who said them, what they say, and what our own orders were. Pure."""

from typing import NamedTuple

from msgspec.structs import replace

from ledger.books import DeliveryRow, OperationRow, Request, Wallet
from ledger.evidence import Voices
from ledger.kinds import OWN, OperationDecision, OperationKind
from ledger.orders import Deposit, Order, SetBlocked, Withdrawal
from providers.contract import Callback, Policy
from vocabulary.errors import Malformed, NotAuthentic
from vocabulary.money import Money

#: Why an operation is taken as it stands.
NOT_CONFIGURED = "the provider is not configured"
UNVERIFIABLE = "the signature holds under none of today's secrets"
OPENING = "an opening balance, which no request brought"
UNTOLD_ORDER = "an order of ours whose amount was not kept"
WITH_ANOTHER = "written with an operation that is taken as it stands"
OTHER_PROVIDER = "another provider's"

_OWN_POLICY = Policy(
    orphan_win_credits=False, rollback_of_rollback_accepts=False, round_per_operation=False
)


class Heard(NamedTuple):
    """What came of hearing: a request, or why there is none; ``fault`` is a difference."""

    request: Request | None
    told: str | None = None
    fault: str | None = None


def hear(row: OperationRow | DeliveryRow, voices: Voices) -> Heard:
    """Verify and parse a provider's stored bytes.

    A delivery may be malformed: its request then has no fact. An operation may not.
    """
    voice = voices.providers.get(row.provider)
    if voice is None:
        return Heard(None, told=NOT_CONFIGURED)
    callback = Callback(route=row.route, headers=headers_of(row.headers), body=row.body)
    try:
        verified = voice.dialect.verify(callback, voice.provider)
    except NotAuthentic:
        return Heard(None, told=UNVERIFIABLE)
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
        return Heard(request, fault=f"malformed: {malformed.path}")
    return Heard(replace(request, fact=fact))


def hear_own(row: OperationRow, wallet: Wallet, voices: Voices) -> Heard:
    """Our own order, as its operation tells it."""
    if is_opening(row):
        return Heard(None, told=OPENING)
    order = _order(row, wallet)
    if order is None:
        return Heard(None, told=UNTOLD_ORDER)
    request = Request(
        provider=OWN,
        policy=_OWN_POLICY,
        fact=order,
        route=row.route,
        headers=row.headers,
        body=row.body,
        received_at=row.received_at,
        respond=voices.own,
    )
    return Heard(request)


def is_opening(row: OperationRow) -> bool:
    """Whether the row is the deposit an imported wallet opens with."""
    return row.wallet_seq == 1 and row.op_key == f"opening:{row.wallet_id}"


def headers_of(lines: str) -> dict[str, str]:
    """The headers that were kept, by name in lower case."""
    pairs = (line.partition(": ") for line in lines.split("\n") if line)
    return {name: value for name, _, value in pairs}


def _order(row: OperationRow, wallet: Wallet) -> Order | None:
    who, why = wallet.player, row.reason or ""
    accepted = row.decision == OperationDecision.ACCEPTED.value
    match OperationKind(row.kind):
        case OperationKind.DEPOSIT:
            amount = Money(row.amount, row.currency)
            return Deposit(key=row.op_key, handle=who, amount=amount, reason=why)
        case OperationKind.WITHDRAWAL if accepted:
            amount = Money(-row.amount, row.currency)
            return Withdrawal(key=row.op_key, handle=who, amount=amount, reason=why)
        case OperationKind.BLOCK | OperationKind.UNBLOCK as kind:
            return SetBlocked(
                key=row.op_key,
                handle=who,
                currency=row.currency,
                blocked=kind is OperationKind.BLOCK,
                reason=why,
            )
        case _:
            return None
