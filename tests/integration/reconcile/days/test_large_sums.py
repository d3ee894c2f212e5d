"""Sums beyond 64 bits are exact: currencies with many places and little worth reach them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from ledger.posting.posting import post_all_at
from ledger.queries.account_movements import account_movements
from ledger.queries.balances import trial_balance
from ledger.queries.daily_figures import daily_figures
from ledger.queries.provider_days import provider_days
from reconcile.days.day_sums import SummedDay, kept_days, kept_figures, kept_sides
from reconcile.days.summing import keep_sums
from reconcile.days.sums import read_sides
from reports.statement.bridge import bridges, reported_ggr
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.books.ledger import LENIENT, SLUG, accept, open_wallets, win
from vocabulary.clock import FrozenClock
from vocabulary.money import MINOR_MAX
from vocabulary.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
#: Of one day: as much as 64 bits hold, and more.
SOME, MANY = 60, 100
DAYS = [
    SummedDay(
        provider="agg",
        day=(START + number * DAY).date(),
        zone="UTC",
        window=Window(start=START + number * DAY, end=START + (number + 1) * DAY),
    )
    for number in range(3)
]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database, pool_size=3)
    yield engine
    engine.dispose()


def played(database: str, rounds: tuple[int, ...]) -> None:
    """Rounds of the largest stake on both sides, so many on each of some days."""
    books = TwoBooks()
    for number, count in enumerate(rounds):
        for n in range(count):
            at = START + number * DAY + n * timedelta(minutes=1)
            books.both(f"r{number}-{n}", MINOR_MAX, 0, at=at)
    books.write(database)


def test_a_day_of_more_than_64_bits_is_added_up(database: str, engine: Engine) -> None:
    played(database, (MANY,))
    with engine.connect() as connection:
        both = kept_sides(connection, "agg", DAYS[0].window)
    assert (both.ours["USD"].stake, both.theirs["USD"].stake) == (MANY * MINOR_MAX,) * 2


def test_such_a_day_keeps_no_other_day_from_being_kept(database: str, engine: Engine) -> None:
    played(database, (SOME, SOME, MANY))
    assert keep_sums(engine, DAYS[::-1], FrozenClock(START + 9 * DAY)) == 2
    with engine.connect() as connection:
        kept = kept_days(connection, DAYS)
        assert set(kept) == set(DAYS[:2])
        both = kept_figures(connection, kept, by_day=False, by_game=False)["agg"]
        assert [sums.stake for sums in both.ours.values()] == [2 * SOME * MINOR_MAX]
        assert kept_sides(connection, "agg", DAYS[2].window) == read_sides(
            connection, "agg", DAYS[2].window
        )


def test_accounts_days_and_statements_of_more_than_64_bits_are_exact(
    database: str, engine: Engine
) -> None:
    players = ("ann", "bob")
    open_wallets(database, *((player, 0) for player in players))
    wins = [
        win(f"w-{player}-{n}", MINOR_MAX, handle=player, round_id=f"r-{player}-{n}")
        for player in players
        for n in range(SOME)
    ]
    accept(database, *wins, policy=LENIENT, at=START)
    post_all_at(database)
    paid = len(wins) * MINOR_MAX
    window, day = DAYS[0].window, date(2026, 3, 1)

    lines = {line.account: line.amount for line in trial_balance(engine)}
    assert lines == {"ggr": -paid, "player_wallet": paid}
    [of_day] = provider_days(
        engine, provider=SLUG, first=day, last=day, zone="UTC", by="received"
    )
    assert of_day.payout == paid
    with engine.connect() as connection:
        [figures] = daily_figures(connection, day, day, ZoneInfo("UTC"))
        assert (figures.payouts, figures.player_funds, figures.residual) == (paid, paid, {})
        moved = account_movements(connection, SLUG, window, "UTC")[day]
        assert {line.account: line.minor for line in moved} == lines
        reported = reported_ggr(connection, SLUG, window)
        [bridge] = bridges(connection, SLUG, window, reported)
    assert (bridge.reported, bridge.left_over) == (-paid, 0)
