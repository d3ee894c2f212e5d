"""Look up in the database what matching by attributes asks about single rows."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from psycopg import sql

from reconcile.snapshot.frames import Keys, RecordSides
from reconcile.snapshot.query_results import Psycopg, distinct_integers
from reconcile.snapshot.snapshot import Snapshot

# OFFSET keeps each a lookup, whatever statistics say. Sorted keys are neighbours in the index.
_HAS_RECORD = """
SELECT k.match_key FROM looked_up k
 WHERE EXISTS (SELECT FROM feed_records x WHERE x.match_key = k.match_key OFFSET 0)
"""
_HAS_ROUND = """
SELECT k.match_key FROM looked_up k
 WHERE EXISTS (SELECT FROM rounds x WHERE x.match_key = k.match_key OFFSET 0)
"""
_ROUND_IDS = """
SELECT k.match_key, x.round_id FROM looked_up k
 CROSS JOIN LATERAL (SELECT r.round_id FROM {table} r
                      WHERE r.match_key = k.match_key LIMIT 1 OFFSET 0) x
"""
_HASHES = """
SELECT hashtextextended(p.player, 0) AS hash
  FROM unnest({players}::text[]) WITH ORDINALITY p (player, number) ORDER BY p.number
"""
#: One row of a binary COPY of keys: the number of columns, bytes of the column, the key.
_COPIED = np.dtype([("columns", ">i2"), ("bytes", ">i4"), ("key", ">i8")])
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"


class SnapshotReader:
    """Reads from a snapshot; see ``RowReader``."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """See ``RowReader``."""
        return self._snapshot.records(keys, balances=balances)

    def keys_of_both(self, ours: Keys, theirs: Keys) -> Keys:
        """See ``RowReader``."""
        keys = self._snapshot.on_both(
            lambda connection: _look_up(connection, ours, _HAS_RECORD),
            lambda connection: _look_up(connection, theirs, _HAS_ROUND),
        )
        return np.union1d(*keys)

    def round_ids(self, ours: Keys, theirs: Keys) -> Mapping[int, str]:
        """See ``RowReader``."""

        def read(table: str, keys: Keys) -> Callable[[Psycopg], dict[int, str]]:
            query = sql.SQL(_ROUND_IDS).format(table=sql.Identifier(table)).as_string()

            def names(connection: Psycopg) -> dict[int, str]:
                _put(connection, keys)
                return dict(connection.execute(query.encode()).fetchall())

            return names

        our_names, their_names = self._snapshot.on_both(
            read("rounds", ours), read("feed_records", theirs)
        )
        return {**our_names, **their_names}

    def player_hashes(self, players: Sequence[str]) -> Keys:
        """See ``RowReader``."""
        rows = self._snapshot.query(_HASHES, players=list(players))
        return np.array([row["hash"] for row in rows], dtype=np.int64)


def _look_up(connection: Psycopg, keys: Keys, query: str) -> Keys:
    _put(connection, keys)
    return distinct_integers(connection, query)


def _put(connection: Psycopg, keys: Keys) -> None:
    """Make the keys a temporary table, ``looked_up``."""
    rows = np.empty(len(keys), _COPIED)
    rows["columns"], rows["bytes"], rows["key"] = 1, 8, np.sort(keys)
    connection.execute("DROP TABLE IF EXISTS pg_temp.looked_up")
    connection.execute("CREATE TEMP TABLE looked_up (match_key bigint)")
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY looked_up FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.write(_COPY_HEADER + rows.tobytes() + _COPY_TRAILER)
