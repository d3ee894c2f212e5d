"""A day as canonical lines: one JSON object a row, in one order, the same for ever.

A day holds the batches committed on it (UTC, the database's clock) with their operations,
entries and deliveries, and after them the residuals booked on it. What may still change later
is left out: whether a history record was taken in, and what was parked. PostgreSQL prints the
rows, with its zone and byte format fixed; the tables and columns are named by the day's header,
so one added later changes no old day.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from operator import itemgetter

from sqlalchemy import Connection, text

from ledger.seal.files import AFTER_BATCHES

#: Version of the line format.
FORMAT = 1
#: Lines fetched at once by each of the cursors.
CHUNK = 2_000
#: The rows of a day by the name their lines carry; also the order of their tables in a layout.
TABLES: Mapping[str, str] = {
    "batch": "batches",
    "operation": "operations",
    "entry": "entries",
    "delivery": "deliveries",
    "residual": "residuals",
    "residual_entry": "residual_entries",
}
_UNSTABLE = {"deliveries": {"ingested_at", "parked_at"}, "batches": {"parked_at"}}

Layout = Mapping[str, Sequence[str]]
#: Where a line stands among a day's lines.
SortKey = tuple[int, ...]

_COLUMNS = """
SELECT c.relname::text, a.attname::text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.oid = ANY(CAST(:tables AS regclass[]))
   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum
"""
_DAY = """b.committed_at >= :since AND b.committed_at < :until
   AND b.batch_id BETWEEN :first AND :last"""
_BOOKED = "r.booked_at >= :since AND r.booked_at < :until"
# The ids only narrow the reading down; the instant decides.
_IDS = """
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
 WHERE {day} ORDER BY 1, 3, 4, 5""",
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
    """The instants between which a batch belongs to the day."""
    since = datetime.combine(day, time(), UTC)
    return {"since": since, "until": since + timedelta(days=1)}


def fix_session(connection: Connection) -> None:
    """Make PostgreSQL print the same row with the same bytes everywhere."""
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    connection.execute(text("SET LOCAL bytea_output = 'hex'"))


def layout_of(connection: Connection) -> dict[str, list[str]]:
    """The columns that a day sealed now would hold, by table."""
    layout: dict[str, list[str]] = {table: [] for table in TABLES.values()}
    for table, column in connection.execute(text(_COLUMNS), {"tables": list(layout)}):
        if column not in _UNSTABLE.get(table, ()):
            layout[table].append(column)
    return layout


def header(day: date, previous: str, layout: Layout) -> bytes:
    """The first line of a day."""
    told = {"tieout": "day", "format": FORMAT, "day": day.isoformat(), "previous": previous}
    return _printed(
        {**told, "layout": {table: list(layout[table]) for table in _tables(layout).values()}}
    )


def trailer(seal: str, counts: Mapping[str, int]) -> bytes:
    """The line after a day's last; it says the hash and is no part of it."""
    return _printed({"seal": seal, "counts": dict(counts)})


def lines(connection: Connection, day: date, layout: Layout) -> Iterator[tuple[str, bytes]]:
    """The rows of a day in order: what each is, and its line."""
    bounds: dict[str, object] = {**day_bounds(day)}
    bounds["first"], bounds["last"] = connection.execute(text(_IDS), bounds).one()
    streams = [_stream(connection, name, bounds, layout) for name in _tables(layout)]
    for _, name, line in merge(*streams, key=itemgetter(0)):
        yield name, line


def _tables(layout: Layout) -> Mapping[str, str]:
    """The tables that a day has; one that was sealed earlier may have fewer."""
    return {name: table for name, table in TABLES.items() if table in layout}


def _stream(
    connection: Connection, name: str, bounds: dict[str, object], layout: Layout
) -> Iterator[tuple[SortKey, str, bytes]]:
    told = {"day": _DAY, "booked": _BOOKED, "after": AFTER_BATCHES}
    sql = _LINES[name].format(row=_row(layout[TABLES[name]]), **told)
    options = {"stream_results": True, "max_row_buffer": CHUNK, "yield_per": CHUNK}
    begin = f'{{"{name}":'.encode()
    for row in connection.execute(text(sql), bounds, execution_options=options):
        *key, line = row
        yield tuple(key), name, begin + line.encode() + b"}\n"


def _row(columns: Sequence[str]) -> str:
    """SQL that prints the columns as one JSON object without blanks or line breaks."""
    fields = ", ".join(f't."{column}"' for column in columns)
    return f"(SELECT row_to_json(r)::text FROM (SELECT {fields}) AS r)"  # noqa: S608 - names


def _printed(told: Mapping[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"
