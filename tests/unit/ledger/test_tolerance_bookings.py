"""The bookings that lead from the booked residuals to those of a run."""

from ledger.corrections.tolerance_bookings import (
    Booking,
    LastBooking,
    Residual,
    ResidualKey,
    bookings_between,
)

R1, R2 = ResidualKey("r1", "", "EUR"), ResidualKey("r2", "", "EUR")


def last_booking(minor: int, *, residual_id: int = 7, sequence: int = 1) -> LastBooking:
    return LastBooking(residual_id=residual_id, sequence=sequence, match_key=1, minor=minor)


def residual(key: ResidualKey, minor: int) -> Residual:
    return Residual(key=key, match_key=1, minor=minor)


def amounts(bookings: tuple[Booking, ...]) -> list[tuple[str, int, int, int, int | None]]:
    return [(b.key.round_id, b.sequence, b.before, b.after, b.corrects) for b in bookings]


def test_a_new_residual_is_the_first_booking_of_its_round() -> None:
    bookings = bookings_between({}, [residual(R2, -3), residual(R1, 2)])
    assert amounts(bookings) == [("r1", 1, 0, 2, None), ("r2", 1, 0, -3, None)]


def test_an_unchanged_residual_is_not_booked_again() -> None:
    assert bookings_between({R1: last_booking(2)}, [residual(R1, 2)]) == ()
    assert bookings_between({R1: last_booking(0, sequence=2)}, []) == ()


def test_a_residual_that_is_gone_is_taken_back() -> None:
    assert amounts(bookings_between({R1: last_booking(2)}, [])) == [("r1", 2, 2, 0, 7)]


def test_a_changed_residual_is_booked_from_the_old_amount_to_the_new() -> None:
    assert amounts(bookings_between({R1: last_booking(2)}, [residual(R1, -1)])) == [
        ("r1", 2, 2, -1, 7)
    ]


def test_a_residual_that_returns_continues_the_sequence() -> None:
    bookings = bookings_between(
        {R1: last_booking(0, residual_id=9, sequence=2)}, [residual(R1, 2)]
    )
    assert amounts(bookings) == [("r1", 3, 0, 2, 9)]


def test_players_and_currencies_of_a_round_are_booked_separately() -> None:
    ann, bob = ResidualKey("r1", "ann", "EUR"), ResidualKey("r1", "bob", "EUR")
    usd = ResidualKey("r1", "ann", "USD")
    bookings = bookings_between(
        {ann: last_booking(2)}, [residual(bob, 1), residual(ann, 2), residual(usd, 5)]
    )
    assert [b.key for b in bookings] == [usd, bob]


def test_a_residual_of_zero_is_not_booked() -> None:
    assert bookings_between({}, [residual(R1, 0)]) == ()
