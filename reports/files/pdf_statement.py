"""Write a document as a PDF: a page to sign, and the tables that it rests on."""

import re
from collections.abc import Mapping
from pathlib import Path

from reports.document import Document
from reports.files.typeset import pdf
from reports.grid import Column, Grid, GridRow
from vocabulary.clock import iso

#: Most rows of one table; the workbook has all of them.
ROWS_MAX = 50
#: Tables that are as long as the period.
_WHOLE = frozenset(
    {
        *("calendar", "signatures", "roll-forward", "both-sides", "providers"),
        *("signatures-by-provider", "roll-forward-by-provider"),
    }
)
_TEMPLATE = Path(__file__).parents[1] / "statement" / "statement.typ"
#: Where a long word may be broken: an id has no blanks.
_BREAK = "\N{ZERO WIDTH SPACE}"
_LONG_WORD = re.compile(r"[^\s_][^\s]{12,}")


def write_pdf(document: Document, path: Path) -> Path:
    """Write the PDF; returns its path."""
    path.write_bytes(render_pdf(document))
    return path


def render_pdf(document: Document) -> bytes:
    """The PDF of a document; the same document gives the same bytes."""
    return pdf(_TEMPLATE.read_bytes(), pdf_data(document))


def pdf_data(document: Document) -> dict[str, object]:
    """What the template shows: texts, and tables of texts."""
    tables = {grid.slug: grid for grid in document.grids}
    pages = {
        name: [_table(document, tables[slug]) for slug in slugs if slug in tables]
        for name, slugs in (("first", document.first_page), ("next", document.next_pages))
    }
    return {
        "title": document.title,
        "generated": iso(document.generated_at),
        "about": [[label, _breakable(value)] for label, value in document.about],
        "sentences": list(document.sentences),
        "warnings": list(document.warnings),
        **pages,
    }


def _table(document: Document, grid: Grid) -> Mapping[str, object]:
    printed = [number for number, column in enumerate(grid.columns) if column.on_paper]
    shown = len(grid.rows) if grid.slug in _WHOLE else ROWS_MAX
    left_out = len(grid.rows) - shown
    return {
        "name": grid.name,
        "note": grid.note,
        "empty": grid.empty,
        "columns": [_column(grid.columns[number]) for number in printed],
        "rows": [_row(document, grid, printed, row) for row in grid.rows[:shown]],
        "foot": [_row(document, grid, printed, row) for row in grid.foot],
        "more": f"and {left_out:,} more of {len(grid.rows):,}: all of them are in the workbook,"
        f" sheet {grid.sheet}"
        if left_out > 0
        else "",
    }


def _column(column: Column) -> Mapping[str, object]:
    return {"heading": column.heading, "number": column.number, "width": column.width}


def _row(document: Document, grid: Grid, printed: list[int], row: GridRow) -> list[str]:
    return [_breakable(document.text(grid.columns[i], row[i])) for i in printed]


def _breakable(text: str) -> str:
    return _LONG_WORD.sub(
        lambda word: _BREAK.join(re.findall(r".{1,6}", word[0], re.DOTALL)), text
    )
