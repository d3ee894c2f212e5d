"""Let the bytes and the entries of an archived month go from the database.

The archive is read row by row. The database compares each row's bytes with the digest of the
archived ones and puts the digest in their place, so nothing leaves that was not read back just
now. Entries go after them: the database deletes those that the posting rules give again from
their operations, column by column. Transactions are short; between them PostgreSQL reclaims the
space, and later rows use it. Repeating an interrupted release completes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from ledger.archive.months import month_bounds
from storage.archive.archives import archive_name
from storage.archive.digests import digest_of_bytes
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import Manifest
from storage.archive.parquet import read_batches
from storage.audit import record
from storage.transactions import reading, transaction
from storage.vacuum import vacuum
from vocabulary.errors import Contradiction, NotAllowed
from vocabulary.plurals import counted

#: Rows of one transaction.
CHUNK = 2_000
#: Rows after which the space of a table is reclaimed.
VACUUM_ROWS = 500_000

_MAY_LET_GO = """
SELECT current_user, has_function_privilege(
    'let_go_of_operations(bigint[], bigint[], bytea[])', 'EXECUTE')
"""

# The batches after one, as many as fill a transaction, and as one at least.
_NEXT_BATCHES = """
SELECT batch_id FROM (
  SELECT batch_id, sum(operations) OVER (ORDER BY batch_id) - operations AS before
    FROM (SELECT batch_id, operations FROM batches
           WHERE committed_at >= :since AND committed_at < :until AND batch_id > :last
             AND entries_at IS NULL AND posted_at IS NOT NULL
           ORDER BY batch_id LIMIT :rows) b
) b WHERE before < :rows ORDER BY batch_id
"""
_TAKE_MONTH_END = "SELECT take_month_end()"
_MONTH_END = """
SELECT wallets, encode(digest, 'hex') AS digest, seal, manifest_hash FROM month_ends
 WHERE month = :month
"""
_LET_ENTRIES_GO = "SELECT gone, kept FROM let_go_of_entries(:batches)"
_NAMED_MAX = 10

_Row = Mapping[str, Any]


class _Table(NamedTuple):
    """A table whose bytes may leave the database.

    Attributes:
        keys: the columns that identify a row.
        headers: the column beside the bytes; empty: there is none.
        body: the column of bytes.
        call: the function of the owner that lets rows go.
    """

    table: str
    keys: tuple[str, ...]
    headers: str
    body: str
    call: str


_TABLES = (
    _Table(
        "operations",
        ("wallet_id", "wallet_seq"),
        "headers",
        "body",
        "SELECT * FROM let_go_of_operations(:wallet_id, :wallet_seq, :digests)",
    ),
    _Table(
        "deliveries",
        ("delivery_id",),
        "headers",
        "body",
        "SELECT * FROM let_go_of_deliveries(:delivery_id, :digests)",
    ),
    _Table(
        "feed_versions",
        ("version_id",),
        "",
        "raw",
        "SELECT * FROM let_go_of_versions(:version_id, :digests)",
    ),
)


def require_owner(engine: Engine) -> None:
    """Check that the database role may let bytes go.

    Raises:
        NotAllowed: only the owner of the tables may, and this is another role.
        Unavailable: the database is out of reach.
    """
    with reading(engine, "archive") as connection:
        role, may = connection.execute(text(_MAY_LET_GO)).one()
    if not may:
        raise NotAllowed(
            f"the database role {role} may not let bytes go: only the owner of the tables may;"
            " set database.owner_url"
        )


def let_go(
    engine: Engine,
    folder: ArchiveFolder,
    manifest: Manifest,
    *,
    progress: Callable[[int], None],
) -> int:
    """Let everything go that the archive has; returns how many rows lost their bytes now.

    Raises:
        Contradiction: a row's bytes are not those of the archive; they stay.
        Unavailable: the database or the archive is out of reach.
    """
    gone = 0
    for table in _TABLES:
        since_vacuum = 0
        for rows in _chunks(folder, manifest, table):
            count = _let_rows_go(engine, manifest, table, rows)
            gone += count
            since_vacuum += count
            progress(len(rows))
            if since_vacuum >= VACUUM_ROWS:
                vacuum(engine, table.table)
                since_vacuum = 0
        if since_vacuum:
            vacuum(engine, table.table)
    return gone


def let_entries_go(
    engine: Engine, manifest: Manifest, *, progress: Callable[[int], None]
) -> int:
    """Let the entries of a released month go; returns how many rows left now.

    Raises:
        Contradiction: entries are not those that the posting rules give; they stay.
        Unavailable: the database is out of reach.
    """
    since, until = month_bounds(manifest.month)
    params: dict[str, Any] = {"since": since, "until": until, "rows": CHUNK}
    last = total = since_vacuum = 0
    kept: list[int] = []
    while batches := _next_batches(engine, {**params, "last": last}):
        with transaction(engine, "archive") as connection:
            row = connection.execute(text(_LET_ENTRIES_GO), {"batches": batches}).one()
        last = batches[-1]
        kept += row.kept
        total += row.gone
        since_vacuum += row.gone
        progress(row.gone)
        if since_vacuum >= VACUUM_ROWS:
            vacuum(engine, "entries")
            since_vacuum = 0
    if total:
        for table in ("entries", "operations", "batches"):
            vacuum(engine, table)
    if kept:
        raise Contradiction(
            f"{manifest.archive}: the entries of {counted(len(kept), 'batch')} kept"
            f" ({', '.join(map(str, kept[:_NAMED_MAX]))}): the posting rules give others; see"
            " `tieout ledger verify`"
        )
    return total


def take_month_end(engine: Engine, *, by: str) -> date | None:
    """Write down where every wallet was at the end of the newest month that was let go.

    The audit trail takes the digest. Returns the month; None if it is written down already, or
    an earlier month kept entries.

    Raises:
        Contradiction: a chain before its end has a gap, or a balance does not follow.
        Unavailable: the database is out of reach.
    """
    try:
        with transaction(engine, "archive") as connection:
            month: date | None = connection.execute(text(_TAKE_MONTH_END)).scalar_one()
            if month is not None:
                row = connection.execute(text(_MONTH_END), {"month": month}).mappings().one()
                record(connection, by, "archive.month_end", archive_name(month), dict(row))
            return month
    except IntegrityError as error:
        cause = str(error.orig).partition("\n")[0].removeprefix("append-only: ")
        raise Contradiction(
            f"the month end is not taken: {cause}; see `tieout ledger verify`"
        ) from error


def _next_batches(engine: Engine, params: Mapping[str, Any]) -> list[int]:
    with reading(engine, "archive") as connection:
        return list(connection.execute(text(_NEXT_BATCHES), params).scalars())


def _chunks(
    folder: ArchiveFolder, manifest: Manifest, table: _Table
) -> Iterator[Sequence[_Row]]:
    columns = [*table.keys, *([table.headers] if table.headers else []), table.body]
    for file in manifest.files_of(table.table):
        for batch in read_batches(folder, file, columns):
            for start in range(0, batch.num_rows, CHUNK):
                yield batch.slice(start, CHUNK).to_pylist()


def _let_rows_go(
    engine: Engine, manifest: Manifest, table: _Table, rows: Sequence[_Row]
) -> int:
    params: dict[str, Any] = {key: [row[key] for row in rows] for key in table.keys}
    params["digests"] = [
        digest_of_bytes(row[table.headers] if table.headers else "", row[table.body])
        for row in rows
    ]
    with transaction(engine, "archive") as connection:
        gone, settled = connection.execute(text(table.call), params).one()
        if gone + settled != len(rows):
            first, last = (
                ", ".join(f"{key} {row[key]}" for key in table.keys)
                for row in (rows[0], rows[-1])
            )
            raise Contradiction(
                f"{manifest.archive}: {counted(len(rows) - gone - settled, 'row')} of"
                f" {table.table} from {first} to {last} kept: the archive has other bytes; see"
                " `tieout ledger audit recheck`"
            )
    return int(gone)
