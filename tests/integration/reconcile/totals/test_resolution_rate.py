"""How soon rows were resolved, by the stored runs: every horizon, every state."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from ops.metrics.catalogue import PARTS, exposition
from ops.metrics.explained import explained_samples
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.totals.resolution_days import resolution_days
from reconcile.totals.resolution_json import resolution_rates_json
from reconcile.totals.resolution_rate import (
    ResolutionRates,
    percent,
    resolution_rates,
)
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

DAY = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 2, tzinfo=UTC))
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MUCH_LATER = NOON + timedelta(days=10)


@pytest.fixture
def books() -> TwoBooks:
    return TwoBooks()


def _run(url: str, at: datetime, window: Window = DAY) -> None:
    reconcile(
        url,
        RunRequest(
            provider="agg",
            window=window,
            maturity=timedelta(minutes=15),
        ),
        clock=FrozenClock(at),
    )


def _rates(url: str, *, now: datetime = MUCH_LATER, zone: str = "UTC") -> ResolutionRates:
    engine = open_engine(url, pool_size=1)
    with engine.connect() as connection:
        rates = resolution_rates(connection, "agg", DAY, now=now, zone=zone)
        days = resolution_days(
            connection, "agg", DAY, now=now, zone=zone, within=timedelta(hours=24)
        )
    engine.dispose()
    _, by_24h, _ = rates.rates
    assert sum(day.due for day in days) == by_24h.due
    assert sum(day.resolved for day in days) == by_24h.resolved
    return rates


def _resolved_and_due(rates: ResolutionRates) -> list[tuple[int, int]]:
    return [(rate.resolved, rate.due) for rate in rates.rates]


def test_a_row_reported_late_is_resolved_by_the_run_that_cleared_its_break(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 50)
    books.ours("r2", 100, 0)
    books.theirs("moved-nothing", 0, 0)
    books.write(database)
    _run(database, NOON + 30 * MINUTE)
    books.theirs("r2", 100, 0, reported_after=3 * HOUR)
    books.write(database)
    _run(database, NOON + 4 * HOUR)
    rates = _rates(database)
    assert _resolved_and_due(rates) == [(2, 3), (3, 3), (3, 3)]
    assert (rates.rows, rates.open) == (3, 0)


def test_without_a_run_nothing_is_resolved(books: TwoBooks, database: str) -> None:
    books.both("r1", 100, 50)
    books.write(database)
    rates = _rates(database)
    assert (_resolved_and_due(rates), rates.open) == ([(0, 1)] * 3, 1)


def test_an_open_break_is_not_resolved_and_its_money_is_not_either(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 50)
    books.theirs("r2", 1_000, 300)
    books.write(database)
    _run(database, NOON + 40 * MINUTE)
    rates = _rates(database)
    assert [dict(rate.money) for rate in rates.rates] == [{"USD": (150, 1_450)}] * 3
    assert rates.open == 1


def test_a_record_that_is_rolled_back_counts_no_money_whatever_amounts_it_names(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 0, 0, rollbacks=1)
    books.theirs("r1", 400, 900, record_id="undone", rolled_back=True)
    books.both("r2", 100, 50)
    books.write(database)
    _run(database, NOON + 40 * MINUTE)
    rates = _rates(database)
    assert rates.rows == 2
    assert [dict(rate.money) for rate in rates.rates] == [{"USD": (150, 150)}] * 3


def test_a_break_that_a_person_explains_is_resolved_from_then_on(
    books: TwoBooks, database: str
) -> None:
    books.theirs("r1", 1_000, 300)
    books.write(database)
    _run(database, NOON + 40 * MINUTE)
    engine = open_engine(database, pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE break_workflows SET state = 'explained', settled = 0, since = :at"),
            {"at": NOON + 5 * HOUR},
        )
    engine.dispose()
    assert _resolved_and_due(_rates(database)) == [(0, 1), (1, 1), (1, 1)]


def test_rows_too_recent_for_a_horizon_do_not_count_for_it(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 50)
    books.write(database)
    _run(database, NOON + 30 * MINUTE)
    assert _resolved_and_due(_rates(database, now=NOON + 2 * HOUR)) == [(1, 1), (0, 0), (0, 0)]


def test_two_business_days_end_at_a_midnight_of_the_providers_zone(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 50)
    books.write(database)
    end = datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert _resolved_and_due(_rates(database, now=end, zone="Europe/Warsaw"))[2] == (0, 1)
    assert _resolved_and_due(_rates(database, now=end, zone="UTC"))[2] == (0, 0)


def test_a_midnight_within_an_hour_ends_the_day_of_rows_before_it_only(
    books: TwoBooks, database: str
) -> None:
    midnight = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    books.both("before", 100, 50, at=midnight - 15 * MINUTE)
    books.both("after", 100, 50, at=midnight + 15 * MINUTE)
    books.write(database)

    def due(now: datetime) -> int:
        _, _, by_business_days = _rates(database, now=now, zone="Asia/Kolkata").rates
        return by_business_days.due

    days = [midnight + timedelta(days=number) for number in (2, 3)]
    assert [due(day - MINUTE) for day in days] == [0, 1]
    assert [due(day) for day in days] == [1, 2]


def test_24_hours_are_as_long_on_a_server_whose_zone_changes_its_clocks(
    books: TwoBooks, database: str
) -> None:
    noon = datetime(2026, 3, 28, 12, tzinfo=UTC)  # on the day after, Berlin has 23 hours
    window = Window(start=noon - 12 * HOUR, end=noon + 12 * HOUR)
    books.both("r1", 100, 50, at=noon)
    books.write(database)
    _run(database, noon + timedelta(hours=23, minutes=30), window)
    engine = open_engine(database, pool_size=1)
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET timezone = 'Europe/Berlin'"))
    engine.dispose()
    with engine.connect() as connection:
        days = resolution_days(
            connection,
            "agg",
            window,
            now=noon + timedelta(days=10),
            zone="UTC",
            within=24 * HOUR,
        )
    engine.dispose()
    assert [(day.resolved, day.due) for day in days] == [(1, 1)]


def test_the_same_figures_are_printed_for_programs_and_for_prometheus(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 50)
    books.write(database)
    _run(database, NOON + 30 * MINUTE)
    rates = _rates(database)
    money = {"due": "1.50", "explained": "1.50", "percent": "100.00"}
    share = {"due": 1, "explained": 1, "percent": "100.00", "money": {"USD": money}}
    assert resolution_rates_json(rates, {})["within"] == {
        "1h": share,
        "24h": share,
        "T+2": share,
    }
    lines = exposition(PARTS["explained"], explained_samples([rates])).splitlines()
    assert 'tieout_explained_rows_due{provider="agg",within="T+2"} 1.0' in lines
    named = 'currency="USD",provider="agg",within="1h"'
    assert f"tieout_explained_money_explained_minor{{{named}}} 150.0" in lines


def test_only_all_of_it_is_a_hundred_percent() -> None:
    assert (percent(99_999, 100_000), percent(1, 1), percent(0, 0)) == ("99.99", "100.00", None)
