"""Statement files of the sportsbook for tests, in every format, and what reading them gives."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from feeds.finding_kinds import FindingKind
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import UnreadableRow
from providers.contract import Provider
from providers.registry import DIALECTS
from providers.sportsbook.feed import COLUMNS
from tests.harness.currencies import CRYPTO
from vocabulary.facts import HistoryRecord

HEADER = ",".join(COLUMNS) + "\n"
BET = "t-1,bet,42,USD,10.00,,2026-06-04T09:30:00Z\n"
WIN = "t-2,result,42,USD,12.50,,2026-06-04T09:31:00Z\n"
PLAIN = FileRules()

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#: The same in Strict Open XML.
STRICT = {
    _MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    _KINDS: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}

Lines = list[HistoryRecord | UnreadableRow]


def statement_reader(
    rules: FileRules = PLAIN, *, dialect: str = "sportsbook"
) -> StatementReader:
    chosen = DIALECTS[dialect]
    options = {key: option.default for key, option in chosen.options.items()}
    provider = Provider(
        slug="book", currency="USD", exponents=CRYPTO, secrets=(b"s",), options=options
    )
    return StatementReader(chosen, provider, rules)


def read(data: bytes | str, name: str = "day.csv", rules: FileRules = PLAIN) -> Lines:
    content = data.encode() if isinstance(data, str) else data
    return list(statement_reader(rules).read(io.BytesIO(content), name))


def problems(lines: Lines) -> list[tuple[int, FindingKind, str]]:
    return [
        (line.line, line.kind, line.reason) for line in lines if isinstance(line, UnreadableRow)
    ]


def ids(lines: Lines) -> list[str]:
    return [line.record_id for line in lines if isinstance(line, HistoryRecord)]


def cell(place: str, value: str, kind: str = "inlineStr") -> str:
    """A cell of a sheet in XML."""
    if kind == "inlineStr":
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}" t="{kind}"><v>{value}</v></c>'


def row(number: int, values: Sequence[str], **kinds: str) -> str:
    """A row of a sheet in XML; ``kinds`` are the types of cells by column letter."""
    letters = "ABCDEFGHIJ"
    cells = "".join(
        cell(f"{letters[place]}{number}", value, kinds.get(letters[place], "inlineStr"))
        for place, value in enumerate(values)
        if value
    )
    return f'<row r="{number}">{cells}</row>'


def workbook(
    *rows: str,
    parts: Mapping[str, str] = {},
    sheets: str = '<sheet name="S" sheetId="1" r:id="rId1"/>',
    relations: str = "",
    namespaces: Mapping[str, str] = {},
) -> bytes:
    """A workbook from the XML of its rows."""
    documents = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1"'
        f' Type="{_KINDS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_KINDS}">'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship'
        f' Id="rId1" Type="{_KINDS}/worksheet" Target="worksheets/sheet1.xml"/>{relations}'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}'
        "</sheetData></worksheet>",
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            archive.writestr(name, _with_namespaces(document, namespaces))
    return out.getvalue()


def _with_namespaces(document: str, namespaces: Mapping[str, str]) -> str:
    for ours, theirs in namespaces.items():
        document = document.replace(ours, theirs)
    return document


def values(line: str) -> list[str]:
    """The values of a line of CSV."""
    return line.rstrip("\n").split(",")


def one_bet(**kinds: Any) -> bytes:
    """A workbook with the header and one bet."""
    return workbook(row(1, COLUMNS), row(2, values(BET), **kinds))
