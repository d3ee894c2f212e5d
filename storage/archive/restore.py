"""Put archived bytes back into rows that were read from the database, where digests stand.

Every function takes rows as mappings and returns them in their order. A row that has its bytes
is returned as it is, so books without archives pay one comparison a row.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, text

from storage.archive.archives import Archive, list_archives
from storage.archive.digests import digest_of_bytes, is_let_go
from storage.archive.rows import archived_rows
from vocabulary.errors import Contradiction

_Row = RowMapping | Mapping[str, Any]
_Rows = Sequence[_Row]
_Key = tuple[int, ...]


class _Source(NamedTuple):
    """A table whose bytes may be in an archive.

    Attributes:
        keys: the columns that identify a row; whoever reads rows reads these, too.
        headers: the column beside the bytes; empty: there is none.
        lookup: the column that the archive's row groups are ordered by.
        places: the query for what of the archive has rows with the keys :k0, :k1: the keys,
            the month, the day if files are of days, and the value of ``lookup``.
    """

    table: str
    keys: tuple[str, ...]
    headers: str
    body: str
    lookup: str
    places: str


_DAY = "(b.committed_at AT TIME ZONE 'UTC')::date"
_OPERATIONS = _Source(
    "operations",
    ("wallet_id", "wallet_seq"),
    "headers",
    "body",
    "batch_id",
    f"""
SELECT o.wallet_id, o.wallet_seq, date_trunc('month', {_DAY})::date, {_DAY}, batch_id
  FROM unnest(CAST(:k0 AS bigint[]), CAST(:k1 AS bigint[])) AS q (wallet_id, wallet_seq)
  JOIN operations o USING (wallet_id, wallet_seq) JOIN batches b USING (batch_id)
""",  # noqa: S608 - a constant of this module
)
_DELIVERIES = _Source(
    "deliveries",
    ("delivery_id",),
    "headers",
    "body",
    "batch_id",
    f"""
SELECT d.delivery_id, date_trunc('month', {_DAY})::date, {_DAY}, batch_id
  FROM unnest(CAST(:k0 AS bigint[])) AS q (delivery_id)
  JOIN deliveries d USING (delivery_id) JOIN batches b USING (batch_id)
""",  # noqa: S608 - a constant of this module
)
_VERSIONS = _Source(
    "feed_versions",
    ("version_id",),
    "",
    "raw",
    "version_id",
    """
SELECT v.version_id, date_trunc('month', received_at AT TIME ZONE 'UTC')::date, NULL::date,
       v.version_id
  FROM unnest(CAST(:k0 AS bigint[])) AS q (version_id) JOIN feed_versions v USING (version_id)
""",
)


def restored_operations(connection: Connection, rows: _Rows) -> list[dict[str, Any]]:
    """Rows with wallet_id, wallet_seq, body and perhaps headers.

    Raises:
        Unavailable: the archive that has bytes of them is out of reach.
        Contradiction: it does not have the bytes that left the database.
    """
    return _restored(connection, _OPERATIONS, rows)


def restored_deliveries(connection: Connection, rows: _Rows) -> list[dict[str, Any]]:
    """Rows with delivery_id, body and perhaps headers. Raises as ``restored_operations``."""
    return _restored(connection, _DELIVERIES, rows)


def restored_versions(connection: Connection, rows: _Rows) -> list[dict[str, Any]]:
    """Rows with version_id and raw. Raises as ``restored_operations``."""
    return _restored(connection, _VERSIONS, rows)


def _restored(connection: Connection, source: _Source, rows: _Rows) -> list[dict[str, Any]]:
    let_go = {_key(source, row) for row in rows if is_let_go(bytes(row[source.body]))}
    if not let_go:
        return [dict(row) for row in rows]
    archived = _read(connection, source, sorted(let_go))
    return [
        _whole(source, row, archived.get(_key(source, row)))
        if _key(source, row) in let_go
        else dict(row)
        for row in rows
    ]


def _whole(source: _Source, row: _Row, archived: tuple[str, bytes] | None) -> dict[str, Any]:
    if archived is None or digest_of_bytes(*archived) != bytes(row[source.body]):
        name = ", ".join(f"{key} {row[key]}" for key in source.keys)
        raise Contradiction(
            f"{source.table}, {name}: no archive has the bytes that left the database; see"
            " `tieout archive check`"
        )
    headers, body = archived
    values = dict(row)
    values[source.body] = body
    if source.headers in values:
        values[source.headers] = headers
    return values


def _read(
    connection: Connection, source: _Source, keys: Sequence[_Key]
) -> dict[_Key, tuple[str, bytes]]:
    """Headers and bytes by key, from every archive that has some of the keys."""
    archives = {archive.month: archive for archive in list_archives(connection)}
    params = {f"k{n}": list(column) for n, column in enumerate(zip(*keys, strict=True))}
    lookups: dict[tuple[date, date | None], set[int]] = defaultdict(set)
    for row in connection.execute(text(source.places), params):
        month, day, lookup = row[len(source.keys) :]
        lookups[month, day].add(lookup)
    rows: dict[_Key, tuple[str, bytes]] = {}
    for (month, day), values in lookups.items():
        if month in archives:
            rows.update(_of_archive(archives[month], source, day, values))
    return rows


def _of_archive(
    archive: Archive, source: _Source, day: date | None, values: set[int]
) -> dict[_Key, tuple[str, bytes]]:
    columns = [*source.keys, *([source.headers] if source.headers else []), source.body]
    size = len(source.keys)
    rows = archived_rows(
        archive, source.table, columns, day=day, key=source.lookup, values=sorted(values)
    )
    return {
        tuple(row[:size]): (row[size] if source.headers else "", bytes(row[-1])) for row in rows
    }


def _key(source: _Source, row: _Row) -> _Key:
    return tuple(row[key] for key in source.keys)
