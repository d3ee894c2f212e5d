"""The books as a snapshot saw them, and which ranges of wallets were written since.

Every row names the transaction that wrote it, so what a snapshot saw is known without a clock.
Operations and entries are only added: rows that a snapshot saw and that are missing now, or
were written anew, void what was proven of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, text

from ledger.proofs.wallet_ranges import WalletRange
from ledger.queries.restores import read_epochs

_WALLET_TABLES = ("operations", "entries", "wallets", "rounds")
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
# Most rows are older than all transactions that ran then, or younger. The age of a row's number
# tells; only in between the whole number is needed, whose upper bits are those of the snapshot.
_SEEN = """CASE
  WHEN age(t.xmin) > age(m.oldest) THEN true
  WHEN age(t.xmin) <= age(m.next) THEN false
  ELSE pg_visible_in_snapshot(
    ((m.next8 >> 32 << 32) + t.xmin::text::bigint
     - CASE WHEN t.xmin::text::bigint > m.next8 & 4294967295 THEN 4294967296 ELSE 0 END)
    ::text::xid8, m.snapshot) END"""
_MARK = """(SELECT s AS snapshot, pg_snapshot_xmin(s)::xid AS oldest,
        pg_snapshot_xmax(s)::xid AS next, pg_snapshot_xmax(s)::text::bigint AS next8
   FROM CAST(CAST(:mark AS text) AS pg_snapshot) s)"""
_COUNTS = f"""
SELECT width_bucket(t.wallet_id, CAST(:firsts AS bigint[])) AS number,
       count(*) FILTER (WHERE {_SEEN}) AS seen, count(*) AS rows
  FROM {{table}} t CROSS JOIN {_MARK} m GROUP BY 1
"""  # noqa: S608 - constants of this module
#: The wallets with any row that the snapshot ``:mark`` did not see, as SQL.
WRITTEN_WALLETS = " UNION ".join(
    f"SELECT t.wallet_id FROM {table} t CROSS JOIN {_MARK} m WHERE NOT {_SEEN}"  # noqa: S608 - constants
    for table in _WALLET_TABLES
)


class _Counts(NamedTuple):
    """Rows of a range: those that the mark's snapshot saw, and all of them."""

    seen: int
    rows: int


class BooksMark(msgspec.Struct, frozen=True, kw_only=True):
    """The books at a snapshot.

    Attributes:
        snapshot: as PostgreSQL writes it.
        epochs: of the books; a restore begins another one.
        operations, entries: rows by range of wallets.
    """

    snapshot: str
    epochs: int
    operations: list[int]
    entries: list[int]


def take_mark(connection: Connection, ranges: Sequence[WalletRange]) -> BooksMark:
    """The books as the connection's snapshot sees them."""
    snapshot = connection.execute(text(_SNAPSHOT)).scalar_one()
    operations, entries = (
        _counts(connection, table, ranges, snapshot) for table in ("operations", "entries")
    )
    return BooksMark(
        snapshot=snapshot,
        epochs=len(read_epochs(connection).starts),
        operations=[count.rows for count in operations],
        entries=[count.rows for count in entries],
    )


def ranges_written_since(
    connection: Connection, ranges: Sequence[WalletRange], mark: BooksMark
) -> list[bool] | None:
    """Of each range, whether any row was written since; None: rows of then changed or left."""
    if mark.epochs != len(read_epochs(connection).starts):
        return None
    counts = {
        table: _counts(connection, table, ranges, mark.snapshot) for table in _WALLET_TABLES
    }
    before = {"operations": mark.operations, "entries": mark.entries}
    for table, rows in before.items():
        if [count.seen for count in counts[table]] != rows:
            return None
    return [
        any(count.seen != count.rows for count in range_counts)
        for range_counts in zip(*counts.values(), strict=True)
    ]


def _counts(
    connection: Connection, table: str, ranges: Sequence[WalletRange], snapshot: str
) -> list[_Counts]:
    parameters = {"firsts": [wallet_range.first for wallet_range in ranges], "mark": snapshot}
    rows = connection.execute(text(_COUNTS.format(table=table)), parameters)
    counts = {row.number: _Counts(row.seen, row.rows) for row in rows}
    return [counts.get(number, _Counts(0, 0)) for number in range(1, len(ranges) + 1)]
