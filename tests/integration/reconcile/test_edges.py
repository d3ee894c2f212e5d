"""Days that meet at an edge, where a history names no rounds, on a real database."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from reconcile.runs.verify import verify_run
from reconcile.runs.what_if import what_if
from reconcile.snapshot.rules import Rules
from reconcile.totals.tie_out import totals
from tests.conftest import PostgresServer
from tests.detection.stored import store
from tests.harness.books.differences.two_sides import TwoBooks
from tests.harness.detection.edges import DAYS, EDGE, edge_case, edge_world, expected_on
from tests.harness.detection.month import NOW, OPEN_AFTER, System
from tests.harness.servers.dask_cluster import dask_cluster
from tests.harness.servers.failing_executors import CountingExecutor, Stopped, StopsAfter
from vocabulary.clock import FrozenClock
from vocabulary.executors import Dask, Executor, InProcess, Pool
from vocabulary.ids import match_key
from vocabulary.window import Window

SLUG = System.UNNAMED.value
CASES = [edge_case(seed) for seed in range(3)]
BEFORE, AFTER = (Window(start=start, end=end) for start, end in DAYS)
BY_CONTENT = Rules(attributes=True)
MATURITY = timedelta(minutes=30)
SECOND = timedelta(seconds=1)
Days = tuple[RunResult, RunResult]


@pytest.fixture(scope="module")
def books(postgres: PostgresServer) -> Iterator[str]:
    """The URL of books that much is wrong with around the edge; runs add only themselves."""
    name = "books_at_an_edge"
    postgres.clone(name)
    url = postgres.url(name)
    store(url, edge_world(CASES))
    post_all_at(url)
    yield url
    postgres.drop(name)


def run(
    url: str, window: Window, options: RunOptions | None = None, *, hours: int = 0
) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=SLUG,
            window=window,
            maturity=MATURITY,
            open_after=OPEN_AFTER,
            rules=BY_CONTENT,
        ),
        clock=FrozenClock(NOW + timedelta(hours=hours)),
        options=options or RunOptions(),
    )


def text_of(result: RunResult) -> str:
    return json.dumps([result.to_json(), result.manifest()])


@pytest.fixture(scope="module")
def days(books: str) -> Days:
    """The results of the runs over both days."""
    return run(books, BEFORE), run(books, AFTER)


@pytest.fixture(scope="module")
def expected(days: Days) -> str:
    return text_of(days[1])


def _parts_give_the_same_bytes(
    books: str, expected: str, executor: Executor, parts: int
) -> None:
    options = RunOptions(parts=parts, executor=executor)
    assert text_of(run(books, AFTER, options)) == expected


def test_parts_in_a_pool_give_the_same_bytes(books: str, expected: str) -> None:
    """In any number and order: ``tests/property/reconcile/test_reconcile_edges.py``."""
    _parts_give_the_same_bytes(books, expected, Pool(2), 7)


def test_a_cluster_gives_the_same_bytes(books: str, expected: str, tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as address:
        cluster = Dask(address, patience_s=120, connect_s=120)
        _parts_give_the_same_bytes(books, expected, cluster, 2)


def test_rows_of_the_other_day_count_only_where_they_are_tied(books: str, days: Days) -> None:
    for number, result in enumerate(days):
        assert len(result.breaks) == len(expected_on(CASES, DAYS[number]))
        for side in (result.ours, result.theirs):
            assert side.holds
            assert 0 < side.outside.rows < side.edge.rows
    rows = sum(result.ours.source.rows for result in days)
    with psycopg.connect(books) as connection:
        (count,) = connection.execute("SELECT count(*) FROM rounds").fetchone() or (0,)
    assert rows == count


def test_a_difference_across_the_edge_is_one_break_that_both_days_report(
    books: str, days: Days
) -> None:
    first, second = ({break_.id: break_ for break_ in result.breaks} for result in days)
    in_both = first.keys() & second.keys()
    assert in_both
    for name in in_both:
        before, after = first[name], second[name]
        assert (before.round_id, before.alias, before.difference) == (
            after.round_id,
            after.alias,
            after.difference,
        )
        assert (before.explanation, before.evidence) == (after.explanation, after.evidence)
    with psycopg.connect(books) as connection:
        rows = connection.execute("SELECT break_id FROM breaks WHERE cleared_at IS NULL")
        assert sorted(name for (name,) in rows) == sorted(first.keys() | second.keys())


def test_an_incremental_run_finds_what_a_whole_run_finds(books: str, days: Days) -> None:
    changes = run(books, BEFORE, RunOptions(incremental=True), hours=2)
    assert [break_.id for break_ in changes.breaks] == [break_.id for break_ in days[0].breaks]


def test_totals_of_either_day_tie_and_name_the_breaks_of_its_run(
    books: str, days: Days
) -> None:
    for day, result in zip((BEFORE, AFTER), days, strict=True):
        breaks = {break_.id for break_ in result.breaks}
        request = RunRequest(provider=SLUG, window=day, maturity=MATURITY, rules=BY_CONTENT)
        tied = totals(books, request, now=NOW, zone="UTC")
        assert tied.ties
        named = {line.break_id for line in tied.lines if line.break_id}
        assert named
        assert named <= breaks
        assert any(line.cause == "elsewhere" for line in tied.lines)


def test_a_proposal_is_evaluated_with_the_same_edge_rows(books: str, days: Days) -> None:
    current = RunRequest(
        provider=SLUG,
        window=AFTER,
        maturity=MATURITY,
        open_after=OPEN_AFTER,
        rules=BY_CONTENT,
    )
    missing = next(b for b in days[1].breaks if b.kind == "missing_in_ledger")
    named = what_if(
        books, current, current, now=NOW, names={missing.round_id: "a-round-of-ours"}
    )
    assert named.before == len(days[1].breaks)
    assert [break_.round_id for break_ in named.hidden] == [missing.round_id]
    assert [break_.round_id for break_ in named.opened] == ["a-round-of-ours"]


def test_an_interrupted_run_is_resumed(books: str, expected: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    stopping = RunOptions(parts=3, executor=StopsAfter(InProcess(), 2), checkpoint=checkpoint)
    with pytest.raises(Stopped, match="stopped here"):
        run(books, AFTER, stopping)
    numbers: list[int] = []
    counting = CountingExecutor(InProcess(), numbers)
    resuming = RunOptions(executor=counting, checkpoint=checkpoint, resume=True)
    assert text_of(run(books, AFTER, resuming, hours=9)) == expected
    assert numbers[0] == 2


def test_a_round_reported_after_midnight_is_no_longer_missing_once_either_day_runs(
    database: str,
) -> None:
    two_books = TwoBooks(provider=SLUG)
    two_books.ours("r1", 100, 20, at=EDGE - SECOND)
    two_books.write(database)
    (missing,) = run(database, BEFORE).breaks
    assert (missing.kind, missing.round_id) == ("missing_at_provider", "r1")
    two_books.theirs("history:h1", 100, 20, at=EDGE + SECOND)
    two_books.write(database)
    assert run(database, AFTER, hours=1).breaks == ()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT cleared_at IS NOT NULL FROM breaks").fetchone()
    assert row == (True,)
    assert run(database, BEFORE, hours=2).breaks == ()


def test_new_edge_rows_are_no_problem_of_a_run_unless_they_change_its_findings(
    database: str, tmp_path: Path
) -> None:
    """The next day always adds rows; parts made without them are not reused."""
    store(database, edge_world(CASES))
    before, after = run(database, BEFORE), run(database, AFTER)
    mismatch = next(b for b in before.breaks if b.kind == "payout_mismatch" and b.alias)
    checkpoint = tmp_path / "checkpoint"
    stopping = RunOptions(parts=3, executor=StopsAfter(InProcess(), 2), checkpoint=checkpoint)
    with pytest.raises(Stopped, match="stopped here"):
        run(database, BEFORE, stopping)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO feed_records (provider, record_id, occurrence, round_id, match_key,"
            " handle, currency, stake, payout, rolled_back, created_at, updated_at,"
            " received_at, source)"
            " SELECT provider, 'late', 1, 'history:late', %s, handle, currency, 9, 5, false,"
            " %s, %s, %s, 'push' FROM feed_records WHERE round_id = %s",
            [match_key(SLUG, "history:late"), EDGE + SECOND, NOW, NOW, mismatch.alias],
        )
    verification = verify_run(database, before.run_id)
    assert verification.verified
    changed = [check.name for check in verification.checks if not check.same]
    assert changed == ["rows beyond the window"]
    numbers: list[int] = []
    resuming = RunOptions(
        executor=CountingExecutor(InProcess(), numbers), checkpoint=checkpoint, resume=True
    )
    assert [break_.id for break_ in run(database, BEFORE, resuming).breaks] == [
        break_.id for break_ in before.breaks
    ]
    assert numbers[:3] == [0, 1, 2]
    assert not verify_run(database, after.run_id).verified
