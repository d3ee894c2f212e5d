"""A snapshot that repeats its queries, so that the server plans each of them once."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from psycopg import sql

from reconcile.snapshot.frames import Keys
from reconcile.snapshot.query_results import read_dicts, read_table, with_keys_beside
from reconcile.snapshot.snapshot import Snapshot
from reconcile.snapshot.values import values_beside


class PreparedSnapshot(Snapshot):
    """Few rows over a connection of a pool, which has most of these queries prepared.

    psycopg prepares what it has sent a few times over the same connection.
    """

    def _dicts(self, query: sql.Composed) -> list[dict[str, Any]]:
        return read_dicts(self._connections.plain[0], *values_beside(query))

    def _few_records(self, queries: Sequence[sql.Composed], keys: Keys) -> list[pa.Table]:
        connection = self._connections.plain[0]
        keyed = [with_keys_beside(query, keys) for query in queries]
        return [read_table(connection, *values_beside(query)) for query in keyed]
