"""The declared format of a provider's statement files."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from feeds.statements.reading.confined.limits import ReadLimits
from vocabulary.window import is_within_calendar

#: A sequence number; what has more digits is another part of the name.
_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)

#: Encodings of names, program text and mail, which no file is written in.
_NOT_OF_FILES = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7", "mbcs"}
)


def text_encoding(name: str) -> str:
    """The codec of an encoding that files are written in.

    Raises:
        ValueError: says what is expected; there is no such encoding, or not of files.
    """
    expected = "a text encoding such as utf-8 or windows-1252"
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # refuses codecs that are no text encodings, such as base64
    except (LookupError, ValueError) as error:
        raise ValueError(expected) from error
    if codec in _NOT_OF_FILES:
        raise ValueError(expected)
    return codec


class FileFormat(StrEnum):
    """The format of a statement file."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    PARQUET = "parquet"


class IdCase(StrEnum):
    """The case in which ids are stored, so that they equal those of the callbacks."""

    EXACT = "exact"
    LOWER = "lower"
    UPPER = "upper"


class AmountUnit(StrEnum):
    """Whether amounts are in the currency, or in whole numbers of its smallest unit."""

    MAJOR = "major"
    MINOR = "minor"


class AmountSign(StrEnum):
    """The meaning of signs: none are expected, or the side whose money a plus adds to."""

    NONE = "none"
    PLAYER = "player"
    OPERATOR = "operator"


class Grouping(StrEnum):
    """The size of the groups that marks of thousands separate."""

    THOUSANDS = "thousands"
    LAKH = "lakh"


#: The column of a field, or the columns whose texts are joined with blanks.
ColumnNames = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """The last line of a file with control totals.

    Attributes:
        marker: the text of its first cell.
        rows: the 1-based cell with the number of lines before it; None: it has none.
        total: the 1-based cell with the sum of a field; None: it has none.
        of: the summed field.
    """

    marker: str
    rows: int | None = None
    total: int | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """The declared format of the files of one provider.

    Attributes:
        format: None: recognized by the first bytes and the end of the name.
        columns: our name of a field to the name of its column; may name only some fields. An
            instant may have several columns.
        encoding: of text files; UTF-8 may carry a byte order mark.
        delimiter: of CSV, one character.
        quote: the character around quoted fields of CSV; empty: fields are never quoted.
        trailing_delimiter: every line of CSV ends with a delimiter that the header lacks.
        header_row: the line or row of the header; None: the first that has all columns.
        decimal, thousands: the marks of amounts written as text; thousands may be empty.
        grouping: of digits between marks of thousands.
        unit, sign: of amounts.
        actions: words of the file to the dialect's words for actions.
        zone: of instants without one; None: those are refused.
        dates: a pattern of instants written as text; None: ISO 8601.
        numeric_ids: accept ids that are numbers if no digit can be lost.
        id_trim: ids lose blanks and invisible characters at their ends.
        id_case: in which ids are stored.
        null_text: texts that mean that there is no value. None: not declared, so words such as
            NULL are refused; empty: there are none, so such words are values.
        sheet: of a workbook with several; None: it must have only one.
        currencies: those that may occur; empty: not declared.
        trailer: the last line with control totals; None: there is none.
        final_newline: a text file without a line break at its end is cut.
        may_be_empty: a file may have no lines.
        day: finds the business day in a file's name, in a group ``day`` (YYYY-MM-DD, YYYYMMDD).
        number: finds a file's sequence number in its name, in a group ``number``.
        several_a_day: a day may have several files.
        whole: a file with any error is not imported at all.
        limits: within which files are read.
    """

    format: FileFormat | None = None
    columns: Mapping[str, ColumnNames] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    trailing_delimiter: bool = False
    header_row: int | None = None
    decimal: str = "."
    thousands: str = ""
    grouping: Grouping = Grouping.THOUSANDS
    unit: AmountUnit = AmountUnit.MAJOR
    sign: AmountSign = AmountSign.NONE
    actions: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo | None = None
    dates: str | None = None
    numeric_ids: bool = False
    id_trim: bool = True
    id_case: IdCase = IdCase.EXACT
    null_text: tuple[str, ...] | None = None
    sheet: str | None = None
    currencies: tuple[str, ...] = ()
    trailer: Trailer | None = None
    final_newline: bool = True
    may_be_empty: bool = False
    day: re.Pattern[str] | None = None
    number: re.Pattern[str] | None = None
    several_a_day: bool = False
    whole: bool = False
    limits: ReadLimits = field(default_factory=ReadLimits)

    def day_in(self, name: str) -> date | None:
        """The business day in a file's name; None if it has none."""
        match = self.day.search(name) if self.day else None
        try:
            day = date.fromisoformat(match.group("day") or "") if match else None
        except ValueError:
            return None
        return day if day is not None and is_within_calendar(day) else None

    def number_in(self, name: str) -> int | None:
        """The sequence number in a file's name; None if it has none."""
        match = self.number.search(name) if self.number else None
        digits = match.group("number") if match else None
        return int(digits) if digits and _NUMBER.fullmatch(digits) else None
