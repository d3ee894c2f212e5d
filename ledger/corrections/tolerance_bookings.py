"""Book what a tolerance let pass: from GGR to the account ``difference``, round by round.

The target is what the last whole run says of a round; booked is the way from what stands to
there, and nothing where it stands there already. So a run that is repeated books nothing, and
a residual that is gone is taken back by a transaction that names the one it corrects.

Tables touched: ``residuals`` (the transactions) and ``residual_entries`` (their legs), both
append-only. Whoever books holds off other runs of the provider; were that forgotten, one of
two that saw the same books could not commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

_STANDING_KEYS = """
SELECT DISTINCT match_key FROM residuals r
 WHERE provider = :provider AND after <> 0
   AND NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id)
 ORDER BY 1
"""
_STANDING = """
SELECT round_id, seat, currency, match_key, residual_id, sequence, after FROM residuals r
 WHERE provider = :provider AND match_key = ANY(CAST(:keys AS bigint[]))
   AND NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id)
"""
_BY_RUN = """
SELECT currency, sum(after - before)::bigint FROM residuals WHERE run_id = :run
 GROUP BY currency ORDER BY currency
"""
# Header and legs in one statement: the database takes neither without the other.
_BOOK = """
WITH booked AS (
  INSERT INTO residuals (run_id, provider, round_id, seat, match_key, currency, sequence,
                         before, after, corrects)
  SELECT :run, :provider, b.*
    FROM unnest(CAST(:rounds AS text[]), CAST(:seats AS text[]), CAST(:keys AS bigint[]),
                CAST(:currencies AS text[]), CAST(:sequences AS integer[]),
                CAST(:befores AS bigint[]), CAST(:afters AS bigint[]),
                CAST(:corrects AS bigint[])) AS b
  RETURNING *
)
INSERT INTO residual_entries (residual_id, leg, account, provider, match_key, currency, amount)
SELECT b.residual_id, l.leg, l.account::account_kind, b.provider, b.match_key, b.currency,
       l.amount
  FROM booked b
 CROSS JOIN LATERAL (VALUES (1, 'ggr', b.before - b.after),
                            (2, 'difference', b.after - b.before)) AS l (leg, account, amount)
"""


class ResidualKey(NamedTuple):
    """What a residual is booked under.

    Attributes:
        seat: the player, where several share the round; else empty.
    """

    round_id: str
    seat: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What a run let pass of a round; minor units, positive as owed to the player."""

    place: ResidualKey
    match_key: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBooking:
    """The last transaction of a place: which it is, its number there, and where it left."""

    residual_id: int
    sequence: int
    match_key: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A transaction to be written.

    Attributes:
        sequence: its number at the place, from 1.
        before, after: what stands there without it and with it.
        corrects: the transaction before it at the place; None for the first.
    """

    place: ResidualKey
    match_key: int
    sequence: int
    before: int
    after: int
    corrects: int | None


def standing_keys(connection: Connection, provider: str) -> list[int]:
    """Match keys of the rounds for which something stands booked, ordered."""
    rows = connection.execute(text(_STANDING_KEYS), {"provider": provider})
    return [row[0] for row in rows]


def due_bookings(
    connection: Connection,
    *,
    provider: str,
    found: Sequence[Residual],
    covered: Iterable[int],
) -> tuple[Booking, ...]:
    """What has to be booked, so that exactly what was found stands.

    Args:
        connection: whose transaction holds off other runs of the provider.
        provider: the slug.
        found: everything that the run let pass, each place once.
        covered: match keys of rounds that the run looked at; what stands for one of them and
            was not found again is taken back.
    """
    keys = sorted({*covered, *(each.match_key for each in found)})
    if not keys:
        return ()
    rows = connection.execute(text(_STANDING), {"provider": provider, "keys": keys})
    stands = {
        ResidualKey(round_id, seat, currency): LastBooking(
            residual_id=number, sequence=sequence, match_key=key, minor=after
        )
        for round_id, seat, currency, key, number, sequence, after in rows
    }
    return bookings_of(stands, found)


def bookings_of(
    stands: Mapping[ResidualKey, LastBooking], found: Sequence[Residual]
) -> tuple[Booking, ...]:
    """The way from what stands to what was found, in the order of the places."""
    told = {each.place: each for each in found if each.minor != 0}
    due = []
    for place in sorted({*stands, *told}):
        before, now = stands.get(place), told.get(place)
        booking = _booking(place, before, now)
        if booking.before != booking.after:
            due.append(booking)
    return tuple(due)


def _booking(place: ResidualKey, before: LastBooking | None, now: Residual | None) -> Booking:
    known = before or now
    assert known is not None
    return Booking(
        place=place,
        match_key=known.match_key,
        sequence=1 if before is None else before.sequence + 1,
        before=0 if before is None else before.minor,
        after=0 if now is None else now.minor,
        corrects=None if before is None else before.residual_id,
    )


def book(
    connection: Connection, *, provider: str, run_id: str, bookings: Sequence[Booking]
) -> None:
    """Write the transactions with their entries; the run is stored already.

    Raises:
        IntegrityError: another run booked one of the places since they were read.
    """
    if bookings:
        columns = _columns(bookings)
        said = {"provider": provider, "run": run_id, **columns}
        connection.execute(text(_BOOK), said)


def _columns(bookings: Sequence[Booking]) -> dict[str, list[Any]]:
    return {
        "rounds": [each.place.round_id for each in bookings],
        "seats": [each.place.seat for each in bookings],
        "currencies": [each.place.currency for each in bookings],
        "keys": [each.match_key for each in bookings],
        "sequences": [each.sequence for each in bookings],
        "befores": [each.before for each in bookings],
        "afters": [each.after for each in bookings],
        "corrects": [each.corrects for each in bookings],
    }


def booked_by(connection: Connection, run_id: str) -> dict[str, int]:
    """By currency, what a run moved to the account ``difference``; minor units.

    Currencies whose movements add up to nothing are there too.
    """
    rows = connection.execute(text(_BY_RUN), {"run": run_id})
    return {row[0]: row[1] for row in rows}
