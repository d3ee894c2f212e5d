"""What a run's tolerance let pass, put into the books by the run that says so.

Only a run that looked at all of its window books. What stood for a round of the window and is
not let pass any more - the history was told otherwise, the tolerance changed, we corrected our
side - it takes back.
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
from reconcile.snapshot.shared_rounds import round_of, seat_of


def bookings_due(
    connection: Connection, provider: str, judged: Evaluation
) -> tuple[Booking, ...]:
    """What makes the books hold exactly what the run let pass; nothing of a partial run."""
    if not judged.whole:
        return ()
    return due_bookings(
        connection,
        provider=provider,
        residuals=residuals_of(judged.comparison.passed),
        covered=judged.booked.tolist(),
    )


def residuals_of(passed: pd.DataFrame) -> tuple[Residual, ...]:
    """A RESIDUALS frame as the ledger takes it, by the provider's own names of rounds."""
    columns = (RESIDUALS.check(passed)[name].tolist() for name in RESIDUALS.columns)
    return tuple(
        Residual(
            key=ResidualKey(round_of(name), seat_of(name), currency),
            match_key=key,
            minor=minor,
        )
        for name, currency, key, minor in zip(*columns, strict=True)
    )


def moved_by(
    connection: Connection, run_id: str, bookings: Sequence[Booking]
) -> dict[str, int]:
    """By currency, what a run moves to the account ``difference``; minor units, none zero.

    The same run, asked again at the same instant, has what it moved before counted.
    """
    moved = booked_by_run(connection, run_id)
    for each in bookings:
        code = each.key.currency
        moved[code] = moved.get(code, 0) + each.after - each.before
    return {code: moved[code] for code in sorted(moved) if moved[code]}


def rounds_digest(passed: pd.DataFrame) -> dict[str, Any]:
    """How many rounds were let pass with a residual, and all of them as one hash."""
    told = [[*each.key, str(each.match_key), str(each.minor)] for each in residuals_of(passed)]
    text = json.dumps(sorted(told)).encode()
    return {"count": len(told), "digest": blake2b(text, digest_size=16).hexdigest()}
