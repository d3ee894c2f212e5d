"""Book what a run's tolerance accepted, in the same transaction that stores the run.

Only a run over the whole window books. If a residual stands booked for a round of the window
and is not accepted any more - the history or the tolerance changed, or we corrected our side -
the run reverses it.
"""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ledger.corrections.tolerance_bookings import (
    Booking,
    Residual,
    ResidualKey,
    booked_by_run,
    due_bookings,
)
from reconcile.runs.evaluate import Evaluation
from reconcile.snapshot.frames import RESIDUALS
from reconcile.snapshot.shared_rounds import player_of_share, round_of


def bookings_due(
    connection: Connection, provider: str, evaluation: Evaluation
) -> tuple[Booking, ...]:
    """Return the bookings after which the ledger holds exactly the accepted residuals.

    An incremental run has none.
    """
    if not evaluation.whole:
        return ()
    return due_bookings(
        connection,
        provider=provider,
        residuals=residuals_of(evaluation.comparison.residual_rows),
        covered=evaluation.booked.tolist(),
    )


def residuals_of(residual_rows: pd.DataFrame) -> tuple[Residual, ...]:
    """Convert a RESIDUALS frame for the ledger, by the provider's own round ids."""
    columns = (RESIDUALS.check(residual_rows)[name].tolist() for name in RESIDUALS.columns)
    return tuple(
        Residual(
            key=ResidualKey(round_of(name), player_of_share(name), currency),
            match_key=key,
            minor=minor,
        )
        for name, currency, key, minor in zip(*columns, strict=True)
    )


def moved_by(
    connection: Connection, run_id: str, bookings: Sequence[Booking]
) -> dict[str, int]:
    """Return by currency what a run moves to the account ``difference``, in minor units.

    A repeated run at the same instant includes what it booked before. No amount is zero.
    """
    moved = booked_by_run(connection, run_id)
    for booking in bookings:
        code = booking.key.currency
        moved[code] = moved.get(code, 0) + booking.after - booking.before
    return {code: moved[code] for code in sorted(moved) if moved[code]}


def rounds_digest(residual_rows: pd.DataFrame) -> dict[str, Any]:
    """Return the number of rounds with an accepted residual, and a hash of all of them."""
    rounds = [
        [*residual.key, str(residual.match_key), str(residual.minor)]
        for residual in residuals_of(residual_rows)
    ]
    text = json.dumps(sorted(rounds)).encode()
    return {"count": len(rounds), "digest": blake2b(text, digest_size=16).hexdigest()}
