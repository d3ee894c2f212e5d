"""How breaks are counted: open means open."""

from breaks.standing import Standing, count_standings, counts_text, standing_of
from breaks.states import SETTLED, BreakState

#: Every state and how a break in it counts, without a booked correction.
TABLE = {
    "open": "open",
    "assigned": "open",
    "adjustment_proposed": "open",
    "approved": "open",
    "write_off_proposed": "open",
    "explained": "explained",
    "waiting": "waiting_for_provider",
    "written_off": "written_off",
    "posted": "corrected",
    "closed": "closed",
}


def test_every_state_counts_as_one_standing() -> None:
    assert {
        str(state): str(standing_of(state, corrected=False)) for state in BreakState
    } == TABLE


def test_a_closed_break_that_was_corrected_counts_as_corrected() -> None:
    assert standing_of(BreakState.CLOSED, corrected=True) is Standing.CORRECTED
    assert standing_of(BreakState.OPEN, corrected=True) is Standing.OPEN


def test_a_due_date_counts_exactly_while_a_break_is_open_or_waits() -> None:
    due = {standing_of(state, corrected=False) for state in set(BreakState) - SETTLED}

    assert due == {Standing.OPEN, Standing.WAITING}


def test_counts_name_only_what_there_is() -> None:
    counts = count_standings([Standing.OPEN, Standing.WRITTEN_OFF, Standing.OPEN])

    assert list(counts) == list(Standing)
    assert counts_text(counts) == "2 open, 1 written off"
    assert counts_text(count_standings([])) == "none"
