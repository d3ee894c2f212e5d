"""Our own corrections of rounds: what they settle, and how they shift balances.

A correction answers what was known about its round when two people decided it. Whatever
a cross-check holds against the round from before is evidence of that decision, and no further
break. A correction is booked later than the round was played, so the provider's balances differ
by it in between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconcile.snapshot.snapshot import Snapshot

# Each operation is looked up by its key, in a subquery that OFFSET keeps one.
CORRECTIONS = """
SELECT a.round_id, o.match_key, a.player, a.currency, o.amount, o.received_at AS booked_at,
       coalesce((SELECT min(f.created_at) FROM feed_records f
                  WHERE f.match_key = o.match_key
                    AND f.provider IS NOT DISTINCT FROM o.provider),
                o.received_at) AS began
  FROM adjustments a
 CROSS JOIN LATERAL (SELECT * FROM operations x
                      WHERE x.provider = a.provider AND x.op_key = a.id OFFSET 0) o
 WHERE a.provider = {provider} AND a.state IN ('approved', 'posted')
 ORDER BY began, a.round_id, a.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundCorrection:
    """A booked correction of a round; ``amount`` signed, to the player, minor units.

    Attributes:
        began: when the provider reports the round.
    """

    round_id: str
    match_key: int
    player: str
    currency: str
    amount: int
    booked_at: datetime
    began: datetime


def round_corrections(snapshot: Snapshot) -> list[RoundCorrection]:
    """Read the booked corrections of the provider's rounds."""
    return [RoundCorrection(**row) for row in snapshot.query(CORRECTIONS)]


def is_settled(row: Mapping[str, Any], corrections: Iterable[RoundCorrection]) -> bool:
    """Check whether the round of a finding was corrected after the finding was known.

    Args:
        row: of a cross-check's finding; it is known since ``known_at``, else since
            ``received_at``. Without a player it is about the round of every player.
        corrections: of the provider.
    """
    known_at = row.get("known_at") or row["received_at"]
    return any(
        correction.round_id == row["round_id"]
        and row["player"] in {None, "", correction.player}
        and known_at <= correction.booked_at
        for correction in corrections
    )


def balance_shifts(
    corrections: Sequence[RoundCorrection],
) -> dict[tuple[str, str], list[tuple[datetime, int]]]:
    """Collect how corrections shift balances: instants and amounts, by player and currency.

    The provider may count the amount since the round, and we count it since the booking.
    """
    shifts: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
    for correction in corrections:
        owner = (correction.player, correction.currency)
        shifts.setdefault(owner, []).extend(
            [(correction.began, correction.amount), (correction.booked_at, -correction.amount)]
        )
    return shifts


def corrected_amounts(corrections: Iterable[RoundCorrection]) -> set[tuple[str, str, int]]:
    """Return player, currency and sum of every corrected round, and of every correction."""
    sums: dict[tuple[str, str, str], int] = {}
    amounts = set()
    for correction in corrections:
        amounts.add((correction.player, correction.currency, correction.amount))
        key = (correction.player, correction.currency, correction.round_id)
        sums[key] = sums.get(key, 0) + correction.amount
    return amounts | {
        (player, currency, total) for (player, currency, _), total in sums.items()
    }
