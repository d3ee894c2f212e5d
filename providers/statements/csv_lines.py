"""Statements as CSV files: read line by line, whatever the columns are.

A line that cannot be understood is a finding with its line number; the rest is still read. A
file that is no statement at all gives one finding and nothing else. Quoted fields may not
contain line breaks: no column needs them, and a missing quote then costs one line, not the
file.
"""

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import BinaryIO

from providers.contract import Unreadable
from providers.statements.bounded_lines import next_line
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord
from vocabulary.plurals import counted

#: Longest line read, in bytes; a statement line has about 120.
LINE_BYTES_MAX = 8_192

_BOM = b"\xef\xbb\xbf"

#: (the cells of one line by our names, the line as received) to what it records.
#: Raises Malformed for a line that cannot be understood.
LineReader = Callable[[Mapping[str, str], bytes], HistoryRecord]


def read_lines(
    stream: BinaryIO, columns: Mapping[str, str], record: LineReader
) -> Iterator[HistoryRecord | Unreadable]:
    """Stream a statement; columns may come in any order, unknown ones are ignored.

    Args:
        stream: the file, from its start.
        columns: our name of each column to its name in the file's header.
        record: reads one line.

    Yields:
        One record or finding per line that is not blank, in file order.
    """
    header = next_line(stream, LINE_BYTES_MAX).removeprefix(_BOM)
    places = _places(header, columns)
    if isinstance(places, Unreadable):
        yield places
        return
    width, order = places
    for number, line in enumerate(
        iter(partial(next_line, stream, LINE_BYTES_MAX), b""), start=2
    ):
        if line.isspace():
            continue
        try:
            yield record(_cells(line, width, order), line.rstrip(b"\r\n"))
        except Malformed as error:
            yield Unreadable(number, str(error))


def _header(line: bytes) -> list[str] | Unreadable:
    """The names of the columns, or why this is no statement."""
    if line.lstrip()[:1] == b"<":
        return Unreadable(1, "a CSV statement is expected, this is a web page")
    try:
        return [name.strip() for name in _split(line)]
    except Malformed as error:
        return Unreadable(1, str(error))


def _misfit(header: list[str], names: Collection[str]) -> Unreadable | None:
    """What is wrong with a header that lacks one of these names, or has it twice."""
    missing = [name for name in names if name not in header]
    if missing:
        return Unreadable(1, f"header: these columns are missing: {', '.join(missing)}")
    if any(header.count(name) > 1 for name in names):
        return Unreadable(1, "header: each column once is expected")
    return None


def _places(
    header: bytes, columns: Mapping[str, str]
) -> tuple[int, Mapping[str, int]] | Unreadable:
    """The number of columns and the places of ours, or why this is no statement."""
    names = _header(header)
    if isinstance(names, Unreadable):
        return names
    if misfit := _misfit(names, columns.values()):
        return misfit
    return len(names), {ours: names.index(theirs) for ours, theirs in columns.items()}


def _cells(line: bytes, width: int, order: Mapping[str, int]) -> Mapping[str, str]:
    cells = _split(line)
    if len(cells) != width:
        raise Malformed("line", f"{counted(width, 'field is', 'fields are')} expected")
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
