"""One row of any file as a line of the dialect: complete, short enough, read by the dialect."""

import csv
import io
import json
from collections.abc import Mapping

from feeds.statements.reading.cells import Cell
from providers.contract import Provider
from providers.statements.format import StatementFormat
from providers.wire.decode import BODY_BYTES_MAX
from vocabulary.errors import Malformed
from vocabulary.facts import HistoryRecord

#: Longest line of a CSV statement, in bytes; one has about 120.
LINE_BYTES_MAX = 8_192
#: A line with fewer characters than this is never too long, however it is written.
_SHORT_CHARS = 1_000


def read_record(
    shape: StatementFormat, provider: Provider, cells: Mapping[str, Cell], raw: bytes
) -> HistoryRecord:
    """The record that the dialect reads from the normalized cells of a row.

    Raises:
        Malformed: the dialect refuses the row.
    """
    missing = [
        name for name in shape.fields if name not in cells and name not in shape.optional
    ]
    if missing:
        raise Malformed("line", f"these fields are missing: {', '.join(missing)}")
    texts = {name: cells[name].text if name in cells else "" for name in shape.fields}
    joined = "".join(texts.values())
    if shape.native == "csv" and ("\n" in joined or "\r" in joined):
        raise Malformed("line", "fields without line breaks are expected")
    if len(joined) >= _SHORT_CHARS:
        _check_length(shape, texts)
    return shape.record(provider, texts, raw)


def _check_length(shape: StatementFormat, texts: Mapping[str, str]) -> None:
    """Refuse a line that would be too long in the dialect's own format."""
    if shape.native == "csv":
        line, limit = io.StringIO(), LINE_BYTES_MAX
        csv.writer(line, lineterminator="\n").writerow(texts.values())
        size = len(line.getvalue().encode("utf-8", "backslashreplace"))
    else:
        size, limit = len(json.dumps(texts)), BODY_BYTES_MAX
    if size > limit:
        raise Malformed("line", f"at most {limit} bytes are expected")
