"""Both sides out of one snapshot of the database, through ADBC into Arrow and pandas.

The first look takes only fixed-width columns of the window; strings are fetched later, by key,
for the few rounds that do not simply agree. Those are fetched *whole*: a round that straddles
the edge of the window is never judged by half of it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from reconcile.frames import KEYS, RECORDS, Keys
from reconcile.margin import OURS_NEAR, THEIRS_NEAR, Near
from reconcile.ranges import KeyRange
from reconcile.scatter import Pour, read_file
from reconcile.seats import seated
from reconcile.waits import waits_said
from reconcile.window import Window
from reconcile.young import YoungSince
from vocabulary.errors import Unavailable

#: As the database sends them.
_INTEGER = np.dtype(">i8")
_Framing = Callable[[pa.Table], pd.DataFrame]

_OURS_KEYS = """
SELECT r.match_key, r.stake, r.payout, r.currency, hashtextextended(w.player, 0) AS who,
       (NOT r.ended AND r.first_at < {overdue})
       OR coalesce(r.declared_stake <> r.stake OR r.declared_payout <> r.payout, false) AS odd
  FROM rounds r JOIN wallets w USING (wallet_id)
 WHERE r.provider = {provider} AND r.first_at >= {start} AND r.first_at < {end}
"""
# A handle nobody mapped is the player's own reference.
_THEIRS_KEYS = """
SELECT f.match_key,
       CASE WHEN f.rolled_back THEN 0 ELSE f.stake END AS stake,
       CASE WHEN f.rolled_back THEN 0 ELSE f.payout END AS payout,
       f.currency, hashtextextended(coalesce(h.player, f.handle), 0) AS who,
       f.continues OR coalesce(f.declared_net <> f.payout - f.stake, false)
       OR coalesce(NOT f.rolled_back
                   AND f.balance_after <> f.balance_before - f.stake + f.payout, false) AS odd
  FROM feed_records f LEFT JOIN handles h USING (provider, handle)
 WHERE f.provider = {provider} AND f.created_at >= {start} AND f.created_at < {end}
"""
#: A row of its own costs either end more than its values do: they come as whole columns, each
#: a string of big-endian integers, one for every currency and oddness.
_COLUMNS = ("match_key", "stake", "payout", "who")
_IN_COLUMNS = "SELECT currency, odd, {columns} FROM ({rows}) x GROUP BY currency, odd"
_OF_KEYS = " AND {side}.match_key IN (SELECT match_key FROM residual)"
_EVERYTHING = KeyRange()
_UP_TO = " LIMIT {rows}"
_COUNT_OURS = """
SELECT count(*) AS n FROM rounds
 WHERE provider = {provider} AND first_at >= {start} AND first_at < {end}
"""
_COUNT_THEIRS = """
SELECT count(*) AS n FROM feed_records
 WHERE provider = {provider} AND created_at >= {start} AND created_at < {end}
"""
# Rounds told in several records, one of them outside: the window alone would show a part.
_STRADDLING = """
SELECT f.match_key FROM feed_records f
 WHERE f.provider = {provider} AND f.continues
   AND NOT (f.created_at >= {start} AND f.created_at < {end})
"""
# A round whose rollbacks left nothing of it was taken back.
_OURS_RECORDS = """
SELECT r.match_key, r.round_id, r.round_id || ' ' || r.wallet_id AS record_id,
       row_number() OVER (PARTITION BY r.round_id, r.wallet_id) AS occurrence,
       w.player, r.currency, r.stake, r.payout,
       r.rollbacks > 0 AND r.stake = 0 AND r.payout = 0 AS rolled_back,
       NULL::bigint AS declared_net, {balances},
       r.declared_stake, r.declared_payout, r.first_at AS began, r.last_at AS at,
       NOT r.ended AND r.first_at < {overdue} AS overdue,
       r.first_at >= {start} AND r.first_at < {end} AS inside,
       {holds_ours}, {young_ours}
  FROM rounds r JOIN residual USING (match_key) JOIN wallets w USING (wallet_id)
  {chain}
 WHERE r.provider = {provider}
"""
# Where names tie, nobody asks for the balances of every round that is looked at.
_NO_BALANCES = sql.SQL("NULL::bigint AS balance_before, NULL::bigint AS balance_after")
_BALANCES = sql.SQL("c.balance_before, c.balance_after")
# By the wallet's own chain: there is no other index over operations of a round.
_CHAIN = """
LEFT JOIN (SELECT o.match_key, o.round_id, o.wallet_id,
                  (array_agg(o.balance_after - o.amount ORDER BY o.wallet_seq))[1]
                  AS balance_before,
                  (array_agg(o.balance_after ORDER BY o.wallet_seq DESC))[1] AS balance_after
             FROM rounds q JOIN residual USING (match_key)
             JOIN operations o ON o.wallet_id = q.wallet_id AND o.match_key = q.match_key
                              AND o.provider = q.provider AND o.round_id = q.round_id
            WHERE q.provider = {provider} AND o.decision = 'accepted' AND o.amount <> 0
            GROUP BY o.match_key, o.round_id, o.wallet_id) c
       ON c.match_key = r.match_key AND c.round_id = r.round_id AND c.wallet_id = r.wallet_id
"""
_THEIRS_RECORDS = """
SELECT f.match_key, f.round_id, f.record_id, f.occurrence::bigint AS occurrence,
       coalesce(h.player, f.handle) AS player, f.currency, f.stake, f.payout, f.rolled_back,
       f.declared_net, f.balance_before, f.balance_after,
       NULL::bigint AS declared_stake, NULL::bigint AS declared_payout,
       f.created_at AS began, f.created_at AS at, false AS overdue,
       f.created_at >= {start} AND f.created_at < {end} AS inside,
       {holds_theirs}, {young_theirs}
  FROM feed_records f JOIN residual USING (match_key)
  LEFT JOIN handles h ON h.provider = f.provider AND h.handle = f.handle
 WHERE f.provider = {provider}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The same kind of frame from either side."""

    ours: pd.DataFrame
    theirs: pd.DataFrame


class Books:
    """Both sides of one provider and window, read from one snapshot, in parallel."""

    def __init__(
        self,
        ours: adbc.Connection,
        theirs: adbc.Connection,
        said: dict[str, sql.Composable],
        pool: ThreadPoolExecutor,
        snapshot: str,
    ) -> None:
        self._sides = (ours, theirs)
        self._said = said
        self._pool = pool
        #: Names the instant of these books for other connections, while they are open.
        self.snapshot = snapshot

    def keys(self, within: KeyRange = _EVERYTHING) -> Sides:
        """Fixed-width rows of the window, each side ordered by ``match_key``."""
        return self._keys(*(self._within(side, within) for side in ("r", "f")))

    def keys_up_to(self, rows: int) -> Sides | None:
        """What ``keys`` gives of the whole window; None where a side has more rows."""
        limit = _UP_TO.format(rows=rows + 1)
        sides = self._keys(limit, limit)
        return None if max(len(sides.ours), len(sides.theirs)) > rows else sides

    def pour_keys(self, ours: Pour, theirs: Pour) -> None:
        """The rows that ``keys`` gives, in batches, unordered, to a taker each."""
        texts = (self._text(_OURS_KEYS), self._text(_THEIRS_KEYS))
        list(self._pool.map(_poured, self._sides, texts, (ours, theirs)))

    @staticmethod
    def keys_from(ours: str, theirs: str) -> Sides:
        """What was poured into two files, as ``keys`` gives it."""
        return _sides(*(_keys_frame(read_file(path)) for path in (ours, theirs)))

    def keys_among(self, keys: Keys) -> Sides:
        """The rows of ``keys`` that lie in the window, as ``keys`` gives them."""
        for side in self._sides:
            _stage_keys(side, keys)
        return self._keys(*(_OF_KEYS.format(side=side) for side in ("r", "f")))

    def inside(self, keys: Keys) -> Keys:
        """Those of ``keys`` with a row of either side in the window; sorted."""
        if not len(keys):
            return keys
        sides = self.keys_among(keys)
        found = [side["match_key"].to_numpy() for side in (sides.ours, sides.theirs)]
        return np.unique(np.concatenate(found))

    def sizes(self) -> tuple[int, int]:
        """Rows of either side in the window."""
        told = (self._text(_COUNT_OURS), self._text(_COUNT_THEIRS))
        ours, theirs = self._pool.map(_count, self._sides, told)
        return ours, theirs

    def straddling(self, within: KeyRange = _EVERYTHING) -> Keys:
        """Keys of rounds with a further record outside the window."""
        said = self._within("f", within)
        table = _fetch(self._sides[1], self._text(_STRADDLING + said))
        return np.unique(_numpy(table, "match_key"))

    def straddling_among(self, keys: Keys) -> Keys:
        """Those of ``keys`` whose rounds have a further record outside the window."""
        _stage_keys(self._sides[1], keys)
        table = _fetch(self._sides[1], self._text(_STRADDLING + _OF_KEYS.format(side="f")))
        return np.unique(_numpy(table, "match_key"))

    def records(self, keys: Keys) -> Sides:
        """Full rows of these keys, from any time; parts of shared rounds apart."""
        for side in self._sides:
            _stage_keys(side, keys)
        ours, theirs = self._both(_OURS_RECORDS, _THEIRS_RECORDS, _records_frame)
        ours, theirs = seated(ours, theirs)
        return Sides(ours=ours, theirs=theirs)

    def near(self, since: datetime, until: datetime) -> Near:
        """Who did something in a span of time, whether or not it lies in the window."""
        span = {"since": sql.Literal(since), "until": sql.Literal(until)}
        texts = [
            sql.SQL(query).format(**self._said, **span).as_string()
            for query in (OURS_NEAR, THEIRS_NEAR)
        ]
        told = pa.concat_tables(self._pool.map(_fetch, self._sides, texts))
        at = told["at"].to_numpy().astype("datetime64[us]").view(np.int64)
        return Near(match_key=_numpy(told, "match_key"), who=_numpy(told, "who"), at=at)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What a query of a few rows says in this snapshot.

        Named like ``{provider} {start} {end}`` in it are the provider and the window, and
        whatever ``values`` name.
        """
        said = {name: sql.Literal(value) for name, value in values.items()}
        told = sql.SQL(query).format(**self._said, **said).as_string()
        rows: list[dict[str, Any]] = _fetch(self._sides[0], told).to_pylist()
        return rows

    def _keys(self, of_ours: str, of_theirs: str) -> Sides:
        texts = (_in_columns(_OURS_KEYS + of_ours), _in_columns(_THEIRS_KEYS + of_theirs))
        return _sides(*self._both(*texts, _columns_frame))

    @staticmethod
    def _within(side: str, within: KeyRange) -> str:
        if within == _EVERYTHING:
            return ""
        first, last = (f"'{key}'::bigint" for key in (within.first, within.last))
        return f" AND {side}.match_key BETWEEN {first} AND {last}"

    def _both(self, ours: str, theirs: str, frame: _Framing) -> list[pd.DataFrame]:
        texts = (self._text(ours), self._text(theirs))
        return list(self._pool.map(lambda c, q: frame(_fetch(c, q)), self._sides, texts))

    def _text(self, query: str) -> str:
        return sql.SQL(query).format(**self._said).as_string()


@contextmanager
def open_books(
    database_url: str,
    provider: str,
    window: Window,
    *,
    overdue: datetime | None,
    balances: bool = False,
    young: YoungSince | None = None,
    snapshot: str | None = None,
) -> Iterator[Books]:
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
        "balances": _BALANCES if balances else _NO_BALANCES,
        "chain": sql.SQL(""),
        **waits_said(young, by_name=not balances),
    }
    if balances:
        said["chain"] = sql.SQL(_CHAIN).format(provider=sql.Literal(provider))
    with ExitStack() as stack:
        try:
            if snapshot is None:
                snapshot = stack.enter_context(_exported_snapshot(database_url))
            pool = stack.enter_context(ThreadPoolExecutor(max_workers=2))
            readers = [_reader(database_url, snapshot) for _ in ("ours", "theirs")]
            ours, theirs = pool.map(stack.enter_context, readers)
        except (psycopg.OperationalError, adbc_driver_manager.OperationalError) as error:
            raise Unavailable("the database cannot be reached") from error
        yield Books(ours, theirs, said, pool, snapshot)


@contextmanager
def _exported_snapshot(database_url: str) -> Iterator[str]:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield row[0]


@contextmanager
def _reader(database_url: str, snapshot: str) -> Iterator[adbc.Connection]:
    with adbc.connect(database_url) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        yield connection


def _fetch(connection: adbc.Connection, query: str) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def _poured(connection: adbc.Connection, query: str, into: Pour) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        into(cursor.fetch_record_batch())


def _sides(ours: pd.DataFrame, theirs: pd.DataFrame) -> Sides:
    codes = sorted({*ours["currency"].cat.categories, *theirs["currency"].cat.categories})
    return Sides(ours=_recoded(ours, codes), theirs=_recoded(theirs, codes))


def _count(connection: adbc.Connection, query: str) -> int:
    return int(_fetch(connection, query)["n"][0].as_py())


def _stage_keys(connection: adbc.Connection, keys: Keys) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS residual")
        cursor.adbc_ingest(
            "residual", pa.table({"match_key": keys}), mode="create", temporary=True
        )
        # Whatever plan old statistics lead to, a key is found without reading all of them.
        cursor.execute("CREATE INDEX ON residual (match_key)")
        cursor.execute("ANALYZE residual")


def _in_columns(rows: str) -> str:
    columns = (f"string_agg(int8send({name}), '') AS {name}" for name in _COLUMNS)
    return _IN_COLUMNS.format(columns=", ".join(columns), rows=rows)


def _columns_frame(table: pa.Table) -> pd.DataFrame:
    """A KEYS frame of what ``_IN_COLUMNS`` gave."""
    values = {name: _integers(table[name]) for name in _COLUMNS}
    lengths = pc.binary_length(table["match_key"]).to_numpy() // _INTEGER.itemsize
    codes = table["currency"].combine_chunks().dictionary_encode()
    odd = np.repeat(table["odd"].to_numpy(), lengths)
    # Sorting a million integers here is cheaper than following an index to a million rows.
    order = np.argsort(values["match_key"])
    match_key, stake, payout, who = (values[name][order] for name in _COLUMNS)
    currency = pd.Categorical.from_codes(
        np.repeat(codes.indices.to_numpy(), lengths)[order], codes.dictionary.to_pylist()
    )
    told = {"match_key": match_key, "stake": stake, "payout": payout, "currency": currency}
    return pd.DataFrame({**told, "who": who, "odd": odd[order]}, copy=False)


def _integers(column: pa.ChunkedArray) -> Keys:
    told = [np.frombuffer(each.as_buffer(), _INTEGER) for each in column]
    return np.concatenate([*told, np.empty(0, _INTEGER)], dtype=np.int64)


def _keys_frame(table: pa.Table) -> pd.DataFrame:
    # Sorting a million integers here is cheaper than following an index to a million rows.
    order = np.argsort(_numpy(table, "match_key"), kind="stable")
    columns = {name: _numpy(table, name)[order] for name in ("match_key", "stake", "payout")}
    codes = table["currency"].combine_chunks().dictionary_encode()
    currency = pd.Categorical.from_codes(
        codes.indices.to_numpy()[order], codes.dictionary.to_pylist()
    )
    odd = table["odd"].to_numpy()[order]
    who = _numpy(table, "who")[order]
    return pd.DataFrame({**columns, "currency": currency, "who": who, "odd": odd}, copy=False)


def _recoded(frame: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    return KEYS.check(frame.assign(currency=frame["currency"].cat.set_categories(codes)))


def _records_frame(table: pa.Table) -> pd.DataFrame:
    nullable = [name for name, kind in RECORDS.columns.items() if kind == "Int64"]
    frame = table.drop_columns(nullable).to_pandas()
    for name in nullable:
        frame[name] = table[name].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return RECORDS.check(frame[list(RECORDS.columns)])


def _numpy(table: pa.Table, column: str) -> Keys:
    values: Keys = table[column].to_numpy()
    return values
