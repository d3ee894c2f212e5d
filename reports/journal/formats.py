"""Journals as files that accounting programs import: CSV of ours, of Xero and of NetSuite.

docs/journal.md cites the import rules of both programs. Each file holds whole journals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.files.formulas import escape_formula
from reports.journal.model import IssuedJournal, JournalLine
from vocabulary.errors import NotAllowed
from vocabulary.money import text_from_minor

#: Most lines that one file of Xero's import may have, without the heading.
XERO_LINES_MAX = 300
#: Digits that an amount may have before and after its decimal point.
NETSUITE_WHOLE_DIGITS_MAX = 10
DECIMALS_MAX = 2
# Xero reads English month names, whatever the order of day and month in an organisation.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ACCOUNT_NAMES: Mapping[str, str] = {
    "player_wallet": "player funds",
    "provider_clearing": "open rounds",
    "ggr": "GGR",
    "funding": "money from outside",
    "provider_fee": "expense",
    "provider_fee_accrued": "due to the provider",
}
_CSV = (
    *("journal", "external_id", "date", "provider", "kind", "currency", "version", "line"),
    *("nature", "account", "code", "debit", "credit", "narration"),
)
_XERO = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")
_NETSUITE = ("External ID", "Date", "Currency", "Subsidiary", "Memo")
_NETSUITE_LINE = ("Account", "Debit", "Credit", "Memo")

Row = list[str]


class _Figure(str):
    """A number or a date: written without quotes, so that quoted fields are the texts.

    A spreadsheet that takes quoted fields for text keeps the zeros of codes, and adds amounts.
    """

    __slots__ = ()


class FormatRefused(NotAllowed):
    """A format cannot hold these journals; nothing was written."""


class JournalFormat(StrEnum):
    """Whose import rules a file follows; a closed set."""

    CSV = "csv"
    XERO = "xero"
    NETSUITE = "netsuite"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatTerms:
    """What only the settings know.

    Attributes:
        tax_rate: the name of the tax rate in Xero that means no tax.
        subsidiary: the subsidiary in NetSuite; empty: the account has none.
    """

    tax_rate: str
    subsidiary: str


def render_journals(
    journals: Sequence[IssuedJournal], target: JournalFormat, terms: FormatTerms
) -> list[bytes]:
    """Write journals as files; more than one if a program limits the lines of a file.

    Raises:
        FormatRefused: the format has no place for a currency or an amount.
    """
    match target:
        case JournalFormat.CSV:
            # With the byte order mark, spreadsheets read the file as UTF-8.
            return [_file(_CSV, _csv_rows(journals), encoding="utf-8-sig")]
        case JournalFormat.XERO:
            _check_one_currency(journals)
            _check_decimals(journals, "Xero")
            parts = _parts(journals, XERO_LINES_MAX)
            return [_file(_XERO, _xero_rows(part, terms)) for part in parts]
        case JournalFormat.NETSUITE:
            _check_decimals(journals, "NetSuite")
            _check_whole_digits(journals)
            return [_netsuite_file(journals, terms)]


def describe_line(journal: IssuedJournal, line: JournalLine) -> str:
    """What a line books, for its description or memo."""
    nature = line.nature.replace("_", " ")
    account = _ACCOUNT_NAMES.get(line.account, line.account.replace("_", " "))
    return f"{nature}: {account}, {journal.key.provider} {journal.key.business_day}"


def _csv_rows(journals: Iterable[IssuedJournal]) -> Iterator[Row]:
    for journal in journals:
        for number, line in enumerate(journal.lines, start=1):
            yield [
                *(_Figure(journal.number), journal.external_id, _day(journal)),
                *(journal.key.provider, journal.key.kind, journal.key.currency),
                *(_Figure(journal.version), _Figure(number)),
                *(line.nature, line.account, line.code),
                *_debit_and_credit(journal, line),
                journal.narration,
            ]


def _xero_rows(journals: Iterable[IssuedJournal], terms: FormatTerms) -> Iterator[Row]:
    """A positive amount is a debit there."""
    for journal in journals:
        day = journal.key.business_day
        written = f"{day.day:02} {_MONTHS[day.month - 1]} {day.year}"
        for line in journal.lines:
            yield [
                *(journal.narration, written, describe_line(journal, line), line.code),
                *(terms.tax_rate, _Figure(text_from_minor(-line.minor, journal.digits))),
            ]


def _netsuite_file(journals: Iterable[IssuedJournal], terms: FormatTerms) -> bytes:
    lines = [f"Journal Entry - Line: {name}" for name in _NETSUITE_LINE]
    headings = [*_NETSUITE, *lines]
    rows = _netsuite_rows(journals, terms)
    if terms.subsidiary:
        return _file(headings, rows)
    place = headings.index("Subsidiary")
    without = ([*row[:place], *row[place + 1 :]] for row in rows)
    return _file([*headings[:place], *headings[place + 1 :]], without)


def _netsuite_rows(journals: Iterable[IssuedJournal], terms: FormatTerms) -> Iterator[Row]:
    for journal in journals:
        for line in journal.lines:
            yield [
                *(journal.external_id, _day(journal), journal.key.currency),
                *(terms.subsidiary, journal.narration, line.code),
                *_debit_and_credit(journal, line),
                describe_line(journal, line),
            ]


def _debit_and_credit(journal: IssuedJournal, line: JournalLine) -> tuple[str, str]:
    amount = _Figure(text_from_minor(abs(line.minor), journal.digits))
    return ("", amount) if line.minor > 0 else (amount, "")


def _day(journal: IssuedJournal) -> _Figure:
    return _Figure(journal.key.business_day)


def _parts(journals: Iterable[IssuedJournal], lines_max: int) -> list[list[IssuedJournal]]:
    """Journals in parts of so many lines at most; at least one part, which may be empty."""
    parts: list[list[IssuedJournal]] = [[]]
    used = 0
    for journal in journals:
        if parts[-1] and used + len(journal.lines) > lines_max:
            parts.append([])
            used = 0
        parts[-1].append(journal)
        used += len(journal.lines)
    return parts


def _check_one_currency(journals: Iterable[IssuedJournal]) -> None:
    currencies = sorted({journal.key.currency for journal in journals})
    if len(currencies) > 1:
        raise FormatRefused(
            "Xero imports manual journals in the organisation's base currency only, and the"
            f" period has {', '.join(currencies)}: choose it with --currency"
        )


def _check_decimals(journals: Iterable[IssuedJournal], program: str) -> None:
    wrong = {journal.key.currency for journal in journals if journal.digits > DECIMALS_MAX}
    if wrong:
        raise FormatRefused(
            f"{program} takes {DECIMALS_MAX} digits after the decimal point, and amounts of"
            f" {', '.join(sorted(wrong))} have more: leave them out with --currency, or use"
            " --format csv"
        )


def _check_whole_digits(journals: Iterable[IssuedJournal]) -> None:
    for journal in journals:
        largest = max(abs(line.minor) for line in journal.lines)
        if len(str(largest // 10**journal.digits)) > NETSUITE_WHOLE_DIGITS_MAX:
            raise FormatRefused(
                f"NetSuite takes {NETSUITE_WHOLE_DIGITS_MAX} digits before the decimal point,"
                f" and {journal.external_id} has more: use --format csv"
            )


def _file(headings: Sequence[str], rows: Iterable[Row], *, encoding: str = "utf-8") -> bytes:
    lines = [_line(headings), *(_line(row) for row in rows)]
    return "".join(lines).encode(encoding)


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(value: str) -> str:
    if isinstance(value, _Figure):
        return value
    return '"' + escape_formula(value).replace('"', '""') + '"' if value else ""
