"""Kept sums of days: they are what adding up comes to, or they do not hold."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text

from ops.runtime.child_jobs import ChildJobs
from ops.scheduling.day_sum_jobs import day_sum_job, over_days
from ops.settings.model import Settings
from reconcile.days.day_amounts import LISTED_BELOW, forget_archived_amounts
from reconcile.days.day_sums import (
    DaySums,
    SummedDay,
    kept_days,
    kept_figures,
    kept_sides,
    stale_days,
)
from reconcile.days.summing import keep_sums
from reconcile.days.sums import read_sides
from reconcile.runs.request import RunRequest
from reconcile.runs.run import reconcile
from reconcile.totals.cells import TotalsCell
from reconcile.totals.resolution_days import resolution_days
from reconcile.totals.sides import both_figures
from reports.find.hits import SearchScope
from reports.find.query import FoundKind
from reports.find.search import find_anything
from reports.queries import game_totals
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from tests.harness.tampering.replay import tamper
from vocabulary.clock import FrozenClock
from vocabulary.ids import match_key
from vocabulary.window import Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLOCK = FrozenClock(NOON + 10 * DAY)
NO_WAIT = timedelta(0)
_OTHER_SIDES = """
UPDATE summed_days SET sides = '{"ours": {}, "theirs": {}}' WHERE business_day = '2026-03-01'
"""
Change = Callable[[TwoBooks, str], None]


def _day(start: datetime) -> SummedDay:
    window = Window(start=start, end=start + DAY)
    return SummedDay(provider="agg", day=start.date(), zone="UTC", window=window)


FIRST, SECOND = (_day(datetime(2026, 3, number, tzinfo=UTC)) for number in (1, 2))
DAYS = [SECOND, FIRST]


@pytest.fixture
def books(database: str) -> TwoBooks:
    """Two days with a round each that agrees, one without a record, and one rolled back."""
    books = TwoBooks()
    for number, at in enumerate((NOON, NOON + DAY)):
        books.both(f"alike-{number}", 100, 30, at=at)
        books.ours(f"alone-{number}", 70, 0, at=at, currency="EUR")
        name = f"undone-{number}"
        books.theirs(name, 50, 0, at=at, game="dice", rolled_back=True, handle=f"h{number}")
    books.write(database)
    _reconcile(database, FIRST)
    return books


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database, pool_size=3)
    yield engine
    engine.dispose()


def _reconcile(url: str, day: SummedDay) -> None:
    request = RunRequest(
        provider="agg", window=day.window, maturity=timedelta(minutes=15), close=day.day
    )
    reconcile(url, request, clock=FrozenClock(NOON + 2 * DAY))


def _kept(engine: Engine) -> dict[SummedDay, DaySums]:
    with engine.connect() as connection:
        return kept_days(connection, DAYS)


def _change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


def test_kept_sums_are_what_adding_up_comes_to(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    span = Window(start=FIRST.window.start + HOUR, end=SECOND.window.end)  # one whole day
    with engine.connect() as connection:
        by_game = game_totals(connection, "agg", span, "UTC")
    assert [(total.game, total.currency, total.stake) for total in by_game] == [
        ("unknown", "EUR", 140),
        ("plinko", "USD", 200),
    ]
    assert keep_sums(engine, DAYS, CLOCK) == 2
    assert keep_sums(engine, DAYS, CLOCK) == 0
    with engine.connect() as connection:
        assert game_totals(connection, "agg", span, "UTC") == by_game
        kept = kept_days(connection, DAYS)
        span = Window(start=FIRST.window.start, end=SECOND.window.end)
        for games in (False, True):
            sums = kept_figures(connection, kept, by_day=True, by_game=games)
            assert sums == {"agg": both_figures(connection, "agg", span, "UTC", by_game=games)}
        sides = read_sides(connection, "agg", FIRST.window)
        assert kept_sides(connection, "agg", FIRST.window) == sides
        assert connection.execute(text(_OTHER_SIDES)).rowcount == 1  # so they are read from it
        assert kept_sides(connection, "agg", FIRST.window) != sides
        connection.rollback()
        together = kept_figures(connection, kept, by_day=False, by_game=False)["agg"]
        rates = resolution_days(
            connection, "agg", FIRST.window, now=CLOCK.now(), zone="UTC", within=DAY
        )
        runs = connection.execute(text("SELECT run_id FROM runs")).scalars().all()
        tied = connection.execute(
            text("SELECT run_id FROM summed_days WHERE business_day = '2026-03-01'")
        ).scalars()
        assert (list(tied), len(runs)) == (runs, 1)

    assert {cell.currency: sums.stake for cell, sums in together.ours.items()} == {
        "EUR": 140,
        "USD": 200,
    }
    assert {cell.day for cell in together.ours} == {FIRST.day}
    assert (kept[FIRST].resolved, kept[FIRST].due) == (rates[0].resolved, rates[0].due)
    assert (kept[FIRST].delay_s, kept[SECOND].resolved, kept[SECOND].due) == (0, 0, 3)


def test_days_add_up_beyond_what_one_of_them_can_come_to(
    engine: Engine, books: TwoBooks, database: str
) -> None:
    keep_sums(engine, DAYS, CLOCK)
    tamper(database, f"UPDATE day_figures SET stake = {2**63 - 1} WHERE currency = 'EUR'")
    with engine.connect() as connection:
        kept = kept_days(connection, DAYS)
        together = kept_figures(connection, kept, by_day=False, by_game=False)["agg"]

    assert together.ours[TotalsCell(FIRST.day, "", "EUR")].stake == 2 * (2**63 - 1)


def _later_win(books: TwoBooks, url: str) -> None:
    _change(url, "UPDATE rounds SET payout = 5, wins = 2 WHERE round_id = 'alone-0'")


def _late_round(books: TwoBooks, url: str) -> None:
    books.ours("late", 1, 0, at=NOON)
    books.write(url)


def _restated(books: TwoBooks, url: str) -> None:
    _change(url, "UPDATE feed_records SET payout = 31 WHERE record_id = 'alike-0'")


def _withdrawn(books: TwoBooks, url: str) -> None:
    _change(url, "DELETE FROM feed_records WHERE record_id = 'undone-0'")


def _moved_to_another_day(books: TwoBooks, url: str) -> None:
    after = "created_at = created_at + interval '5 days'"
    _change(url, f"UPDATE feed_records SET {after} WHERE record_id = 'alike-0'")


def _undone_days_later(books: TwoBooks, url: str) -> None:
    at = NOON + 5 * DAY
    books.theirs(
        "alike-0", 0, 0, record_id="undo", at=at, rolled_back=True, continues=True, game=None
    )
    books.write(url)


def _named_a_game_days_later(books: TwoBooks, url: str) -> None:
    books.theirs("alone-0", 70, 0, at=NOON + 5 * DAY, currency="EUR", game="dice")
    books.write(url)


def _renamed_on_another_day(books: TwoBooks, url: str) -> None:
    _change(url, "UPDATE feed_records SET game = 'slots' WHERE record_id = 'alone-0'")


def _handle_of_a_player(books: TwoBooks, url: str) -> None:
    _change(url, "INSERT INTO handles (provider, handle, player) VALUES ('agg', 'h0', 'alice')")


def test_a_change_of_a_day_ends_its_sums_and_no_others(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    keep_sums(engine, DAYS, CLOCK)
    changes: tuple[Change, ...] = (
        *(_later_win, _late_round, _restated, _undone_days_later, _named_a_game_days_later),
        *(_renamed_on_another_day, _handle_of_a_player, _moved_to_another_day, _withdrawn),
    )
    for change in changes:
        change(books, database)
        assert set(_kept(engine)) == {SECOND}, change

        assert keep_sums(engine, DAYS, CLOCK) == 1
        with engine.connect() as connection:
            kept = {FIRST: kept_days(connection, DAYS)[FIRST]}
            sums = kept_figures(connection, kept, by_day=True, by_game=True)["agg"]
            assert sums == both_figures(connection, "agg", FIRST.window, "UTC", by_game=True)


def test_what_becomes_of_a_break_ends_only_the_resolution_rate(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    keep_sums(engine, DAYS, CLOCK)
    _change(
        database,
        "UPDATE break_workflows SET state = 'assigned', assignee = 'maria', since = now()"
        f" WHERE break_id = (SELECT break_id FROM breaks"
        f" WHERE match_key = {match_key('agg', 'alone-0')})",
    )
    kept = _kept(engine)
    assert {day: of.has_rate for day, of in kept.items()} == {FIRST: False, SECOND: True}
    with engine.connect() as connection:
        assert stale_days(connection, DAYS, CLOCK.now()) == [FIRST]
    assert keep_sums(engine, DAYS, CLOCK) == 1
    assert _kept(engine)[FIRST].has_rate


def test_a_rate_that_is_not_due_is_looked_for_again_after_a_while(
    books: TwoBooks, engine: Engine
) -> None:
    early = FrozenClock(NOON + DAY + HOUR / 2)
    keep_sums(engine, [FIRST], early)
    assert not _kept(engine)[FIRST].has_rate
    assert keep_sums(engine, [FIRST], early) == 0
    assert keep_sums(engine, [FIRST], CLOCK) == 1
    assert _kept(engine)[FIRST].has_rate


def test_no_change_is_missed_whenever_it_commits(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    update = b"UPDATE rounds SET payout = payout + 1 WHERE round_id = 'alone-0'"
    with psycopg.connect(database) as before:  # writes while no day is known, and goes on
        before.execute(update)
        assert keep_sums(engine, DAYS, CLOCK, patience=NO_WAIT) == 0
        assert _kept(engine) == {}
    with psycopg.connect(database) as during:  # waits with its mark while the day is added up
        assert keep_sums(engine, DAYS, CLOCK) == 2
        during.execute(update)
        assert set(_kept(engine)) == {FIRST, SECOND}
    assert set(_kept(engine)) == {SECOND}
    with psycopg.connect(database) as second:  # finds the day marked and adds no mark
        second.execute(update)
        assert keep_sums(engine, DAYS, CLOCK, patience=NO_WAIT) == 0
    assert keep_sums(engine, DAYS, CLOCK) == 1
    assert _payout(engine) == 3


def _payout(engine: Engine) -> int:
    with engine.connect() as connection:
        kept = {FIRST: kept_days(connection, DAYS)[FIRST]}
        both = kept_figures(connection, kept, by_day=True, by_game=False)["agg"]
    return sum(sums.payout for cell, sums in both.ours.items() if cell.currency == "EUR")


def test_sums_of_another_server_and_a_second_sweep_count_for_nothing(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    lock = "SELECT pg_advisory_lock(hashtextextended('sum days', 0))"
    with engine.connect() as other:
        _locked(other, lock)
        assert keep_sums(engine, DAYS, CLOCK) == 0
        _locked(other, lock.replace("lock(", "unlock("))
    keep_sums(engine, DAYS, CLOCK)
    _change(database, "UPDATE summed_days SET cluster = 1 WHERE business_day = '2026-03-01'")
    assert set(_kept(engine)) == {SECOND}


def _locked(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))
    connection.commit()


def test_the_scheduler_adds_up_days_that_are_over_since_the_first_row(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    entry = {
        "slug": "agg",
        "dialect": "aggregator",
        "currency": "USD",
        "secrets": ["literal:s"],
    }
    settings = Settings.model_validate({"mode": "test", "providers": [entry]})
    shortly = FrozenClock(SECOND.window.end + timedelta(minutes=14))
    with engine.connect() as connection:
        assert over_days(connection, settings.providers, shortly.now()) == [FIRST]
        assert over_days(connection, settings.providers, CLOCK.now())[-2:] == DAYS
    job = day_sum_job(settings, engine, CLOCK, database, ChildJobs())
    job.run("slot")
    assert set(_kept(engine)) == {FIRST, SECOND}


def _found(engine: Engine, amount: str) -> list[tuple[str, str]]:
    scope = SearchScope(zones={"agg": "UTC"}, day=FIRST.day)
    hits = find_anything(engine, amount, scope).hits
    return [(str(hit.kind), hit.id) for hit in hits if hit.kind is not FoundKind.BREAK]


def test_amounts_of_kept_days_are_found_where_they_are_listed_and_only_while_they_hold(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    books.ours("huge", LISTED_BELOW, 0, at=FIRST.window.end - timedelta(microseconds=1))
    books.ours("first", 30, 0, at=FIRST.window.start)
    books.write(database)
    huge = f"{LISTED_BELOW // 100}.{LISTED_BELOW % 100:02} USD"
    amounts = ("1.00 USD", "0.30 USD", "0.70 USD", "0.70 EUR", "0.00 EUR", "0.99 USD", huge)
    read = {amount: _found(engine, amount) for amount in amounts}
    assert read["1.00 USD"] == [("round", "alike-0"), ("record", "alike-0")]
    assert read["0.30 USD"] == [("round", "first"), *read["1.00 USD"]]
    assert (read["0.99 USD"], read[huge]) == ([], [("round", "huge")])

    keep_sums(engine, DAYS, CLOCK)
    assert {amount: _found(engine, amount) for amount in amounts} == read

    with psycopg.connect(database) as connection:
        connection.execute("UPDATE day_amounts SET places = '{}'")
    assert _found(engine, "1.00 USD") == []  # so it is looked up there
    assert _found(engine, huge) == [("round", "huge")]

    _change(database, "UPDATE rounds SET payout = 99, wins = 2 WHERE round_id = 'alone-0'")
    assert _found(engine, "0.99 EUR") == [("round", "alone-0")]
    assert _found(engine, "1.00 USD") == read["1.00 USD"]


def test_amounts_of_days_whose_rows_left_are_forgotten_and_what_is_here_is_found(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    keep_sums(engine, DAYS, CLOCK)
    read = _found(engine, "1.00 USD")
    assert read == [("round", "alike-0"), ("record", "alike-0")]
    removed = []
    for month in ("2026-02-01", "2026-03-01"):
        cut = f"('{month}', (date '{month}' + interval '1 month') AT TIME ZONE 'UTC')"
        tamper(database, f"INSERT INTO archived_row_months (month, at) VALUES {cut}")
        with engine.begin() as connection:
            removed.append(forget_archived_amounts(connection))

    assert removed[0] == 0
    assert removed[1] > 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM day_amounts").fetchone() == (0,)
        assert connection.execute(
            "SELECT count(DISTINCT day_id) FROM day_figures"
        ).fetchone() == (2,)
    assert _found(engine, "1.00 USD") == read


def test_a_day_that_an_earlier_version_added_up_is_read_whole_until_its_amounts_are_listed(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    keep_sums(engine, DAYS, CLOCK)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE day_amounts SET places = '{}'")
        connection.execute("UPDATE summed_days SET amounts_at = NULL")

    assert _found(engine, "1.00 USD") == [("round", "alike-0"), ("record", "alike-0")]
    assert keep_sums(engine, DAYS, CLOCK) == 2
    assert keep_sums(engine, DAYS, CLOCK) == 0
