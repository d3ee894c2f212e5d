"""Properties of money, ids and fingerprints over generated values."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from vocabulary.currencies import ISO_4217, ISO_ONLY
from vocabulary.errors import Malformed
from vocabulary.facts import (
    Bet,
    BetAndWin,
    Fund,
    Operation,
    Rollback,
    RoundEnd,
    Win,
    fingerprint,
)
from vocabulary.ids import match_key, transaction_id, transaction_position
from vocabulary.money import EXPONENT_MAX, MINOR_MAX, Money, minor_from_text, text_from_minor

EXPONENTS = st.sampled_from([0, 2, 3, 8, EXPONENT_MAX])
MINORS = st.integers(min_value=-MINOR_MAX, max_value=MINOR_MAX)
POSITIONS = st.integers(min_value=0, max_value=10**18 - 1)


@given(minor=MINORS, exponent=EXPONENTS)
def test_parsing_a_rendered_amount_gives_the_same_money(minor: int, exponent: int) -> None:
    assert minor_from_text(text_from_minor(minor, exponent), exponent) == minor


@given(minor=MINORS, exponent=EXPONENTS)
def test_a_rendered_amount_equals_its_decimal(minor: int, exponent: int) -> None:
    assert Decimal(text_from_minor(minor, exponent)) == Decimal(minor).scaleb(-exponent)


@given(currency=st.sampled_from(sorted(ISO_4217)), minor=MINORS)
def test_every_known_currency_is_read_as_it_is_written(currency: str, minor: int) -> None:
    money = Money(minor, currency)

    assert Money.parse(money.text(exponents=ISO_ONLY), currency, exponents=ISO_ONLY) == money


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


@given(first=MINORS, second=MINORS)
def test_addition_and_subtraction_cancel(first: int, second: int) -> None:
    left, right = Money(first, "EUR"), Money(second, "EUR")

    assert left + right - right == left
    assert left - right == -(right - left)


@given(wallet=POSITIONS, seq=POSITIONS, epoch=st.just(0) | POSITIONS)
def test_a_transaction_id_names_exactly_its_position(wallet: int, seq: int, epoch: int) -> None:
    assert transaction_position(transaction_id(wallet, seq, epoch)) == (wallet, seq, epoch)


@given(provider=st.text(max_size=20), round_id=st.text(max_size=40))
def test_a_match_key_fits_the_column(provider: str, round_id: str) -> None:
    key = match_key(provider, round_id)

    assert -(2**63) <= key < 2**63
    assert key == match_key(provider, round_id)


IDS = st.text(max_size=3)
FLAGS = st.booleans()
MONEY = st.builds(Money, st.integers(-2, 2), st.sampled_from(["EUR", "USD"]))
TIMES = st.none() | st.just(datetime(2025, 3, 1, tzinfo=UTC))
FUND = st.sampled_from([Fund.CASH, Fund.BONUS, Fund.PROMO])
COMMON = {"key": IDS, "handle": IDS, "round_id": IDS, "occurred_at": TIMES}
BETS = st.builds(Bet, amount=MONEY, fund=FUND, **COMMON)
WINS = st.builds(
    Win,
    amount=MONEY,
    bet_key=st.none() | IDS.filter(bool),
    stake=st.none() | MONEY,
    ends_round=FLAGS,
    fund=FUND,
    **COMMON,
)
OF_KIND: dict[type[Operation], st.SearchStrategy[Operation]] = {
    Bet: BETS,
    Win: WINS,
    BetAndWin: st.builds(
        BetAndWin, bet=MONEY, win=MONEY, ends_round=FLAGS, fund=FUND, **COMMON
    ),
    Rollback: st.builds(
        Rollback,
        original_key=IDS,
        currency=st.sampled_from(["EUR", "USD"]),
        amount=st.none() | MONEY,
        **COMMON,
    ),
    RoundEnd: st.builds(
        RoundEnd,
        bet_key=IDS,
        stake=MONEY,
        payout=MONEY,
        implied=st.just(()) | st.tuples(BETS, WINS),
        **COMMON,
    ),
}
OPERATIONS = st.one_of(*OF_KIND.values())


def content(fact: Operation) -> Operation:
    """The fact without its time stamp and without a round end's implied facts."""
    timeless = replace(fact, occurred_at=None)
    return replace(timeless, implied=()) if isinstance(timeless, RoundEnd) else timeless


@settings(max_examples=400)
@given(fact=OPERATIONS, data=st.data())
def test_fingerprints_are_equal_exactly_for_equal_facts(
    fact: Operation, data: st.DataObject
) -> None:
    other = data.draw(OPERATIONS | st.just(fact))
    changed = data.draw(st.sampled_from([fact, other]))

    same = fingerprint(fact) == fingerprint(changed)

    assert same is (content(fact) == content(changed))


@given(fact=OPERATIONS, data=st.data())
def test_a_change_of_any_one_field_is_another_fact(
    fact: Operation, data: st.DataObject
) -> None:
    other = data.draw(OF_KIND[type(fact)])
    named = [f.name for f in fields(fact) if f.name not in {"occurred_at", "implied"}]
    name = data.draw(st.sampled_from(named))

    changed = replace(fact, **{name: getattr(other, name)})

    same = getattr(fact, name) == getattr(other, name)
    assert (fingerprint(changed) == fingerprint(fact)) is same


@given(fact=OPERATIONS, when=TIMES)
def test_a_retry_with_another_timestamp_is_the_same_fact(
    fact: Operation, when: datetime | None
) -> None:
    assert fingerprint(replace(fact, occurred_at=when)) == fingerprint(fact)
