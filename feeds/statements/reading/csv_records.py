"""CSV files as tables: records as RFC 4180 defines them, whatever lines they span.

A quoted field may have line breaks. Where quotes are wrong, nobody can tell a record from the
text of a player, so nothing is read from such a record on. A last record without a line break
may be cut in the middle of an amount, which nobody would notice, so it is not read unless the
settings allow it.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.header import cut_row, with_header
from feeds.statements.reading.recognition import separated, wrong_delimiter
from feeds.statements.reading.table import Rows, Table, TableRow, TextRow, UnreadableRow
from feeds.statements.reading.text_lines import LineProblem, TextLines, text_lines

#: Longest record, and longest line of one, in characters; a record has about 120.
RECORD_CHARS_MAX = 1 << 16

#: What Python's parser says of a file that ends inside quotes.
_CUT = "unexpected end of data"
_CUT_IN_QUOTES = (
    "line: a quote is opened here and not closed before the end of the file, which may be cut;"
    ' if the file does not quote fields, set quote = ""'
)
_WRONG_QUOTES = (
    "line: the quotes are wrong: a field that has quotes is expected in quotes, each of its own"
    " doubled; nothing was read from this line on, because the end of this record is not known;"
    ' if the file does not quote fields, set quote = ""'
)
_JSON = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def csv_table(
    stream: BinaryIO, rules: FileRules, needed: Collection[str]
) -> Table | UnreadableRow:
    """A CSV file as a table.

    Args:
        stream: the file, from its start; seekable.
        rules: the declared format.
        needed: the names of the columns that the header must have.
    """
    lines = text_lines(stream, rules.encoding, quote=rules.quote, length_max=RECORD_CHARS_MAX)
    if isinstance(lines, UnreadableRow):
        return lines
    if lines.sample.lstrip().startswith("<"):
        reason = "a CSV statement is expected, this is a web page or XML"
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if _JSON.match(lines.sample):
        reason = 'a CSV statement is expected, this looks like JSON: set format = "jsonl"'
        return UnreadableRow(1, reason, FindingKind.NOT_A_STATEMENT)
    if match := _SEPARATOR_LINE.match(lines.sample):
        next(lines)
        lines.pending.clear()
        rules = replace(rules, delimiter=match.group(1))
    table = with_header(_CsvRecords(lines, rules).rows(), rules, needed)
    if isinstance(table, Table) and table.has(needed):
        return table
    hint = wrong_delimiter(lines.sample, rules, needed)
    if isinstance(table, Table):
        return replace(table, hint=hint)
    return replace(table, reason=f"{table.reason}; {hint}") if hint else table


class _CsvRecords:
    """The records of a CSV file, each with the number of its first line."""

    def __init__(self, lines: TextLines, rules: FileRules) -> None:
        self._lines = lines
        self._rules = rules
        self._quote = rules.quote
        self._well_formed = _well_formed_record(rules)
        self._parser = self._parser_of(lines)

    def _parser_of(self, lines: Iterable[str]) -> Iterator[list[str]]:
        quote = self._quote
        return csv.reader(
            lines,
            delimiter=self._rules.delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            strict=True,
        )

    def rows(self) -> Rows:
        """Every record that is not blank, or the problem with it."""
        lines, is_readable = self._lines, True
        while is_readable:
            lines.pending.clear()
            if usual := lines.usual_lines():
                yield from self._usual_rows(usual)
                continue
            try:
                cells = next(self._parser)
            except StopIteration:
                return
            except LineProblem as problem:
                # Inside quotes the end of the record is unknown.
                is_readable = not (problem.is_end or lines.pending)
                yield replace(problem.row, line=problem.row.line - len(lines.pending))
            except csv.Error as error:
                malformed = self._malformed(is_cut=str(error) == _CUT)
                is_readable = not malformed.is_end
                yield malformed.row
            else:
                row = self._row(cells)
                if isinstance(row, LineProblem):
                    is_readable = not row.is_end
                    yield row.row
                elif row is not None:
                    yield row

    def _usual_rows(self, lines: list[str]) -> Iterator[TextRow]:
        """The records of lines that are one each; none if the lines have to be read singly."""
        try:
            records = list(self._parser_of(lines))
        except csv.Error:
            records = []
        if len(records) != len(lines):
            self._lines.put_back(lines)
            return
        first = self._lines.number - len(lines) + 1
        for number, (cells, text) in enumerate(zip(records, lines, strict=True), start=first):
            if (cells and cells[0].strip()) or "".join(cells).strip():
                yield TextRow(number, cells, text)

    def _row(self, cells: list[str]) -> TableRow | LineProblem | None:
        """A record as a row; None if it is blank."""
        pending = self._lines.pending
        text = pending[0] if len(pending) == 1 else "".join(pending)
        first_line = self._lines.number - len(pending) + 1
        quote = self._rules.quote
        if quote and quote in text and not self._well_formed.fullmatch(text.rstrip("\r\n")):
            return self._malformed()
        if not text.isascii() and (problem := self._lines.undecoded(text, first_line)):
            return problem
        if not "".join(cells).strip():
            return None
        if self._rules.final_newline and text[-1] not in "\r\n":
            return LineProblem(cut_row(first_line), is_end=True)
        return TextRow(first_line, cells, text)

    def _malformed(self, *, is_cut: bool = False) -> LineProblem:
        """The problem with a record whose quotes or line breaks are wrong."""
        pending = self._lines.pending
        first_line = self._lines.number - len(pending) + 1
        quote = self._rules.quote
        if not quote or not any(quote in line for line in pending):
            reason = f"line: {separated(self._rules.delimiter)} fields on one line are expected"
            return LineProblem(UnreadableRow(first_line, reason), is_end=False)
        reason = _CUT_IN_QUOTES if is_cut else _WRONG_QUOTES
        kind = FindingKind.TRUNCATED_FILE if is_cut else FindingKind.UNPARSABLE_RECORD
        return LineProblem(UnreadableRow(first_line, reason, kind), is_end=True)


def _well_formed_record(rules: FileRules) -> re.Pattern[str]:
    """What a whole record is by RFC 4180, or with ids as spreadsheets protect them: ="1001"."""
    quote, delimiter = re.escape(rules.quote), re.escape(rules.delimiter)
    plain = rf"[^{quote}{delimiter}\r\n]*+"
    quoted = rf"{quote}(?:[^{quote}]|{quote}{quote})*+{quote}"
    cell = rf"(?:{quoted}|={quote}{plain}{quote}|{plain})"
    return re.compile(rf"{cell}(?:{delimiter}{cell})*+" if rules.quote else "")
