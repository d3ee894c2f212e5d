"""Read what the provider's history says of one round: its records, and withdrawn ones."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.ids import match_key

#: Most records of one round that are read.
RECORDS_MAX = 200

# A player's round with any rolled back record moved nothing, whatever its other records hold.
_UNDONE = "bool_or(f.rolled_back) OVER (PARTITION BY coalesce(h.player, f.handle))"
_OF_ROUND = """
  FROM feed_records f LEFT JOIN handles h USING (provider, handle)
 WHERE f.match_key = :match_key AND f.provider = :provider AND f.round_id = :round_id
"""
_RECORDS = f"""
SELECT f.record_id, f.occurrence, f.handle, f.currency, f.stake, f.payout, f.rolled_back,
       f.balance_before, f.balance_after, f.game, f.source, f.created_at, f.updated_at,
       f.received_at, false AS withdrawn, {_UNDONE} AS undone
  {_OF_ROUND}
 ORDER BY f.created_at, f.record_id, f.occurrence LIMIT :limit
"""
_SUMS = f"""
SELECT currency, sum(CASE WHEN undone THEN 0 ELSE stake END)::bigint AS stake,
       sum(CASE WHEN undone THEN 0 ELSE payout END)::bigint AS payout
  FROM (SELECT f.currency, f.stake, f.payout, {_UNDONE} AS undone {_OF_ROUND}) r
 GROUP BY currency
"""  # noqa: S608 - the constants above
_WITHDRAWN = """
SELECT DISTINCT ON (record_id, occurrence)
       record_id, occurrence, handle, currency, stake, payout, rolled_back,
       NULL AS balance_before, NULL AS balance_after, NULL AS game, source, created_at,
       updated_at, received_at, event = 'withdrawn' AS withdrawn, false AS undone
  FROM feed_withdrawals
 WHERE match_key = :match_key AND provider = :provider AND round_id = :round_id
 ORDER BY record_id, occurrence, withdrawal_id DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """A record of the provider's history; minor units.

    Attributes:
        source: push, pull or the name of the file.
        withdrawn: a complete re-delivery left it out, so it does not count.
        undone: a record of its player in the round is rolled back, so it moves nothing.
    """

    record_id: str
    occurrence: int
    handle: str
    currency: str
    stake: int
    payout: int
    rolled_back: bool
    balance_before: int | None
    balance_after: int | None
    game: str | None
    source: str
    created_at: datetime
    updated_at: datetime
    received_at: datetime
    withdrawn: bool
    undone: bool = False


def sums_of_records(
    connection: Connection, provider: str, round_id: str
) -> dict[str, tuple[int, int]]:
    """Stake and payout of all records of a round that count, by currency."""
    params = {
        "match_key": match_key(provider, round_id),
        "provider": provider,
        "round_id": round_id,
    }
    rows = connection.execute(text(_SUMS), params)
    return {row.currency: (row.stake, row.payout) for row in rows}


def records_of_round(connection: Connection, provider: str, round_id: str) -> list[RoundRecord]:
    """The records of a round by time, then those that were withdrawn and did not come back."""
    params = {
        "match_key": match_key(provider, round_id),
        "provider": provider,
        "round_id": round_id,
        "limit": RECORDS_MAX,
    }
    records, withdrawn = (
        [RoundRecord(**row) for row in connection.execute(text(query), params).mappings()]
        for query in (_RECORDS, _WITHDRAWN)
    )
    return [*records, *(record for record in withdrawn if record.withdrawn)]
