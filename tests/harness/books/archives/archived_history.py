"""Books whose old month also has the provider's history: records, versions, a file, its log."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import psycopg
from msgspec.structs import replace
from sqlalchemy import Engine

from feeds.records import store_records, store_statement
from feeds.statements.archive import archive_file
from feeds.statements.restatement import record_listing
from ledger.archive.lines import printed_lines
from storage.archive.files import ArchiveFolder
from storage.archive.parquet import read_batches
from storage.archive.supplements import list_supplements
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist, seal_month, sign_month
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.sealed_day import MORNING, a_sealed_day
from vocabulary.facts import HistoryRecord
from vocabulary.money import Money

MINUTE = timedelta(minutes=1)
RECEIVED = MORNING + MINUTE
#: When a late version arrives: long after the month.
LATER = datetime(2020, 9, 1, tzinfo=UTC)
FILE = "june.csv"
_IMPORTED = """
UPDATE feed_files
   SET verdict = 'imported', records = 2, covers_from = %(at)s, covers_to = %(at)s
"""
_LOG = """
INSERT INTO provider_deliveries (provider, webhook_id, delivery_id, event_type, payload,
                                 response_code, response_body, success, attempted_at,
                                 retry_count, pulled_at)
SELECT %(provider)s, 'hook-' || n %% 2, 'd' || n, 'bet', convert_to('payload ' || n, 'UTF8'),
       CASE WHEN n %% 3 > 0 THEN 200 END, '\\x00ff'::bytea, n %% 3 > 0,
       %(at)s + n * interval '1 day', n, %(at)s + n * interval '1 day'
  FROM generate_series(1, 5) AS n
"""


#: What may leave with the records.
TABLES = (
    "feed_records",
    "feed_versions",
    "feed_superseded",
    "feed_file_records",
    "provider_deliveries",
    "deliveries",
    "feed_file_parts",
)
#: What a record consists of.
FEED_TABLES = TABLES[:4]


def record_of(
    name: str, round_id: str, stake: int, payout: int = 0, *, is_undone: bool = False
) -> HistoryRecord:
    """A record of June in euro cents, whose game needs escapes in JSON."""
    return HistoryRecord(
        record_id=name,
        round_id=round_id,
        handle="ann",
        currency="EUR",
        stake=Money(stake, "EUR"),
        payout=Money(payout, "EUR"),
        rolled_back=is_undone,
        declared_net=None,
        balance_before=None,
        balance_after=Money(7, "EUR"),
        game='Plück "7"\\\t\u2028\x7f',
        created_at=MORNING,
        updated_at=MORNING,
        raw=f"{name} {round_id} {stake} {payout}".encode(),
    )


#: t1 changes once, t3 is undone, and the file has t4 in two lines.
FIRST = (record_of("t1", "r1", 300), record_of("t2", "r2", 50))
SECOND = (
    replace(record_of("t1", "r1", 300, 120), updated_at=MORNING + MINUTE),
    record_of("t3", "s1", 40, is_undone=True),
)
LISTED = (record_of("t4", "r4x", 10), record_of("t4", "r4x", 20))


def an_archivable_history(database: str, folder: Path) -> Archivist:
    """Books of June 2020, sealed and signed, with the provider's history of it."""
    a_sealed_day(database, folder / "day.jsonl.gz", at=MORNING)
    engine = open_engine(database)
    with engine.begin() as connection:
        for records in (FIRST, SECOND):
            store_records(connection, SLUG, records, source="push", received_at=RECEIVED)
        file_id, _ = archive_file(connection, SLUG, FILE, BytesIO(b"t4\nt4\n"), MORNING)
        store_statement(connection, SLUG, LISTED, source=FILE, received_at=RECEIVED)
        record_listing(connection, file_id)
    engine.dispose()
    with psycopg.connect(database) as connection:
        connection.execute(_IMPORTED.encode(), {"at": MORNING})
        connection.execute(_LOG.encode(), {"provider": SLUG, "at": MORNING})
    seal_month(database)
    sign_month(database)
    return Archivist(folder, database)


@contextmanager
def released_history(postgres: PostgresServer, name: str, folder: Path) -> Iterator[Archivist]:
    """Books with a history whose bytes and entries left; tests change copies only."""
    archivist = an_archivable_history(postgres.clone(name), folder)
    archivist.export()
    archivist.let_go()
    yield archivist
    postgres.drop(name)


def rows_of(archivist: Archivist) -> dict[str, set[bytes]]:
    """The rows of each table, each as PostgreSQL prints it."""
    with psycopg.connect(archivist.database) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: {
                b'{"%b":%b}\n' % (table.encode(), row[0].encode())
                for row in connection.execute(
                    f"SELECT row_to_json(t)::text FROM {table} t".encode()
                )
            }
            for table in TABLES
        }


def archived_rows_of(engine: Engine) -> dict[str, set[bytes]]:
    """The rows of each table as the files of all supplements have them."""
    rows: dict[str, set[bytes]] = {table: set() for table in TABLES}
    with engine.connect() as connection:
        supplements = list_supplements(connection, ARCHIVE)
    for supplement in supplements:
        folder = ArchiveFolder(supplement.location, supplement.folder)
        for file in folder.manifest(supplement.manifest_hash).files:
            for batch in read_batches(folder, file):
                rows[file.table].update(printed_lines(file.table, batch.schema.names, batch))
    return rows


def counts(archivist: Archivist) -> list[int]:
    return [archivist.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]
