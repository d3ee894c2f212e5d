"""Both sides out of one snapshot of the database, through ADBC into Arrow and pandas.

The first look takes only fixed-width columns of the window; strings are fetched later, by key,
for the few rounds that do not simply agree. Those are fetched *whole*: a round that straddles
the edge of the window is never judged by half of it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import Connection as Plain
from psycopg import sql
from psycopg.rows import TupleRow, dict_row

from reconcile.snapshot.connections import SnapshotConnections, open_readers
from reconcile.snapshot.edge_keys import OURS_NEAR, THEIRS_NEAR, Near
from reconcile.snapshot.frames import KEYS, Keys
from reconcile.snapshot.immature import ImmatureSince
from reconcile.snapshot.key_ranges import KeyRange
from reconcile.snapshot.key_rows import (
    OURS,
    THEIRS,
    Cut,
    KeyRows,
    gathered,
    keys_frame,
    keys_said,
    of_rows,
    of_string,
    our_key_row,
    players_of,
    rows_of,
)
from reconcile.snapshot.round_records import (
    OURS_RECORDS,
    THEIRS_RECORDS,
    balances_said,
    records_frame,
    table_of,
)
from reconcile.snapshot.scatter import Pour, read_file
from reconcile.snapshot.shared_rounds import seated
from reconcile.snapshot.waits import waits_said
from vocabulary.window import Window

_OF_KEYS = " AND {side}.match_key IN (SELECT match_key FROM residual)"
_EVERYTHING = KeyRange()
_T = TypeVar("_T")
#: So many keys are named in a query itself, and their rows are read one by one. More of them
#: are laid in a table, and their rows come as columns, which takes longer to begin.
_FEW = 2_000
_UP_TO = " LIMIT {rows}"
_OURS_IN = """
  FROM rounds WHERE provider = {provider} AND first_at >= {start} AND first_at < {end}
"""
_THEIRS_IN = """
  FROM feed_records WHERE provider = {provider} AND created_at >= {start} AND created_at < {end}
"""
_COUNT, _KEY = "SELECT count(*)", "SELECT match_key"
_OF_RESIDUAL = " AND match_key IN (SELECT match_key FROM residual)"
# Rounds told in several records, one of them outside: the window alone would show a part.
_STRADDLING = """
SELECT f.match_key FROM feed_records f
 WHERE f.provider = {provider} AND f.continues
   AND NOT (f.created_at >= {start} AND f.created_at < {end})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The same kind of frame from either side."""

    ours: pd.DataFrame
    theirs: pd.DataFrame


class Snapshot:
    """Both sides of one provider and window, read from one snapshot, in parallel."""

    def __init__(
        self,
        readers: SnapshotConnections,
        said: dict[str, sql.Composable],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._readers = readers
        self._said = said
        self._pool = pool

    @property
    def snapshot(self) -> str:
        """Names the instant of these books for other connections, while they are open."""
        return self._readers.snapshot

    def keys(self, within: KeyRange = _EVERYTHING) -> Sides:
        """Fixed-width rows of the window, each side ordered by ``match_key``."""
        sides = self._keys([self._within(side, within) for side in "rf"], at_most=None)
        assert sides is not None
        return sides

    def keys_up_to(self, rows: int) -> Sides | None:
        """What ``keys`` gives of the whole window; None where a side has more rows."""
        return self._keys([_UP_TO.format(rows=rows + 1)] * 2, at_most=rows)

    def pour_keys(self, ours: Pour, theirs: Pour) -> None:
        """The rows that ``keys`` gives, packed, in batches, unordered, to a taker each."""
        texts = (self._text(OURS.rows), self._text(THEIRS.rows))
        list(self._pool.map(_poured, self._readers.tables, texts, (ours, theirs)))

    def keys_from(self, ours: str, theirs: str) -> Sides:
        """What was poured into two files, as ``keys`` gives it."""
        pieces = [of_rows(read_file(path)) for path in (ours, theirs)]
        return _sides(*self._each(self._frame, pieces))

    def keys_among(self, keys: Keys) -> Sides:
        """The rows of ``keys`` that lie in the window, as ``keys`` gives them."""
        texts = self._gathering([_OF_KEYS.format(side=side) for side in "rf"], at_most=None)
        if len(keys) <= _FEW:
            named = [_named(text, keys) for text in texts]
            pieces = list(self._pool.map(_pieces, self._readers.plain, named))
        else:
            tables = self._pool.map(_staged, self._readers.tables, texts, (keys, keys))
            pieces = [_pieces_of(table) for table in tables]
        return _sides(*self._each(self._frame, pieces))

    def inside(self, keys: Keys) -> Keys:
        """Those of ``keys`` with a row of either side in the window; sorted."""
        if not len(keys):
            return keys
        if len(keys) > _FEW:
            sides = self.keys_among(keys)
            found = [side["match_key"].to_numpy() for side in (sides.ours, sides.theirs)]
        else:
            asked = [_KEY + rows + _OF_RESIDUAL for rows in (_OURS_IN, _THEIRS_IN)]
            texts = [_named(self._text(text), keys) for text in asked]
            found = list(self._pool.map(_unique, self._readers.plain, texts))
        return np.unique(np.concatenate(found))

    def sizes(self) -> tuple[int, int]:
        """Rows of either side in the window."""
        told = (self._text(_COUNT + _OURS_IN), self._text(_COUNT + _THEIRS_IN))
        ours, theirs = self._pool.map(_count, self._readers.plain, told)
        return ours, theirs

    def expected(self) -> int:
        """About how many rows the larger side has in the window, as the planner expects.

        By statistics that may be old: good for choosing a way, not for anything that is told.
        """
        told = (self._text(OURS.rows), self._text(THEIRS.rows))
        return max(self._pool.map(_expected, self._readers.plain, told))

    def straddling(self, within: KeyRange = _EVERYTHING) -> Keys:
        """Keys of rounds with a further record outside the window."""
        said = self._within("f", within)
        return _unique(self._readers.plain[1], self._text(_STRADDLING + said))

    def straddling_among(self, keys: Keys) -> Keys:
        """Those of ``keys`` whose rounds have a further record outside the window."""
        text = self._text(_STRADDLING + _OF_KEYS.format(side="f"))
        if len(keys) <= _FEW:
            return _unique(self._readers.plain[1], _named(text, keys))
        table = _staged(self._readers.tables[1], text, keys)
        return np.unique(_numpy(table, "match_key"))

    def records(self, keys: Keys) -> Sides:
        """Full rows of these keys, from any time; parts of shared rounds apart."""
        texts = (self._text(OURS_RECORDS), self._text(THEIRS_RECORDS))
        if len(keys) <= _FEW:
            named = [_named(text, keys) for text in texts]
            told = self._pool.map(_few_records, self._readers.plain, named)
        else:
            told = self._pool.map(_staged, self._readers.tables, texts, (keys, keys))
        ours, theirs = seated(*map(records_frame, told))
        return Sides(ours=ours, theirs=theirs)

    def near(self, since: datetime, until: datetime) -> Near:
        """Who did something in a span of time, whether or not it lies in the window."""
        span = {"since": sql.Literal(since), "until": sql.Literal(until)}
        texts = [
            sql.SQL(query).format(**self._said, **span).as_string()
            for query in (OURS_NEAR, THEIRS_NEAR)
        ]
        told = pa.concat_tables(self._pool.map(_fetch, self._readers.tables, texts))
        at = told["at"].to_numpy().astype("datetime64[us]").view(np.int64)
        return Near(match_key=_numpy(told, "match_key"), who=_numpy(told, "who"), at=at)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What a query of a few rows says in this snapshot.

        Named like ``{provider} {start} {end}`` in it are the provider and the window, and
        whatever ``values`` name.
        """
        said = {name: sql.Literal(value) for name, value in values.items()}
        return _told(self._readers.plain[0], self._text(query, **said))

    def rows_among(self, query: str, keys: Keys) -> list[dict[str, Any]]:
        """The same of a query that looks at the keys in ``residual``."""
        return _told(self._readers.plain[0], _named(self._text(query), keys))

    def _keys(self, narrowed: list[str], *, at_most: int | None) -> Sides | None:
        """The rows so narrowed; None where a side has more than ``at_most``."""

        def framed(
            connection: Plain[TupleRow], text: str, side: KeyRows
        ) -> pd.DataFrame | None:
            pieces = _pieces(connection, text)
            if at_most is not None and rows_of(pieces) > at_most:
                return None
            return self._frame(connection, pieces, side)

        ours, theirs = self._each(framed, self._gathering(narrowed, at_most=at_most))
        return None if ours is None or theirs is None else _sides(ours, theirs)

    def _gathering(self, narrowed: list[str], *, at_most: int | None) -> list[str]:
        asked = zip((OURS, THEIRS), narrowed, strict=True)
        return [self._text(gathered(side, only, at_most=at_most)) for side, only in asked]

    def _each(self, read: Callable[..., _T], told: Sequence[Any]) -> list[_T]:
        """Both sides at once: a connection, what was told of the side, and how it is asked."""
        return list(self._pool.map(read, self._readers.plain, told, (OURS, THEIRS)))

    def _frame(
        self, connection: Plain[TupleRow], pieces: list[Cut], side: KeyRows
    ) -> pd.DataFrame:
        """A frame of key rows; whom their names stand for is asked on the same connection."""

        def who(names: Keys) -> tuple[Keys, Keys]:
            text = self._text(side.names, names=keys_said(names))
            return players_of(list(_strings(connection, text)))

        return keys_frame(pieces, who)

    @staticmethod
    def _within(side: str, within: KeyRange) -> str:
        if within == _EVERYTHING:
            return ""
        first, last = (f"'{key}'::bigint" for key in (within.first, within.last))
        return f" AND {side}.match_key BETWEEN {first} AND {last}"

    def _text(self, query: str, **said: sql.Composable) -> str:
        return sql.SQL(query).format(**{**self._said, **said}).as_string()


@contextmanager
def open_books(
    database_url: str,
    provider: str,
    window: Window,
    *,
    overdue: datetime | None,
    balances: bool = False,
    young: ImmatureSince | None = None,
    snapshot: str | None = None,
) -> Iterator[Snapshot]:
    """Both sides as of one instant: now, or that of other books, still open, by its name.

    Rounds of ours that began before ``overdue`` and never ended are marked; None marks none.
    Our full rows carry the wallet's balances around them only with ``balances``. Full rows
    tell what of them is ``young``; None: nothing is.

    Raises:
        Unavailable: the database cannot be reached.
    """
    said: dict[str, sql.Composable] = {
        "provider": sql.Literal(provider),
        "start": sql.Literal(window.start),
        "end": sql.Literal(window.end),
        "overdue": sql.SQL("'-infinity'::timestamptz")
        if overdue is None
        else sql.Literal(overdue),
        "our_key_row": our_key_row(overdue),
        **balances_said(provider, balances=balances),
        **waits_said(young, by_name=not balances),
    }
    with (
        ThreadPoolExecutor(max_workers=2) as pool,
        open_readers(database_url, snapshot) as readers,
    ):
        yield Snapshot(readers, said, pool)


def _strings(connection: Plain[TupleRow], query: str) -> Iterator[bytes]:
    """The strings of bytes that a query gives, but for those that are null."""
    command = f"COPY ({query}) TO STDOUT (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(command.encode()) as copy:
        copy.set_types(["bytea"])
        for (told,) in copy.rows():
            if told is not None:
                yield told


def _pieces(connection: Plain[TupleRow], query: str) -> list[Cut]:
    return list(map(of_string, _strings(connection, query)))


def _fetch(connection: adbc.Connection, query: str) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def _named(query: str, keys: Keys) -> str:
    """A query that looks at the keys in ``residual``, with the keys in itself."""
    told = keys_said(keys).as_string()
    return f"WITH residual AS (SELECT unnest({told}::bigint[]) AS match_key) {query}"


def _staged(connection: adbc.Connection, query: str, keys: Keys) -> pa.Table:
    """What a query says that looks at the keys in ``residual``."""
    _stage_keys(connection, keys)
    return _fetch(connection, query)


def _few_records(connection: Plain[TupleRow], query: str) -> pa.Table:
    """The same of full rows, which are few."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    return table_of(names, cursor.fetchall())


def _told(connection: Plain[TupleRow], query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def _pieces_of(table: pa.Table) -> list[Cut]:
    return [of_string(each.as_buffer()) for each in table.column(0).drop_null()]


def _poured(connection: adbc.Connection, query: str, into: Pour) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        into(cursor.fetch_record_batch())


def _sides(ours: pd.DataFrame, theirs: pd.DataFrame) -> Sides:
    codes = sorted({*ours["currency"].cat.categories, *theirs["currency"].cat.categories})
    return Sides(ours=_recoded(ours, codes), theirs=_recoded(theirs, codes))


def _count(connection: Plain[TupleRow], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _expected(connection: Plain[TupleRow], query: str) -> int:
    told = connection.execute(f"EXPLAIN (FORMAT json) {query}".encode()).fetchone()
    assert told is not None
    return int(told[0][0]["Plan"]["Plan Rows"])


def _unique(connection: Plain[TupleRow], query: str) -> Keys:
    """The distinct numbers in the one column that a query gives."""
    rows = connection.execute(query.encode()).fetchall()
    return np.unique(np.array([row[0] for row in rows], dtype=np.int64))


def _stage_keys(connection: adbc.Connection, keys: Keys) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS residual")
        cursor.adbc_ingest(
            "residual", pa.table({"match_key": keys}), mode="create", temporary=True
        )
        # Whatever plan old statistics lead to, a key is found without reading all of them.
        cursor.execute("CREATE INDEX ON residual (match_key)")
        cursor.execute("ANALYZE residual")


def _recoded(frame: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    currency = frame["currency"].cat
    if currency.categories.tolist() != codes:
        frame = frame.assign(currency=currency.set_categories(codes))
    return KEYS.check(frame)


def _numpy(table: pa.Table, column: str) -> Keys:
    values: Keys = table[column].to_numpy()
    return values
