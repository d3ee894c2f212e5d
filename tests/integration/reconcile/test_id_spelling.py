"""Rounds that either side spells its own way: one break, in every run, until it is mended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from breaks.kinds import BreakKind
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from reconcile.totals.tie_out import totals
from tests.harness.books.differences.two_sides import NOON, TwoBooks
from tests.harness.servers.dask_cluster import dask_cluster
from vocabulary.clock import FrozenClock
from vocabulary.executors import Dask, Pool
from vocabulary.ids import match_key
from vocabulary.window import Window

DAYS = Window(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 4, tzinfo=UTC))
REQUEST = RunRequest(provider="agg", window=DAYS, maturity=timedelta(minutes=15))
LATER = datetime(2026, 3, 5, tzinfo=UTC)
CHANGES = RunOptions(incremental=True)


def run(url: str, minutes: int = 0, options: RunOptions | None = None) -> RunResult:
    clock = FrozenClock(LATER + timedelta(minutes=minutes))
    return reconcile(url, REQUEST, clock=clock, options=options or RunOptions())


def found(result: RunResult) -> list[tuple[str, str, str, int]]:
    return [(str(b.kind), b.round_id, b.alias, b.difference) for b in result.breaks]


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values)


def open_breaks(url: str) -> list[tuple[object, ...]]:
    query = "SELECT kind, round_id FROM breaks WHERE cleared_at IS NULL ORDER BY kind, round_id"
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def report_again(url: str, *, as_: str, instead_of: str, minutes: int) -> None:
    """Rename a record as a corrected file does: the old record goes, another one comes."""
    execute(
        url,
        "UPDATE feed_records SET round_id = %s, match_key = %s, stored_no = stored_no + %s"
        " WHERE round_id = %s",
        as_,
        match_key("agg", as_),
        minutes,
        instead_of,
    )


@pytest.fixture
def spelled(database: str) -> str:
    """Provide books with two rounds that the provider spells its own way, one of them wrong."""
    books = TwoBooks()
    books.both("r1", 100, 50)
    books.ours("ab-1", 300, 0)
    books.theirs("AB-1", 300, 0)
    books.ours("ab-2", 300, 0)
    books.theirs("ab-2 ", 300, 75, at=NOON + timedelta(days=1))
    books.write(database)
    return database


def test_a_run_reports_one_break_for_each_such_round(spelled: str) -> None:
    result = run(spelled)

    assert found(result) == [
        ("id_spelling", "ab-1", "AB-1", 0),
        ("id_spelling", "ab-2", "ab-2 ", 75),
    ]
    assert [str(break_.impact) for break_ in result.breaks] == ["none", "player_owed"]
    assert result.conserved
    assert (result.ours.breaks.rows, result.theirs.breaks.rows) == (2, 2)
    assert result.breaks[0].evidence["records"] == ["AB-1"]
    assert verify_run(spelled, result.run_id).verified


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=1) as address:
        yield address


def test_parts_a_pool_and_a_cluster_give_the_same_bytes(
    spelled: str, cluster: str, tmp_path: Path
) -> None:
    whole = run(spelled)
    expected = json.dumps([whole.to_json(), whole.manifest()])
    executors = [
        RunOptions(parts=7),
        RunOptions(parts=64),
        RunOptions(parts=4, executor=Pool(2)),
        RunOptions(parts=4, executor=Dask(cluster, patience_s=120, connect_s=120)),
    ]
    for options in executors:
        result = run(spelled, options=options)
        assert json.dumps([result.to_json(), result.manifest()]) == expected


def test_the_break_closes_once_the_provider_spells_the_round_as_we_do(spelled: str) -> None:
    run(spelled)
    report_again(spelled, as_="ab-1", instead_of="AB-1", minutes=1)
    report_again(spelled, as_="ab-2", instead_of="ab-2 ", minutes=1)

    assert found(run(spelled, 1)) == [("payout_mismatch", "ab-2", "", 75)]
    assert open_breaks(spelled) == [("payout_mismatch", "ab-2")]


def test_an_incremental_run_keeps_the_break_when_one_side_of_it_changed(spelled: str) -> None:
    run(spelled)
    execute(
        spelled,
        "UPDATE rounds SET payout = 20, last_at = last_at + interval '1 s'"
        " WHERE round_id = 'ab-2'",
    )

    result = run(spelled, 1, CHANGES)

    assert ("id_spelling", "ab-2", "ab-2 ", 55) in found(result)
    assert [kind for kind, _ in open_breaks(spelled)] == ["id_spelling", "id_spelling"]


def test_an_incremental_run_closes_the_break_of_a_corrected_round(spelled: str) -> None:
    run(spelled)
    report_again(spelled, as_="ab-1", instead_of="AB-1", minutes=1)

    run(spelled, 1, CHANGES)

    assert open_breaks(spelled) == [("id_spelling", "ab-2")]


def test_two_missing_breaks_of_an_earlier_run_become_one(spelled: str) -> None:
    report_again(spelled, as_="cd-1", instead_of="AB-1", minutes=1)
    assert found(run(spelled))[:2] == [
        ("missing_at_provider", "ab-1", "", 300),
        ("id_spelling", "ab-2", "ab-2 ", 75),
    ]
    report_again(spelled, as_="AB-1", instead_of="cd-1", minutes=2)

    run(spelled, 1)

    assert open_breaks(spelled) == [("id_spelling", "ab-1"), ("id_spelling", "ab-2")]


def test_totals_name_the_break_on_the_day_of_either_side_and_tie_out(spelled: str) -> None:
    tied = totals(spelled, REQUEST, now=LATER, zone="UTC")
    result = run(spelled)

    lines = [(str(line.cell.day), line.cause, line.ggr) for line in tied.lines]
    assert lines == [("2026-03-01", "id_spelling", -300), ("2026-03-02", "id_spelling", 225)]
    assert {line.break_id for line in tied.lines} == {result.breaks[1].id}
    assert tied.ties


def test_a_rollback_of_another_spelling_is_named_by_the_break_of_its_round(
    database: str,
) -> None:
    books = TwoBooks()
    books.ours("ab-1", 0, 0, rollbacks=1)
    books.theirs("ab-1", 300, 0)
    books.theirs("AB-1", 0, 0, record_id="undo-1", rolled_back=True)
    books.write(database)

    (break_,) = run(database).breaks

    assert (break_.kind, break_.round_id) == (BreakKind.STATUS, "ab-1")
    assert break_.explanation.endswith(
        ' agg reports the rollback "undo-1" of round "AB-1", an id that differs only by case or'
        ' blanks; in a statement file, id_case = "lower" would read them as one.'
    )
    assert break_.evidence["records"] == ["ab-1", "undo-1"]
