"""Corrections of a day: those of its rounds, and those booked on it for other days."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text

from vocabulary.currencies import digits_of
from vocabulary.ids import match_key
from vocabulary.money import text_from_minor
from vocabulary.window import Window

# One that was proposed before the day may have been decided on it.
_OF_PROVIDER = """
SELECT id, round_id, currency, amount, state, reason, proposed_by, decided_by, decided_at
  FROM adjustments
 WHERE provider = :provider AND state <> 'rejected'
   AND (proposed_at >= :start OR decided_at >= :start)
 ORDER BY proposed_at, id
"""
_NEWEST = """
SELECT round_id FROM adjustments
 WHERE provider = :provider AND state <> 'rejected' AND proposed_at >= :since
 ORDER BY proposed_at DESC LIMIT :limit
"""
_BEGAN = """
SELECT match_key, round_id, min(first_at) AS began_at FROM rounds
 WHERE provider = :provider AND match_key = ANY(:keys) GROUP BY match_key, round_id
"""
#: Whether the round of correction ``a`` has it: it is booked a moment before. LIMIT keeps this
#: a look-up by index: EXISTS may be planned as one reading of all operations.
IN_ROUND = """
a.state = 'posted' AND
(SELECT posted_at IS NULL FROM operations p JOIN batches USING (batch_id)
  WHERE p.provider = a.provider AND p.op_key = a.op_key LIMIT 1) IS NOT TRUE
"""
_IN_ROUNDS = f"""
SELECT (coalesce(b.began_at, b.first_seen) AT TIME ZONE :zone)::date AS day,
       count(*) AS corrections
  FROM breaks b JOIN adjustments a USING (break_id)
 WHERE b.provider = :provider AND coalesce(b.began_at, b.first_seen) >= :start
   AND coalesce(b.began_at, b.first_seen) < :end AND {IN_ROUND}
 GROUP BY day
"""  # noqa: S608 - only the constant above is put in
#: Most corrections of a provider whose rounds are read together.
NEWEST_MAX = 10_000
_NOTHING: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCorrection:
    """A correction that concerns a day.

    Attributes:
        amount: decimal text, signed, to the player.
        began_at: when its round began: the day whose figures it moves; None: no such round.
        decided_at: when it was decided, which is when it was booked if it is posted.
    """

    id: str
    round_id: str
    currency: str
    amount: str
    state: str
    reason: str
    proposed_by: str
    decided_by: str | None
    decided_at: datetime | None
    began_at: datetime | None


def corrections_of(
    connection: Connection,
    provider: str,
    window: Window,
    exponents: Mapping[str, int],
    known: Mapping[str, datetime] = _NOTHING,
) -> list[DayCorrection]:
    """The corrections of a day's rounds, and those decided on the day, oldest first.

    Args:
        connection: of the books.
        provider: whose rounds they are.
        window: the day.
        exponents: the provider's overrides of decimal places.
        known: when rounds began, by id; those of others are read, a page of the books each.
    """
    params = {"provider": provider, "start": window.start}
    rows = connection.execute(text(_OF_PROVIDER), params).mappings().all()
    unknown = {row["round_id"] for row in rows} - known.keys()
    began = {**known, **_beginnings(connection, provider, unknown)} if unknown else known
    return [
        _correction(row, began.get(row["round_id"]), exponents)
        for row in rows
        if any(
            instant is not None and window.start <= instant < window.end
            for instant in (began.get(row["round_id"]), row["decided_at"])
        )
    ]


def corrected_rounds(
    connection: Connection, provider: str, since: datetime
) -> dict[str, datetime]:
    """When the rounds began, by id, of the newest corrections proposed since an instant."""
    params = {"provider": provider, "since": since, "limit": NEWEST_MAX}
    return _beginnings(
        connection, provider, set(connection.execute(text(_NEWEST), params).scalars())
    )


def corrections_in_rounds(
    connection: Connection, provider: str, window: Window, zone: str
) -> dict[date, int]:
    """By business day, how many corrections of its breaks the rounds of a window have."""
    params = {
        "provider": provider,
        "start": window.start,
        "end": window.end,
        "zone": zone,
    }
    rows = connection.execute(text(_IN_ROUNDS), params)
    return {row.day: row.corrections for row in rows}


def _beginnings(
    connection: Connection, provider: str, round_ids: Collection[str]
) -> dict[str, datetime]:
    keys = sorted(match_key(provider, round_id) for round_id in round_ids)
    rows = connection.execute(text(_BEGAN), {"provider": provider, "keys": keys})
    return {row.round_id: row.began_at for row in rows}


def _correction(
    row: Mapping[Any, Any], began_at: datetime | None, exponents: Mapping[str, int]
) -> DayCorrection:
    exponent = digits_of(row["currency"], exponents)
    amount = text_from_minor(row["amount"], exponent)
    return DayCorrection(**{**row, "amount": amount}, began_at=began_at)
