"""When a break counts as closed in statements and trends, whatever runs find later."""

from datetime import date, timedelta
from pathlib import Path

from breaks.actions import apply, explaining
from breaks.lists.flow import break_flow
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
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
