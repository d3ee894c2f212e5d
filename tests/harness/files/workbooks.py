"""Writes drafts as workbooks: in XML by hand, and with two libraries."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from xml.sax.saxutils import escape

import openpyxl
import xlsxwriter

from tests.harness.files.dates import Moment
from tests.harness.files.draft import Draft, Formula, Number, Value

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = {
    _MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    _KINDS: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
_TITLES: tuple[list[Value], ...] = (
    ["Statement of June"],
    ["Report", "04.06.2026 - 05.06.2026"],
    [None, "made by", "BO"],
)
Rows = list[tuple[int, list[Value]]]


def workbook(draft: Draft) -> bytes:
    """The file of a draft whose form is a workbook."""
    rows = _rows(draft)
    match draft.style.writer:
        case "openpyxl":
            return _by_openpyxl(rows)
        case "xlsxwriter":
            return _by_xlsxwriter(rows)
        case _:
            return _by_hand(rows, draft)


def _rows(draft: Draft) -> Rows:
    """The rows with their numbers; blank rows have numbers and no cells."""
    style, rng = draft.style, draft.rng
    rows: Rows = []
    number = 0
    for title in _TITLES[: style.titles]:
        number += 1 + (rng.randrange(2) if style.blanks else 0)
        rows.append((number, title))
    number += 1
    rows.append((number, list(draft.header)))
    if style.header_row:
        draft.settings["header_row"] = number
    for place, row in enumerate(draft.rows):
        number += 1 + (rng.randrange(2) if style.blanks and not draft.repeats else 0)
        number -= place in draft.repeats
        rows.append((number, [row[name] for name in style.order]))
    for cells in [draft.trailer] * bool(draft.trailer) + draft.after:
        number += 1
        rows.append((number, cells))
    return rows


def _by_openpyxl(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number, cells in rows:
        for place, value in enumerate(cells, start=1):
            if value is None or value == "":
                continue
            cell = sheet.cell(number, place)
            match value:
                case Number() | Formula():
                    cell.value = _plain(value.text)
                case Moment():
                    cell.value = value.local.replace(tzinfo=None)
                    cell.number_format = "yyyy-mm-dd hh:mm:ss"
                case _:
                    cell.value = value
                    cell.data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _by_xlsxwriter(rows: Rows) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("Statement")
    day = book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
    for number, cells in rows:
        for place, value in enumerate(cells):
            match value:
                case None | "":
                    continue
                case Number():
                    sheet.write_number(number - 1, place, _plain(value.text))
                case Formula():
                    sheet.write_formula(
                        number - 1, place, "=SUM(A1:A2)", value=_plain(value.text)
                    )
                case Moment():
                    sheet.write_datetime(number - 1, place, value.local, day)
                case _:
                    sheet.write_string(number - 1, place, value)
    book.close()
    return out.getvalue()


def _plain(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _by_hand(rows: Rows, draft: Draft) -> bytes:
    rng = draft.rng
    since_1904, is_strict = rng.random() < 0.2, rng.random() < 0.2
    others = "two" if draft.two_sheets else rng.choice(("", "", "named", "hidden"))
    if others == "named":
        draft.settings["sheet"] = "Umsätze"
    sheet = _Sheet(rng, since_1904=since_1904)
    body = "".join(sheet.row(number, cells) for number, cells in rows)
    second = '<sheet name="Notes" sheetId="2" r:id="rId2"{}/>'.format(
        ' state="hidden"' if others == "hidden" else ""
    )
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_KINDS}">'
        f'<workbookPr date1904="{int(since_1904)}"/><sheets>'
        f'<sheet name="Umsätze" sheetId="1" r:id="rId1"/>{second if others else ""}</sheets>'
        "</workbook>",
        "xl/worksheets/sheet1.xml": _worksheet(body),
        "xl/worksheets/sheet2.xml": _worksheet(sheet.row(1, ["t-9", "bet", Number("1")])),
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{"".join(sheet.shared)}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt'
        ' numFmtId="170" formatCode="dd/mm/yyyy\\ hh:mm:ss.000"/></numFmts><cellXfs'
        ' count="3"><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="170"/></cellXfs>'
        "</styleSheet>",
    }
    return archive_of(parts, _STRICT if is_strict else {})


def _worksheet(body: str) -> str:
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'


def archive_of(parts: Mapping[str, str], namespaces: Mapping[str, str]) -> bytes:
    """A workbook from its parts and the parts that every workbook has."""
    kinds = ("worksheet", "worksheet", "sharedStrings", "styles")
    targets = (
        "worksheets/sheet1.xml",
        "worksheets/sheet2.xml",
        "sharedStrings.xml",
        "styles.xml",
    )
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{_KINDS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(zip(kinds, targets, strict=True), start=1)
    )
    documents = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1"'
        f' Type="{_KINDS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}'
        "</Relationships>",
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            text = document
            for ours, theirs in namespaces.items():
                text = text.replace(ours, theirs)
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


class _Sheet:
    """Writes rows in XML; texts are shared or in their cells."""

    def __init__(self, rng: Random, *, since_1904: bool) -> None:
        self.shared: list[str] = []
        self._rng = rng
        self._first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001

    def row(self, number: int, cells: list[Value]) -> str:
        """One row; styled empty cells may be right of the table."""
        written = "".join(self._cells(number, cells))
        if self._rng.random() < 0.1:
            written += f'<c r="{_letter(len(cells) + 2)}{number}" s="1"/>'
        return f'<row r="{number}">{written}</row>'

    def _cells(self, number: int, cells: list[Value]) -> Iterator[str]:
        for place, value in enumerate(cells):
            name = f"{_letter(place)}{number}"
            match value:
                case None | "":
                    continue
                case Number():
                    yield f'<c r="{name}"><v>{value.text}</v></c>'
                case Formula():
                    yield f'<c r="{name}"><f>SUM(A1:A2)</f><v>{value.text}</v></c>'
                case Moment():
                    yield self._date(name, value.local)
                case _:
                    yield self._text(name, value)

    def _date(self, name: str, local: datetime) -> str:
        if self._rng.random() < 0.2:
            return f'<c r="{name}" t="d"><v>{local.isoformat()}</v></c>'
        days = (local - self._first) / timedelta(days=1)
        return f'<c r="{name}" s="{self._rng.choice((1, 2))}"><v>{days!r}</v></c>'

    def _text(self, name: str, text: str) -> str:
        body = f'<t xml:space="preserve">{escape(text)}</t>'
        if self._rng.random() < 0.5:
            return f'<c r="{name}" t="inlineStr"><is>{body}</is></c>'
        self.shared.append(f"<si>{body}</si>")
        return f'<c r="{name}" t="s"><v>{len(self.shared) - 1}</v></c>'


def _letter(place: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]
