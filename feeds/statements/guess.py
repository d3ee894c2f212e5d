"""Guesses which settings read a file that looks foreign. Pure; a person decides about them.

Columns are guessed by their names and by what their first values look like. Nothing is imported
by a guess: a preview prints it as a table of settings to paste.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from feeds.statements.cells import CellKind
from feeds.statements.file_format import FileRules
from feeds.statements.recognition import likely_delimiter, likely_encoding
from feeds.statements.table import TableRow
from feeds.statements.text_lines import decoded_sample, marked_encoding
from providers.statements.format import FieldKind, StatementFormat

#: Rows among which the header is guessed.
HEADER_ROWS_MAX = 50
#: Patterns of instants that programs write, the unambiguous ones first.
PATTERNS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%Y%m%d%H%M%S",
)

_LIKENESS_MIN = 50
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
# Words that mean the same in the names of columns.
_SYNONYMS: Mapping[str, str] = {
    synonym: word
    for word, synonyms in {
        "transaction": "tx txn trx trans reference ref bet round ticket",
        "user": "player customer client account member login username",
        "created": "date time datetime timestamp when at on placed processed",
        "amount": "sum value total money",
        "currency": "ccy cur curr",
        "action": "type kind event operation",
        "rollback": "original refund refunded related parent reversed cancelled linked",
        "id": "no nr number identifier code key uid",
    }.items()
    for synonym in synonyms.split()
}
_AMOUNT = re.compile(r"[-(]?[^\d\s-]{0,3}\s?[0-9][0-9.,'\s\u00a0\u202f\u2019]*\)?")
_INSTANT = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}|[0-9]{14}")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
_DECIMAL = re.compile(r"[0-9]([.,])[0-9]{1,2}$")
_GROUP = re.compile(r"[0-9]([., '\u00a0])[0-9]{3}(?![0-9])")


def text_settings(start: bytes) -> dict[str, str]:
    """The encoding and the delimiter of a text file with these first bytes."""
    encoding = marked_encoding(start) or likely_encoding(start)
    sample = decoded_sample(start, encoding)
    if sample.lstrip().startswith(("{", "[")):
        return {"encoding": encoding, "format": "jsonl"}
    return {"encoding": encoding, "delimiter": likely_delimiter(sample)}


def column_settings(
    rows: Sequence[TableRow], expected: Mapping[str, str], shape: StatementFormat
) -> tuple[int, dict[str, str]]:
    """The line of the header and the column of each field whose name differs.

    Args:
        rows: the first rows of the file.
        expected: our name of each field that is looked for to the name that its column should
            have.
        shape: the dialect's statement.
    """
    best: tuple[int, dict[str, str]] = (1, {})
    for place, row in enumerate(rows[:HEADER_ROWS_MAX]):
        found = _columns(row, rows[place + 1 :], expected, shape)
        if len(found) > len(best[1]):
            best = row.line, found
    return best


def value_settings(
    rows: Iterable[TableRow],
    places: Mapping[str, int],
    shape: StatementFormat,
    rules: FileRules,
) -> dict[str, str]:
    """The marks of amounts and the pattern of instants of these rows."""
    rows = list(rows)
    amounts = _texts(rows, places, shape, FieldKind.AMOUNT)
    instants = _texts(rows, places, shape, FieldKind.INSTANT)
    return {**_marks(amounts), **_dates(instants, rules)}


def _columns(
    header: TableRow,
    below: Sequence[TableRow],
    expected: Mapping[str, str],
    shape: StatementFormat,
) -> dict[str, str]:
    """The column of each field, the most alike pairs first."""
    names = [cell.text.strip() for cell in header.cells]
    pairs = sorted(
        (
            (_likeness(name, expected[ours], ours), -place, ours)
            for place, name in enumerate(names)
            for ours in expected
            if name and _fits(below, place, shape.fields[ours])
        ),
        reverse=True,
    )
    found: dict[str, str] = {}
    for likeness, place, ours in pairs:
        name = names[-place]
        if likeness >= _LIKENESS_MIN and ours not in found and name not in found.values():
            found[ours] = name
    return found


def _likeness(name: str, expected: str, ours: str) -> int:
    """How alike the name of a column is to that of a field, in percent; 200: the same."""
    if name == expected:
        return 200
    words, wanted = _words(name), _words(ours)
    both = len(words & wanted)
    return 100 * both // len(words | wanted) if both else 0


def _words(name: str) -> set[str]:
    words = (word.lower() for word in _WORD.findall(name))
    return {_SYNONYMS.get(word, word) for word in words}


def _fits(rows: Sequence[TableRow], place: int, kind: FieldKind) -> bool:
    """Whether the first values of a column may be of this kind."""
    cells = [row.cells[place] for row in rows[:20] if place < len(row.cells)]
    cells = [cell for cell in cells if cell.kind is not CellKind.EMPTY]
    if kind is FieldKind.INSTANT:
        return any(
            cell.kind is CellKind.INSTANT or _INSTANT.match(cell.text.strip()) for cell in cells
        )
    if kind is FieldKind.AMOUNT:
        return any(_AMOUNT.fullmatch(cell.text.strip()) for cell in cells)
    return True


def _texts(
    rows: list[TableRow], places: Mapping[str, int], shape: StatementFormat, kind: FieldKind
) -> list[str]:
    columns = [place for name, place in places.items() if shape.fields[name] is kind]
    return [
        row.cells[place].text.strip()
        for row in rows
        for place in columns
        if place < len(row.cells) and row.cells[place].kind is CellKind.TEXT
    ]


def _marks(amounts: list[str]) -> dict[str, str]:
    decimals = [match.group(1) for text in amounts if (match := _DECIMAL.search(text))]
    if not decimals:
        return {}
    decimal = max(set(decimals), key=decimals.count)
    groups = [mark for text in amounts for mark in _GROUP.findall(text) if mark != decimal]
    settings = {} if decimal == "." else {"decimal": decimal}
    return settings | ({"thousands": max(set(groups), key=groups.count)} if groups else {})


def _dates(instants: list[str], rules: FileRules) -> dict[str, str]:
    """The first pattern that reads every instant, unless they are ISO 8601."""
    if not instants or rules.dates or all(_ISO.match(text) for text in instants):
        return {}
    for pattern in PATTERNS:
        if all(_reads(pattern, text) for text in instants):
            return {"dates": pattern}
    return {}


def _reads(pattern: str, text: str) -> bool:
    try:
        datetime.strptime(text, pattern)  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return True
