"""The pack as a workbook: real numbers with their currency's digits, to filter and print."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from reconcile.result import iso
from reports.grids import Amount, Grid, grids
from reports.pack import Pack

#: Digits that a spreadsheet keeps exactly; longer amounts are written as text.
EXACT_DIGITS = 15

#: A cell: text, a count, or an amount with the digits after its point.
Cell = str | int | tuple[Decimal, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet: columns as (heading, width in characters), and rows of cells."""

    name: str
    columns: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[Cell]]
    landscape: bool = True


def write_workbook(pack: Pack, path: Path) -> Path:
    """Write the workbook; returns its path."""
    # Strings are strings: nothing a provider sent becomes a formula, a link or a number.
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(path, options) as book:
        # The instant of the report, so that the same report is the same file.
        book.set_properties(
            {"title": pack.title, "created": pack.generated_at.replace(tzinfo=None)}
        )
        formats = _Formats(book)
        sheets = (_summary(pack), _breaks(pack), _totals(pack), _conservation(pack))
        for sheet in (*sheets, *(_of_grid(pack, grid) for grid in grids(pack))):
            _write(book, formats, pack, sheet)
    return path


class _Formats:
    """The workbook's cell formats, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.note = book.add_format({"font_color": "#666666"})
        self.heading = book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "valign": "vcenter"}
        )
        self.text = book.add_format({"valign": "top", "text_wrap": True})
        self.count = book.add_format({"num_format": "#,##0", "valign": "top"})
        self._amounts: dict[int, Any] = {}

    def amount(self, digits: int) -> Any:
        if digits not in self._amounts:
            plain = "#,##0" + ("." + "0" * digits if digits else "")
            kind = {"num_format": f"{plain};[Red]-{plain}", "valign": "top"}
            self._amounts[digits] = self._book.add_format(kind)
        return self._amounts[digits]


def _write(book: Any, formats: _Formats, pack: Pack, sheet: Sheet) -> None:
    page = book.add_worksheet(sheet.name)
    page.write_string(0, 0, f"{pack.title}: {sheet.name}", formats.title)
    page.write_string(1, 0, _subtitle(pack), formats.note)
    heading = 3
    for column, (name, width) in enumerate(sheet.columns):
        page.set_column(column, column, width)
        page.write_string(heading, column, name, formats.heading)
    for number, row in enumerate(sheet.rows, start=heading + 1):
        for column, cell in enumerate(row):
            _write_cell(page, formats, (number, column), cell)
    if not sheet.rows:
        page.write_string(heading + 1, 0, "No activity", formats.note)
    page.freeze_panes(heading + 1, 0)
    page.autofilter(heading, 0, heading + max(len(sheet.rows), 1), len(sheet.columns) - 1)
    _set_up_print(page, pack, sheet, heading)


def _set_up_print(page: Any, pack: Pack, sheet: Sheet, heading: int) -> None:
    if sheet.landscape:
        page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(heading)
    page.set_footer(f"&L{_printable(pack.title)}&C{iso(pack.generated_at)}&RPage &P of &N")


def _printable(text: str) -> str:
    return text.replace("&", "&&")


def _write_cell(page: Any, formats: _Formats, place: tuple[int, int], cell: Cell) -> None:
    if isinstance(cell, str):
        page.write_string(*place, cell, formats.text)
    elif isinstance(cell, int):
        page.write_number(*place, cell, formats.count)
    elif len(cell[0].as_tuple().digits) <= EXACT_DIGITS:
        page.write_number(*place, cell[0], formats.amount(cell[1]))
    else:
        page.write_string(*place, f"{cell[0]:f}", formats.text)


def _subtitle(pack: Pack) -> str:
    generated = f"generated {iso(pack.generated_at)}"
    if pack.run is None:
        return f"No run stored; {generated}"
    window = pack.run.window
    return f"{iso(window.start)} to {iso(window.end)}; run {pack.run.run_id}; {generated}"


def _amount(pack: Pack, minor: int, currency: str) -> Cell:
    if not currency:
        return ""
    return pack.amount(minor, currency), pack.digits(currency)


def _of_grid(pack: Pack, grid: Grid) -> Sheet:
    rows = [
        [
            _amount(pack, each.minor, each.currency) if isinstance(each, Amount) else each
            for each in row
        ]
        for row in grid.rows
    ]
    return Sheet(name=grid.name, columns=grid.columns, rows=rows)


def _summary(pack: Pack) -> Sheet:
    return Sheet(
        name="Summary",
        columns=(("Figure", 34), ("Count", 12), ("Currency", 12), ("Amount", 20)),
        rows=[*_run_rows(pack), *_owed_rows(pack)],
        landscape=False,
    )


def _run_rows(pack: Pack) -> list[Sequence[Cell]]:
    if pack.run is None:
        return []
    told = pack.run.result
    here = sum(each.run_id == pack.run.run_id for each in pack.breaks)
    return [
        ("Rounds in the ledger", told["ours"]["rows"], "", ""),
        ("Rounds the provider reports", told["theirs"]["rows"], "", ""),
        ("Matched", told["matched"], "", ""),
        ("Timing, ours only", told["timing"]["ours"], "", ""),
        ("Timing, provider only", told["timing"]["theirs"], "", ""),
        ("Excluded, moved nothing (ours)", told["excluded"]["ours"], "", ""),
        ("Excluded, moved nothing (provider)", told["excluded"]["theirs"], "", ""),
        ("Open breaks of this run", here, "", ""),
        ("Open breaks, all runs", len(pack.breaks), "", ""),
        ("Every row and amount accounted for", "yes" if told["conserved"] else "NO", "", ""),
    ]


def _owed_rows(pack: Pack) -> list[Sequence[Cell]]:
    return [
        (
            each.impact.replace("_", " ").capitalize(),
            each.breaks,
            each.currency,
            _amount(pack, each.difference, each.currency),
        )
        for each in pack.owed()
    ]


def _breaks(pack: Pack) -> Sheet:
    return Sheet(
        name="Breaks",
        columns=(
            ("Kind", 22),
            ("Impact", 16),
            ("Difference", 14),
            ("Currency", 10),
            ("Round", 24),
            ("Player", 18),
            ("First seen", 22),
            ("Explanation", 70),
            ("Break", 26),
            ("Run", 26),
        ),
        rows=[
            (
                each.kind,
                each.impact,
                _amount(pack, each.difference, each.currency),
                each.currency,
                each.round_id,
                each.player,
                iso(each.first_seen),
                each.explanation,
                each.break_id,
                each.run_id,
            )
            for each in pack.breaks
        ],
    )


def _totals(pack: Pack) -> Sheet:
    return Sheet(
        name="Totals",
        columns=(
            ("Provider", 18),
            ("Game", 26),
            ("Currency", 10),
            ("Rounds", 12),
            ("Stake", 18),
            ("Payout", 18),
            ("GGR", 18),
        ),
        rows=[
            (
                pack.provider,
                each.game,
                each.currency,
                each.rounds,
                *(_amount(pack, m, each.currency) for m in (each.stake, each.payout, each.ggr)),
            )
            for each in pack.totals
        ],
    )


def _conservation(pack: Pack) -> Sheet:
    return Sheet(
        name="Conservation",
        columns=(
            ("Side", 10),
            ("Line", 14),
            ("Rows", 12),
            ("Currency", 10),
            ("Stake", 18),
            ("Payout", 18),
        ),
        rows=[
            (
                each.side,
                each.line,
                each.rows,
                each.currency,
                _amount(pack, each.stake, each.currency),
                _amount(pack, each.payout, each.currency),
            )
            for each in pack.proof()
        ],
    )
