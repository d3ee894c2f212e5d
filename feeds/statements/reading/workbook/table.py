"""Workbooks as tables: the parts of one sheet, found in the archive and read with limits.

The sheet itself is read by ``feeds.statements.reading.workbook.sheet``. Only the parts that are
needed are unpacked: the list of sheets, the formats of numbers, the shared texts and the sheet.
"""

import lzma
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.cells import EMPTY
from feeds.statements.reading.confined.limits import LimitExceeded
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.header import with_header
from feeds.statements.reading.table import Rows, Table, TableRow, UnreadableRow
from feeds.statements.reading.workbook.dates import NumberFormats, read_formats
from feeds.statements.reading.workbook.sheet import SheetReader, TextsReader
from feeds.statements.reading.workbook.xml_events import Attributes, DamagedXml, read_elements

#: Bytes of a part that are unpacked at a time; each 40 of them may be a row of 16 384 cells.
CHUNK_BYTES = 1 << 13

BROKEN = "a workbook is expected, this one is broken or cut"
_ENCRYPTED = 1
_CELLS = "worksheet"
_MAIN_KIND = "/officeDocument"
_NAMES_MAX = 10
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    DamagedXml,
    ValueError,
    KeyError,
    OSError,
    EOFError,
    RuntimeError,  # NotImplementedError too: a way of packing that nobody uses
)


class _NoSheet(Exception):
    """The workbook has no sheet that could be read; the finding is the argument."""

    def __init__(self, reason: str, kind: FindingKind) -> None:
        super().__init__(reason)
        self.row = UnreadableRow(1, reason, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A sheet as the workbook lists it."""

    name: str
    part: str
    kind: str
    is_hidden: bool


def xlsx_table(
    stream: BinaryIO, rules: FileRules, needed: Collection[str]
) -> Table | UnreadableRow:
    """One sheet of a workbook as a table.

    Args:
        stream: the file, from its start; seekable.
        rules: the declared format.
        needed: the names of the columns that the header must have; empty: no row is the
            header, and rows stay as wide as they are.

    Raises:
        LimitExceeded: a part is larger than allowed.
    """
    try:
        rows = _rows(stream, rules)
        table = with_header(rows, rules, needed, container="sheet")
    except _NoSheet as error:
        return error.row
    if isinstance(table, UnreadableRow) or table.header is None or not needed:
        return table
    width = len(table.header)
    fitted = (_fitted(row, width) for row in table.rows)
    return Table(table.header, fitted, table.header_line, has_places=True)


def _rows(stream: BinaryIO, rules: FileRules) -> Rows:
    """The rows of the chosen sheet; damage found on the way ends them."""
    line = 0
    try:
        archive = _Archive(stream, rules.limits.unpacked_bytes)
        reader, part = _opened(archive, rules)
        for row in reader.rows(archive.chunks(part)):
            line = row.line
            yield row
    except _DAMAGE:
        yield UnreadableRow(line + 1, BROKEN, FindingKind.TRUNCATED_FILE)


def _opened(archive: "_Archive", rules: FileRules) -> tuple[SheetReader, str]:
    """A reader for the chosen sheet and the name of its part."""
    main = archive.main_part()
    book = _Workbook(archive, main)
    part = book.target(_chosen(book.sheets, rules.sheet))
    texts, formats = book.parts.get("sharedStrings"), book.parts.get("styles")
    reader = SheetReader(
        TextsReader().read(archive.chunks(texts)) if texts else [],
        read_formats(archive.chunks(formats)) if formats else NumberFormats(),
        since_1904=book.since_1904,
    )
    archive.verify(part)
    return reader, part


def _chosen(sheets: list[_Sheet], name: str | None) -> _Sheet:
    """The declared sheet, or the only one that is a table of cells and can be seen."""
    if name is not None:
        for sheet in sheets:
            if sheet.name == name:
                return sheet
        names = ", ".join(repr(sheet.name) for sheet in sheets[:_NAMES_MAX])
        reason = f"a sheet {name} is expected, as declared; this workbook has {names}"
        raise _NoSheet(reason, FindingKind.WRONG_COLUMNS)
    if not sheets:
        raise KeyError("sheets")
    if len(sheets) == 1:
        return sheets[0]
    visible = [sheet for sheet in sheets if not sheet.is_hidden and sheet.kind == _CELLS]
    if len(visible) != 1:
        names = ", ".join(repr(sheet.name) for sheet in sheets[:_NAMES_MAX])
        reason = f"one sheet is expected, this workbook has several (setting sheet): {names}"
        raise _NoSheet(reason, FindingKind.WRONG_COLUMNS)
    return visible[0]


class _Workbook:
    """The sheets of a workbook and the names of its other parts.

    Attributes:
        sheets: in order.
        parts: the kind of a part, such as ``styles``, to its name.
        since_1904: days count from 1904.
    """

    def __init__(self, archive: "_Archive", main: str) -> None:
        self.since_1904 = False
        self.parts: dict[str, str] = {}
        self._main = main
        self._sheets: list[tuple[str, str, bool]] = []
        self._targets: dict[str, tuple[str, str]] = {}
        read_elements(archive.chunks(main), self._start_main)
        folder, name = posixpath.split(main)
        read_elements(archive.chunks(f"{folder}/_rels/{name}.rels"), self._start_relation)

    @property
    def sheets(self) -> list[_Sheet]:
        """The sheets, with what kind each is."""
        return [
            _Sheet(
                name=name,
                part=self._targets.get(relation, ("", ""))[1],
                kind=self._targets.get(relation, ("", ""))[0],
                is_hidden=is_hidden,
            )
            for name, relation, is_hidden in self._sheets
        ]

    def target(self, sheet: _Sheet) -> str:
        """The name of the sheet's part."""
        if sheet.kind != _CELLS:
            kind = sheet.kind or "missing part"
            reason = f"a sheet of cells is expected, {sheet.name} is a {kind} (setting sheet)"
            raise _NoSheet(reason, FindingKind.WRONG_COLUMNS)
        return sheet.part

    def _start_main(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            relation = next(
                (value for key, value in attributes.items() if key.endswith(" id")), ""
            )
            is_hidden = attributes.get("state", "visible") != "visible"
            self._sheets.append((attributes.get("name", ""), relation, is_hidden))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904", "0") in {"1", "true"}

    def _start_relation(self, name: str, attributes: Attributes) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        part = posixpath.join(posixpath.dirname(self._main), attributes.get("Target", ""))
        part = posixpath.normpath(part).lstrip("/")
        self._targets[attributes.get("Id", "")] = (kind, part)
        self.parts.setdefault(kind, part)


class _Archive:
    """The parts of a workbook, unpacked as they are read."""

    def __init__(self, stream: BinaryIO, unpacked_max: int) -> None:
        self._zip = zipfile.ZipFile(stream)
        self._left = self._unpacked_max = unpacked_max
        self._members = {_plain(name): name for name in self._zip.namelist()}

    def main_part(self) -> str:
        """The part that lists the sheets."""
        targets: list[str] = []

        def start(name: str, attributes: Attributes) -> None:
            if name == "Relationship" and attributes.get("Type", "").endswith(_MAIN_KIND):
                targets.append(attributes.get("Target", "").lstrip("/"))

        if "_rels/.rels" in self._members:
            read_elements(self.chunks("_rels/.rels"), start)
        return targets[0] if targets else "xl/workbook.xml"

    def verify(self, part: str) -> None:
        """Read a part to its end, so that damage shows before any of its rows is used."""
        left = self._left
        for _ in self.chunks(part):
            pass
        self._left = left

    def chunks(self, part: str) -> Iterator[bytes]:
        """The bytes of a part.

        Raises:
            LimitExceeded: the parts together are larger than allowed.
        """
        info = self._zip.getinfo(self._members[_plain(part)])
        if info.flag_bits & _ENCRYPTED:
            reason = "this workbook is encrypted: save it without a password"
            raise _NoSheet(reason, FindingKind.NOT_A_STATEMENT)
        with self._zip.open(info) as member:
            while chunk := member.read(CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise LimitExceeded("unpacked_bytes", self._unpacked_max)
                yield chunk


def _plain(name: str) -> str:
    """A member's name as parts refer to it, whatever program packed it."""
    return name.replace("\\", "/").lstrip("/").lower()


def _fitted(row: TableRow | UnreadableRow, width: int) -> TableRow | UnreadableRow:
    """The row as wide as the header; cells right of the table have no column."""
    if isinstance(row, UnreadableRow) or len(row.cells) == width:
        return row
    cells = (row.cells + (EMPTY,) * (width - len(row.cells)))[:width]
    return TableRow(row.line, cells, row.raw)
