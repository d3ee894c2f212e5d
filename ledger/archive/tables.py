"""The queries that read the rows of a sealed day for its archive, in the order of its seal."""

from collections.abc import Iterator, Mapping
from datetime import date

from sqlalchemy import Connection, text

from ledger.seal.canonical_lines import TABLES, batch_range, day_bounds
from vocabulary.errors import Malformed

_COLUMNS = """
SELECT a.attname::text, t.typname::text, t.typtype::text = 'e' AS is_enum
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""
#: The types that an archive has; ``ledger.archive.lines`` prints each of them.
_TYPES = frozenset({"int8", "int4", "int2", "bool", "text", "bytea", "timestamptz"})
_COMMITTED = (
    "b.committed_at >= '{since}' AND b.committed_at < '{until}'"
    " AND b.batch_id BETWEEN {first} AND {last}"
)
_BOOKED = "r.booked_at >= '{since}' AND r.booked_at < '{until}'"
_ROWS: Mapping[str, str] = {
    "batches": f"FROM batches b JOIN batches t USING (batch_id) WHERE {_COMMITTED} ORDER BY 1",
    "operations": f"""
  FROM batches b JOIN operations t USING (batch_id)
 WHERE {_COMMITTED} ORDER BY t.batch_id, t.wallet_id, t.wallet_seq""",
    "entries": f"""
  FROM batches b JOIN operations o USING (batch_id)
  JOIN entries t ON t.wallet_id = o.wallet_id AND t.wallet_seq = o.wallet_seq
 WHERE {_COMMITTED} ORDER BY b.batch_id, t.wallet_id, t.wallet_seq, t.leg""",
    "deliveries": f"""
  FROM batches b JOIN deliveries t USING (batch_id)
 WHERE {_COMMITTED} AND t.batch_id BETWEEN {{first}} AND {{last}}
 ORDER BY t.batch_id, t.delivery_id""",
    "residuals": f"""
  FROM residuals r JOIN residuals t USING (residual_id) WHERE {_BOOKED}
 ORDER BY t.residual_id""",
    "residual_entries": f"""
  FROM residuals r JOIN residual_entries t USING (residual_id) WHERE {_BOOKED}
 ORDER BY t.residual_id, t.leg""",
}


def column_list(connection: Connection, table: str) -> str:
    """The columns of a table as ``t`` for an archive; an enumeration is read as text.

    Raises:
        Malformed: a column has a type that archives do not hold.
    """
    names = []
    for name, kind, is_enum in connection.execute(text(_COLUMNS), {"table": table}):
        if not is_enum and kind not in _TYPES:
            raise Malformed(f"{table}.{name}", f"archives hold no column of type {kind}")
        names.append(f't."{name}"::text AS "{name}"' if is_enum else f't."{name}"')
    return ", ".join(names)


def day_queries(connection: Connection, day: date) -> Iterator[tuple[str, str]]:
    """By table, the query for a day's rows; without parameters, for bulk reads."""
    bounds = day_bounds(day)
    first, last = batch_range(connection, day)
    values = {name: at.isoformat() for name, at in bounds.items()}
    for table in TABLES.values():
        rows = _ROWS[table].format(**values, first=first, last=last)
        yield table, f"SELECT {column_list(connection, table)} {rows}"
