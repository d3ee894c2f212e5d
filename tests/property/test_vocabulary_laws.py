"""Laws of the vocabulary, over everything it can say."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from vocabulary.errors import Malformed
from vocabulary.facts import Bet, fingerprint
from vocabulary.ids import chain_place, match_key, transaction_id
from vocabulary.money import EXPONENT_MAX, MINOR_MAX, Money, minor_from_text, text_from_minor

EXPONENTS = st.sampled_from([0, 2, 3, 8, EXPONENT_MAX])
MINORS = st.integers(min_value=-MINOR_MAX, max_value=MINOR_MAX)
PLACES = st.integers(min_value=0, max_value=10**18 - 1)


@given(minor=MINORS, exponent=EXPONENTS)
def test_reading_what_was_rendered_gives_the_same_money(minor: int, exponent: int) -> None:
    assert minor_from_text(text_from_minor(minor, exponent), exponent) == minor


@given(minor=MINORS, exponent=EXPONENTS)
def test_a_rendered_amount_means_what_decimal_says(minor: int, exponent: int) -> None:
    assert Decimal(text_from_minor(minor, exponent)) == Decimal(minor).scaleb(-exponent)


@given(text=st.text(alphabet="0123456789.-+eE_ ٣naif", max_size=24), exponent=EXPONENTS)
def test_a_text_is_exact_money_or_refused(text: str, exponent: int) -> None:
    try:
        minor = minor_from_text(text, exponent)
    except Malformed:
        plain = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
        scaled = Decimal(text).scaleb(exponent) if plain else Decimal("0.5")
        assert scaled != int(scaled) or abs(scaled) > MINOR_MAX
    else:
        assert Decimal(text).scaleb(exponent) == minor


@given(minor=MINORS, parts=st.integers(min_value=1, max_value=50))
def test_a_split_sums_back_and_is_fair(minor: int, parts: int) -> None:
    shares = [share.minor for share in Money(minor, "EUR").split(parts)]

    assert len(shares) == parts
    assert sum(shares) == minor
    assert max(shares) - min(shares) <= 1


@given(one=MINORS, other=MINORS)
def test_adding_and_taking_away_cancel(one: int, other: int) -> None:
    left, right = Money(one, "EUR"), Money(other, "EUR")

    assert left + right - right == left
    assert left - right == -(right - left)


@given(wallet=PLACES, seq=PLACES)
def test_a_transaction_id_names_exactly_its_place(wallet: int, seq: int) -> None:
    assert chain_place(transaction_id(wallet, seq)) == (wallet, seq)


@given(provider=st.text(max_size=20), round_id=st.text(max_size=40))
def test_a_match_key_fits_the_column(provider: str, round_id: str) -> None:
    key = match_key(provider, round_id)

    assert -(2**63) <= key < 2**63
    assert key == match_key(provider, round_id)


IDS = st.text(max_size=6)
BETS = st.builds(
    Bet,
    key=IDS,
    handle=IDS,
    amount=st.builds(Money, MINORS, st.sampled_from(["EUR", "USD"])),
    round_id=IDS,
    occurred_at=st.none() | st.just(datetime(2025, 3, 1, tzinfo=UTC)),
)


@given(one=BETS, other=BETS)
def test_fingerprints_are_equal_exactly_for_equal_facts(one: Bet, other: Bet) -> None:
    same = (one.key, one.handle, one.amount, one.round_id) == (
        other.key,
        other.handle,
        other.amount,
        other.round_id,
    )

    assert (fingerprint(one) == fingerprint(other)) is same
