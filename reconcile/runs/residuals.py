"""Book what a run's tolerance accepted, in the same transaction that stores the run.

Only a run over the whole window books. If a residual stands booked for a round of the window
and is not accepted any more - the history or the tolerance changed, or we corrected our side -
the run reverses it. A share of a round belongs to the window that it began in, as for breaks:
the run over the window of another share leaves its residual alone.
"""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

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
from vocabulary.window import Window

# The booked residuals of shares that we have and of which neither side has a row in the window,
# while their round has one: that of another share.
_ELSEWHERE = """
SELECT r.round_id, r.player, r.currency FROM residuals r
 CROSS JOIN LATERAL (
       SELECT bool_or(o.first_at >= :start AND o.first_at < :end) AS inside
         FROM rounds o JOIN wallets w USING (wallet_id)
        WHERE o.match_key = r.match_key AND o.provider = r.provider
          AND o.round_id = r.round_id AND o.currency = r.currency
          AND r.player IN ('', w.player)) ours
 CROSS JOIN LATERAL (
       SELECT bool_or(f.created_at >= :start AND f.created_at < :end) AS inside
         FROM feed_records f
         LEFT JOIN handles h ON (h.provider, h.handle) = (f.provider, f.handle)
        WHERE f.match_key = r.match_key AND f.provider = r.provider
          AND f.round_id = r.round_id AND f.currency = r.currency
          AND r.player IN ('', coalesce(h.player, f.handle))) theirs
 WHERE r.provider = :provider AND r.match_key = ANY(CAST(:match_keys AS bigint[]))
   AND r.write_off_id IS NULL
   AND NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id)
   AND NOT ours.inside AND theirs.inside IS NOT TRUE
   AND (EXISTS (SELECT FROM rounds o
                 WHERE o.match_key = r.match_key AND o.provider = r.provider
                   AND o.first_at >= :start AND o.first_at < :end)
     OR EXISTS (SELECT FROM feed_records f
                 WHERE f.match_key = r.match_key AND f.provider = r.provider
                   AND f.created_at >= :start AND f.created_at < :end))
"""


def bookings_due(
    connection: Connection, provider: str, window: Window, evaluation: Evaluation
) -> tuple[Booking, ...]:
    """Return the bookings after which the ledger holds exactly the accepted residuals.

    An incremental run has none.
    """
    if not evaluation.whole:
        return ()
    covered = evaluation.booked.tolist()
    return due_bookings(
        connection,
        provider=provider,
        residuals=residuals_of(evaluation.comparison.residual_rows),
        covered=covered,
        kept=_shares_elsewhere(connection, provider, window, covered),
    )


def _shares_elsewhere(
    connection: Connection, provider: str, window: Window, match_keys: Sequence[int]
) -> set[ResidualKey]:
    """Return the booked residuals of shares that began in other windows than their round."""
    params = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "match_keys": list(match_keys),
    }
    return {ResidualKey(*row) for row in connection.execute(text(_ELSEWHERE), params)}


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
    listed = json.dumps(sorted(rounds)).encode()
    return {"count": len(rounds), "digest": blake2b(listed, digest_size=16).hexdigest()}
