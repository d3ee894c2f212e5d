"""The sides of a day from a tie-out are those that its rows add up to."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Connection

from reconcile.days.figures import BothSides, SideTotals
from reconcile.days.sums import read_sides
from reconcile.runs.request import RunRequest
from reconcile.totals.resolution_rate import RatesReading
from reconcile.totals.tie_out import Totals, totals_and_rates
from reports.statement.tied_days import tied_sides
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from vocabulary.window import Window, day_window

ZONE = "Europe/Warsaw"
DAYS = [date(2026, 3, day) for day in (27, 28, 29, 30)]  # the clock changes on the 29th
WINDOW = Window(
    start=day_window(DAYS[0], ZoneInfo(ZONE)).start,
    end=day_window(DAYS[-1], ZoneInfo(ZONE)).end,
)
LATER = datetime(2026, 4, 2, tzinfo=UTC)
FIRST_ROUND = WINDOW.start - timedelta(hours=3)


def fill(database: str, seed: int) -> None:
    """Write rounds of every kind, some of them across midnights and edges of the window."""
    rng, books = random.Random(seed), TwoBooks()
    for number in range(400):
        name, at = f"r{number}", FIRST_ROUND + number * timedelta(minutes=16)
        currency = rng.choice(["USD", "EUR"])
        stake, payout = rng.randrange(1, 900), rng.randrange(900)
        books.ours(name, stake, payout, currency=currency, at=at)
        records = rng.choice([0, 1, 1, 1, 1, 2, 3])
        for occurrence in range(1, records + 1):
            books.theirs(
                name,
                stake + rng.choice([0, 0, 0, 5]),
                payout,
                occurrence=occurrence,
                handle=rng.choice(["alice", "alice", "xi-1", "xi-2"]),
                currency=currency if occurrence < 3 else "GBP",
                at=at + (occurrence - 1) * timedelta(hours=rng.choice([0, 1, 30])),
                rolled_back=rng.random() < 0.15,
                game=rng.choice(["plinko", "dice", None]),
            )
    books.write(database)
    with psycopg.connect(database) as connection:
        for handle in ("xi-1", "xi-2"):
            connection.execute(
                "INSERT INTO handles (provider, handle, player) VALUES ('agg', %s, 'alice')",
                [handle],
            )


def tied(connection: Connection, database: str, window: Window = WINDOW) -> Totals:
    request = RunRequest(provider="agg", window=window, maturity=timedelta(minutes=15))
    reading = RatesReading.begun(connection, "agg", window, now=LATER, zone=ZONE)
    return totals_and_rates(database, request, now=LATER, zone=ZONE, reading=reading)[0]


def sums(both: BothSides) -> tuple[dict[str, SideTotals], dict[str, SideTotals]]:
    return dict(both.ours), dict(both.theirs)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_of_a_tie_out_have_the_sums_of_their_rows(database: str, seed: int) -> None:
    fill(database, seed)
    engine = open_engine(database)
    with engine.connect() as connection:
        tie_out = tied(connection, database)
        assert tie_out.their_days is not None
        read = tied_sides(tie_out)
        for day in DAYS:
            window = day_window(day, ZoneInfo(ZONE))
            expected = read_sides(connection, "agg", window)
            assert expected.ours
            assert expected.theirs
            assert sums(read(connection, "agg", window, None)) == sums(expected)
    engine.dispose()


def test_days_have_the_amounts_of_the_tie_out_also_of_players_with_several_handles(
    database: str,
) -> None:
    fill(database, seed=1)
    engine = open_engine(database)
    with engine.connect() as connection:
        tie_out = tied(connection, database)
        for day in DAYS:
            _, theirs = sums(read_sides(connection, "agg", day_window(day, ZoneInfo(ZONE))))
            of_days = {code: (side.stake, side.payout) for code, side in theirs.items()}
            of_cells = {
                row.currency: (row.theirs.stake, row.theirs.payout)
                for row in tie_out.by("day")
                if row.name == (str(day),) and row.theirs.rounds
            }
            assert of_days == of_cells
    engine.dispose()


def test_a_day_that_the_tie_out_has_a_part_of_is_added_up(database: str) -> None:
    fill(database, seed=4)
    engine = open_engine(database)
    with engine.connect() as connection:
        half = Window(start=WINDOW.start + timedelta(hours=12), end=WINDOW.end)
        read = tied_sides(tied(connection, database, half))
        window = day_window(DAYS[0], ZoneInfo(ZONE))
        expected = read_sides(connection, "agg", window)
        assert sums(read(connection, "agg", window, None)) == sums(expected)
    engine.dispose()
