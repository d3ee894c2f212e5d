"""Guesses the encoding, the delimiter, the header's row and the totals of a foreign file."""

import re
from collections.abc import Mapping, Sequence

from feeds.statements.guess.columns import HeaderGuess
from feeds.statements.reading.cells import CellKind
from feeds.statements.reading.recognition import likely_delimiter, likely_encoding
from feeds.statements.reading.table import TableRow
from feeds.statements.reading.text_lines import decoded_sample, marked_encoding

_TOTAL = re.compile(
    r"(?:grand )?(?:totals?|sum|summe|gesamt|gesamtsumme|totaux|razem|suma|итого)\W*",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"[0-9]+(?:\.0+)?")


def text_settings(start: bytes) -> dict[str, str]:
    """The encoding and the delimiter of a text file with these first bytes."""
    encoding = marked_encoding(start) or likely_encoding(start)
    sample = decoded_sample(start, encoding)
    if sample.lstrip().startswith(("{", "[")):
        return {"encoding": encoding, "format": "jsonl"}
    return {"encoding": encoding, "delimiter": likely_delimiter(sample)}


def header_settings(header: HeaderGuess, above: Sequence[TableRow]) -> dict[str, object]:
    """The header's row, if a row above it has as many values as a record may have."""
    most = max((_filled(row) for row in above), default=0)
    is_needed = 3 * most >= 2 * len(header.columns)
    return {"header_row": header.row.line} if is_needed else {}


def trailer_settings(rows: Sequence[TableRow]) -> Mapping[str, object]:
    """The line of totals, if the last of these rows is one: its marker and its count.

    The sum is not guessed: a person says whether and what it sums.
    """
    if len(rows) < 2 or not rows[-1].cells:
        return {}
    cells = rows[-1].cells
    marker = cells[0].text
    if cells[0].kind is not CellKind.TEXT or not _TOTAL.fullmatch(marker.strip()):
        return {}
    count = str(len(rows) - 1)
    places = [
        place
        for place, cell in enumerate(cells, start=1)
        if _WHOLE.fullmatch(cell.text.strip()) and cell.text.strip().partition(".")[0] == count
    ]
    return {"marker": marker} | ({"rows": places[0]} if len(places) == 1 else {})


def _filled(row: TableRow) -> int:
    return sum(cell.kind is not CellKind.EMPTY for cell in row.cells)
