"""Who did what: the audit trail by person, action, object and day, and as CSV."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from console.config import Visit
from console.pages.parameters import read_day, read_name
from console.replies import FileDownload, HtmlPage
from console.sentences import counted
from reports.files.formulas import escape_formula
from storage.audit import AuditFilter, AuditRow, audit_names, audit_rows
from vocabulary.clock import iso
from vocabulary.errors import Malformed
from vocabulary.window import day_window

#: Rows on one page, rows of a CSV, and names that a field suggests.
PAGE_ROWS, CSV_ROWS_MAX, NAMES_MAX = 100, 100_000, 200
#: The fields of the form.
FIELDS = ("person", "action", "object", "day")
#: One for all rows: ``json.dumps`` with options makes an encoder for each.
_DETAILS = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
_HEADINGS = ("number", "at", "person", "acting", "action", "object", "detail")


def show(visit: Visit) -> HtmlPage:
    """One page of the trail, the newest first."""
    audit_filter, fields = read_filter(visit.query)
    with visit.console.readers.connect() as connection:
        rows = list(audit_rows(connection, audit_filter, limit=PAGE_ROWS + 1))
        names = {
            name: audit_names(connection, column, limit=NAMES_MAX)
            for name, column in (("person", "actor"), ("action", "action"))
        }
    listed = rows[:PAGE_ROWS]
    older = position_of(listed[-1]) if len(rows) > PAGE_ROWS else ""
    values = {
        "sentence": _sentence(listed, fields, is_more=bool(older)),
        "rows": [(row, object_address(row.subject), _detail(row)) for row in listed],
        "fields": fields,
        "names": names,
        "older": f"/audit?{urlencode({**fields, 'before': older})}" if older else "",
        "csv": f"/audit.csv?{urlencode(fields)}",
        "csv_max": CSV_ROWS_MAX,
    }
    return HtmlPage(template="records/audit.html", values=values)


def download(visit: Visit) -> FileDownload:
    """All rows that the filters select, the newest first."""
    audit_filter, _ = read_filter(visit.query)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    everything = replace(audit_filter, before=None)
    with visit.console.readers.connect() as connection:
        for row in audit_rows(connection, everything, limit=CSV_ROWS_MAX):
            writer.writerow(_cells(row))
    return FileDownload(
        name="audit.csv",
        content_type="text/csv; charset=utf-8",
        content=text.getvalue().encode("utf-8-sig"),
    )


def read_filter(query: Mapping[str, str]) -> tuple[AuditFilter, dict[str, str]]:
    """What an address asks for, and its fields that are not empty.

    Raises:
        Malformed: a day or a position cannot be read.
        RequestRefused: a name is none.
    """
    fields = {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}
    names = {name: read_name(name, fields[name]) for name in fields if name != "day"}
    day = read_day(fields.get("day"))
    window = None if day is None else day_window(day, ZoneInfo("UTC"))
    return (
        AuditFilter(
            actor=names.get("person"),
            action=names.get("action"),
            subject=names.get("object"),
            since=None if window is None else window.start,
            until=None if window is None else window.end,
            before=_read_position(query.get("before")),
        ),
        fields,
    )


def object_address(subject: str) -> str:
    """Where the thing of a row is searched: its own id opens its page."""
    kind, _, name = subject.partition(" ")
    if kind == "person":
        return "/people"
    if kind == "day" and len(parts := name.split()) == 2:
        return f"/days/{parts[0]}/{parts[1]}"
    return f"/find?{urlencode({'q': subject})}"


def position_of(row: AuditRow) -> str:
    """Where older rows begin, as ``before`` names it."""
    return f"{row.at.isoformat()}/{row.audit_id}"


def _read_position(text: str | None) -> tuple[datetime, int] | None:
    if not text:
        return None
    instant, _, number = text.partition("/")
    try:
        at = datetime.fromisoformat(instant)
    except ValueError as error:
        raise Malformed("before", "the link to another page is expected") from error
    if at.tzinfo is None or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Malformed("before", "the link to another page is expected")
    return at, int(number)


def _sentence(rows: list[AuditRow], fields: Mapping[str, str], *, is_more: bool) -> str:
    chosen = ", ".join(f"{name} {value}" for name, value in fields.items())
    of = f" for {chosen}" if chosen else ""
    if not rows:
        return f"Nothing was done{of}."
    if is_more:
        return f"The last {counted(len(rows), 'step')}{of}; there are older ones."
    return f"{counted(len(rows), 'step')}{of}, the newest first."


def _detail(row: AuditRow) -> list[tuple[str, str]]:
    return [
        (name, _plain(value)) for name, value in row.detail.items() if value not in ("", None)
    ]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cells(row: AuditRow) -> list[str]:
    """The cells of a row; a number and an instant cannot be read as formulas."""
    texts = (row.actor, row.acting or "", row.action, row.subject, _DETAILS.encode(row.detail))
    return [str(row.audit_id), iso(row.at), *map(escape_formula, texts)]
