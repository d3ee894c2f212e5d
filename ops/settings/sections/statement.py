"""Settings of a provider's statement files; nothing about them is guessed."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, field_validator

from feeds.statements.reading.confined.limits import ReadLimits
from feeds.statements.reading.file_format import text_encoding
from feeds.statements.reading.values.date_pattern import DatePattern
from ops.settings.dialects import dialects
from ops.settings.values import Count, CurrencyCode, Section, WrongParts
from providers.statements.format import FieldKind, StatementFormat


def _column_names(value: object) -> object:
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("text, or a list of texts")
    return value if isinstance(value, str) else tuple(names)


#: A column, or several whose texts are joined with blanks.
Columns = Annotated[str | tuple[str, ...], PlainValidator(_column_names)]

_LIMITS = ReadLimits()


class TrailerSettings(Section):
    """The last line of a file, which holds control totals.

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
        columns: our name of a field to the name of its column; fields left out have the
            dialect's column names.
        format: unset: by what the file is and how its name ends.
        encoding: of text files.
        delimiter: of CSV files.
        quote: the character around quoted fields of CSV; empty: fields are never quoted.
        trailing_delimiter: every line of CSV ends with a delimiter that the header lacks.
        header_row: the line or row of the header; unset: the first that has all columns.
        decimal, thousands: the marks of amounts written as text.
        grouping: "lakh" if marks of thousands separate two digits, but the last three.
        unit: "minor" if amounts are whole numbers of the currency's smallest unit.
        sign: whose money a positive amount adds to; "none": amounts have no signs.
        actions: the file's words for actions to the dialect's.
        timezone: of instants that name none; unset: those are refused.
        dates: a pattern of instants, such as "%d.%m.%Y %H:%M:%S"; unset: ISO 8601.
        numeric_ids: ids may be numbers if no digit can be lost.
        id_trim: ids lose blanks and invisible characters at their ends.
        id_case: the case in which ids are stored.
        null_text: texts that mean that there is no value, such as "NULL"; unset: only empty
            cells do, and such words are refused; []: such words are values.
        sheet: of a workbook with several.
        currencies: those that may occur; empty: any.
        trailer: the last line, where there is one.
        final_newline: a file without a newline at its end counts as truncated.
        may_be_empty: a file may hold no line at all.
        day: finds the business day in a file's name: a regular expression with a group "day".
        number: finds its sequence number in a file's name: one with a group "number".
        several_a_day: a day may come in several files.
        daily: every day has a file.
        on_error: whether the good lines of a file with errors are imported.
        limits: within which a file is read.
    """

    columns: Mapping[str, Columns] = Field(default_factory=dict)
    format: Literal["csv", "xlsx", "jsonl", "parquet"] | None = None
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: Literal["", '"', "'"] = '"'
    trailing_delimiter: bool = False
    header_row: Count | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[
        "",
        ",",
        ".",
        " ",
        "'",
        "\N{NO-BREAK SPACE}",
        "\N{NARROW NO-BREAK SPACE}",
        "\N{THIN SPACE}",
        "\N{RIGHT SINGLE QUOTATION MARK}",
    ] = ""
    grouping: Literal["thousands", "lakh"] = "thousands"
    unit: Literal["major", "minor"] = "major"
    sign: Literal["none", "player", "operator"] = "none"
    actions: Mapping[str, str] = Field(default_factory=dict)
    timezone: str | None = None
    dates: str | None = None
    numeric_ids: bool = False
    id_trim: bool = True
    id_case: Literal["exact", "lower", "upper"] = "exact"
    null_text: tuple[str, ...] | None = None
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
        return text_encoding(name)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            return None if name is None else ZoneInfo(name).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("a time zone such as UTC or Europe/Warsaw") from error

    @field_validator("dates")
    @classmethod
    def _complete_pattern(cls, pattern: str | None) -> str | None:
        return None if pattern is None else DatePattern.of(pattern).text

    @field_validator("day", "number")
    @classmethod
    def _finds_something(cls, pattern: str | None, info: Any) -> str | None:
        if pattern is None:
            return None
        expected = f'a regular expression with a group "{info.field_name}"'
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(expected) from error
        if info.field_name not in groups:
            raise ValueError(expected)
        return pattern


def fields_of(dialect: str) -> tuple[str, ...]:
    """Our names of the fields of a dialect's statement; none if it has no statements."""
    statement = dialects()[dialect].statement
    return () if statement is None else tuple(statement.fields)


def checked_columns(statement: StatementSettings, dialect: str) -> StatementSettings:
    """The settings, if their fields are those of this dialect's statement.

    Raises:
        WrongParts: a field the dialect does not know, a column that cannot be told apart, or
            marks of amounts that cannot be.
    """
    shape = dialects()[dialect].statement
    fields = fields_of(dialect)
    wrong = [
        *_wrong_columns(statement.columns, fields),
        *_wrong_joins(statement.columns, shape),
        *_wrong_actions(statement, shape),
        *_wrong_marks(statement),
    ]
    summed = statement.trailer.of if statement.trailer else None
    if summed is not None and summed not in fields:
        wrong.append(("trailer.of", f"a field of this dialect's statement ({_listed(fields)})"))
    if wrong:
        raise WrongParts(wrong)
    return statement


def _wrong_columns(
    columns: Mapping[str, str | tuple[str, ...]], known: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    names = [name for columns_of in columns.values() for name in _names(columns_of)]
    for field, columns_of in columns.items():
        if field not in known:
            expected = f"a field of this dialect's statement ({_listed(known)})"
        elif any(name.strip() != name or not name for name in _names(columns_of)):
            expected = "a column's name, without blanks around it"
        elif any(names.count(name) > 1 for name in _names(columns_of)):
            expected = "a column that no other field is read from"
        else:
            continue
        yield f"columns.{field}", expected


def _wrong_joins(
    columns: Mapping[str, str | tuple[str, ...]], shape: StatementFormat | None
) -> Iterator[tuple[str, str]]:
    for field, columns_of in columns.items():
        kind = shape.fields.get(field) if shape is not None else None
        if len(_names(columns_of)) > 1 and kind not in {None, FieldKind.INSTANT}:
            yield f"columns.{field}", "one column; only an instant has several"


def _wrong_actions(
    statement: StatementSettings, shape: StatementFormat | None
) -> Iterator[tuple[str, str]]:
    actions = shape.actions if shape is not None else ()
    for word, action in statement.actions.items():
        if action not in actions:
            yield f"actions.{word}", f"an action of this dialect ({_listed(actions)})"
    if statement.sign != "none" and not (shape and shape.signs):
        yield "sign", '"none": the amounts of this dialect have no signs'


def _names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def _wrong_marks(statement: StatementSettings) -> list[tuple[str, str]]:
    wrong = []
    if statement.thousands == statement.decimal:
        wrong.append(("thousands", "another mark than the one of decimals"))
    if statement.grouping == "lakh" and not statement.thousands:
        wrong.append(("grouping", '"thousands", or a mark in thousands'))
    trailer = statement.trailer
    if trailer is not None and (trailer.total is None) != (trailer.of is None):
        wrong.append(("trailer", "total and of, both or neither"))
    return wrong


def _listed(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) or "none"
