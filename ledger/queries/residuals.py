"""Read booked residuals: each transaction, what it corrects, and whether it stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ledger.queries.query import fetch_rows

_BOOKED = """
SELECT r.residual_id, r.provider, r.round_id, r.player, r.currency, r.before, r.after,
       r.corrects, r.run_id, r.write_off_id, r.booked_at,
       NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id) AS stands
  FROM residuals r
 WHERE (CAST(:provider AS text) IS NULL OR r.provider = :provider)
   AND (CAST(:round AS text) IS NULL OR r.round_id = :round)
   AND (NOT :standing
        OR (r.after <> 0 AND NOT EXISTS (SELECT FROM residuals later
                                          WHERE later.corrects = r.residual_id)))
 ORDER BY r.residual_id DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedResidual:
    """One transaction between GGR and the difference account; minor units.

    Attributes:
        player: the player if several share the round, else empty.
        before, after: the round's residual before and after it; positive is owed to the player.
        corrects: the transaction before it; None for the first of a round.
        run_id, write_off_id: what accepted the difference: a run's tolerance, or two people.
        stands: no later transaction corrects it.
    """

    residual_id: int
    provider: str
    round_id: str
    player: str
    currency: str
    before: int
    after: int
    corrects: int | None
    run_id: str | None
    write_off_id: str | None
    booked_at: datetime
    stands: bool


def residuals_of(
    engine: Engine, *, provider: str | None, round_id: str | None, standing: bool, limit: int
) -> list[BookedResidual]:
    """Transactions, newest first; ``standing`` leaves out those corrected later.

    Raises:
        Unavailable: the database is out of reach.
    """
    parameters = {
        "provider": provider,
        "round": round_id,
        "standing": standing,
        "limit": limit,
    }
    return [
        BookedResidual(
            residual_id=row[0],
            provider=row[1],
            round_id=row[2],
            player=row[3],
            currency=row[4],
            before=row[5],
            after=row[6],
            corrects=row[7],
            run_id=row[8],
            write_off_id=row[9],
            booked_at=row[10],
            stands=row[11],
        )
        for row in fetch_rows(engine, _BOOKED, parameters)
    ]
