"""What a correction would book: its entries and the wallet's balance; nothing is written.

The entries follow from the same table as the real ones (``ledger.posting.rules``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from ledger.posting.rules import Entry, Movement, entries_of, owed_by, sweep_of

_WALLET = "SELECT balance FROM wallets WHERE player = :player AND currency = :currency"
_CLEARING = """
SELECT r.stake - r.payout - r.swept FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.match_key = :match_key AND r.provider = :provider AND r.round_id = :round_id
   AND w.player = :player AND w.currency = :currency AND NOT r.ended
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBooking:
    """A correction to be booked: signed minor units to the player; side None: no round."""

    amount: int
    side: Literal["stake", "payout"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingPreview:
    """The entries in the order of posting, and the balance before and after them."""

    entries: tuple[Entry, ...]
    balance_before: int
    balance_after: int


def wallet_balance(connection: Connection, player: str, currency: str) -> int | None:
    """The balance of a wallet as accepted so far; None: there is no such wallet."""
    params = {"player": player, "currency": currency}
    balance: int | None = connection.execute(text(_WALLET), params).scalar_one_or_none()
    return balance


def open_clearing(
    connection: Connection,
    *,
    provider: str,
    round_id: str,
    match_key: int,
    player: str,
    currency: str,
) -> int:
    """What an open round holds in its clearing; a correction ends the round and sweeps it."""
    params = {
        "provider": provider,
        "round_id": round_id,
        "match_key": match_key,
        "player": player,
        "currency": currency,
    }
    return connection.execute(text(_CLEARING), params).scalar_one_or_none() or 0


def preview_bookings(
    balance: int, bookings: Sequence[PlannedBooking], *, clearing: int = 0
) -> BookingPreview:
    """What these corrections would book, in this order. Pure.

    ``clearing`` is what the first of them sweeps, if it belongs to the round.
    """
    entries: list[Entry] = []
    after = balance
    for booking in bookings:
        after += booking.amount
        entries += entries_of(_movement(booking, balance_after=after))
    if any(booking.side for booking in bookings):
        entries += sweep_of(clearing)
    return BookingPreview(entries=tuple(entries), balance_before=balance, balance_after=after)


def _movement(booking: PlannedBooking, *, balance_after: int) -> Movement:
    amount = booking.amount
    return Movement(
        stake=-amount if booking.side == "stake" else 0,
        payout=amount if booking.side == "payout" else 0,
        funding=amount if booking.side is None else 0,
        ends_round=booking.side is not None,
        owed=owed_by(amount=amount, balance_after=balance_after),
        adjusts=True,
    )
