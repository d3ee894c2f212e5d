"""Stored runs with booked residuals, without the comparison that would have found them."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, text

from ledger.corrections.tolerance_bookings import Residual, ResidualKey, book, due_bookings
from storage.engine import open_engine
from tests.harness.books.ledger import SLUG
from vocabulary.ids import match_key

RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES (:run, :provider, '2020-06-04', '2020-06-05', '2020-06-05', '2020-06-05', '{}',
        :manifest, true)
"""


def run_that_found(
    connection: Connection, run_id: str, minor: Mapping[str, int], *, provider: str = SLUG
) -> None:
    """Store a run that accepted these residuals by round, in EUR, and book them.

    The run covers the named rounds: nothing stays booked for a round named with 0.
    """
    residuals = [
        Residual(
            place=ResidualKey(name, "", "EUR"),
            match_key=match_key(provider, name),
            minor=amount,
        )
        for name, amount in minor.items()
    ]
    bookings = due_bookings(
        connection,
        provider=provider,
        found=residuals,
        covered=[residual.match_key for residual in residuals],
    )
    moved = sum(booking.after - booking.before for booking in bookings)
    manifest = {"booked_minor": {"EUR": str(moved)} if moved else {}}
    parameters = {"run": run_id, "provider": provider, "manifest": json.dumps(manifest)}
    connection.execute(text(RUN), parameters)
    book(connection, provider=provider, run_id=run_id, bookings=bookings)


def book_residuals(database: str) -> None:
    """Residual 1 stands in r1; residual 2, of r2, was taken back by residual 3."""
    engine = open_engine(database)
    with engine.begin() as connection:
        run_that_found(connection, "run-a", {"r1": 2, "r2": 3})
        run_that_found(connection, "run-b", {"r2": 0})
    engine.dispose()
