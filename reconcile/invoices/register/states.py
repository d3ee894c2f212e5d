"""The states of an invoice, and which step may follow. Pure.

::

    received ─► approved ─► paid
       └──────► disputed ─► approved
                   ▲ └─────── from approved, too

The database checks the steps again (migration 0111).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NoReturn

from vocabulary.errors import NotAllowed
from vocabulary.people import are_two_people
from vocabulary.plurals import counted


class InvoiceRefused(NotAllowed):
    """The rules do not allow a step of an invoice; nothing was changed."""


class InvoiceState(StrEnum):
    """The state of an invoice, which its last step leads to; a closed set."""

    RECEIVED = "received"
    APPROVED = "approved"
    DISPUTED = "disputed"
    PAID = "paid"


#: The states from which a step leads to a state; None: before the first step.
_FROM: Mapping[InvoiceState, frozenset[InvoiceState | None]] = MappingProxyType(
    {
        InvoiceState.RECEIVED: frozenset({None}),
        InvoiceState.APPROVED: frozenset({InvoiceState.RECEIVED, InvoiceState.DISPUTED}),
        InvoiceState.DISPUTED: frozenset({InvoiceState.RECEIVED, InvoiceState.APPROVED}),
        InvoiceState.PAID: frozenset({InvoiceState.APPROVED}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSummary:
    """What a check of an invoice found; amounts are decimal text.

    Attributes:
        claimed, ours, difference: the fee.
        by_ggr, by_terms: the parts of the difference.
        ties: whether every line and the fee are what we compute, and every batch is posted.
        unsigned: the days of the period that are not signed, with their states.
        unposted: accepted batches that are in no figure of ours yet.
    """

    claimed: str
    ours: str
    difference: str
    by_ggr: str
    by_terms: str
    ties: bool
    unsigned: Mapping[str, str]
    unposted: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether it ties and rests on signed days only."""
        return self.ties and not self.unsigned

    @property
    def doubts(self) -> str:
        """Why it is not clean, in words; empty if it is."""
        doubts = []
        if self.claimed != self.ours:
            doubts.append(f"it claims {self.claimed}, we compute {self.ours}")
        elif not self.ties and not self.unposted:
            doubts.append(f"it claims {self.claimed} as we compute, but for other lines")
        if self.unposted:
            batches = counted(self.unposted, "accepted batch is", "accepted batches are")
            doubts.append(f"{batches} not posted yet")
        if self.unsigned:
            days = ", ".join(f"{day} ({state})" for day, state in self.unsigned.items())
            doubts.append(f"days not signed: {days}")
        return "; ".join(doubts)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRequest:
    """A step that a person wants to take.

    Attributes:
        state: where it leads.
        eyes: the accounts and operating-system users behind it.
        check: of the receipt and of the approval.
        paid_on, reference: of a payment.
    """

    state: InvoiceState
    by: str
    eyes: frozenset[str]
    reason: str = ""
    check: CheckSummary | None = None
    paid_on: date | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceStep:
    """A step that was taken; see ``InvoiceRequest``.

    Attributes:
        number: 1, 2, 3 … within the invoice.
        checked: what ``CheckSummary`` held, as it is stored.
    """

    number: int
    state: InvoiceState
    by: str
    eyes: frozenset[str]
    at: datetime
    reason: str = ""
    clean: bool | None = None
    checked: Mapping[str, Any] | None = None
    paid_on: date | None = None
    reference: str | None = None


def check_invoice_step(
    steps: Sequence[InvoiceStep], request: InvoiceRequest, today: date
) -> int:
    """Check that a step may follow; returns its number.

    Raises:
        InvoiceRefused: the state, the person, a missing reason or the payment do not allow it.
    """
    before = steps[-1].state if steps else None
    if before not in _FROM[request.state]:
        last = f"{steps[-1].state} by {steps[-1].by}" if steps else "not received yet"
        needs = " or ".join(sorted(filter(None, _FROM[request.state])))
        expected = f": it has to be {needs} first" if needs else ""
        _refuse(f"it is {last} and cannot be {request.state}{expected}")
    if request.state is InvoiceState.APPROVED:
        _check_approval(steps, request)
    elif request.state is InvoiceState.PAID:
        _check_payment(request, today)
    elif request.state is InvoiceState.DISPUTED and not request.reason.strip():
        _refuse("a reason is expected: what is wrong with it")
    return len(steps) + 1


def _check_approval(steps: Sequence[InvoiceStep], request: InvoiceRequest) -> None:
    receipt, check = steps[0], request.check
    if not are_two_people(receipt.eyes, request.eyes):
        _refuse(f"{receipt.by} received it: another person approves it")
    if check is None:
        _refuse("it was not checked")
    if not check.is_clean and not request.reason.strip():
        _refuse(f"{check.doubts}; --reason is expected")


def _check_payment(request: InvoiceRequest, today: date) -> None:
    if request.paid_on is None or request.paid_on > today:
        _refuse("the day of the payment is expected, today or earlier")
    if not (request.reference or "").strip():
        _refuse("the reference of the payment is expected")


def _refuse(why: str) -> NoReturn:
    raise InvoiceRefused(why)
