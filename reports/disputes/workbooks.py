"""The workbooks of a dispute pack: what is disputed, and the template of an answer."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any

import xlsxwriter

from breaks.disputes.model import AnswerKind, DisputeLine
from providers.statements.format import FieldKind
from reports.disputes.answer_file import FIELDS
from reports.disputes.content import (
    DisputeContent,
    reason_of,
    request_files,
    their_round,
)
from reports.disputes.document import DIFFERENCE
from reports.files.csv_files import quoted
from reports.files.workbook import EXACT_DIGITS
from reports.grid import Column
from vocabulary.clock import iso

Columns = Sequence[Column]

_TOTALS: Columns = (
    Column("currency", 14),
    *(
        Column(name, 18, number=True)
        for name in ("rounds", "our GGR", "your GGR", "difference")
    ),
)
_LINES: Columns = (
    *(Column("line", 7, number=True), Column("round", 28), Column("player", 22)),
    *(Column("time (UTC)", 24), Column("what differs", 62), Column("currency", 10)),
    *(
        Column(name, 14, number=True)
        for name in ("our stake", "our payout", "your stake", "your payout", "difference")
    ),
)
_REQUESTS: Columns = (
    *(Column("line", 7, number=True), Column("round", 28), Column("operation", 30)),
    *(Column("kind", 13), Column("outcome", 13), Column("amount", 14, number=True)),
    *(Column("currency", 10), Column("received (UTC)", 24), Column("reply", 7, number=True)),
    *(Column("request file", 46), Column("signature", 70)),
)
_WIDTHS = {"line": 30, "round_id": 30, "answer": 16, "reference": 24, "comment": 60}
#: The columns of the template that the provider fills in.
_FILLED_IN = 3


class _Book:
    """A workbook in memory, whose texts stay texts and whose bytes depend on nothing else."""

    def __init__(self, title: str, created: datetime) -> None:
        self._stream = BytesIO()
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = xlsxwriter.Workbook(self._stream, options)
        # Equal packs are equal files.
        properties = {"title": title, "created": created.astimezone(UTC).replace(tzinfo=None)}
        self.book.set_properties(properties)
        self.title = self.book.add_format({"bold": True, "font_size": 14})
        self.note = self.book.add_format({"font_color": "#555555"})
        self.count = self.book.add_format({"num_format": "#,##0"})
        # Indented, because the column before it may end with figures.
        left_aligned = {"align": "left", "indent": 1}
        heading = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1}
        self.text = self.book.add_format(left_aligned)
        self.moment = self.book.add_format(
            {**left_aligned, "num_format": "yyyy-mm-dd hh:mm:ss.000"}
        )
        self.to_fill_in = self.book.add_format(
            {**left_aligned, "bg_color": "#FFF8DC", "border": 1, "border_color": "#C9D3DD"}
        )
        self._headings = {
            True: self.book.add_format({**heading, "align": "right"}),
            False: self.book.add_format({**heading, **left_aligned}),
        }
        self._amounts: dict[int, Any] = {}

    def sheet(self, name: str, columns: Columns, row: int) -> Any:
        """A sheet with its headings in a row, set up for print."""
        sheet = self.book.add_worksheet(name)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(row, place, column.heading, self._headings[column.number])
        sheet.freeze_panes(row + 1, 0)
        sheet.repeat_rows(row)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&F&RPage &P of &N")
        return sheet

    def write(self, sheet: Any, row: int, values: Sequence[object]) -> None:
        """A row of texts, counts and instants; None leaves a cell empty."""
        for place, value in enumerate(values):
            if isinstance(value, datetime):
                moment = value.astimezone(UTC).replace(tzinfo=None)
                sheet.write_datetime(row, place, moment, self.moment)
            elif isinstance(value, int):
                sheet.write_number(row, place, value, self.count)
            elif isinstance(value, str):
                sheet.write_string(row, place, value, self.text)

    def write_amount(self, sheet: Any, row: int, place: int, text: str | None) -> None:
        """An amount as a number, or as text if a spreadsheet would round it."""
        if text is None:
            return
        if sum(map(str.isdigit, text)) > EXACT_DIGITS:
            sheet.write_string(row, place, text, self.text)
            return
        digits = len(text.partition(".")[2])
        sheet.write_number(row, place, Decimal(text), self._amount(digits))

    def content(self) -> bytes:
        """The bytes of the workbook."""
        self.book.close()
        return self._stream.getvalue()

    def _amount(self, digits: int) -> Any:
        if digits not in self._amounts:
            pattern = "#,##0" + ("." + "0" * digits if digits else "")
            self._amounts[digits] = self.book.add_format({"num_format": pattern})
        return self._amounts[digits]


def dispute_workbook(content: DisputeContent) -> bytes:
    """The workbook with totals, lines and requests."""
    dispute = content.dispute
    book = _Book(f"Disputed rounds of {dispute.provider}", content.exported_at)
    sheet = book.sheet("Dispute", _TOTALS, 7)
    heads = (
        f"Disputed rounds of {dispute.provider}, pack {content.number}",
        f"Dispute {dispute.dispute_id}, opened {iso(dispute.opened_at)} by {dispute.opened_by}",
        f"Exported {iso(content.exported_at)} by {content.exported_by}",
        f"Please answer by {content.due_at.astimezone(UTC):%Y-%m-%d}",
        dispute.note,
        DIFFERENCE,
    )
    for row, text in enumerate(heads):
        sheet.write_string(row, 0, text, book.note if row else book.title)
    for row, total in enumerate(content.totals, start=8):
        book.write(sheet, row, (total.currency, total.lines))
        for place, minor in enumerate((total.our_ggr, total.their_ggr, total.difference), 2):
            book.write_amount(sheet, row, place, content.text(minor, total.currency))
    _write_lines(book, content)
    _write_requests(book, content)
    return book.content()


def _write_lines(book: _Book, content: DisputeContent) -> None:
    sheet = book.sheet("Rounds", _LINES, 0)
    lines = content.dispute.lines
    for row, line in enumerate(lines, start=1):
        player = content.evidence[line.line].player
        values = (line.line, their_round(line), player, line.began_at, reason_of(line))
        book.write(sheet, row, (*values, line.currency))
        for place, text in enumerate(_amounts(content, line), start=6):
            book.write_amount(sheet, row, place, text)
    sheet.autofilter(0, 0, len(lines), len(_LINES) - 1)


def _amounts(content: DisputeContent, line: DisputeLine) -> list[str | None]:
    minors = [
        minor
        for side in (line.ours, line.theirs)
        for minor in ((None, None) if side is None else (side.stake, side.payout))
    ]
    return [
        None if minor is None else content.text(minor, line.currency)
        for minor in (*minors, line.difference)
    ]


def _write_requests(book: _Book, content: DisputeContent) -> None:
    sheet = book.sheet("Requests", _REQUESTS, 0)
    row = 0
    for line in content.dispute.lines:
        requests = content.evidence[line.line].requests
        for number, request in enumerate(requests, start=1):
            row += 1
            path, _ = request_files(line, number, request)["request.body"]
            head = (line.line, their_round(line), request.operation, request.kind)
            tail = (request.received_at, request.reply_status, path)
            signature = request.signature or "its secret is no longer configured"
            values = (*head, request.outcome, None, request.currency, *tail, signature)
            book.write(sheet, row, values)
            book.write_amount(sheet, row, 5, content.request_amount(request))
    sheet.autofilter(0, 0, max(row, 1), len(_REQUESTS) - 1)
    # On paper a signature helps nobody, and its width would shrink all the rest.
    sheet.print_area(0, 0, max(row, 1), len(_REQUESTS) - 2)


def answer_workbook(content: DisputeContent) -> bytes:
    """The template of an answer as a workbook, with a list to choose the answer from."""
    book = _Book(f"Answers of {content.dispute.provider}", content.exported_at)
    columns = [
        Column(name, _WIDTHS.get(name, 14), number=kind is FieldKind.AMOUNT)
        for name, kind in FIELDS.items()
    ]
    sheet = book.sheet("Answers", columns, 0)
    place = list(FIELDS).index("answer")
    for row, values in enumerate(_answer_rows(content), start=1):
        book.write(sheet, row, values[:3])
        book.write_amount(sheet, row, 3, values[3])
        for column in range(place, place + _FILLED_IN):
            sheet.write_blank(row, column, None, book.to_fill_in)
    sheet.data_validation(
        *(1, place, len(content.dispute.lines), place),
        {
            "validate": "list",
            "source": [kind.value for kind in AnswerKind],
            "error_title": "Answer",
            "error_message": "accepted, rejected or will_restate is expected.",
        },
    )
    return book.content()


def answer_csv(content: DisputeContent) -> bytes:
    """The template of an answer as CSV."""
    lines: list[Iterable[str]] = [map(quoted, FIELDS)]
    # Ids are quoted and amounts are not: a spreadsheet may take what is quoted for text.
    for *texts, difference in _answer_rows(content):
        lines.append(chain(map(quoted, texts), [difference], [quoted("")] * _FILLED_IN))
    return "".join(f"{','.join(line)}\r\n" for line in lines).encode()


def _answer_rows(content: DisputeContent) -> list[tuple[str, str, str, str]]:
    """What the template fills in: the line's id, the round, the currency and the difference."""
    return [
        (
            line.name,
            their_round(line),
            line.currency,
            content.text(line.difference, line.currency),
        )
        for line in content.dispute.lines
    ]
