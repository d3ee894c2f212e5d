"""Book residuals within a tolerance from GGR to the account ``difference``, round by round.

The target is each round's residual in the last complete run. A booking moves what is booked to
that target, and there is none where both are equal. So repeating a run books nothing, and a
residual that is gone is taken back by a transaction that names the one it corrects.

Tables touched: ``residuals`` (the transactions) and ``residual_entries`` (their legs), both
append-only. The caller's transaction locks out other runs of the provider; without that lock,
the second of two runs on the same books could not commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

_BOOKED_MATCH_KEYS = """
SELECT DISTINCT match_key FROM residuals r
 WHERE provider = :provider AND after <> 0 AND write_off_id IS NULL
   AND NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id)
 ORDER BY 1
"""
_LAST_BOOKINGS = """
SELECT round_id, player, currency, match_key, residual_id, sequence, after FROM residuals r
 WHERE provider = :provider AND match_key = ANY(CAST(:match_keys AS bigint[]))
   AND write_off_id IS NULL
   AND NOT EXISTS (SELECT FROM residuals later WHERE later.corrects = r.residual_id)
"""
_BY_RUN = """
SELECT currency, sum(after - before)::bigint FROM residuals WHERE run_id = :run
 GROUP BY currency ORDER BY currency
"""
# Header and legs in one statement: the database takes neither without the other.
_BOOK = """
WITH booked AS (
  INSERT INTO residuals (run_id, provider, round_id, player, match_key, currency, sequence,
                         before, after, corrects)
  SELECT :run, :provider, b.*
    FROM unnest(CAST(:rounds AS text[]), CAST(:players AS text[]),
                CAST(:match_keys AS bigint[]), CAST(:currencies AS text[]),
                CAST(:sequences AS integer[]), CAST(:befores AS bigint[]),
                CAST(:afters AS bigint[]), CAST(:corrects AS bigint[])) AS b
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
    """The round and currency of a residual.

    Attributes:
        player: the player if several share the round, else empty.
    """

    round_id: str
    player: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """A round's residual in a run; minor units, positive is owed to the player."""

    key: ResidualKey
    match_key: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBooking:
    """The last transaction of a residual key.

    Attributes:
        sequence: its number among the key's transactions, from 1.
        minor: the residual booked after it.
    """

    residual_id: int
    sequence: int
    match_key: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A transaction to be written.

    Attributes:
        sequence: its number among the key's transactions, from 1.
        before, after: the booked residual without it and with it.
        corrects: the key's transaction before it; None for the first.
    """

    key: ResidualKey
    match_key: int
    sequence: int
    before: int
    after: int
    corrects: int | None


def booked_match_keys(connection: Connection, provider: str) -> list[int]:
    """Match keys of the rounds with a booked residual, ordered."""
    rows = connection.execute(text(_BOOKED_MATCH_KEYS), {"provider": provider})
    return [row[0] for row in rows]


def due_bookings(
    connection: Connection,
    *,
    provider: str,
    residuals: Sequence[Residual],
    covered: Iterable[int],
    kept: Collection[ResidualKey] = (),
) -> tuple[Booking, ...]:
    """The bookings after which exactly the given residuals are booked.

    Args:
        connection: its transaction locks out other runs of the provider.
        provider: the slug.
        residuals: all residuals of the run, each key once.
        covered: match keys of the rounds that the run compared; a residual booked for one of
            them and absent from ``residuals`` is taken back.
        kept: keys of these rounds that the run did not compare: they stay as they are booked.
    """
    match_keys = sorted({*covered, *(residual.match_key for residual in residuals)})
    if not match_keys:
        return ()
    parameters = {"provider": provider, "match_keys": match_keys}
    rows = connection.execute(text(_LAST_BOOKINGS), parameters)
    booked = {
        ResidualKey(round_id, player, currency): LastBooking(
            residual_id=residual_id, sequence=sequence, match_key=match_key, minor=after
        )
        for round_id, player, currency, match_key, residual_id, sequence, after in rows
    }
    for key in {*kept} - {residual.key for residual in residuals}:
        booked.pop(key, None)
    return bookings_between(booked, residuals)


def bookings_between(
    booked: Mapping[ResidualKey, LastBooking], residuals: Sequence[Residual]
) -> tuple[Booking, ...]:
    """The bookings that lead from the booked residuals to the given ones, ordered by key."""
    targets = {residual.key: residual for residual in residuals if residual.minor != 0}
    bookings = (
        _booking(key, booked.get(key), targets.get(key)) for key in sorted({*booked, *targets})
    )
    return tuple(booking for booking in bookings if booking.before != booking.after)


def _booking(key: ResidualKey, last: LastBooking | None, target: Residual | None) -> Booking:
    either = last or target
    assert either is not None
    return Booking(
        key=key,
        match_key=either.match_key,
        sequence=1 if last is None else last.sequence + 1,
        before=0 if last is None else last.minor,
        after=0 if target is None else target.minor,
        corrects=None if last is None else last.residual_id,
    )


def write_bookings(
    connection: Connection, *, provider: str, run_id: str, bookings: Sequence[Booking]
) -> None:
    """Write the transactions with their entries; the run must be stored before.

    Raises:
        IntegrityError: another run booked one of the residual keys since they were read.
    """
    if bookings:
        parameters = {"provider": provider, "run": run_id, **_columns(bookings)}
        connection.execute(text(_BOOK), parameters)


def _columns(bookings: Sequence[Booking]) -> dict[str, list[Any]]:
    return {
        "rounds": [booking.key.round_id for booking in bookings],
        "players": [booking.key.player for booking in bookings],
        "currencies": [booking.key.currency for booking in bookings],
        "match_keys": [booking.match_key for booking in bookings],
        "sequences": [booking.sequence for booking in bookings],
        "befores": [booking.before for booking in bookings],
        "afters": [booking.after for booking in bookings],
        "corrects": [booking.corrects for booking in bookings],
    }


def booked_by_run(connection: Connection, run_id: str) -> dict[str, int]:
    """The amount a run moved to the account ``difference``, by currency; minor units.

    A currency whose movements sum to zero is included.
    """
    rows = connection.execute(text(_BY_RUN), {"run": run_id})
    return {row[0]: row[1] for row in rows}
