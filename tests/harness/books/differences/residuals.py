"""Store runs and book their residuals, without a comparison."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, text

from breaks.write_offs import approve_write_off, propose_write_off
from ledger.corrections.tolerance_bookings import (
    Residual,
    ResidualKey,
    due_bookings,
    write_bookings,
)
from storage.engine import open_engine
from tests.harness.books.ledger import NOON, SLUG
from vocabulary.ids import match_key

RUN = """
INSERT INTO runs (run_id, provider, window_from, window_to, started_at, finished_at, result,
                  manifest, conserved)
VALUES (:run, :provider, '2020-06-04', '2020-06-05', '2020-06-05', '2020-06-05', '{}',
        :manifest, true)
"""
BREAK = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, player, currency, round_id,
                    match_key, difference, explanation, first_seen, last_seen)
VALUES ('brk-9', 'run-a', :provider, 'payout_mismatch', 'player_owed', 'ann', 'EUR', 'r9',
        :key, 4, 'the payouts differ', '2020-06-05', '2020-06-05')
"""


def store_run(
    connection: Connection, run_id: str, minor: Mapping[str, int], *, provider: str = SLUG
) -> None:
    """Store a run with these residuals by round, in EUR, and book them.

    The run covers exactly these rounds, so a round with 0 has no residual booked afterwards.
    """
    residuals = [
        Residual(
            key=ResidualKey(name, "", "EUR"),
            match_key=match_key(provider, name),
            minor=amount,
        )
        for name, amount in minor.items()
    ]
    bookings = due_bookings(
        connection,
        provider=provider,
        residuals=residuals,
        covered=[residual.match_key for residual in residuals],
    )
    moved = sum(booking.after - booking.before for booking in bookings)
    manifest = {"booked_minor": {"EUR": str(moved)} if moved else {}}
    parameters = {"run": run_id, "provider": provider, "manifest": json.dumps(manifest)}
    connection.execute(text(RUN), parameters)
    write_bookings(connection, provider=provider, run_id=run_id, bookings=bookings)


def book_residuals(database: str) -> None:
    """Book residual 1 for r1, and residual 2 for r2, which residual 3 takes back."""
    engine = open_engine(database)
    with engine.begin() as connection:
        store_run(connection, "run-a", {"r1": 2, "r2": 3})
        store_run(connection, "run-b", {"r2": 0})
    engine.dispose()


def book_write_off_of_a_break(database: str) -> None:
    """Write a break of 0.04 EUR in round r9 off; its booking is the next residual."""
    engine = open_engine(database)
    with engine.begin() as connection:
        connection.execute(text(BREAK), {"provider": SLUG, "key": match_key(SLUG, "r9")})
    propose_write_off(engine, "brk-9", by="maria", reason="too small", now=NOON)
    approve_write_off(engine, "brk-9", by="jonas", now=NOON)
    engine.dispose()
