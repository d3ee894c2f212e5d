"""JSON files as tables: one object per line, or one array of objects.

Each row has its own names.
"""

import json
from dataclasses import replace
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import EMPTY, Cell, CellKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.header import cut_row
from feeds.statements.reading.table import Rows, Table, TableRow, UnreadableRow
from feeds.statements.reading.text_lines import LineProblem, TextLines, text_lines
from providers.wire.decode import BODY_BYTES_MAX, Json, Number, decode_json
from vocabulary.errors import Malformed

_SPACE = " \t\r\n"
_BLANKS = frozenset(_SPACE)
# It only finds the end of an item; the item itself is decoded strictly.
_SCANNER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def json_table(stream: BinaryIO, rules: FileRules) -> Table | UnreadableRow:
    """A file of JSON objects as a table; each row has its own field names."""
    lines = text_lines(stream, rules.encoding, quote="", length_max=BODY_BYTES_MAX)
    if isinstance(lines, UnreadableRow):
        return lines
    start = lines.sample.lstrip()
    if not start:
        reason = "an object is expected, the file is empty"
        return UnreadableRow(1, reason, FindingKind.EMPTY_FILE)
    if other := _other_content(start):
        return UnreadableRow(1, other, FindingKind.NOT_A_STATEMENT)
    if start.startswith("["):
        return Table(None, _ArrayItems(lines).rows())
    return Table(None, _line_rows(lines))


def _other_content(start: str) -> str | None:
    """What a file is instead of JSON objects, as far as its beginning shows."""
    if start.startswith("<"):
        return "one JSON object per line is expected, this is a web page or XML"
    first_line = start.splitlines()[0].rstrip()
    if first_line == "{":
        return "one JSON object per line or one array is expected, this is one large object"
    if not first_line.startswith(("{", "[")):
        return 'one JSON object per line is expected; if this is CSV, set format = "csv"'
    return None


def _line_rows(lines: TextLines) -> Rows:
    while True:
        lines.pending.clear()
        try:
            line = next(lines)
        except StopIteration:
            return
        except LineProblem as problem:
            yield problem.row
            if problem.is_end:
                return
            continue
        if undecoded := lines.undecoded(line, lines.number):
            yield undecoded.row
            if undecoded.is_end:
                return
        elif line.strip(_SPACE):
            row = _row(line.rstrip("\r\n"), lines.number)
            is_cut = isinstance(row, UnreadableRow) and line[-1] not in "\r\n"
            yield cut_row(lines.number) if is_cut else row


class _ArrayItems:
    """The items of a JSON array that may be one line; rows have the numbers of the items."""

    def __init__(self, lines: TextLines) -> None:
        self._lines = lines
        self._text = ""
        self._place = 0
        self._number = 0

    def rows(self) -> Rows:
        """Every item up to the first that is no JSON."""
        try:
            self._skip("[")
            while self._peek() != "]":
                self._number += 1
                yield self._item()
                if self._peek() != "]":
                    self._skip(",")
            self._skip("]")
            if self._peek():
                raise self._problem("nothing is expected after the array")
        except LineProblem as problem:
            yield replace(problem.row, line=max(self._number, 1))

    def _item(self) -> TableRow | UnreadableRow:
        self._peek()
        try:
            _, end = _SCANNER.raw_decode(self._text, self._place)
        except (ValueError, RecursionError):
            raise self._problem("a JSON object is expected") from None
        text = self._text[self._place : end]
        self._place = end
        return _row(text, self._number)

    def _skip(self, char: str) -> None:
        if self._peek() != char:
            raise self._problem(f"{char!r} is expected")
        self._place += 1

    def _peek(self) -> str:
        """The next character that is not blank, with a whole item in memory; empty: the end."""
        while True:
            while self._text[self._place : self._place + 1] in _BLANKS:
                self._place += 1
            if len(self._text) - self._place > BODY_BYTES_MAX:
                break
            if not (more := self._lines.read(8 * BODY_BYTES_MAX)):
                break
            self._text, self._place = self._text[self._place :] + more, 0
        return self._text[self._place : self._place + 1]

    def _problem(self, expected: str) -> LineProblem:
        number = max(self._number, 1)
        if len(self._text) - self._place > BODY_BYTES_MAX:
            reason = f"item: {expected}; nothing was read from this item on"
            return LineProblem(UnreadableRow(number, reason), is_end=True)
        reason = f"item: {expected}; the file may be cut; nothing was read from this item on"
        row = UnreadableRow(number, reason, FindingKind.TRUNCATED_FILE)
        return LineProblem(row, is_end=True)


def _row(text: str, line: int) -> TableRow | UnreadableRow:
    try:
        raw = text.encode()
        document = decode_json(raw)
    except Malformed as error:
        return UnreadableRow(line, f"line: {error.reason}")
    if not isinstance(document, dict):
        return UnreadableRow(line, "line: an object is expected")
    cells = tuple(_cell(value) for value in document.values())
    return TableRow(line, cells, raw, tuple(document))


def _cell(value: Json) -> Cell:
    if value is None:
        return EMPTY
    if isinstance(value, Number):
        return Cell(str(value), CellKind.EXACT)
    if isinstance(value, str):
        return Cell(value)
    if isinstance(value, bool):
        return Cell(str(value).lower(), CellKind.FLAG)
    return Cell("", CellKind.BROKEN)
