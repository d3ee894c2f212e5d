"""A recovery that names rows which left for an archive asks for them and books none twice."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from ledger.restores.booking import LostOperations
from ledger.restores.lost_callbacks import read_sealed_day
from ledger.restores.recoveries import approve_recovery, propose_recovery
from ledger.restores.steps import begin_restore
from ledger.seal.files import write_lines
from ledger.seal.seal import exported_lines, seal_day
from storage.engine import open_engine
from tests.harness.books.archives.away import (
    bring_back_what_is_wanted,
    let_everything_go,
    wanted,
)
from tests.harness.books.traffic import book_an_hour, decoders
from tests.harness.tampering.replay import tamper
from tests.harness.tampering.sealed_day import quiet
from vocabulary.errors import Unavailable

DAY = date(2020, 6, 4)
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
SHA256 = "cd" * 32
EVERYTHING = "SELECT * FROM operations ORDER BY wallet_id, wallet_seq"
#: More than the operations and their rounds need: what is asked for brings its round along.
TURNS_MAX = 5


def rows(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(EVERYTHING.encode()).fetchall()


def test_a_recovery_asks_for_rows_that_are_away_and_books_nothing_twice(
    database: str, tmp_path: Path
) -> None:
    book_an_hour(database, seed=15, callbacks=40, players=3)
    post_all_at(database)
    tamper(database, "UPDATE batches SET committed_at = timestamptz '2020-06-04 12:00:00+00'")
    engine = open_engine(database)
    sealed = seal_day(engine, DAY, progress=quiet)
    write_lines(tmp_path / "day.jsonl", exported_lines(engine, sealed, progress=quiet))
    before = rows(database)
    let_everything_go(database)
    restore = begin_restore(engine, by="ann", reason="lost", takes_two=True, now=NOW)
    operations = LostOperations(read_sealed_day(tmp_path / "day.jsonl"), decoders(), {})
    propose_recovery(
        *(engine, restore), by="ann", now=NOW, file="day.jsonl", sha256=SHA256, callbacks=40
    )
    recovery = approve_recovery(engine, restore, sha256=SHA256, by="bob", now=NOW)

    left = rows(database)
    refusals: list[str] = []
    untouched: list[bool] = []
    for _ in range(TURNS_MAX):
        try:
            result = operations.book(engine, recovery, by="bob", progress=quiet)
            break
        except Unavailable as error:
            refusals.append(str(error))
            untouched.append(rows(database) == left and wanted(database) != [])
            bring_back_what_is_wanted(database)
            left = rows(database)
    else:
        pytest.fail("the rows that are away are asked for again and again")
    engine.dispose()

    assert refusals
    assert all("in an archive, and are brought back" in refusal for refusal in refusals)
    assert all(untouched)
    assert (result.booked, result.refused) == (0, {})
    assert result.known > 0
    assert rows(database) == before
