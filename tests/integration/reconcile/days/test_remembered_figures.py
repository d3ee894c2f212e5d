"""Figures of days that pages remember: those of the database, whatever was added up since."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from reconcile.days.day_sums import SummedDay, kept_days
from reconcile.days.remembered_figures import RememberedFigures
from reconcile.days.summing import keep_sums
from reconcile.totals.sides import BothFigures, both_figures
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

DAY = timedelta(days=1)
CLOCK = FrozenClock(NOON + 10 * DAY)


def _day(number: int) -> SummedDay:
    start = datetime(2026, 3, number, tzinfo=UTC)
    window = Window(start=start, end=start + DAY)
    return SummedDay(provider="agg", day=start.date(), zone="UTC", window=window)


DAYS = [_day(1), _day(2)]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Books of two days with sums of both."""
    books = TwoBooks()
    for number in range(2):
        books.both(f"alike-{number}", 100, 30, at=NOON + number * DAY)
    books.write(database)
    engine = open_engine(database, pool_size=3)
    assert keep_sums(engine, DAYS, CLOCK) == 2
    yield engine
    engine.dispose()


def _remembered(engine: Engine, figures: RememberedFigures) -> list[BothFigures]:
    with engine.connect() as connection:
        kept = kept_days(connection, DAYS)
        in_order = {day: kept[day] for day in DAYS}
        return figures.get(connection, in_order).get("agg", [])


def _added_up(engine: Engine) -> list[BothFigures]:
    with engine.connect() as connection:
        return [
            both_figures(connection, "agg", day.window, "UTC", by_game=False) for day in DAYS
        ]


def test_figures_of_days_are_read_once(engine: Engine) -> None:
    figures, statements = RememberedFigures(), list[str]()
    first = _remembered(engine, figures)
    event.listen(
        engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(str(arguments[2])),
    )
    assert _remembered(engine, figures) == first == _added_up(engine)
    assert not [statement for statement in statements if "FROM day_figures" in statement]
    assert any("FROM summed_days" in statement for statement in statements)


def test_a_day_added_up_anew_at_the_same_time_is_read_anew(
    engine: Engine, database: str
) -> None:
    figures = RememberedFigures()
    before = _remembered(engine, figures)
    late = TwoBooks()
    late.both("late", 500, 0, at=NOON + timedelta(minutes=1))
    late.write(database)
    assert keep_sums(engine, DAYS, CLOCK) == 1
    after = _remembered(engine, figures)
    assert after == _added_up(engine)
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_no_more_days_are_remembered_than_there_may_be(engine: Engine) -> None:
    figures = RememberedFigures(days_max=1)
    assert _remembered(engine, figures) == _added_up(engine)
    assert figures.count == 1
    with engine.begin() as connection:
        connection.execute(text("UPDATE day_figures SET stake = stake + 1"))
    pairs = zip(_remembered(engine, figures), _added_up(engine), strict=True)
    assert [both == added_up for both, added_up in pairs] == [False, True]  # one was forgotten
