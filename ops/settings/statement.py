"""How a provider's statement files are written: declared, because nothing of it is guessed."""

import codecs
import re
from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from feeds.statements.limits import ReadLimits
from ops.settings.dialects import dialects
from ops.settings.values import Count, CurrencyCode, Section, WrongParts

_LIMITS = ReadLimits()
#: Encodings of names, program text and mail, which no file is written in.
_NOT_OF_FILES = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7", "mbcs"}
)


class TrailerSettings(Section):
    """The last line of a file, which says how much there should have been.

    Attributes:
        marker: the text of its first cell.
        rows: the cell, counted from 1, that counts the lines before it.
        total: the cell that sums a field.
        of: the field it sums.
    """

    marker: str = Field(min_length=1)
    rows: Count | None = None
    total: Count | None = None
    of: str | None = None


class LimitSettings(Section):
    """Limits within which a file is read; a larger file is a finding that names the limit.

    Attributes:
        rows: lines of a text file, rows of a sheet, records of a Parquet file.
        cells: values of all rows together.
        unpacked_bytes: of a compressed file, and of the parts of a workbook that are read.
        seconds: of processor time.
        memory_bytes: for formats that a child process reads: workbooks, Parquet, compressed.
    """

    rows: Count = _LIMITS.rows
    cells: Count = _LIMITS.cells
    unpacked_bytes: Count = _LIMITS.unpacked_bytes
    seconds: Count = _LIMITS.seconds
    memory_bytes: Count = _LIMITS.memory_bytes


class StatementSettings(Section):
    """The provider's statement files.

    Attributes:
        columns: our name of a field to the name of its column; those left out are called as
            the dialect calls them.
        format: unset: by what the file is and how its name ends.
        encoding: of text files.
        delimiter: of CSV files.
        quote: the character around quoted fields of CSV; empty: fields are never quoted.
        trailing_delimiter: every line of CSV ends with a delimiter that the header lacks.
        header_row: the line or row of the header; unset: the first that has all columns.
        decimal, thousands: the marks of amounts written as text.
        timezone: of instants that name none; unset: those are refused.
        dates: a pattern of instants, such as "%d.%m.%Y %H:%M:%S"; unset: ISO 8601.
        numeric_ids: ids may be numbers where no digit can be lost.
        sheet: of a workbook with several.
        currencies: those that may occur; empty: any.
        trailer: the last line, where there is one.
        final_newline: a file that does not end its last line was cut.
        may_be_empty: a file may hold no line at all.
        day: finds the business day in a file's name: a regular expression with a group "day".
        number: finds its place in a sequence: one with a group "number".
        several_a_day: a day may be told in several files.
        daily: every day has a file.
        on_error: whether the good lines of a file with errors are taken in.
        limits: within which a file is read.
    """

    columns: Mapping[str, str] = Field(default_factory=dict)
    format: Literal["csv", "xlsx", "jsonl", "parquet"] | None = None
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: Literal["", '"', "'"] = '"'
    trailing_delimiter: bool = False
    header_row: Count | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'", "\N{NO-BREAK SPACE}"] = ""
    timezone: str | None = None
    dates: str | None = None
    numeric_ids: bool = False
    sheet: str | None = None
    currencies: tuple[CurrencyCode, ...] = ()
    trailer: TrailerSettings | None = None
    final_newline: bool = True
    may_be_empty: bool = False
    day: str | None = None
    number: str | None = None
    several_a_day: bool = False
    daily: bool = False
    on_error: Literal["good_lines", "nothing"] = "good_lines"
    limits: LimitSettings = LimitSettings()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        expected = "a text encoding such as utf-8 or windows-1252"
        try:
            codec = codecs.lookup(name).name
            "".encode(codec)  # refuses codecs that are no text encodings, such as base64
        except (LookupError, UnicodeError) as error:
            raise ValueError(expected) from error
        if codec in _NOT_OF_FILES:
            raise ValueError(expected)
        return codec

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            return None if name is None else ZoneInfo(name).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("a time zone such as UTC or Europe/Warsaw") from error

    @field_validator("day", "number")
    @classmethod
    def _finds_something(cls, pattern: str | None, info: Any) -> str | None:
        if pattern is None:
            return None
        wanted = f'a regular expression with a group "{info.field_name}"'
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(wanted) from error
        if info.field_name not in groups:
            raise ValueError(wanted)
        return pattern


def fields_of(dialect: str) -> tuple[str, ...]:
    """Our names of the fields of a dialect's statement; none where it has no statements."""
    statement = dialects()[dialect].statement
    return () if statement is None else tuple(statement.fields)


def checked_columns(statement: StatementSettings, dialect: str) -> StatementSettings:
    """The settings, if their fields are those of this dialect's statement.

    Raises:
        WrongParts: a field the dialect does not know, a column that cannot be told apart, or
            marks of amounts that cannot be.
    """
    known = fields_of(dialect)
    wrong = [*_wrong_columns(statement.columns, known), *_wrong_marks(statement)]
    summed = statement.trailer.of if statement.trailer else None
    if summed is not None and summed not in known:
        wrong.append(("trailer.of", f"a field of this dialect's statement ({_listed(known)})"))
    if wrong:
        raise WrongParts(wrong)
    return statement


def _wrong_columns(columns: Mapping[str, str], known: tuple[str, ...]) -> list[tuple[str, str]]:
    names = list(columns.values())
    wrong = []
    for name, column in columns.items():
        if name not in known:
            expected = f"a field of this dialect's statement ({_listed(known)})"
        elif column.strip() != column or not column:
            expected = "a column's name, without blanks around it"
        elif names.count(column) > 1:
            expected = "a column that no other field is read from"
        else:
            continue
        wrong.append((f"columns.{name}", expected))
    return wrong


def _wrong_marks(statement: StatementSettings) -> list[tuple[str, str]]:
    wrong = []
    if statement.thousands == statement.decimal:
        wrong.append(("thousands", "another mark than the one of decimals"))
    trailer = statement.trailer
    if trailer is not None and (trailer.total is None) != (trailer.of is None):
        wrong.append(("trailer", "total and of, both or neither"))
    return wrong


def _listed(known: tuple[str, ...]) -> str:
    return ", ".join(known) or "none"
