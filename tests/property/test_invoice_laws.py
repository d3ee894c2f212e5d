"""Random people in any order: nobody approves what they received, and nothing is paid twice."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.invoices.register.states import (
    CheckSummary,
    InvoiceRefused,
    InvoiceRequest,
    InvoiceState,
    InvoiceStep,
    check_invoice_step,
)
from vocabulary.people import are_two_people

TODAY = date(2026, 7, 3)
#: Two accounts of ana's operating-system user, an administrator acting for ben, and two others.
EYES = {
    "ana": frozenset({"person:1", "os:ana"}),
    "ana second": frozenset({"person:2", "os:ana"}),
    "root for ben": frozenset({"person:3", "os:root", "person:4"}),
    "ben": frozenset({"person:4"}),
    "eve": frozenset({"person:5"}),
}


def summary(*, ties: bool, unsigned: bool) -> CheckSummary:
    return CheckSummary(
        claimed="10.00",
        ours="10.00" if ties else "9.00",
        difference="0.00" if ties else "1.00",
        by_ggr="0.00",
        by_terms="0.00",
        ties=ties,
        unsigned={"2026-06-30": "closed"} if unsigned else {},
    )


CHECKS = st.builds(summary, ties=st.booleans(), unsigned=st.booleans())
WORDS = st.sampled_from(["", "  ", "agreed by mail"])


@st.composite
def requests(draw: st.DrawFn) -> InvoiceRequest:
    by = draw(st.sampled_from(sorted(EYES)))
    state = draw(st.sampled_from(InvoiceState))
    is_checked = state in {InvoiceState.RECEIVED, InvoiceState.APPROVED}
    is_payment = state is InvoiceState.PAID
    days = st.integers(-30, 2).map(lambda days: TODAY + timedelta(days=days))
    return InvoiceRequest(
        state=state,
        by=by,
        eyes=EYES[by],
        reason=draw(WORDS),
        check=draw(CHECKS) if is_checked else None,
        paid_on=draw(st.none() | days) if is_payment else None,
        reference=draw(WORDS) if is_payment else None,
    )


def taken(requested: list[InvoiceRequest]) -> list[tuple[InvoiceStep, InvoiceRequest]]:
    """The steps that the rules allow, in order, each with its request."""
    steps: list[tuple[InvoiceStep, InvoiceRequest]] = []
    for request in requested:
        try:
            number = check_invoice_step([step for step, _ in steps], request, TODAY)
        except InvoiceRefused:
            continue
        step = InvoiceStep(
            number=number,
            state=request.state,
            by=request.by,
            eyes=request.eyes,
            at=datetime(2026, 7, 3, tzinfo=UTC),
            reason=request.reason,
        )
        steps.append((step, request))
    return steps


@given(requested=st.lists(requests(), max_size=25))
def test_no_order_of_people_approves_alone_or_pays_what_is_not_approved(
    requested: list[InvoiceRequest],
) -> None:
    steps = taken(requested)

    assert [step.number for step, _ in steps] == list(range(1, len(steps) + 1))
    if not steps:
        return
    states = [step.state for step, _ in steps]
    assert states[0] is InvoiceState.RECEIVED
    assert states.count(InvoiceState.RECEIVED) == 1
    assert states.count(InvoiceState.PAID) <= 1
    for place, (step, request) in enumerate(steps):
        if step.state is InvoiceState.APPROVED:
            assert are_two_people(steps[0][0].eyes, step.eyes)
            assert request.check is not None
            assert request.check.is_clean or request.reason.strip()
        if step.state is InvoiceState.PAID:
            assert states[place - 1] is InvoiceState.APPROVED
            assert place == len(steps) - 1
            assert request.paid_on is not None
            assert request.paid_on <= TODAY
            assert (request.reference or "").strip()
        if step.state is InvoiceState.DISPUTED:
            assert request.reason.strip()
