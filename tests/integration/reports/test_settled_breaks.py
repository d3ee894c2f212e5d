"""When a break counts as closed in statements and trends, whatever runs find later."""

from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from breaks.actions import apply, explaining, reopening
from breaks.lists.flow import break_flow
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reports.statement.roll_forward import BreakSum
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from tests.harness.books.statements import (
    DAYS,
    ONE_DAY,
    REPORT_AT,
    Desk,
    reconcile_day,
    window_of_day,
)
from vocabulary.clock import FrozenClock
from vocabulary.window import parse_window


def test_what_a_person_settled_stays_closed_then_when_a_run_no_longer_finds_it(
    database: str, tmp_path: Path
) -> None:
    books = TwoBooks()
    books.ours("late", 500, 100)
    books.both("next-day", 500, 100, at=NOON + ONE_DAY)
    books.write(database)
    reconcile_day(database, "agg", DAYS[0])
    desk = Desk(tmp_path, database)
    (break_,) = desk.pack(window_of_day(DAYS[0])).breaks
    engine = open_engine(database)
    explained = NOON + ONE_DAY
    apply(engine, break_.break_id, explaining(by="jonas", why="It comes late", now=explained))
    reconcile_day(database, "agg", DAYS[1])

    def closed_and_carried_forward() -> tuple[int, int]:
        pack = desk.pack(window_of_day(DAYS[1]))
        assert pack.statement is not None
        (roll,) = pack.statement.roll_forward
        return roll.closed.count, roll.closing.count

    def resolved_by_day() -> list[tuple[date, int]]:
        with engine.connect() as connection:
            window = parse_window("2026-03-01", "2026-03-05", zone="UTC")
            flow = break_flow(connection, "agg", window, "UTC")
        return [(day.day, day.resolved) for day in flow if day.resolved]

    before = closed_and_carried_forward(), resolved_by_day()
    books.theirs("late", 500, 100, reported_after=2 * ONE_DAY)
    books.write(database)
    request = RunRequest(provider="agg", window=window_of_day(DAYS[0]), maturity=ONE_DAY)
    reconcile(database, request, clock=FrozenClock(REPORT_AT - timedelta(hours=1)))
    after = closed_and_carried_forward(), resolved_by_day()
    engine.dispose()

    assert before == ((1, 0), [(explained.date(), 1)])
    assert after == before


@pytest.mark.parametrize("by_run", [True, False])
def test_what_was_open_at_a_cut_is_brought_forward_also_if_it_is_open_anew(
    database: str, tmp_path: Path, *, by_run: bool
) -> None:
    books = TwoBooks()
    books.ours("r1", 500, 100)
    books.theirs("r1", 500, 150)
    books.both("next-day", 500, 100, at=NOON + ONE_DAY)
    books.write(database)
    desk = Desk(tmp_path, database)
    for day in DAYS[:2]:
        reconcile_day(database, "agg", day)
    (break_,) = desk.pack(window_of_day(DAYS[0])).breaks
    engine = open_engine(database)
    explained = NOON + ONE_DAY
    apply(engine, break_.break_id, explaining(by="jonas", why="A jackpot", now=explained))

    def sums() -> tuple[BreakSum, ...]:
        """Carried forward from the first day; brought forward to the second, and closed."""
        first, second = (desk.pack(window_of_day(day)).statement for day in DAYS[:2])
        assert first is not None
        assert second is not None
        (before,), (after,) = first.roll_forward, second.roll_forward
        assert after.holds
        return before.closing, after.opening, after.closed

    assert sums() == (BreakSum(1, 50, 0),) * 3
    again = REPORT_AT - timedelta(hours=1)
    if by_run:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE feed_records SET payout = 180 WHERE round_id = 'r1'")
        request = RunRequest(provider="agg", window=window_of_day(DAYS[0]), maturity=ONE_DAY)
        reconcile(database, request, clock=FrozenClock(again))
    else:
        apply(engine, break_.break_id, reopening(by="maria", why="It is none", now=again))
    assert sums() == (BreakSum(1, 50, 0),) * 3
    statement = desk.pack(window_of_day(DAYS[1])).statement
    engine.dispose()

    assert statement is not None
    (roll,) = statement.roll_forward
    assert (roll.new_since, roll.now) == (BreakSum(1, 80 if by_run else 50, 0),) * 2
