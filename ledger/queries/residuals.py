"""Read what tolerances let pass: each transaction, what it corrects, what stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ledger.queries.query import read

_BOOKED = """
SELECT r.residual_id, r.provider, r.round_id, r.seat, r.currency, r.before, r.after, r.corrects,
       r.run_id, r.booked_at,
       NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id) AS stands
  FROM residuals r
 WHERE (CAST(:provider AS text) IS NULL OR r.provider = :provider)
   AND (CAST(:round AS text) IS NULL OR r.round_id = :round)
   AND (NOT :standing
        OR (r.after <> 0 AND NOT EXISTS (SELECT FROM residuals later
                                          WHERE later.corrects = r.residual_id)))
 ORDER BY r.residual_id DESC LIMIT :most
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedResidual:
    """One transaction between GGR and the account of differences; minor units.

    Attributes:
        player: where several share the round; else empty.
        before, after: what stood for the round and what it left, as owed to the player.
        corrects: the transaction before it; None for the first of a round.
        stands: no later one corrects it.
    """

    residual_id: int
    provider: str
    round_id: str
    player: str
    currency: str
    before: int
    after: int
    corrects: int | None
    run_id: str
    booked_at: datetime
    stands: bool


def residuals_of(
    engine: Engine, *, provider: str | None, round_id: str | None, standing: bool, most: int
) -> list[BookedResidual]:
    """Transactions, newest first; None asks for any, ``standing`` only for what still stands.

    Raises:
        Unavailable: the database is out of reach.
    """
    wanted = {"provider": provider, "round": round_id, "standing": standing, "most": most}
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
            booked_at=row[9],
            stands=row[10],
        )
        for row in read(engine, _BOOKED, wanted)
    ]
