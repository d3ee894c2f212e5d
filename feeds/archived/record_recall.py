"""Bring the records of a round back that left for supplements of archives.

They come with their versions, former values and listings, as they were when they left, and stay
until the rows of a later month leave. Only runs and totals that meet the round again need them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from feeds.write_order import lock_history
from storage.archive.rows import answered_rows
from storage.archive.supplements import Supplement, list_supplements, supplement_request
from storage.archive.table_rows import as_json, stored_columns
from storage.transactions import reading, transaction
from vocabulary.errors import Contradiction
from vocabulary.ids import match_key

_BY_RECORD = ("feed_versions", "feed_superseded", "feed_file_records")
# Those that came back before, and that the provider then left out of a delivery.
_WITHDRAWN = """
SELECT w.record_id, w.occurrence
  FROM (SELECT DISTINCT ON (record_id, occurrence) record_id, occurrence, event
          FROM feed_withdrawals
         WHERE provider = :provider AND record_id = ANY (CAST(:names AS text[]))
         ORDER BY record_id, occurrence, withdrawal_id DESC) w
 WHERE w.event = 'withdrawn'
"""
_RECALL = "SELECT recall_history(:provider, :round, CAST(:came AS jsonb))"

_Rows = list[dict[str, Any]]


def recall_history(engine: Engine, provider: str, round_id: str) -> int:
    """Bring back what a provider reported of a round; returns how many records it has here.

    Raises:
        Unavailable: the database or a supplement is out of reach.
        Contradiction: a supplement has changed, or has records that did not leave.
    """
    with reading(engine, "recall") as connection:
        # The newest state of a record first. What was reported of a round that was not ours yet
        # may have left before its operations.
        supplements = list_supplements(connection)[::-1]
        columns = {
            table: stored_columns(connection, table) for table in ("feed_records", *_BY_RECORD)
        }
    records = [
        row
        for row in _rows(
            supplements, "feed_records", columns, "match_key", [match_key(provider, round_id)]
        )
        if (row["provider"], row["round_id"]) == (provider, round_id)
    ]
    parts = _parts_of(supplements, columns, provider, records)
    try:
        with transaction(engine, "recall") as connection:
            lock_history(connection, provider)
            history = {"feed_records": _valid(connection, provider, records), **parts}
            params = {
                "provider": provider,
                "round": round_id,
                "came": msgspec.json.encode(history).decode(),
            }
            return int(connection.execute(text(_RECALL), params).scalar_one())
    except IntegrityError as error:
        cause = str(error.orig).partition("\n")[0]
        raise Contradiction(f"the records are not recalled: {cause}") from error


def _valid(connection: Connection, provider: str, records: _Rows) -> _Rows:
    """The records that were not withdrawn since they left."""
    params = {"provider": provider, "names": [row["record_id"] for row in records]}
    rows = connection.execute(text(_WITHDRAWN), params)
    withdrawn = {(row.record_id, row.occurrence) for row in rows}
    return [row for row in records if (row["record_id"], row["occurrence"]) not in withdrawn]


def _parts_of(
    supplements: Sequence[Supplement],
    columns: Mapping[str, Sequence[str]],
    provider: str,
    records: _Rows,
) -> dict[str, _Rows]:
    """What belongs to the records: rows of other tables that name them."""
    names = sorted({row["record_id"] for row in records})
    if not names:
        return {table: [] for table in _BY_RECORD}
    return {
        table: [
            row
            for row in _rows(supplements, table, columns, "record_id", names)
            if row.get("provider", provider) == provider
        ]
        for table in _BY_RECORD
    }


def _rows(
    supplements: Sequence[Supplement],
    table: str,
    columns: Mapping[str, Sequence[str]],
    key: str,
    values: Sequence[int] | Sequence[str],
) -> Iterator[dict[str, Any]]:
    requests = [
        supplement_request(supplement, table, columns[table], key=key, values=values)
        for supplement in supplements
    ]
    for request, row in answered_rows(requests):
        yield {name: as_json(value) for name, value in zip(request.columns, row, strict=True)}
