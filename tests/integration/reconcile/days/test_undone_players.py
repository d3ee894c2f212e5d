"""A rolled back record undoes its player's round, whatever handle the other records have."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from reconcile.days.day_sums import SummedDay, kept_days, kept_figures, kept_sides
from reconcile.days.figures import DayFigures, SideTotals
from reconcile.days.summing import keep_sums
from reconcile.days.sums import read_sides, sides_since
from reconcile.runs.request import RunRequest
from reconcile.totals.resolution_rate import RatesReading
from reconcile.totals.tie_out import totals_and_rates
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.clock import FrozenClock
from vocabulary.window import Window

DAY = timedelta(days=1)
CLOCK = FrozenClock(NOON + 10 * DAY)
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = Window(start=START, end=START + DAY)
SUMMED = SummedDay(provider="agg", day=START.date(), zone="UTC", window=WINDOW)
#: The moment at which people signed the day, before the provider took the bet back.
SIGNED_AT = NOON + timedelta(hours=6)


@pytest.fixture
def books(database: str) -> TwoBooks:
    """A bet of alice under her own name, taken back under a new handle; one of bob stands."""
    books = TwoBooks()
    books.ours("r1", 0, 0, rollbacks=1)
    books.theirs("r1", 100, 30, record_id="bet")
    books.theirs("r1", 7, 0, record_id="of-bob", handle="bob", continues=True)
    late = NOON + timedelta(hours=8)
    books.theirs(
        "r1",
        0,
        0,
        record_id="undo",
        handle="alice-2",
        at=late,
        rolled_back=True,
        continues=True,
    )
    books.write(database)
    return books


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database, pool_size=3)
    yield engine
    engine.dispose()


def register(database: str) -> None:
    """Store the new handle of alice."""
    with psycopg.connect(database) as connection:
        connection.execute(b"INSERT INTO handles VALUES ('agg', 'alice-2', 'alice')")


def stakes(connection: Connection) -> tuple[int, int]:
    """Stake and payout of theirs on the day."""
    theirs = read_sides(connection, "agg", WINDOW).theirs["USD"]
    return theirs.stake, theirs.payout


def test_a_day_undoes_what_its_player_took_back_under_another_handle(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    with engine.connect() as connection:
        assert stakes(connection) == (107, 30)
    register(database)
    with engine.connect() as connection:
        assert stakes(connection) == (7, 0)


def test_totals_have_the_amounts_of_the_day(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    register(database)
    request = RunRequest(provider="agg", window=WINDOW, maturity=timedelta(minutes=15))
    with engine.connect() as connection:
        reading = RatesReading.begun(connection, "agg", WINDOW, now=CLOCK.now(), zone="UTC")
        result, _ = totals_and_rates(
            database, request, now=CLOCK.now(), zone="UTC", reading=reading
        )
        [cell] = result.by("day")
        assert (cell.theirs.stake, cell.theirs.payout) == stakes(connection) == (7, 0)
    assert result.their_days is not None
    [of_day] = result.their_days.values()
    assert (of_day.stake, of_day.payout) == (7, 0)
    assert result.ties


def test_kept_sums_do_not_hold_once_a_handle_names_the_player(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    keep_sums(engine, [SUMMED], CLOCK)
    register(database)
    with engine.connect() as connection:
        assert kept_days(connection, [SUMMED]) == {}
        assert kept_sides(connection, "agg", WINDOW).theirs["USD"].stake == 7
    assert keep_sums(engine, [SUMMED], CLOCK) == 1
    with engine.connect() as connection:
        kept = kept_days(connection, [SUMMED])
        [theirs] = kept_figures(connection, kept, by_day=True, by_game=False)[
            "agg"
        ].theirs.values()
        both = kept_sides(connection, "agg", WINDOW)
    assert (theirs.stake, both.theirs["USD"].stake) == (7, 7)


def test_what_was_taken_back_since_a_day_was_signed_is_taken_off_once(
    books: TwoBooks, database: str, engine: Engine
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(b"UPDATE feed_records SET received_at = created_at")
    signed = DayFigures(
        ours={},
        theirs={"USD": SideTotals(rounds=2, stake=107, payout=30)},
        breaks={},
        state="",
        exponents={},
    )
    register(database)
    with engine.connect() as connection:
        theirs = sides_since(connection, "agg", WINDOW, signed, SIGNED_AT).theirs["USD"]
        assert theirs == read_sides(connection, "agg", WINDOW).theirs["USD"]
        later = sides_since(connection, "agg", WINDOW, signed, NOON + DAY).theirs["USD"]
    assert later == signed.theirs["USD"], "a handle alone moves no signed day of the archive"
