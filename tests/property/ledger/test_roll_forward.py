"""Opening plus new less closed is closing, whatever the breaks and the cuts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reports.statement.roll_forward import BreakSpan, BreakSum, Cuts, roll_forward

START = datetime(2026, 3, 1, tzinfo=UTC)
instants = st.integers(0, 20).map(lambda hours: START + timedelta(hours=hours))
spans = st.builds(
    BreakSpan,
    break_id=st.uuids().map(str),
    currency=st.sampled_from(("EUR", "USD")),
    difference=st.integers(-500, 500),
    opened_at=instants,
    settled_at=st.none() | instants,
)
cuts = st.lists(instants, min_size=3, max_size=3).map(sorted)


@given(st.lists(spans, max_size=30), cuts)
def test_opening_plus_new_less_closed_is_closing(
    breaks: list[BreakSpan], ordered: list[datetime]
) -> None:
    opening, closing, report = ordered
    for roll in roll_forward(breaks, Cuts(opening=opening, closing=closing, report=report)):
        assert roll.holds
        assert roll.opening + roll.new - roll.closed == roll.closing
        assert roll.closing + roll.new_since - roll.closed_since == roll.now
        assert (roll.scaled(100) + roll).holds


@given(st.lists(spans, max_size=30), cuts)
def test_what_one_statement_carries_forward_the_next_brings_forward(
    breaks: list[BreakSpan], ordered: list[datetime]
) -> None:
    first, second, third = ordered
    before = roll_forward(breaks, Cuts(opening=first, closing=second, report=third))
    after = roll_forward(breaks, Cuts(opening=second, closing=third, report=third))
    carried = {roll.currency: roll.closing for roll in before}
    brought = {roll.currency: roll.opening for roll in after}
    for code in {*carried, *brought}:
        assert carried.get(code, BreakSum()) == brought.get(code, BreakSum())


@given(st.lists(spans, max_size=30), cuts)
def test_what_is_open_is_counted_from_the_breaks_alone(
    breaks: list[BreakSpan], ordered: list[datetime]
) -> None:
    opening, closing, report = ordered
    rolls = roll_forward(breaks, Cuts(opening=opening, closing=closing, report=report))
    unsettled = [
        span
        for span in breaks
        if span.opened_at <= report and (span.settled_at is None or span.settled_at > report)
    ]
    assert sum(roll.now.count for roll in rolls) == len(unsettled)
    assert sum(roll.now.net for roll in rolls) == sum(span.difference for span in unsettled)
