"""A day as canonical lines: one JSON object per row, in a fixed order, the same for ever.

A day holds the batches committed on it (UTC, the database's clock) with their operations,
entries and deliveries, and after them the residuals booked on it. Columns that may change later
are left out: when a history record was ingested, and what was parked. PostgreSQL prints the
rows, with time zone and byte format fixed. The day's header names the tables and columns, so a
table or column that is added later changes no old day. Bytes that left the database are read
from their archive.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from operator import itemgetter

from sqlalchemy import Connection, text

from ledger.seal.archived_lines import with_archived_bytes
from ledger.seal.files import AFTER_BATCHES
from vocabulary.pacing import pause_point

#: Version of the line format.
FORMAT = 1
#: Lines fetched at once by each of the cursors.
CHUNK = 2_000
#: The tables of a day by the name of their lines, in the order of a layout.
TABLES: Mapping[str, str] = {
    "batch": "batches",
    "operation": "operations",
    "entry": "entries",
    "delivery": "deliveries",
    "residual": "residuals",
    "residual_entry": "residual_entries",
}
#: What the database notes of a row when its entries leave it.
_NOTED_LATER = {"batches": {"entries_at"}, "operations": {"swept"}}
_UNSTABLE = {
    "deliveries": {"ingested_at", "parked_at"},
    "batches": {"parked_at"} | _NOTED_LATER["batches"],
    "operations": _NOTED_LATER["operations"],
}

Layout = Mapping[str, Sequence[str]]
#: The order of a day's lines.
SortKey = tuple[int, ...]

_COLUMNS = """
SELECT c.relname::text, a.attname::text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.oid = ANY(CAST(:tables AS regclass[]))
   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum
"""
_COMMITTED_ON_DAY = """b.committed_at >= :since AND b.committed_at < :until
   AND b.batch_id BETWEEN :first AND :last"""
_BOOKED_ON_DAY = "r.booked_at >= :since AND r.booked_at < :until"
# The range of batch ids makes reading faster; the instant decides.
_BATCH_RANGE = """
SELECT coalesce(min(batch_id), 0), coalesce(max(batch_id), -1) FROM batches
 WHERE committed_at >= :since AND committed_at < :until
"""
_LINES = {
    "batch": """
SELECT b.batch_id, 0, {row} FROM batches b JOIN batches t USING (batch_id)
 WHERE {day} ORDER BY 1""",
    "operation": """
SELECT b.batch_id, 1, t.wallet_id, t.wallet_seq, 0, {row}
  FROM batches b JOIN operations t USING (batch_id) WHERE {day} ORDER BY 1, 3, 4""",
    "entry": """
SELECT b.batch_id, 1, t.wallet_id, t.wallet_seq, t.leg, {row}
  FROM batches b JOIN operations o USING (batch_id)
  JOIN entries t ON t.wallet_id = o.wallet_id AND t.wallet_seq = o.wallet_seq
 WHERE {day}
 UNION ALL
SELECT b.batch_id, 1, t.wallet_id, t.wallet_seq, t.leg, {row}
  FROM batches b JOIN archived_entries t USING (batch_id) WHERE {day}
 ORDER BY 1, 3, 4, 5""",
    "delivery": """
SELECT b.batch_id, 2, t.delivery_id, {row}
  FROM batches b JOIN deliveries t USING (batch_id)
 WHERE {day} AND t.batch_id BETWEEN :first AND :last ORDER BY 1, 3""",
    "residual": """
SELECT {after}, r.residual_id, 0, {row}
  FROM residuals r JOIN residuals t USING (residual_id) WHERE {booked} ORDER BY 2""",
    "residual_entry": """
SELECT {after}, r.residual_id, t.leg, {row}
  FROM residuals r JOIN residual_entries t USING (residual_id)
 WHERE {booked} ORDER BY 2, 3""",
}


def day_bounds(day: date) -> dict[str, datetime]:
    """The start of the day, included, and its end, excluded."""
    since = datetime.combine(day, time(), UTC)
    return {"since": since, "until": since + timedelta(days=1)}


def batch_range(connection: Connection, day: date) -> tuple[int, int]:
    """The first and the last batch of a day; some between them may be of another day."""
    first, last = connection.execute(text(_BATCH_RANGE), day_bounds(day)).one()
    return first, last


def fix_output_format(connection: Connection) -> None:
    """Make PostgreSQL print a row with the same bytes in every session."""
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    connection.execute(text("SET LOCAL bytea_output = 'hex'"))


def current_layout(connection: Connection) -> dict[str, list[str]]:
    """The columns of a day sealed now, by table."""
    layout: dict[str, list[str]] = {table: [] for table in TABLES.values()}
    for table, column in connection.execute(text(_COLUMNS), {"tables": list(layout)}):
        if column not in _UNSTABLE.get(table, ()):
            layout[table].append(column)
    return layout


def header_line(day: date, previous: str, layout: Layout) -> bytes:
    """The first line of a day."""
    columns = {table: list(layout[table]) for table in _tables(layout).values()}
    head = {"tieout": "day", "format": FORMAT, "day": day.isoformat(), "previous": previous}
    return _json_line({**head, "layout": columns})


def trailer_line(seal: str, counts: Mapping[str, int]) -> bytes:
    """The line after a day's last row; it holds the hash and is not hashed itself."""
    return _json_line({"seal": seal, "counts": dict(counts)})


def day_lines(connection: Connection, day: date, layout: Layout) -> Iterator[tuple[str, bytes]]:
    """The rows of a day in order: the name of each, and its line.

    Raises:
        Unavailable: the archive that has bytes of the day is out of reach.
    """
    bounds: dict[str, object] = {**day_bounds(day)}
    bounds["first"], bounds["last"] = batch_range(connection, day)
    streams = [
        with_archived_bytes(connection, day, name, _stream(connection, name, bounds, layout))
        for name in _tables(layout)
    ]
    for _, name, line in merge(*streams, key=itemgetter(0)):
        yield name, line


def _tables(layout: Layout) -> Mapping[str, str]:
    """The tables of the layout; a day that was sealed by an older version may have fewer."""
    return {name: table for name, table in TABLES.items() if table in layout}


def _stream(
    connection: Connection, name: str, bounds: dict[str, object], layout: Layout
) -> Iterator[tuple[SortKey, str, bytes]]:
    sql = _LINES[name].format(
        row=_row_sql(TABLES[name], layout[TABLES[name]]),
        day=_COMMITTED_ON_DAY,
        booked=_BOOKED_ON_DAY,
        after=AFTER_BATCHES,
    )
    options = {"stream_results": True, "max_row_buffer": CHUNK, "yield_per": CHUNK}
    prefix = f'{{"{name}":'.encode()
    with connection.execute(text(sql), bounds, execution_options=options) as result:
        for number, row in enumerate(result, start=1):
            *key, line = row
            yield tuple(key), name, prefix + line.encode() + b"}\n"
            if number % CHUNK == 0:
                pause_point()


def _row_sql(table: str, columns: Sequence[str]) -> str:
    """SQL that prints the columns as one JSON object without blanks or line breaks.

    A version that did not leave out what is noted later sealed it as null.
    """
    noted = _NOTED_LATER.get(table, ())
    fields = ", ".join(
        f'NULL AS "{column}"' if column in noted else f't."{column}"' for column in columns
    )
    return f"(SELECT row_to_json(r)::text FROM (SELECT {fields}) AS r)"  # noqa: S608 - names


def _json_line(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
