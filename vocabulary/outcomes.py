"""What became of one request: the closed set of verdicts that every dialect can answer."""

from enum import StrEnum

from msgspec import Struct

from vocabulary.facts import Fact
from vocabulary.money import Money


class Verdict(StrEnum):
    """How a request ended. The value is stored with the delivery and used as a metric label."""

    BALANCE = "balance"  # a balance query, answered
    ACCEPTED = "accepted"  # the operation stands (it may have moved nothing)
    DECLINED_FUNDS = "declined_funds"  # final
    DECLINED_BLOCKED = "declined_blocked"  # final
    REPEATED = "repeated"  # same key, same fact: the stored reply was sent again
    CONFLICT = "conflict"  # same key, other fact: nothing moved
    ROLLED_BACK = "rolled_back"  # the operation was rolled back before it came
    BET_UNKNOWN = "bet_unknown"  # a win for a bet never seen, where the policy refuses it
    IRREVERSIBLE = "irreversible"  # a rollback of something that cannot be undone
    PLAYER_UNKNOWN = "player_unknown"
    CURRENCY_WRONG = "currency_wrong"
    RECORDED = "recorded"  # a history record, durable
    MALFORMED = "malformed"  # authentic, but not of the dialect
    NOT_AUTHENTIC = "not_authentic"
    SIGNATURE_MISSING = "signature_missing"
    ADDRESS_REFUSED = "address_refused"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    ROUTE_UNKNOWN = "route_unknown"
    METHOD_WRONG = "method_wrong"
    UNAVAILABLE = "unavailable"  # our fault; nothing committed; the provider should retry


#: Verdicts of requests whose bytes were proven authentic: evidence, kept as deliveries.
AUTHENTIC = frozenset(Verdict) - {
    Verdict.NOT_AUTHENTIC,
    Verdict.SIGNATURE_MISSING,
    Verdict.ADDRESS_REFUSED,
    Verdict.TOO_LARGE,
    Verdict.TOO_SLOW,
    Verdict.ROUTE_UNKNOWN,
    Verdict.METHOD_WRONG,
    Verdict.UNAVAILABLE,
}


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """A verdict with what a dialect may need to say about it.

    Attributes:
        route: the suffix after ``/callbacks/{slug}``, e.g. ``"/bet"``.
        fact: what was understood, or None when nothing was.
        transaction_id: ours, for operations that stand.
        balance: the player's balance after it, when the player is known.
        turnover: the player's lifetime stakes in that wallet, when the player is known.
    """

    verdict: Verdict
    route: str
    fact: Fact | None
    transaction_id: str | None
    balance: Money | None
    turnover: Money | None


def refusal(verdict: Verdict, route: str, fact: Fact | None = None) -> Outcome:
    """An outcome that names neither a transaction nor a balance."""
    return Outcome(
        verdict=verdict,
        route=route,
        fact=fact,
        transaction_id=None,
        balance=None,
        turnover=None,
    )


class Answer(Struct, frozen=True, gc=False):
    """What goes back over the wire; JSON always."""

    status: int
    body: bytes
