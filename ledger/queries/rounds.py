"""Read rounds: their amounts, their status, and which have been open for too long."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ledger.enums import RoundStatus
from ledger.queries.query import fetch_rows

_ROUNDS = """
SELECT r.provider, r.round_id, w.player, r.currency, r.stake, r.payout, r.bets, r.wins,
       r.rollbacks, r.status::text, r.stake - r.payout - r.swept, r.first_at, r.last_at
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE (CAST(:status AS round_status) IS NULL OR r.status = CAST(:status AS round_status))
   AND (CAST(:before AS timestamptz) IS NULL OR r.first_at < :before)
   AND (CAST(:provider AS text) IS NULL OR r.provider = :provider)
 ORDER BY r.first_at, r.provider, r.round_id LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round as posted; amounts in minor units.

    Attributes:
        clearing: what its clearing still holds.
        first_at, last_at: when its first and last operations were received.
    """

    provider: str
    round_id: str
    player: str
    currency: str
    stake: int
    payout: int
    bets: int
    wins: int
    rollbacks: int
    status: RoundStatus
    clearing: int
    first_at: datetime
    last_at: datetime


def rounds_of(
    engine: Engine,
    *,
    status: RoundStatus | None,
    before: datetime | None,
    provider: str | None,
    limit: int,
) -> list[Round]:
    """Rounds that began before an instant, oldest first; None is no restriction.

    Raises:
        Unavailable: the database is out of reach.
    """
    parameters = {"status": status, "before": before, "provider": provider, "limit": limit}
    return [
        Round(
            provider=row[0],
            round_id=row[1],
            player=row[2],
            currency=row[3],
            stake=row[4],
            payout=row[5],
            bets=row[6],
            wins=row[7],
            rollbacks=row[8],
            status=RoundStatus(row[9]),
            clearing=row[10],
            first_at=row[11],
            last_at=row[12],
        )
        for row in fetch_rows(engine, _ROUNDS, parameters)
    ]
