"""Statements as CSV files: read line by line, whatever the columns are.

A line that cannot be understood is a finding with its line number; the rest is still read.
A file that is not a statement at all gives one finding and nothing else. Quoted fields may not
contain line breaks: no column needs them, and a lost quote then costs one line, not the file.

Where a provider's files have other column names than the reader expects, the header is
rewritten on its way in, and everything after it passes as it is.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import BinaryIO

from providers.contract import Unreadable
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord

#: Longest line read, in bytes; a statement line has about 120.
LINE_BYTES_MAX = 8_192

#: Lines looked at, and values shown of each column, to see what a file holds.
PREVIEW_LINES = 1_000
PREVIEW_VALUES = 3

_BOM = b"\xef\xbb\xbf"

#: (the cells of one line by our names, the line as received) to what it records.
#: Raises Malformed for a line that does not hold.
LineReader = Callable[[Mapping[str, str], bytes], HistoryRecord]


def read_lines(
    stream: BinaryIO, columns: Mapping[str, str], record: LineReader
) -> Iterator[HistoryRecord | Unreadable]:
    """Stream a statement; columns may stand in any order, unknown ones are ignored.

    Args:
        stream: the file, from its start.
        columns: our name of each column to its name in the file's header.
        record: what one line says.

    Yields:
        One record or finding per line that is not blank, in file order.
    """
    header = _line(stream).removeprefix(_BOM)
    places = _places(header, columns)
    if isinstance(places, Unreadable):
        yield places
        return
    width, order = places
    for number, line in enumerate(iter(partial(_line, stream), b""), start=2):
        if line.isspace():
            continue
        try:
            yield record(_cells(line, width, order), line.rstrip(b"\r\n"))
        except Malformed as error:
            yield Unreadable(number, str(error))


def rename_columns(stream: BinaryIO, names: Mapping[str, str]) -> BinaryIO | Unreadable:
    """The same file with some columns under other names, streamed.

    A column that has one of the new names already, without being meant, loses it. A header that
    cannot be read is left for the reader of the file to complain of.

    Args:
        stream: the file, from its start.
        names: names in the file's header to the names wanted.

    Returns:
        The file, or why it is not one with these columns.
    """
    if not names:
        return stream
    header = _line(stream).removeprefix(_BOM)
    found = _header(header)
    if isinstance(found, Unreadable):
        return io.BufferedReader(_Prefixed(header, stream))
    if wrong := _misfit(found, names):
        return wrong
    wanted = set(names.values())
    given = [names.get(name, f"({name})" if name in wanted else name) for name in found]
    text = io.StringIO()
    csv.writer(text).writerow(given)
    return io.BufferedReader(_Prefixed(text.getvalue().encode("utf-8"), stream))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file, as far as it was looked at.

    Attributes:
        becomes: our name for it; None: it is ignored.
        values: lines where it is not empty.
        first: the first of those values.
    """

    name: str
    becomes: str | None
    values: int
    first: tuple[str, ...] = field(repr=False)


def preview_columns(
    stream: BinaryIO, fields: Mapping[str, str]
) -> tuple[Column, ...] | Unreadable:
    """What each column of a file would become, in the order of the file.

    Args:
        stream: the file, from its start; its first ``PREVIEW_LINES`` lines are looked at.
        fields: names in the file's header to our names.
    """
    header = _header(_line(stream).removeprefix(_BOM))
    if isinstance(header, Unreadable):
        return header
    lines = islice(iter(partial(_line, stream), b""), PREVIEW_LINES)
    rows = [cells for line in lines if len(cells := _cells_of(line)) == len(header)]
    found = []
    for place, name in enumerate(header):
        values = [cells[place] for cells in rows if cells[place]]
        shown = tuple(values[:PREVIEW_VALUES])
        found.append(Column(name, fields.get(name), len(values), shown))
    return tuple(found)


class _Prefixed(io.RawIOBase):
    """A first line of ours, and then the rest of a file."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = io.BytesIO(first)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        data = self._first.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _header(line: bytes) -> list[str] | Unreadable:
    """The names of the columns, or why this is no statement."""
    if line.lstrip()[:1] == b"<":
        return Unreadable(1, "a CSV statement is expected, this is a web page")
    try:
        return [name.strip() for name in _split(line)]
    except Malformed as error:
        return Unreadable(1, str(error))


def _misfit(header: list[str], names: Collection[str]) -> Unreadable | None:
    """Why a header does not hold each of these names once, if it does not."""
    missing = [name for name in names if name not in header]
    if missing:
        return Unreadable(1, f"header: these columns are missing: {', '.join(missing)}")
    if any(header.count(name) > 1 for name in names):
        return Unreadable(1, "header: each column once is expected")
    return None


def _cells_of(line: bytes) -> list[str]:
    """The cells of a line; none where it cannot be read."""
    try:
        return _split(line)
    except Malformed:
        return []


def _line(stream: BinaryIO) -> bytes:
    """The next line with its end, cut at one byte over the limit; empty at the end."""
    line = stream.readline(LINE_BYTES_MAX + 1)
    rest = line
    while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
        rest = stream.readline(LINE_BYTES_MAX + 1)
    return line


def _places(
    header: bytes, columns: Mapping[str, str]
) -> tuple[int, Mapping[str, int]] | Unreadable:
    """How many columns there are and where ours stand, or why this is no statement."""
    names = _header(header)
    if isinstance(names, Unreadable):
        return names
    if wrong := _misfit(names, columns.values()):
        return wrong
    return len(names), {ours: names.index(theirs) for ours, theirs in columns.items()}


def _cells(line: bytes, width: int, order: Mapping[str, int]) -> Mapping[str, str]:
    cells = _split(line)
    if len(cells) != width:
        raise Malformed("line", f"{width} fields are expected")
    return {name: cells[place] for name, place in order.items()}


def _split(line: bytes) -> list[str]:
    if len(line) > LINE_BYTES_MAX:
        raise Malformed("line", f"at most {LINE_BYTES_MAX} bytes are expected")
    try:
        return next(csv.reader([line.decode("utf-8")], strict=True), [])
    except UnicodeDecodeError:
        raise Malformed("line", "UTF-8 is expected") from None
    except csv.Error:
        raise Malformed("line", "comma-separated fields on one line are expected") from None
