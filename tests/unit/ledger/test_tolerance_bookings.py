"""The way from what stands booked to what a run found."""

from ledger.corrections.tolerance_bookings import (
    Booking,
    LastBooking,
    Residual,
    ResidualKey,
    bookings_between,
)

R1, R2 = ResidualKey("r1", "", "EUR"), ResidualKey("r2", "", "EUR")


def stood(minor: int, *, number: int = 7, sequence: int = 1) -> LastBooking:
    return LastBooking(residual_id=number, sequence=sequence, match_key=1, minor=minor)


def found(place: ResidualKey, minor: int) -> Residual:
    return Residual(key=place, match_key=1, minor=minor)


def moves(bookings: tuple[Booking, ...]) -> list[tuple[str, int, int, int, int | None]]:
    return [(b.key.round_id, b.sequence, b.before, b.after, b.corrects) for b in bookings]


def test_what_is_found_for_the_first_time_is_booked_as_a_beginning() -> None:
    due = bookings_between({}, [found(R2, -3), found(R1, 2)])
    assert moves(due) == [("r1", 1, 0, 2, None), ("r2", 1, 0, -3, None)]


def test_what_stands_as_it_was_found_is_not_booked_again() -> None:
    assert bookings_between({R1: stood(2)}, [found(R1, 2)]) == ()
    assert bookings_between({R1: stood(0, sequence=2)}, []) == ()


def test_what_is_not_found_any_more_is_taken_back() -> None:
    assert moves(bookings_between({R1: stood(2)}, [])) == [("r1", 2, 2, 0, 7)]


def test_what_changed_is_booked_up_to_what_it_is_now() -> None:
    assert moves(bookings_between({R1: stood(2)}, [found(R1, -1)])) == [("r1", 2, 2, -1, 7)]


def test_what_comes_back_goes_on_where_it_was_taken_back() -> None:
    due = bookings_between({R1: stood(0, number=9, sequence=2)}, [found(R1, 2)])
    assert moves(due) == [("r1", 3, 0, 2, 9)]


def test_players_and_currencies_of_one_round_are_booked_apart() -> None:
    ann, bob = ResidualKey("r1", "ann", "EUR"), ResidualKey("r1", "bob", "EUR")
    usd = ResidualKey("r1", "ann", "USD")
    due = bookings_between({ann: stood(2)}, [found(bob, 1), found(ann, 2), found(usd, 5)])
    assert [b.key for b in due] == [usd, bob]


def test_a_residual_of_nothing_is_none() -> None:
    assert bookings_between({}, [found(R1, 0)]) == ()
