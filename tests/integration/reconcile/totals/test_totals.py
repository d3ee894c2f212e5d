"""Totals that tie out: every unit of a difference has a line."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from reconcile.runs.request import RunRequest
from reconcile.snapshot.rules import BY_ROUND_ID, Rules
from reconcile.totals.cells import Figures
from reconcile.totals.sides import side_sums
from reconcile.totals.tie_out import Totals, totals
from storage.engine import open_engine
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from vocabulary.window import Window

DAYS = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 4, tzinfo=UTC))
REQUEST = RunRequest(provider="agg", window=DAYS, maturity=timedelta(minutes=15))
LATER = datetime(2026, 3, 5, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def books() -> TwoBooks:
    return TwoBooks()


def _totals(url: str, *, now: datetime = LATER, zone: str = "UTC") -> Totals:
    return totals(url, REQUEST, now=now, zone=zone)


def _lines(tied: Totals) -> list[tuple[str, str, int]]:
    return [(str(line.cell.day), line.cause, line.ggr) for line in tied.lines]


def test_sums_count_both_sides_and_their_difference_is_the_breaks(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 1_000, 250)
    books.ours("r2", 500, 0)
    books.theirs("r2", 500, 125)
    books.ours("r3", 300, 0)
    books.write(database)
    tied = _totals(database)
    rows = {row.name: row for row in tied.by("day")}
    row = rows["2026-03-01",]
    assert (row.ours.rounds, row.ours.bets, row.ours.stake, row.ours.payout) == (
        3,
        3,
        1_800,
        250,
    )
    assert (row.theirs.rounds, row.theirs.stake, row.theirs.payout) == (2, 1_500, 375)
    assert row.causes == {"missing_at_provider": -300, "payout_mismatch": -125}
    assert row.difference.ggr == row.breaks == -425
    assert (row.residual, tied.ties, tied.agrees) == (0, True, False)


def test_a_round_without_any_record_is_of_an_unknown_game(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 0)
    books.ours("r2", 40, 0)
    books.write(database)
    rows = {row.name[0]: row for row in _totals(database).by("game")}
    assert {name: row.ours.ggr for name, row in rows.items()} == {"plinko": 100, "unknown": 40}


def test_a_round_counted_on_two_days_shows_on_both_and_is_zero_together(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 30, at=MIDNIGHT - SECOND)
    books.theirs("r1", 100, 30, at=MIDNIGHT + SECOND)
    books.write(database)
    tied = _totals(database)
    assert _lines(tied) == [("2026-03-01", "elsewhere", -70), ("2026-03-02", "elsewhere", 70)]
    assert tied.ties
    assert [row.difference.ggr for row in tied.by()] == [0]


def test_days_are_those_of_the_providers_zone(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 30, at=MIDNIGHT - SECOND)
    books.theirs("r1", 100, 30, at=MIDNIGHT + SECOND)
    books.write(database)
    tied = _totals(database, zone="Europe/Warsaw")
    assert [row.name for row in tied.by("day")] == [("2026-03-02",)]
    assert tied.agrees


def test_a_round_that_began_outside_the_window_counts_for_the_side_that_is_inside(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 30, at=DAYS.start - SECOND)
    books.theirs("r1", 100, 50, at=DAYS.start + SECOND)
    books.ours("r2", 100, 0, at=DAYS.end - SECOND)
    books.theirs("r2", 100, 10, at=DAYS.end + SECOND)
    books.write(database)
    tied = _totals(database)
    assert _lines(tied) == [
        ("2026-03-01", "elsewhere", 50),
        ("2026-03-03", "elsewhere", -90),
        ("2026-03-03", "payout_mismatch", -10),
    ]
    assert tied.ties


def test_an_immature_one_sided_round_is_timing_and_no_break(
    books: TwoBooks, database: str
) -> None:
    books.theirs("r1", 100, 0)
    books.write(database)
    assert _lines(_totals(database, now=NOON + SECOND)) == [("2026-03-01", "timing", 100)]
    assert _lines(_totals(database)) == [("2026-03-01", "missing_in_ledger", 100)]


def test_a_tolerated_difference_has_a_line(books: TwoBooks, database: str) -> None:
    books.ours("r1", 100, 0)
    books.theirs("r1", 100, 1)
    books.write(database)
    request = replace(REQUEST, rules=Rules(tolerance={"USD": 1}))
    tied = totals(database, request, now=LATER, zone="UTC")
    assert (_lines(tied), tied.ties) == ([("2026-03-01", "tolerated", -1)], True)


def test_rounds_matched_by_attributes_take_their_game_from_the_record(
    books: TwoBooks, database: str
) -> None:
    books.ours("r1", 100, 30)
    books.theirs("x9", 100, 30)
    books.write(database)
    request = replace(REQUEST, rules=Rules(attributes=True))
    tied = totals(database, request, now=LATER, zone="UTC")
    assert [(row.name, row.ours.ggr, row.theirs.ggr) for row in tied.by("game")] == [
        (("plinko",), 70, 70)
    ]
    assert (tied.ties, tied.agrees) == (True, True)


#: What may become of a round, each a way for sums to differ.
Story = Callable[[TwoBooks, str, random.Random, datetime], None]


def _alike(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    books.both(name, dice.randint(1, 500), dice.randint(0, 900), at=at)


def _near_midnight(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    edge = MIDNIGHT + timedelta(days=dice.randint(-1, 2))
    stake, payout = dice.randint(1, 500), dice.randint(0, 900)
    books.ours(name, stake, payout, at=edge - SECOND)
    books.theirs(name, stake, payout + dice.randint(0, 1), at=edge + SECOND)


def _one_sided(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    add = books.ours if dice.random() < 0.5 else books.theirs
    add(name, dice.randint(0, 500), dice.randint(0, 900), at=at)


def _both_wrong(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    books.ours(name, dice.randint(1, 500), dice.randint(0, 900), at=at)
    books.theirs(name, dice.randint(1, 500), dice.randint(0, 900), at=at, handle="bob")


def _undone(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    if dice.random() < 0.5:
        books.ours(name, dice.randint(0, 1) * 90, 0, at=at, rollbacks=1)
    books.theirs(name, 90, 0, at=at)
    later = at + timedelta(hours=dice.randint(0, 30))
    books.theirs(name, 5, 0, record_id=f"{name}-u", at=later, rolled_back=True, continues=True)


def _other_currency(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    books.ours(name, 100, dice.randint(0, 300), at=at)
    books.theirs(name, 100, dice.randint(0, 300), at=at, currency="EUR")


def _in_parts(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    books.ours(name, 100, dice.choice([60, 61]), at=at)
    books.theirs(name, 100, 0, at=at, record_id=f"{name}-a")
    later = at + timedelta(hours=dice.randint(0, 40))
    game = dice.choice(["plinko", "dice", None])
    books.theirs(name, 0, 60, record_id=f"{name}-b", at=later, game=game, continues=True)


def _repeated(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    if dice.random() < 0.8:
        books.ours(name, 100, 60, at=at)
    books.theirs(name, 100, 60, at=at)
    later = at + timedelta(hours=dice.randint(0, 40))
    books.theirs(name, 100, dice.choice([60, 70]), occurrence=2, at=later)


def _shared(books: TwoBooks, name: str, dice: random.Random, at: datetime) -> None:
    """Three players at one table, reported around a midnight, or without their names."""
    unnamed = dice.random() < 0.4
    for player in ("alice", "bob", "carol"):
        later = at + timedelta(hours=dice.randint(0, 20))
        if dice.random() < 0.9:
            books.ours(name, 100, dice.choice([0, 60]), at=later, player=player)
        books.theirs(
            name,
            100,
            dice.choice([0, 60]),
            record_id=f"{name}-{player}",
            handle="" if unnamed else player,
            at=later,
            continues=True,
        )
    if dice.random() < 0.5:
        handle = dice.choice(["bob", "dave", ""])
        undo = f"{name}-u"
        books.theirs(
            name, 0, 0, record_id=undo, handle=handle, at=at, rolled_back=True, continues=True
        )
    if dice.random() < 0.3:
        books.ours(name, 0, 0, at=at, player="dave", rollbacks=1)


STORIES: tuple[Story, ...] = (
    *(_alike, _near_midnight, _one_sided, _both_wrong),
    *(_undone, _other_currency, _in_parts, _repeated, _shared),
)


@pytest.mark.parametrize(
    "rules", [BY_ROUND_ID, Rules(attributes=True), Rules(tolerance={"USD": 3})]
)
def test_whatever_differs_every_cell_ties_to_the_unit(database: str, rules: Rules) -> None:
    dice = random.Random(41)
    books = TwoBooks()
    for number in range(300):
        at = DAYS.start + timedelta(minutes=dice.randint(-600, 4_900))
        dice.choice(STORIES)(books, f"r{number}", dice, at)
    for number in range(60):
        at = DAYS.start + timedelta(minutes=7 * number)
        stake, payout = dice.randint(1, 500), dice.randint(0, 900)
        books.ours(f"o{number}", stake, payout, at=at, player=f"p{number % 9}")
        books.theirs(f"t{number}", stake, payout, at=at + SECOND, handle=f"p{number % 9}")
    books.write(database)
    tied = totals(database, replace(REQUEST, rules=rules), now=LATER, zone="Asia/Kolkata")
    assert [row for row in tied.cells.values() if row.residual] == []
    assert len(tied.lines) > 100
    _compare_with_sides(database, tied, by_game=not rules.attributes)


def test_amounts_that_are_immature_have_a_line_also_in_a_round_that_breaks(
    books: TwoBooks, database: str
) -> None:
    recent = LATER - timedelta(minutes=5)
    books.ours("r1", 100, 0, at=recent)
    books.theirs("r1", 100, 20, handle="bob", at=recent)
    books.theirs("r1", 100, 20, handle="bob", at=recent, occurrence=2)
    books.write(database)
    window = Window(start=DAYS.start, end=LATER)

    tied = totals(database, replace(REQUEST, window=window), now=LATER, zone="UTC")

    assert _lines(tied) == [
        ("2026-03-04", "duplicate_at_provider", 80),
        ("2026-03-04", "timing", -20),
    ]
    assert tied.ties


def test_batches_that_were_parked_are_in_no_figure_and_are_counted(
    books: TwoBooks, database: str
) -> None:
    books.both("r1", 100, 0)
    books.write(database)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO batches (operations) VALUES (1)")
        connection.execute("INSERT INTO batches (operations, parked_at) VALUES (1, now())")

    assert _totals(database).unposted == 2


def _compare_with_sides(url: str, tied: Totals, *, by_game: bool) -> None:
    """Pages add both sides up without a comparison, and come to the same figures.

    By game only where no round takes its game from a record that a comparison matched.
    """
    names = ("day", "game") if by_game else ("day",)
    engine = open_engine(url, pool_size=1)
    with engine.connect() as connection:
        sums = side_sums(connection, "agg", DAYS, "Asia/Kolkata", by_game=by_game)
    engine.dispose()
    ours = {
        (*map(str, (part.cell.day, part.cell.game)[: len(names)]), part.cell.currency): (
            part.ours,
            part.theirs,
        )
        for part in sums
        if part.ours != Figures() or part.theirs != Figures()
    }
    assert ours == {
        (*row.name, row.currency): (row.ours, row.theirs)
        for row in tied.by(*names)
        if row.ours != Figures() or row.theirs != Figures()
    }
