"""Runs and what they booked, without the comparison that would have found it."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from ledger.corrections.tolerance_bookings import (
    Residual,
    ResidualKey,
    due_bookings,
    write_bookings,
)
from storage.engine import open_engine
from tests.harness.books.ledger import SLUG
from vocabulary.ids import match_key

RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES (%(run)s, %(provider)s, '2020-06-04', '2020-06-05', '2020-06-05', '2020-06-05', '{}',
        %(manifest)s, true)
"""


def run_that_found(
    connection: Connection, run_id: str, minor: Mapping[str, int], *, provider: str = SLUG
) -> None:
    """Store a run that let pass so much of each of these rounds, in EUR, and book it.

    It covers the rounds named, so that of one named with 0 nothing stands afterwards.
    """
    found = [
        Residual(
            key=ResidualKey(name, "", "EUR"),
            match_key=match_key(provider, name),
            minor=amount,
        )
        for name, amount in minor.items()
    ]
    due = due_bookings(
        connection, provider=provider, residuals=found, covered=[x.match_key for x in found]
    )
    moved = sum(each.after - each.before for each in due)
    manifest = {"booked_minor": {"EUR": str(moved)} if moved else {}}
    said = {"run": run_id, "provider": provider, "manifest": json.dumps(manifest)}
    connection.exec_driver_sql(RUN, said)
    write_bookings(connection, provider=provider, run_id=run_id, bookings=due)


def book_residuals(database: str) -> None:
    """Residual 1 stands in r1; residual 2, of r2, was taken back by residual 3."""
    engine = open_engine(database)
    with engine.begin() as connection:
        run_that_found(connection, "run-a", {"r1": 2, "r2": 3})
        run_that_found(connection, "run-b", {"r2": 0})
    engine.dispose()
