"""How a provider's statement files are to be read, as declared: nothing is guessed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo


class FileFormat(StrEnum):
    """What a statement file is."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """The last line of a file that says how much there should have been.

    Attributes:
        marker: the text of its first cell.
        rows: the 1-based cell that counts the lines before it; None: it counts none.
        total: the 1-based cell that sums a field; None: it sums none.
        of: the field it sums.
    """

    marker: str
    rows: int | None = None
    total: int | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """What was declared about the files of one provider.

    Attributes:
        format: None: by what the file is and how its name ends.
        columns: our name of a field to the name of its column, complete.
        encoding: of text files; UTF-8 may carry a byte order mark.
        delimiter: of CSV, one character.
        decimal, thousands: the marks of amounts written as text; thousands may be empty.
        zone: of instants that name none; None: those are refused.
        dates: a ``strptime`` pattern of instants written as text; None: ISO 8601.
        numeric_ids: ids that are numbers are taken where no digit can be lost.
        sheet: of a workbook with several; None: there may be only one.
        currencies: those that may occur; empty: not declared.
        trailer: None: there is none.
        final_newline: a text file that does not end its last line is cut.
        may_be_empty: a file may say that nothing happened.
        day: finds the business day in a file's name, in a group ``day`` (YYYY-MM-DD, YYYYMMDD).
        number: finds a file's place in a sequence in its name, in a group ``number``.
        several_a_day: a day may be told in several files.
        whole: a file with any error is not taken in at all.
    """

    format: FileFormat | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    zone: ZoneInfo | None = None
    dates: str | None = None
    numeric_ids: bool = False
    sheet: str | None = None
    currencies: tuple[str, ...] = ()
    trailer: Trailer | None = None
    final_newline: bool = True
    may_be_empty: bool = False
    day: re.Pattern[str] | None = None
    number: re.Pattern[str] | None = None
    several_a_day: bool = False
    whole: bool = False
