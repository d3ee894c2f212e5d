"""Lists of amounts leave with the rows of their days."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.amounts.listing import list_operation_amounts
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import Archivist
from tests.harness.books.ledger import SLUG

LISTED = f"""
WITH days AS (
    INSERT INTO summed_days (provider, business_day, zone, starts_at, ends_at, armed, seen,
                             summed_at, amounts_at)
    SELECT '{SLUG}', day, 'UTC', day AT TIME ZONE 'UTC',
           (day + interval '1 day') AT TIME ZONE 'UTC', pg_current_xact_id(),
           pg_current_snapshot(), now(), now()
      FROM (VALUES (timestamp '2020-06-30'), (timestamp '2020-07-01')) AS d (day)
    RETURNING day_id
)
INSERT INTO day_amounts (day_id, side, currency, bucket, places)
SELECT day_id, 'ours', 'EUR', 7, ARRAY[14336] FROM days
"""
LEFT = """
SELECT d.business_day::text, d.amounts_at IS NOT NULL,
       (SELECT count(*) FROM day_amounts a WHERE a.day_id = d.day_id)
  FROM summed_days d ORDER BY d.business_day
"""
# By the cut of the month whose rows leave.
LISTED_BATCHES = """
SELECT count(*) FILTER (WHERE b.committed_at < '2020-07-01T00:00Z'),
       count(*) FILTER (WHERE b.committed_at >= '2020-07-01T00:00Z')
  FROM listed_batches l JOIN batches b ON b.batch_id = l.last_batch
"""
PARTS_WITHOUT_ROWS = """
SELECT count(*) FROM operation_amounts JOIN batches b ON batch_id = first_batch
 WHERE b.committed_at < '2020-07-01T00:00Z'
"""


@pytest.fixture
def archivist(
    postgres: PostgresServer, dated: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the books whose bytes and entries left."""
    assert dated.folder.exists()
    postgres.execute("CREATE DATABASE amounts_copy TEMPLATE month_dated")
    yield Archivist(tmp_path, postgres.url("amounts_copy"))
    postgres.execute("DROP DATABASE amounts_copy WITH (FORCE)")


def test_lists_of_days_before_the_cut_leave_and_later_ones_stay(archivist: Archivist) -> None:
    with psycopg.connect(archivist.database) as connection:
        connection.execute(LISTED.encode())

    archivist.let_rows_go()

    assert archivist.rows(LEFT) == [("2020-06-30", False, 0), ("2020-07-01", True, 1)]


def test_lists_of_batches_before_the_cut_leave_and_later_ones_stay(
    archivist: Archivist,
) -> None:
    engine = open_engine(archivist.database)
    assert list_operation_amounts(engine, size=1) > 1
    engine.dispose()
    ((before, after),) = archivist.rows(LISTED_BATCHES)

    archivist.let_rows_go()

    assert before > 0
    assert archivist.rows(LISTED_BATCHES) == [(0, after)]
    assert archivist.rows(PARTS_WITHOUT_ROWS) == [(0,)]
