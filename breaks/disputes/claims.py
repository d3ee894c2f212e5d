"""Claimable money: what disputes leave between providers and us, by answer and age. Pure.

The amounts are differences of GGR. What they are worth on an invoice is the share of GGR that
the provider's terms charge. ``breaks.disputes.claim_sums`` lets the database add up the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from breaks.disputes.model import CLAIMED, Dispute, DisputeLine, LineState
from breaks.policy import AGES, age_bucket

#: The age of lines that no pack has brought to the provider yet.
NOT_SENT = "not sent"
#: The ages of claims, in order.
CLAIM_AGES = (NOT_SENT, *AGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeClaim:
    """Disputed money of one provider, state, age and currency, minor units.

    Attributes:
        age: since the first pack, for unanswered lines; since the answer, for the others.
        in_our_favour: GGR that the provider counts and our books do not justify.
        in_their_favour: GGR of our books that the provider does not count.
    """

    provider: str
    state: LineState
    age: str
    currency: str
    lines: int
    in_our_favour: int
    in_their_favour: int

    @property
    def net(self) -> int:
        """The provider's GGR less ours."""
        return self.in_our_favour - self.in_their_favour


def claims_of(disputes: Iterable[Dispute], now: datetime) -> list[DisputeClaim]:
    """The claimable money of disputes: unanswered, accepted, to be restated, rejected.

    What was cured, settled, taken back or disputed again is no part of it.
    """
    differences: dict[tuple[str, LineState, str, str], list[int]] = {}
    for dispute in disputes:
        for line in dispute.lines:
            if line.state in CLAIMED:
                key = (dispute.provider, line.state, _age(dispute, line, now), line.currency)
                differences.setdefault(key, []).append(line.difference)
    return [
        DisputeClaim(
            provider=provider,
            state=state,
            age=age,
            currency=currency,
            lines=len(differences),
            in_our_favour=sum(minor for minor in differences if minor > 0),
            in_their_favour=-sum(minor for minor in differences if minor < 0),
        )
        for (provider, state, age, currency), differences in sorted(
            differences.items(), key=lambda item: claim_order(*item[0])
        )
    ]


def claim_order(
    provider: str, state: LineState, age: str, currency: str
) -> tuple[str, int, int, str]:
    """What claims are in order by."""
    return provider, list(LineState).index(state), CLAIM_AGES.index(age), currency


def _age(dispute: Dispute, line: DisputeLine, now: datetime) -> str:
    since = dispute.sent_at if line.answer is None else line.answer.imported_at
    return NOT_SENT if since is None else age_bucket(now - since)
