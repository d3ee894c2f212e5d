"""Both sides of one provider and window, read from one snapshot of the database.

A comparison first reads only fixed-width columns of the window. It reads full rows later, by
key, for the few rounds that do not simply agree. Those rounds are read *whole*: a round that
straddles the edge of the window is never judged by half of it.

The queries hold their parameters as psycopg literals, because COPY and ADBC take no psycopg
parameters.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import sql

from reconcile.snapshot.connections import SnapshotConnections
from reconcile.snapshot.edge_keys import OUR_TIMED_ROWS, THEIR_TIMED_ROWS, TimedRows
from reconcile.snapshot.frames import Keys, RecordSides, Sides, same_currencies
from reconcile.snapshot.full_rows import (
    OUR_RECORDS,
    THEIR_RECORDS,
    ledger_fragments,
    records_of,
)
from reconcile.snapshot.key_ranges import (
    ALL_KEYS,
    KeyFiles,
    KeyRange,
    read_packed,
)
from reconcile.snapshot.key_rows import (
    KEY_LAYOUT,
    OUR_KEY_ROWS,
    THEIR_KEY_ROWS,
    KeyRowQueries,
    SplitRows,
    count_rows,
    key_rows_query,
    keys_frame,
    parse_players,
    split_by_key,
)
from reconcile.snapshot.parameters import shared_parameters
from reconcile.snapshot.query_results import (
    Psycopg,
    distinct_integers,
    estimate_rows,
    fetch,
    fetch_of_keys,
    keys_literal,
    planned,
    read_blocks,
    read_count,
    read_dicts,
    read_strings,
    read_table,
    table_blocks,
    with_keys,
)
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.shared_rounds import split_player_shares
from reconcile.snapshot.values import Value
from vocabulary.window import Window

_OF_KEYS = " AND {side}.match_key IN (SELECT match_key FROM residual)"
_T = TypeVar("_T")
#: Up to this many keys are written into the query itself, and psycopg reads the rows. More keys
#: go to a temporary table, and ADBC reads the rows as columns, which takes longer to start.
_INLINE_KEYS_MAX = 2_000
_LIMIT = " LIMIT {rows}"
_OUR_WINDOW = """
  FROM rounds WHERE provider = {provider} AND first_at >= {start} AND first_at < {end}
"""
_THEIR_WINDOW = """
  FROM feed_records WHERE provider = {provider} AND created_at >= {start} AND created_at < {end}
"""
_COUNT, _KEY = "SELECT count(*)", "SELECT match_key"
_OF_RESIDUAL = " AND match_key IN (SELECT match_key FROM residual)"
# Rounds of several records, one of them outside the window, which would show only a part.
_STRADDLING = """
SELECT f.match_key FROM feed_records f
 WHERE f.provider = {provider} AND f.continues
   AND NOT (f.created_at >= {start} AND f.created_at < {end})
"""


class Snapshot:
    """Both sides of one provider and window, read in parallel from one database snapshot.

    Open one by ``reconcile.snapshot.opening``, which checks that its rows are there.

    Attributes:
        context: decides what full rows contain and which of our rounds are overdue.
    """

    def __init__(
        self,
        connections: SnapshotConnections,
        pool: Executor,
        *,
        provider: str,
        window: Window,
        context: MatchContext,
    ) -> None:
        self.provider = provider
        self.window = window
        self.context = context
        self._connections = connections
        self._pool = pool
        self._parameters = shared_parameters(provider, window, context)

    @property
    def database_url(self) -> str:
        """The database that is read."""
        return self._connections.database_url

    @property
    def snapshot_id(self) -> str:
        """The name under which other connections can import this snapshot while it is open."""
        return self._connections.snapshot_id

    def key_rows(self, key_range: KeyRange = ALL_KEYS) -> Sides:
        """Read the key rows of the window as KEYS frames, each ordered by ``match_key``."""
        conditions = [range_condition(side, key_range) for side in "rf"]
        sides = self._key_rows(conditions, at_most=None)
        assert sides is not None
        return sides

    def key_rows_up_to(self, rows: int) -> Sides | None:
        """Read all key rows of the window, or None if a side has more than ``rows``."""
        return self._key_rows([_LIMIT.format(rows=rows + 1)] * 2, at_most=rows)

    def key_rows_from_files(self, files: KeyFiles) -> Sides:
        """Read key rows that were streamed to files, as ``key_rows`` returns them."""
        blocks = [
            [split_by_key(read_packed(path, KEY_LAYOUT))] for path in (files.ours, files.theirs)
        ]
        return _key_sides(self._both_sides(self._keys_frame, blocks))

    def key_rows_of(self, keys: Keys) -> Sides:
        """Read the key rows of ``keys`` in the window, as ``key_rows`` returns them."""
        conditions = [_OF_KEYS.format(side=side) for side in "rf"]
        queries = self._key_rows_queries(conditions, at_most=None)
        blocks = self._read_of_keys(queries, keys, read_blocks, table_blocks)
        return _key_sides(self._both_sides(self._keys_frame, blocks))

    def keys_in_window(self, keys: Keys) -> Keys:
        """Return those of ``keys`` that have a row of either side in the window, sorted."""
        if not len(keys):
            return keys
        if len(keys) > _INLINE_KEYS_MAX:
            sides = self.key_rows_of(keys)
            by_side = [side["match_key"].to_numpy() for side in (sides.ours, sides.theirs)]
        else:
            queries = [
                with_keys(self.render(_KEY + rows + _OF_RESIDUAL), keys)
                for rows in (_OUR_WINDOW, _THEIR_WINDOW)
            ]
            by_side = list(self._pool.map(distinct_integers, self._connections.plain, queries))
        return np.unique(np.concatenate(by_side))

    def row_counts(self) -> tuple[int, int]:
        """Count the rows of the window, ours and theirs."""
        queries = (self.render(_COUNT + _OUR_WINDOW), self.render(_COUNT + _THEIR_WINDOW))
        ours, theirs = self._pool.map(read_count, self._connections.plain, queries)
        return ours, theirs

    def estimated_rows(self) -> int:
        """Return the planner's estimate of the rows of the larger side.

        The statistics behind it may be old: it serves to choose a plan, not to report anything.
        """
        queries = (self.render(OUR_KEY_ROWS.rows), self.render(THEIR_KEY_ROWS.rows))
        return max(self._pool.map(estimate_rows, self._connections.plain, queries))

    def straddling_keys(self, key_range: KeyRange = ALL_KEYS) -> Keys:
        """Return the keys of rounds with a further record outside the window, sorted."""
        query = self.render(_STRADDLING + range_condition("f", key_range))
        return distinct_integers(self._connections.plain[1], query)

    def straddling_among(self, keys: Keys) -> Keys:
        """Return those of ``keys`` whose rounds have a further record outside the window."""
        query = self.render(_STRADDLING + _OF_KEYS.format(side="f"))
        if len(keys) <= _INLINE_KEYS_MAX:
            return distinct_integers(self._connections.plain[1], with_keys(query, keys))
        table = fetch_of_keys(self._connections.arrow[1], query, keys)
        return np.unique(_int64(table, "match_key"))

    def records(self, keys: Keys, *, balances: bool = True) -> RecordSides:
        """Read the full rows of these keys, from any time, as the columns of RECORDS.

        The player shares of a shared round have names of their own.

        Args:
            keys: of the rounds.
            balances: read those of our rounds, if rows are matched by attributes.
        """
        fragments = ledger_fragments(
            self.provider,
            balances=balances and self.context.rules.attributes,
            many=len(keys) > _INLINE_KEYS_MAX,
        )
        queries = [self._composed(query, **fragments) for query in (OUR_RECORDS, THEIR_RECORDS)]
        ours, theirs = map(records_of, self._record_tables(queries, keys))
        return split_player_shares(RecordSides(ours=ours, theirs=theirs))

    def timed_rows(self, since: datetime, until: datetime) -> TimedRows:
        """Read when rows of either side began in a span of time, also outside the window."""
        span = {"since": sql.Literal(since), "until": sql.Literal(until)}
        queries = [self.render(query, **span) for query in (OUR_TIMED_ROWS, THEIR_TIMED_ROWS)]
        rows = pa.concat_tables(self._pool.map(fetch, self._connections.arrow, queries))
        return TimedRows(
            match_key=_int64(rows, "match_key"),
            player_currency=_int64(rows, "player_currency"),
            at_us=rows["at"].to_numpy().astype("datetime64[us]").view(np.int64),
        )

    def query(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Run a query of few rows in this snapshot.

        Its placeholders are ``{provider}``, ``{start}`` and ``{end}`` of the window, and the
        names of ``values``.
        """
        composed = self._composed(
            query, **{name: Value(value) for name, value in values.items()}
        )
        return self._dicts(composed)

    def query_keys(self, query: str, keys: Keys, **values: Any) -> list[dict[str, Any]]:
        """Run a query that reads its keys from a table ``residual``, else like ``query``."""
        literals = {name: sql.Literal(value) for name, value in values.items()}
        rendered = self.render(query, **literals)
        return read_dicts(self._connections.plain[0], with_keys(rendered, keys))

    def packed_rows(
        self, queries: tuple[str, str], *, by_index: bool = False, **values: Any
    ) -> tuple[list[bytes], list[bytes]]:
        """Run a query of packed rows for each side at once, ours first.

        Args:
            queries: with the placeholders of ``query``; each selects byte strings.
            by_index: read a short span of a table by an index, whatever statistics say.
            values: of further placeholders.
        """
        literals = {name: sql.Literal(value) for name, value in values.items()}

        def read(connection: Psycopg, query: str) -> list[bytes]:
            with planned(connection, by_index=by_index):
                return list(read_strings(connection, self.render(query, **literals)))

        ours, theirs = self._pool.map(read, self._connections.plain, queries)
        return ours, theirs

    def packed_rows_of(
        self, queries: tuple[str, str], keys: Keys
    ) -> tuple[list[bytes], list[bytes]]:
        """Run queries of packed rows that read their keys from a table ``residual``."""
        queries_of_keys = [with_keys(self.render(query), keys) for query in queries]
        results = self._pool.map(read_strings, self._connections.plain, queries_of_keys)
        ours, theirs = map(list, results)
        return ours, theirs

    def on_both(
        self, ours: Callable[[Psycopg], _T], theirs: Callable[[Psycopg], _T]
    ) -> tuple[_T, _T]:
        """Call a function with the connection of our side, and one with theirs, at once."""
        pending = self._pool.submit(ours, self._connections.plain[0])
        their_result = self._pool.submit(theirs, self._connections.plain[1]).result()
        return pending.result(), their_result

    def find_players(self, side: int, names: Keys) -> tuple[Keys, Keys]:
        """Look up names of our key rows (side 0) or theirs (1); see ``parse_players``."""
        queries = (OUR_KEY_ROWS, THEIR_KEY_ROWS)[side]
        query = self.render(queries.names, names=keys_literal(names))
        return parse_players(list(read_strings(self._connections.plain[side], query)))

    def _dicts(self, query: sql.Composed) -> list[dict[str, Any]]:
        return read_dicts(self._connections.plain[0], query.as_string())

    def _record_tables(self, queries: Sequence[sql.Composed], keys: Keys) -> list[pa.Table]:
        """Run the queries of full rows of both sides for some keys."""
        if len(keys) <= _INLINE_KEYS_MAX:
            return self._few_records(queries, keys)
        rendered = [query.as_string() for query in queries]
        return self._read_of_keys(rendered, keys, read_table, lambda table: table)

    def _few_records(self, queries: Sequence[sql.Composed], keys: Keys) -> list[pa.Table]:
        """Run these queries with the keys inlined."""
        inlined = [with_keys(query.as_string(), keys) for query in queries]
        return list(self._pool.map(read_table, self._connections.plain, inlined))

    def _read_of_keys(
        self,
        queries: list[str],
        keys: Keys,
        read: Callable[[Psycopg, str], _T],
        convert: Callable[[pa.Table], _T],
    ) -> list[_T]:
        """Run the queries of both sides for some keys, inlined or in a temporary table."""
        if len(keys) <= _INLINE_KEYS_MAX:
            inlined = [with_keys(query, keys) for query in queries]
            return list(self._pool.map(read, self._connections.plain, inlined))
        tables = self._pool.map(fetch_of_keys, self._connections.arrow, queries, (keys, keys))
        return list(map(convert, tables))

    def _key_rows(self, conditions: list[str], *, at_most: int | None) -> Sides | None:
        """Read the key rows that meet the conditions; None if a side has over ``at_most``."""

        def read(
            connection: Psycopg, query: str, queries: KeyRowQueries
        ) -> pd.DataFrame | None:
            blocks = read_blocks(connection, query)
            if at_most is not None and count_rows(blocks) > at_most:
                return None
            return self._keys_frame(connection, blocks, queries)

        key_queries = self._key_rows_queries(conditions, at_most=at_most)
        ours, theirs = self._both_sides(read, key_queries)
        return None if ours is None or theirs is None else same_currencies(ours, theirs)

    def _key_rows_queries(self, conditions: list[str], *, at_most: int | None) -> list[str]:
        sides = zip((OUR_KEY_ROWS, THEIR_KEY_ROWS), conditions, strict=True)
        return [
            self.render(key_rows_query(queries, condition, at_most=at_most))
            for queries, condition in sides
        ]

    def _both_sides(self, read: Callable[..., _T], inputs: Sequence[Any]) -> list[_T]:
        """Call ``read`` for both sides in parallel: connection, its input, and its queries."""
        queries = (OUR_KEY_ROWS, THEIR_KEY_ROWS)
        return list(self._pool.map(read, self._connections.plain, inputs, queries))

    def _keys_frame(
        self, connection: Psycopg, blocks: list[SplitRows], queries: KeyRowQueries
    ) -> pd.DataFrame:
        """Build a frame of key rows; the same connection looks its names up."""

        def find_players(names: Keys) -> tuple[Keys, Keys]:
            query = self.render(queries.names, names=keys_literal(names))
            return parse_players(list(read_strings(connection, query)))

        return keys_frame(blocks, find_players)

    def render(self, query: str, **parameters: sql.Composable) -> str:
        """Fill the placeholders of a query in; ``parameters`` come before the shared ones."""
        return self._composed(query, **parameters).as_string()

    def _composed(self, query: str, **parameters: sql.Composable) -> sql.Composed:
        return sql.SQL(query).format(**{**self._parameters, **parameters})


def range_condition(side: str, key_range: KeyRange) -> str:
    """Return the condition, to be appended, that a row's key is in a range."""
    if key_range == ALL_KEYS:
        return ""
    first, last = (f"'{key}'::bigint" for key in (key_range.first, key_range.last))
    return f" AND {side}.match_key BETWEEN {first} AND {last}"


def _key_sides(sides: list[pd.DataFrame]) -> Sides:
    ours, theirs = sides
    return same_currencies(ours, theirs)


def _int64(table: pa.Table, column: str) -> Keys:
    values: Keys = table[column].to_numpy()
    return values
