"""Days that meet at an edge, where a history names no rounds, on a real database."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from reconcile.partitions.executors import Dask, Executor, InProcess, Pool
from reconcile.partitions.plan import How
from reconcile.runs.evaluate import Terms
from reconcile.runs.result import RunResult
from reconcile.runs.run import Mode, reconcile
from reconcile.runs.verify import verify_run
from reconcile.runs.what_if import what_if
from reconcile.snapshot.rules import Rules
from reconcile.totals.tie_out import totals
from tests.conftest import TEMPLATE, PostgresServer
from tests.detection.stored import store
from tests.harness.books.two_sides import TwoBooks
from tests.harness.detection.edges import DAYS, EDGE, edge_case, edge_world, expected_on
from tests.harness.detection.month import NOW, OPEN_AFTER, System
from tests.harness.servers.dask_cluster import dask_cluster
from tests.harness.servers.failing_executors import CountingExecutor, Stopped, StopsAfter
from vocabulary.clock import FrozenClock
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
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = postgres.url(name)
    store(url, edge_world(CASES))
    post_all_at(url)
    yield url
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(url: str, window: Window, mode: Mode | None = None, *, hours: int = 0) -> RunResult:
    return reconcile(
        url,
        provider=SLUG,
        window=window,
        maturity=MATURITY,
        clock=FrozenClock(NOW + timedelta(hours=hours)),
        open_after=OPEN_AFTER,
        rules=BY_CONTENT,
        mode=mode or Mode(),
    )


def text_of(result: RunResult) -> str:
    return json.dumps([result.to_json(), result.manifest()])


@pytest.fixture(scope="module")
def days(books: str) -> Days:
    """What the runs over both days say."""
    return run(books, BEFORE), run(books, AFTER)


@pytest.fixture(scope="module")
def straight(days: Days) -> str:
    return text_of(days[1])


def _parts_give_the_same_bytes(books: str, was: str, executor: Executor, parts: int) -> None:
    mode = Mode(how=How(parts=parts, executor=executor))
    assert text_of(run(books, AFTER, mode)) == was


def test_parts_in_a_pool_give_the_same_bytes(books: str, straight: str) -> None:
    """Any number of them, and any order of rows: ``tests/property/test_reconcile_edges.py``."""
    _parts_give_the_same_bytes(books, straight, Pool(2), 7)


def test_a_cluster_gives_the_same_bytes(books: str, straight: str, tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as address:
        cluster = Dask(address, patience_s=120, connect_s=120)
        _parts_give_the_same_bytes(books, straight, cluster, 2)


def test_rows_of_the_other_day_count_only_where_they_are_tied(books: str, days: Days) -> None:
    for number, result in enumerate(days):
        assert len(result.breaks) == len(expected_on(CASES, DAYS[number]))
        for side in (result.ours, result.theirs):
            assert side.holds
            assert 0 < side.outside.rows < side.beyond.rows
    rows = sum(result.ours.source.rows for result in days)
    with psycopg.connect(books) as connection:
        (count,) = connection.execute("SELECT count(*) FROM rounds").fetchone() or (0,)
    assert rows == count


def test_a_difference_over_the_edge_is_one_break_that_both_days_tell(
    books: str, days: Days
) -> None:
    told = [{each.id: each for each in result.breaks} for result in days]
    both = told[0].keys() & told[1].keys()
    assert both
    for name in both:
        one, two = told[0][name], told[1][name]
        assert (one.round_id, one.alias, one.difference) == (
            two.round_id,
            two.alias,
            two.difference,
        )
        assert (one.explanation, one.evidence) == (two.explanation, two.evidence)
    with psycopg.connect(books) as connection:
        rows = connection.execute("SELECT break_id FROM breaks WHERE cleared_at IS NULL")
        assert sorted(name for (name,) in rows) == sorted(told[0].keys() | told[1].keys())


def test_looking_at_changes_finds_what_looking_at_everything_finds(
    books: str, days: Days
) -> None:
    again = run(books, BEFORE, Mode(incremental=True), hours=2)
    assert [each.id for each in again.breaks] == [each.id for each in days[0].breaks]


def test_totals_of_either_day_tie_and_name_the_breaks_of_its_run(
    books: str, days: Days
) -> None:
    for day, result in zip((BEFORE, AFTER), days, strict=True):
        found = {each.id for each in result.breaks}
        terms = Terms(provider=SLUG, window=day, maturity=MATURITY, rules=BY_CONTENT)
        told = totals(books, terms, now=NOW, zone="UTC")
        assert told.ties
        named = {line.break_id for line in told.lines if line.break_id}
        assert named
        assert named <= found
        assert any(line.cause == "elsewhere" for line in told.lines)


def test_what_other_rules_would_say_is_asked_with_the_same_rows(books: str, days: Days) -> None:
    held = Terms(
        provider=SLUG,
        window=AFTER,
        maturity=MATURITY,
        open_after=OPEN_AFTER,
        rules=BY_CONTENT,
    )
    missing = next(each for each in days[1].breaks if each.kind == "missing_in_ledger")
    named = what_if(books, held, held, now=NOW, names={missing.round_id: "a-round-of-ours"})
    assert named.before == len(days[1].breaks)
    assert [each.round_id for each in named.hidden] == [missing.round_id]
    assert [each.round_id for each in named.opened] == ["a-round-of-ours"]


def test_a_stopped_run_is_taken_up_again(books: str, straight: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    stopped = Mode(how=How(parts=3, executor=StopsAfter(InProcess(), 2)), spool=spool)
    with pytest.raises(Stopped, match="stopped here"):
        run(books, AFTER, stopped)
    asked: list[int] = []
    how = How(executor=CountingExecutor(InProcess(), asked))
    again = Mode(how=how, spool=spool, resume=True)
    assert text_of(run(books, AFTER, again, hours=9)) == straight
    assert asked[0] == 2


def test_a_round_told_after_midnight_is_no_longer_missing_once_either_day_is_asked(
    database: str,
) -> None:
    told = TwoBooks(provider=SLUG)
    told.ours("r1", 100, 20, at=EDGE - SECOND)
    told.write(database)
    (missing,) = run(database, BEFORE).breaks
    assert (missing.kind, missing.round_id) == ("missing_at_provider", "r1")
    told.theirs("history:h1", 100, 20, at=EDGE + SECOND)
    told.write(database)
    assert run(database, AFTER, hours=1).breaks == ()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT cleared_at IS NOT NULL FROM breaks").fetchone()
    assert row == (True,)
    assert run(database, BEFORE, hours=2).breaks == ()


def test_what_comes_beyond_the_window_is_no_problem_of_a_run_unless_it_finds_otherwise(
    database: str, tmp_path: Path
) -> None:
    """The next day always brings rows; parts made without them are not taken up again."""
    store(database, edge_world(CASES))
    before, after = run(database, BEFORE), run(database, AFTER)
    one = next(each for each in before.breaks if each.kind == "payout_mismatch" and each.alias)
    spool = tmp_path / "spool"
    stopped = Mode(how=How(parts=3, executor=StopsAfter(InProcess(), 2)), spool=spool)
    with pytest.raises(Stopped, match="stopped here"):
        run(database, BEFORE, stopped)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO feed_records (provider, record_id, occurrence, round_id, match_key,"
            " handle, currency, stake, payout, rolled_back, created_at, updated_at,"
            " received_at, source)"
            " SELECT provider, 'late', 1, 'history:late', %s, handle, currency, 9, 5, false,"
            " %s, %s, %s, 'push' FROM feed_records WHERE round_id = %s",
            [match_key(SLUG, "history:late"), EDGE + SECOND, NOW, NOW, one.alias],
        )
    asked = verify_run(database, before.run_id)
    assert asked.verified
    assert [each.name for each in asked.checks if not each.same] == ["rows beyond the window"]
    numbers: list[int] = []
    again = Mode(
        how=How(executor=CountingExecutor(InProcess(), numbers)), spool=spool, resume=True
    )
    assert [each.id for each in run(database, BEFORE, again).breaks] == [
        each.id for each in before.breaks
    ]
    assert numbers[:3] == [0, 1, 2]
    assert not verify_run(database, after.run_id).verified
