"""How a request ended: the closed set of verdicts that every dialect can answer."""

from enum import StrEnum

from msgspec import Struct

from vocabulary.facts import Fact
from vocabulary.money import Money


class Verdict(StrEnum):
    """How a request ended. The value is stored with the delivery and used as a metric label."""

    BALANCE = "balance"  # a balance query, answered
    ACCEPTED = "accepted"  # the operation is booked (it may move nothing)
    DECLINED_FUNDS = "declined_funds"  # final
    DECLINED_BLOCKED = "declined_blocked"  # final
    REPEATED = "repeated"  # same key, same fact: the stored reply is sent again
    CONFLICT = "conflict"  # same key, other fact: nothing moves
    ROLLED_BACK = "rolled_back"  # the operation was rolled back before it arrived
    BET_UNKNOWN = "bet_unknown"  # a win for an unknown bet, where the policy refuses it
    IRREVERSIBLE = "irreversible"  # a rollback of an operation that cannot be undone
    PLAYER_UNKNOWN = "player_unknown"
    CURRENCY_WRONG = "currency_wrong"
    RECORDED = "recorded"  # a history record, stored
    MALFORMED = "malformed"  # authentic, but not valid in the dialect
    NOT_AUTHENTIC = "not_authentic"
    SIGNATURE_MISSING = "signature_missing"
    ADDRESS_REFUSED = "address_refused"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    ROUTE_UNKNOWN = "route_unknown"
    METHOD_WRONG = "method_wrong"
    UNAVAILABLE = "unavailable"  # our failure; the provider should retry; may be committed


#: Verdicts of deliveries that a worker looks at: history to store, malformed callbacks to
#: report as findings.
TO_INGEST = frozenset({Verdict.RECORDED, Verdict.MALFORMED})


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """A verdict with everything a dialect may need for its answer.

    Attributes:
        route: the suffix after ``/callbacks/{slug}``, e.g. ``"/bet"``.
        fact: the parsed fact, or None.
        transaction_id: ours, for booked operations, else None.
        balance: the player's balance afterwards, or None if the player is unknown.
        turnover: the player's lifetime stakes in that wallet, or None if the player is unknown.
        body: the bytes of an authentic request, for answers that repeat a part of it; empty for
            any other.
    """

    verdict: Verdict
    route: str
    fact: Fact | None
    transaction_id: str | None
    balance: Money | None
    turnover: Money | None
    body: bytes = b""


def refusal(
    verdict: Verdict, route: str, fact: Fact | None = None, *, body: bytes = b""
) -> Outcome:
    """An outcome without a transaction or a balance."""
    return Outcome(
        verdict=verdict,
        route=route,
        fact=fact,
        transaction_id=None,
        balance=None,
        turnover=None,
        body=body,
    )


class CallbackReply(Struct, frozen=True, gc=False):
    """An HTTP answer; the body is always JSON."""

    status: int
    body: bytes
