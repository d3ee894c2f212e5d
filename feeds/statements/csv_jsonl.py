"""Statement files made of lines: CSV, and JSON with one object per line.

A quoted field must not contain a line break: no column needs one, and a lost quote then costs
one line, not the file. A last line without a line break may be cut in the middle of an amount,
which nobody would notice, so it is not read unless the settings allow it.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from feeds.findings import FindingKind
from feeds.statements.cells import EMPTY, Cell, CellKind
from feeds.statements.file_format import FileRules
from feeds.statements.table import Table, TableRow, UnreadableRow
from providers.statements.csv_lines import LINE_BYTES_MAX
from providers.wire.decode import BODY_BYTES_MAX, Json, Number, decode_json
from vocabulary.errors import Malformed

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_8 = "utf-8"


@dataclass(frozen=True, slots=True)
class _Line:
    """One decoded line; ``text`` is without its line break."""

    number: int
    text: str = field(repr=False)
    is_ended: bool


def csv_table(stream: BinaryIO, rules: FileRules) -> Table | UnreadableRow:
    """A CSV file as a table; the first line is the header."""
    lines = _lines(stream, rules, length_max=LINE_BYTES_MAX)
    first = next(lines, None)
    if first is None:
        return UnreadableRow(
            1, "a header is expected, the file is empty", FindingKind.EMPTY_FILE
        )
    if isinstance(first, UnreadableRow):
        return first
    if first.text.lstrip().startswith("<"):
        reason = "a CSV statement is expected, this is a web page"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    try:
        header = tuple(name.strip() for name in _split(first.text, rules.delimiter))
    except Malformed as error:
        return UnreadableRow(1, str(error), FindingKind.WRONG_COLUMNS)
    return Table(header, _csv_rows(lines, rules))


def json_table(stream: BinaryIO, rules: FileRules) -> Table | UnreadableRow:
    """A file of JSON objects, one per line, as a table; each row has its own field names."""
    head = stream.read(len(codecs.BOM_UTF8) + 64)
    stream.seek(0)
    if not head.strip():
        return UnreadableRow(
            1, "an object is expected, the file is empty", FindingKind.EMPTY_FILE
        )
    if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        reason = "one JSON object per line is expected, this is a web page"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    return Table(None, _json_rows(_lines(stream, rules, length_max=BODY_BYTES_MAX)))


def _csv_rows(
    lines: Iterator[_Line | UnreadableRow], rules: FileRules
) -> Iterator[TableRow | UnreadableRow]:
    for line in lines:
        if isinstance(line, UnreadableRow):
            yield line
        elif not line.is_ended and rules.final_newline:
            yield _cut(line.number)
        elif line.text and not line.text.isspace():
            yield _csv_row(line, rules.delimiter)


def _csv_row(line: _Line, delimiter: str) -> TableRow | UnreadableRow:
    try:
        cells = tuple(Cell(text) if text else EMPTY for text in _split(line.text, delimiter))
    except Malformed as error:
        return UnreadableRow(line.number, str(error))
    return TableRow(line.number, cells, line.text.encode())


def _json_rows(lines: Iterator[_Line | UnreadableRow]) -> Iterator[TableRow | UnreadableRow]:
    for line in lines:
        if isinstance(line, UnreadableRow):
            yield line
        elif line.text and not line.text.isspace():
            row = _json_row(line)
            is_cut = isinstance(row, UnreadableRow) and not line.is_ended
            yield _cut(line.number) if is_cut else row


def _json_row(line: _Line) -> TableRow | UnreadableRow:
    raw = line.text.encode()
    try:
        document = decode_json(raw)
    except Malformed as error:
        return UnreadableRow(line.number, f"line: {error.reason}")
    if not isinstance(document, dict):
        return UnreadableRow(line.number, "line: an object is expected")
    cells = tuple(_json_cell(value) for value in document.values())
    return TableRow(line.number, cells, raw, tuple(document))


def _json_cell(value: Json) -> Cell:
    if value is None:
        return EMPTY
    if isinstance(value, Number):
        return Cell(str(value), CellKind.EXACT)
    if isinstance(value, str):
        return Cell(value)
    if isinstance(value, bool):
        return Cell(str(value).lower(), CellKind.FLAG)
    return Cell("", CellKind.BROKEN)


def _cut(number: int) -> UnreadableRow:
    reason = "the last line has no line break, so the file may be cut (setting final_newline)"
    return UnreadableRow(number, reason, FindingKind.TRUNCATED_FILE)


def _lines(
    stream: BinaryIO, rules: FileRules, *, length_max: int
) -> Iterator[_Line | UnreadableRow]:
    start = stream.read(len(codecs.BOM_UTF8))
    stream.seek(0)
    if start == codecs.BOM_UTF8 and rules.encoding == _UTF_8:
        stream.seek(len(codecs.BOM_UTF8))
    if start.startswith(_WIDE) and not rules.encoding.startswith("utf-16"):
        reason = f"{rules.encoding.upper()} is expected, this is UTF-16 (setting encoding)"
        return iter([UnreadableRow(1, reason, FindingKind.WRONG_ENCODING)])
    if rules.encoding == _UTF_8:
        return _utf_8_lines(stream, length_max)
    return _other_lines(stream, rules.encoding, length_max)


def _utf_8_lines(stream: BinaryIO, length_max: int) -> Iterator[_Line | UnreadableRow]:
    number = 0
    while line := stream.readline(length_max + 1):
        number += 1
        if len(line) > length_max:
            while line and not line.endswith(b"\n"):
                line = stream.readline(length_max + 1)
            yield UnreadableRow(number, f"line: at most {length_max} bytes are expected")
            continue
        try:
            text = line.decode(_UTF_8)
        except UnicodeDecodeError:
            yield UnreadableRow(number, "line: UTF-8 is expected")
            continue
        yield _Line(number, text.rstrip("\r\n"), line.endswith(b"\n"))


def _other_lines(
    stream: BinaryIO, encoding: str, length_max: int
) -> Iterator[_Line | UnreadableRow]:
    """Lines in another encoding; after undecodable bytes no later line can be trusted."""
    number = 0
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        while line := text.readline(length_max + 1):
            number += 1
            if len(line) > length_max:
                yield UnreadableRow(
                    number, f"line: at most {length_max} characters are expected"
                )
                while line and not line.endswith("\n"):
                    line = text.readline(length_max + 1)
                continue
            yield _Line(number, line.rstrip("\r\n"), line.endswith("\n"))
    except UnicodeError:
        reason = f"{encoding} is expected, as declared; nothing was read from this line on"
        yield UnreadableRow(number + 1, reason, FindingKind.WRONG_ENCODING)
    finally:
        text.detach()


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        separated = "comma-separated" if delimiter == "," else f"{delimiter!r}-separated"
        raise Malformed("line", f"{separated} fields on one line are expected") from None
