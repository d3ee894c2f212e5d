"""What a text may name: ids, prefixes, numbers, names, days and amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.find.hits import Hit, best_first
from reports.find.query import (
    By,
    Candidate,
    FoundKind,
    candidates,
    is_amount_without_currency,
)
from reports.find.search import LOOKUPS


def readings(text: str, by: By) -> set[FoundKind]:
    """The kinds that a text is looked up as, by an id, a number, a name, a day or an amount."""
    return {candidate.kind for candidate in candidates(text) if candidate.by is by}


@pytest.mark.parametrize(
    ("text", "by", "kinds"),
    [
        ("txn-7-3", By.ID, {FoundKind.TRANSACTION}),
        ("brk-71a3ff", By.ID, {FoundKind.BREAK}),
        ("brk-71", By.ID, {FoundKind.BREAK}),
        ("brk-7", By.ID, set()),
        ("BRK-71A3", By.ID, {FoundKind.BREAK}),
        ("run-6301ab", By.ID, {FoundKind.RUN}),
        ("adj-0123456789abcdef", By.ID, {FoundKind.ADJUSTMENT}),
        ("fnd-0123", By.ID, {FoundKind.FINDING}),
        ("brk-xyz123", By.ID, set()),
        ("7", By.NUMBER, {FoundKind.BATCH, FoundKind.REQUEST, FoundKind.FILE}),
        ("batch 7", By.NUMBER, {FoundKind.BATCH}),
        ("batch-7", By.NUMBER, {FoundKind.BATCH}),
        ("request #7", By.NUMBER, {FoundKind.REQUEST}),
        ("2026-06-04", By.DAY, {FoundKind.SEAL}),
        ("2026-06-99", By.DAY, set()),
        ("9999-12-31", By.DAY, set()),
        ("0001-01-01", By.DAY, set()),
        ("20260604", By.DAY, set()),
    ],
)
def test_a_text_is_read_as(text: str, by: By, kinds: set[FoundKind]) -> None:
    assert readings(text, by) == kinds


def test_six_hexadecimal_digits_may_start_every_id_of_ours_and_a_seal() -> None:
    ids = {candidate.text for candidate in candidates("71a3ff") if candidate.by is By.ID}

    assert ids == {
        *("brk-71a3ff", "run-71a3ff", "adj-71a3ff", "wof-71a3ff", "inv-71a3ff"),
        *("dsp-71a3ff", "fnd-71a3ff", "71a3ff"),
    }


@pytest.mark.parametrize("text", ["10.00 USD", "USD 10.00", "-10.00 usd", "10.00\u00a0USD"])
def test_an_amount_names_its_currency_on_either_side(text: str) -> None:
    amounts = [candidate for candidate in candidates(text) if candidate.by is By.AMOUNT]

    assert {(candidate.text, candidate.currency) for candidate in amounts} == {("10.00", "USD")}
    assert FoundKind.BREAK in {candidate.kind for candidate in amounts}


def test_a_decimal_number_alone_lacks_its_currency() -> None:
    assert is_amount_without_currency("10.00")
    assert not is_amount_without_currency("10")
    assert not is_amount_without_currency("10.00 USD")


def test_quotes_and_blanks_around_a_text_are_ignored() -> None:
    assert candidates(" `r1` ") == candidates("r1")
    assert candidates('"r1"') == candidates("r1")


def test_a_word_before_an_id_says_what_it_names() -> None:
    named = {
        candidate.kind
        for candidate in candidates("bet 900")
        if (candidate.text, candidate.by) == ("900", By.NAME)
    }

    assert named == {FoundKind.TRANSACTION, FoundKind.ROUND, FoundKind.RECORD}


def test_the_name_of_a_file_is_found_by_its_path() -> None:
    names = {c.text for c in candidates("inbox/june.csv") if c.kind is FoundKind.FILE}

    assert names == {"inbox/june.csv", "june.csv"}


@pytest.mark.parametrize("text", ["", "   ", "''", "x" * 256, "a\0b"])
def test_nothing_is_looked_up_for(text: str) -> None:
    assert candidates(text) == ()


@given(st.text(max_size=300))
def test_every_reading_of_any_text_has_a_lookup(text: str) -> None:
    readings = candidates(text)

    assert {(reading.kind, reading.by) for reading in readings} <= set(LOOKUPS)
    assert len(set(readings)) == len(readings)


@given(st.text("0123456789abcdef", min_size=20, max_size=20), st.integers(6, 20))
def test_the_range_of_a_prefix_holds_every_id_that_starts_with_it(
    digits: str, length: int
) -> None:
    whole = f"brk-{digits}"
    (prefix,) = (
        candidate
        for candidate in candidates(whole[:length])
        if candidate.kind is FoundKind.BREAK and candidate.by is By.ID
    )

    assert prefix.text <= whole < prefix.end
    assert not Candidate(FoundKind.BREAK, By.ID, "brk-").text <= "brl-0" < prefix.end


def hit(kind: FoundKind, name: str, *, exact: bool) -> Hit:
    return Hit(kind=kind, id=name, provider=None, summary="", facts={}, exact=exact)


def test_exact_hits_come_first_and_each_thing_once() -> None:
    prefix = hit(FoundKind.BREAK, "brk-1", exact=False)
    player = hit(FoundKind.PLAYER, "ann", exact=True)
    whole = hit(FoundKind.BREAK, "brk-1", exact=True)

    assert best_first([prefix, player]) == [player, prefix]
    assert best_first([prefix, player, whole]) == [whole, player]
