"""The import rules of accounting programs: columns, limits, and what is refused."""

import csv
import io
from datetime import UTC, date, datetime

import pytest

from reports.journal.formats import (
    XERO_LINES_MAX,
    FormatRefused,
    FormatTerms,
    JournalFormat,
    render_journals,
)
from reports.journal.model import IssuedJournal, JournalKey, JournalKind, JournalLine

TERMS = FormatTerms(tax_rate="Tax Exempt", subsidiary="")


def journal(
    number: int = 1,
    *,
    currency: str = "EUR",
    digits: int = 2,
    minor: int = 100,
    lines: int = 2,
    code: str = "2100",
) -> IssuedJournal:
    return IssuedJournal(
        number=number,
        external_id=f"tieout-agg-2026-06-04-{currency}-{number}",
        key=JournalKey(
            business_day=date(2026, 6, 4),
            provider="agg",
            kind=JournalKind.DAY,
            currency=currency,
        ),
        version=number,
        digits=digits,
        issued_at=datetime(2026, 6, 5, tzinfo=UTC),
        issued_by="maria",
        lines=tuple(
            JournalLine(
                nature="play",
                account=("player_wallet", "ggr")[place % 2],
                code=code,
                minor=(-minor, minor)[place % 2],
            )
            for place in range(lines)
        ),
    )


def rows(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))


def test_a_file_for_xero_has_at_most_its_lines_and_whole_journals() -> None:
    parts = render_journals(
        [journal(number, lines=200) for number in (1, 2, 3)], JournalFormat.XERO, TERMS
    )

    assert [len(rows(part)) for part in parts] == [200, 200, 200]
    many = render_journals(
        [journal(number, lines=100) for number in range(1, 5)], JournalFormat.XERO, TERMS
    )
    assert [len(rows(part)) for part in many] == [XERO_LINES_MAX, 100]


def test_narrations_tell_journals_of_one_day_apart_because_xero_groups_by_them() -> None:
    (part,) = render_journals([journal(1), journal(2)], JournalFormat.XERO, TERMS)

    assert len({row["*Narration"] for row in rows(part)}) == 2


def test_xero_takes_one_currency() -> None:
    with pytest.raises(FormatRefused, match=r"base currency only, .* EUR, USD: .*--currency"):
        render_journals([journal(), journal(2, currency="USD")], JournalFormat.XERO, TERMS)


@pytest.mark.parametrize("target", [JournalFormat.XERO, JournalFormat.NETSUITE])
def test_more_than_two_decimals_are_refused(target: JournalFormat) -> None:
    with pytest.raises(FormatRefused, match="amounts of BTC have more"):
        render_journals([journal(currency="BTC", digits=8)], target, TERMS)


def test_netsuite_takes_ten_digits_before_the_point() -> None:
    fits = journal(minor=999_999_999_999)
    too_large = journal(minor=1_000_000_000_000)

    render_journals([fits], JournalFormat.NETSUITE, TERMS)
    with pytest.raises(FormatRefused, match="10 digits before the decimal point"):
        render_journals([too_large], JournalFormat.NETSUITE, TERMS)


def test_netsuite_gets_the_subsidiary_if_there_is_one() -> None:
    terms = FormatTerms(tax_rate="", subsidiary="Malta")
    (file,) = render_journals([journal()], JournalFormat.NETSUITE, terms)

    assert [row["Subsidiary"] for row in rows(file)] == ["Malta", "Malta"]


def test_texts_are_inert_and_amounts_are_plain() -> None:
    terms = FormatTerms(tax_rate="=1+1", subsidiary="@x")
    (xero,) = render_journals([journal()], JournalFormat.XERO, terms)
    (netsuite,) = render_journals([journal()], JournalFormat.NETSUITE, terms)

    assert {row["*TaxRate"] for row in rows(xero)} == {"'=1+1"}
    assert {row["Subsidiary"] for row in rows(netsuite)} == {"'@x"}
    assert [row["*Amount"] for row in rows(xero)] == ["1.00", "-1.00"]


@pytest.mark.parametrize("target", list(JournalFormat))
def test_no_journals_are_a_heading_alone(target: JournalFormat) -> None:
    (file,) = render_journals([], target, TERMS)

    assert rows(file) == []
    assert file.count(b"\r\n") == 1


@pytest.mark.parametrize("target", JournalFormat)
def test_texts_are_quoted_and_numbers_are_not(target: JournalFormat) -> None:
    (file,) = render_journals([journal(code="0420", minor=123456)], target, TERMS)

    lines = file.decode("utf-8-sig").splitlines()[1:]
    assert all('"0420"' in line for line in lines)
    assert all('"1234.56"' not in line and "1234.56" in line for line in lines)
