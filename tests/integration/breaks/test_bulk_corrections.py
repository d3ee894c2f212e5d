"""Corrections of many breaks by command: of as many as were counted, or of none."""

import pytest

from breaks.bulk import BulkAction, BulkOrder
from breaks.kinds import BreakKind
from breaks.lists.queries import BreakFilter, list_breaks
from breaks.policy import NO_LIMITS
from breaks.states import ActionRefused, BreakState
from ops.commands.breaks.bulk_corrections import correct_all
from tests.harness.books.differences.break_commands import BreakCommands
from vocabulary.currencies import ISO_ONLY

PAYOUTS = BreakFilter(kind=BreakKind.PAYOUT)


def states(daily: BreakCommands) -> set[BreakState]:
    return {break_.state for break_ in list_breaks(daily.books.engine, PAYOUTS)}


def test_a_break_that_fits_since_they_were_counted_keeps_all_from_being_written_off(
    daily: BreakCommands,
) -> None:
    engine = daily.books.engine
    order = BulkOrder(
        action=BulkAction.WRITE_OFF,
        by="maria",
        reason="too small",
        limits=NO_LIMITS,
        try_corrections=daily.books.trials,
        exponents=lambda _provider: ISO_ONLY,
        books=True,
    )

    with pytest.raises(ActionRefused, match="the filter matches 3 breaks, not 2"):
        correct_all(engine, PAYOUTS, order, expected=2)
    before = states(daily)
    done = correct_all(engine, PAYOUTS, order, expected=3)

    assert before == {BreakState.OPEN}
    assert (len(done.breaks), done.refused) == (3, {})
    assert states(daily) == {BreakState.WRITE_OFF_PROPOSED}
