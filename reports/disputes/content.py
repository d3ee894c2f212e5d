"""What a dispute pack shows, as values: every file of the pack is written from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from breaks.disputes.model import Dispute, DisputeLine
from breaks.kinds import BreakKind
from providers.contract import SigningMethod
from reports.disputes.requests import LineEvidence, SignedRequest
from vocabulary.currencies import digits_of
from vocabulary.money import text_from_minor

#: The folder of the provider's requests.
REQUESTS = "requests/"
#: What is wrong with a round, said to the provider.
REASONS: Mapping[BreakKind, str] = MappingProxyType(
    {
        BreakKind.MISSING_IN_LEDGER: "You report the round; we received no request for it.",
        BreakKind.MISSING_AT_PROVIDER: "We accepted the round; your history lacks it.",
        BreakKind.CURRENCY: "Your history and your requests differ in currency.",
        BreakKind.AMBIGUOUS: "Your history has rows that fit the round, but no single one.",
        BreakKind.STATUS: "One side has the round rolled back, the other has not.",
        BreakKind.STAKE: "The stakes differ.",
        BreakKind.PAYOUT: "The payouts differ.",
        BreakKind.DUPLICATE_IN_LEDGER: "Your requests booked the round more than once.",
        BreakKind.DUPLICATE_AT_PROVIDER: "Your history has the round more than once.",
        BreakKind.UNANSWERED: "We accepted the round; our reply may not have reached you, and"
        " your history lacks it.",
        BreakKind.ID_SPELLING: "Your history spells the id otherwise than your requests, and"
        " the amounts differ.",
        BreakKind.RESTATED: "You changed the record after the day was closed.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedTotal:
    """The lines of one currency added up, minor units.

    Attributes:
        difference: the provider's GGR less ours.
    """

    currency: str
    lines: int
    our_ggr: int
    their_ggr: int
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeContent:
    """A dispute with its evidence, as one numbered pack shows it.

    Attributes:
        number: counts the packs of the provider.
        exported_at: when the pack was first written.
        due_at: by when answers are asked for.
        evidence: by number of the line.
        signing: how the provider signs its requests.
        exponents: the provider's overrides of digits after the decimal point.
    """

    dispute: Dispute
    number: int
    exported_by: str
    exported_at: datetime
    due_at: datetime
    evidence: Mapping[int, LineEvidence]
    signing: SigningMethod
    exponents: Mapping[str, int]

    @property
    def name(self) -> str:
        """The name of the pack: its folder, and its file without the ending."""
        return pack_name(self.dispute.provider, self.number)

    @property
    def totals(self) -> tuple[DisputedTotal, ...]:
        """The lines added up, by currency."""
        lines = self.dispute.lines
        return tuple(
            _total(currency, [line for line in lines if line.currency == currency])
            for currency in sorted({line.currency for line in lines})
        )

    def digits(self, currency: str) -> int:
        """Digits after the decimal point of a currency."""
        return digits_of(currency, self.exponents)

    def text(self, minor: int, currency: str) -> str:
        """An amount as decimal text."""
        return text_from_minor(minor, self.digits(currency))

    def request_amount(self, request: SignedRequest) -> str | None:
        """What a request moved, as decimal text; None: nothing."""
        if request.amount is None or request.currency is None:
            return None
        return self.text(request.amount, request.currency)


def pack_name(provider: str, number: int) -> str:
    """The name of a pack: its folder, and its file without the ending."""
    return f"{provider}-dispute-{number:04d}"


def their_round(line: DisputeLine) -> str:
    """The provider's name of the round."""
    return line.alias or line.round_id


def reason_of(line: DisputeLine) -> str:
    """What is wrong with the round, said to the provider."""
    return REASONS.get(line.kind, line.kind.replace("_", " "))


def request_files(
    line: DisputeLine, number: int, request: SignedRequest
) -> dict[str, tuple[str, bytes]]:
    """The path and bytes of each part of a request: its headers, its body, our reply.

    The text that was signed is a part of its own unless it is the body.
    """
    stem = f"{REQUESTS}{line.line:05d}/{number:02d}-{request.kind or request.outcome}"
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    parts = {
        "request.headers": f"POST {request.route}\r\n{headers}".encode(),
        "request.body": request.body,
        "reply.body": request.reply,
    }
    if request.signed is not None and request.signed != request.body:
        parts["signed"] = request.signed
    return {part: (f"{stem}.{part}", data) for part, data in parts.items()}


def _total(currency: str, lines: list[DisputeLine]) -> DisputedTotal:
    return DisputedTotal(
        currency=currency,
        lines=len(lines),
        our_ggr=sum(line.ours.ggr for line in lines if line.ours),
        their_ggr=sum(line.theirs.ggr for line in lines if line.theirs),
        difference=sum(line.difference for line in lines),
    )
