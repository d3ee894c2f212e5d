"""The database checks residuals too: it refuses each planted violation by constraint."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.checks.run import verify
from ledger.corrections.tolerance_bookings import Booking, ResidualKey, write_bookings
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.differences.residuals import book_residuals, store_run

#: (round, sequence, before, after, corrects), its legs, and the constraint that refuses it.
#: Booked are residual 1 of r1, 0 to 2; residual 2 of r2, 0 to 3; and residual 3 of r2, 3 to 0.
Row = tuple[str, int, int, int, int | None]
Legs = tuple[tuple[int, str, int], ...]
TWO: Legs = ((1, "ggr", -2), (2, "difference", 2))
PLANTED: dict[str, tuple[Row, Legs, str]] = {
    "the same booking twice": (("r1", 1, 0, 2, None), TWO, "residuals_once"),
    "a second correction of one": (("r2", 2, 3, 5, 2), TWO, "residuals_once"),
    "a correction from another round": (("r1", 2, 0, 2, 3), TWO, "residuals_follow"),
    "the same movement on top": (("r1", 2, 0, 2, 1), TWO, "residuals_follow"),
    "a number left out": (("r1", 3, 2, 4, 1), TWO, "residuals_follow"),
    "a first one that does not start at zero": (
        ("r9", 1, 1, 3, None),
        TWO,
        "residuals_begin_at_nothing",
    ),
    "a second one that corrects none": (
        ("r9", 2, 0, 2, None),
        TWO,
        "residuals_begin_at_nothing",
    ),
    "a movement of zero": (("r9", 1, 0, 0, None), TWO, "residuals_move_something"),
    "no entries": (("r9", 1, 0, 2, None), (), "residuals_have_entries"),
    "one leg": (("r9", 1, 0, 2, None), TWO[:1], "residuals_have_entries"),
    "a cent short": (
        ("r9", 1, 0, 2, None),
        ((1, "ggr", -2), (2, "difference", 1)),
        "residual_entries_sum_to_zero",
    ),
    "another amount": (
        ("r9", 1, 0, 2, None),
        ((1, "ggr", -3), (2, "difference", 3)),
        "residual_entries_fit",
    ),
    "another account": (
        ("r9", 1, 0, 2, None),
        ((1, "funding", -2), (2, "difference", 2)),
        "residual_entries_of_the_house",
    ),
    "a third and a fourth leg": (
        ("r9", 1, 0, 2, None),
        (*TWO, (3, "ggr", -2), (4, "difference", 2)),
        "residual_entries_of_the_house",
    ),
}
PLANT = """
WITH booked AS (
  INSERT INTO residuals (run_id, provider, round_id, match_key, currency, sequence, before,
                         after, corrects)
  SELECT 'run-b', provider, %(round)s,
         coalesce((SELECT match_key FROM residuals WHERE round_id = %(round)s LIMIT 1), 5),
         currency, %(sequence)s, %(before)s, %(after)s, %(corrects)s
    FROM residuals WHERE residual_id = 1
  RETURNING *
)
INSERT INTO residual_entries (residual_id, leg, account, provider, match_key, currency, amount)
SELECT residual_id, l.leg, l.account::account_kind, provider, match_key, currency, l.amount
  FROM booked
 CROSS JOIN unnest(%(legs)s::smallint[], %(accounts)s::text[], %(amounts)s::bigint[])
         AS l (leg, account, amount)
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    """Books with the residuals of ``book_residuals``; shared: no violation is stored."""
    postgres.clone("guarded_residuals")
    url = postgres.url("guarded_residuals")
    book_residuals(url)
    return url


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def _wrong(engine: Engine) -> list[str]:
    results = [result for result in verify(engine) if "residual" in result.name]
    return [result.name for result in results if result.wrong]


@pytest.mark.parametrize("violation", PLANTED)
def test_a_planted_residual_is_refused(engine: Engine, database: str, violation: str) -> None:
    (name, sequence, before, after, corrects), legs, guard = PLANTED[violation]
    parameters = {
        "round": name,
        "sequence": sequence,
        "before": before,
        "after": after,
        "corrects": corrects,
        "legs": [leg for leg, _, _ in legs],
        "accounts": [account for _, account, _ in legs],
        "amounts": [amount for _, _, amount in legs],
    }
    with (
        psycopg.connect(database) as connection,
        pytest.raises(errors.IntegrityError) as refused,
    ):
        connection.execute(PLANT.encode(), parameters)
    assert refused.value.diag.constraint_name == guard
    assert _wrong(engine) == []


def test_two_runs_on_the_same_books_cannot_both_book(engine: Engine) -> None:
    booking = Booking(
        key=ResidualKey("r1", "", "EUR"),
        match_key=1,
        sequence=1,
        before=0,
        after=2,
        corrects=None,
    )
    with pytest.raises(IntegrityError, match="residuals_once"), engine.begin() as connection:
        write_bookings(connection, provider="lottery", run_id="run-b", bookings=[booking])


def test_entries_cannot_be_added_to_a_booked_residual(database: str, engine: Engine) -> None:
    more = "INSERT INTO residual_entries SELECT * FROM residual_entries WHERE residual_id = 1"
    with (
        psycopg.connect(database) as connection,
        pytest.raises(errors.UniqueViolation, match="residual_entries_pkey"),
    ):
        connection.execute(more)


@pytest.mark.parametrize("table", ["residuals", "residual_entries"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET provider = 'other'", "DELETE FROM {}", "TRUNCATE {} CASCADE"],
)
def test_booked_residuals_are_append_only(
    database: str, engine: Engine, table: str, statement: str
) -> None:
    with (
        psycopg.connect(database) as connection,
        pytest.raises(errors.RestrictViolation, match="append-only"),
    ):
        connection.execute(statement.format(table).encode())


def test_equal_round_ids_of_two_providers_are_booked_separately(engine: Engine) -> None:
    with engine.connect() as connection:  # rolled back
        store_run(connection, "run-c", {"r1": 9}, provider="other")
        rows = connection.execute(
            text(
                "SELECT provider, sequence, after FROM residuals"
                " WHERE round_id = 'r1' ORDER BY 1"
            )
        ).all()
    assert [tuple(row) for row in rows] == [("lottery", 1, 2), ("other", 1, 9)]
