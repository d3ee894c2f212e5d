"""Read columns of integers from PostgreSQL as numpy arrays.

One row of a result is a block of rows of a table: an array for each column, in PostgreSQL's
binary format. It costs the server about as much as ``COPY`` and this process next to nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection, text

from vocabulary.errors import Unavailable

Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

#: Bytes before the elements of a binary array of one dimension.
_HEADER = np.dtype(">i4").itemsize * 5
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
#: Between two texts of a block; a text that contains it makes their number wrong.
SEPARATOR = "\x01"
_ROWS = "({rows} AND t.ctid >= CAST(:first_row AS tid) AND t.ctid < CAST(:past_row AS tid)) t"
_PART = "width_bucket(t.wallet_id, CAST(:part_firsts AS bigint[]))"


@dataclass(frozen=True, slots=True)
class BlockQuery:
    """What is read of the rows ``t`` of a table, block by block.

    Attributes:
        table: whose pages are read.
        columns: SQL for arrays of bigint, the last one a text if ``texts``.
        rows: SQL for the rows; more conditions may follow it.
    """

    table: str
    columns: str
    rows: str
    texts: bool = False

    @property
    def sql(self) -> str:
        """The query of a block as one row."""
        return f"SELECT {self.columns} FROM {_ROWS.format(rows=self.rows)}"  # noqa: S608 - ours

    @property
    def sql_by_part(self) -> str:
        """The query of a block as a row for each part of the wallets, its number last."""
        rows = _ROWS.format(rows=self.rows)
        return f"SELECT {self.columns}, {_PART} AS part FROM {rows} GROUP BY part"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of a block of rows.

    Attributes:
        columns: arrays of equal length, unless the query filters one.
        texts: the texts of the last column, one after another, each followed by the separator.
    """

    columns: tuple[Integers, ...]
    texts: bytes


class BlockReader:
    """Runs queries over one connection of a snapshot."""

    def __init__(self, connection: Connection, block_pages: int) -> None:
        self._connection, self._block_pages = connection, block_pages
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        self._driver = driver

    def arrays(self, query: str, parameters: Mapping[str, Any]) -> tuple[Integers, ...]:
        """The one row of a query whose columns are arrays of bigint.

        Raises:
            Unavailable: the database is out of reach.
        """
        result = self._result(query, parameters)
        return tuple(integers(result.get_value(0, n)) for n in range(result.nfields))

    def block(self, query: BlockQuery, parameters: Mapping[str, Any]) -> Block:
        """A block of rows. Raises as ``arrays``."""
        result = self._result(query.sql, parameters)
        return _block(result, 0, result.nfields, texts=query.texts)

    def blocks_by_part(
        self, query: BlockQuery, parameters: Mapping[str, Any]
    ) -> Iterator[tuple[int, Block]]:
        """A block of rows, cut by the part that their wallets are in. Raises as ``arrays``."""
        result = self._result(query.sql_by_part, parameters)
        fields = result.nfields - 1
        for row in range(result.ntuples):
            part = result.get_value(row, fields)
            assert part is not None
            yield int.from_bytes(part, "big"), _block(result, row, fields, texts=query.texts)

    def _result(self, query: str, parameters: Mapping[str, Any]) -> PGresult:
        compiled = text(query).compile(dialect=self._connection.dialect)
        names = {name: parameters[name] for name in compiled.params}
        try:
            with self._driver.cursor(binary=True) as cursor:
                cursor.execute(str(compiled).encode(), names)
                assert cursor.pgresult is not None
                return cursor.pgresult
        except psycopg.OperationalError as error:
            raise Unavailable("verify: the database is out of reach") from error

    def page_ranges(self, table: str) -> Iterator[dict[str, str]]:
        """The parameters ``first_row`` and ``past_row`` of each block of a table.

        The last one has no end, so rows written meanwhile, which no snapshot of before sees,
        make no difference.
        """
        size = text("SELECT pg_relation_size(CAST(:name AS regclass)) / 8192")
        pages = self._connection.execute(size, {"name": table}).scalar_one()
        firsts = range(0, max(pages, 1), self._block_pages)
        for first in firsts:
            past = first + self._block_pages if first != firsts[-1] else 2**32 - 1
            yield {"first_row": f"({first},0)", "past_row": f"({past},0)"}


def _block(result: PGresult, row: int, fields: int, *, texts: bool) -> Block:
    """The first fields of a row as a block."""
    count = fields - (1 if texts else 0)
    columns = tuple(integers(result.get_value(row, n)) for n in range(count))
    joined = result.get_value(row, count) if texts else None
    return Block(columns, b"" if joined is None else joined + SEPARATOR.encode())


def integers(array: bytes | None) -> Integers:
    """The numbers of a binary ``bigint[]``; none for null, the array of no row.

    Raises:
        ValueError: an element is null or no bigint.
    """
    if array is None:
        return np.empty(0, dtype=np.int64)
    elements = np.frombuffer(array, dtype=_ELEMENT, offset=_HEADER)
    if (elements["length"] != 8).any():
        raise ValueError("an element is null or no bigint")
    return elements["value"].astype(np.int64)
