"""An incremental run finds what a run over the whole window finds, whatever changed.

``TIEOUT_INCREMENTAL_SEEDS`` sets the number of seeds: the campaign is ``python -m pytest
--timeout=0`` with 200.
"""

import os
import random
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from reconcile.partitions.options import RunOptions
from reconcile.runs.request import RunRequest
from reconcile.runs.result import RunResult
from reconcile.runs.run import reconcile
from storage.engine import open_engine
from tests.harness.books.busy import DAY, BusyBooks
from vocabulary.clock import FrozenClock
from vocabulary.maturity import MaturityAges

SEEDS = int(os.environ.get("TIEOUT_INCREMENTAL_SEEDS", "2"))
STEPS = 4
WHOLE, CHANGES = RunOptions(), RunOptions(incremental=True)
AGES = MaturityAges(
    bet=timedelta(minutes=20), win=timedelta(minutes=45), rollback=timedelta(minutes=5)
)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database, pool_size=1)
    yield opened
    opened.dispose()


def _run(url: str, slug: str, minutes: int, options: RunOptions) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=slug,
            window=DAY,
            maturity=AGES,
            open_after=timedelta(minutes=70),
        ),
        clock=FrozenClock(DAY.start + timedelta(minutes=minutes)),
        options=options,
    )


def _rows(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def _breaks(url: str, slug: str) -> list[tuple[object, ...]]:
    """Return everything that is stored of the provider's breaks, open and cleared."""
    return _rows(url, "SELECT b.* FROM breaks b WHERE provider = %s ORDER BY break_id", slug)


def _id_and_breaks(result: RunResult) -> object:
    return result.run_id, result.to_json()["breaks"]


def test_over_seeds_an_incremental_run_equals_a_whole_run(
    database: str, engine: Engine
) -> None:
    differing, partial = [], 0
    for seed in range(SEEDS):
        books = BusyBooks(database, engine, seed)
        dice = random.Random(seed)
        minutes = 120
        for step in range(STEPS):
            minutes += dice.randrange(1, 60)
            books.change(DAY.start + timedelta(minutes=minutes))
            changes = _run(database, books.slug, minutes, CHANGES)
            after_changes = _breaks(database, books.slug)
            partial += not changes.inputs["whole"]
            if step < STEPS - 1 and dice.random() < 0.5:
                continue
            whole = _run(database, books.slug, minutes, WHOLE)
            same = _id_and_breaks(changes) == _id_and_breaks(whole)
            if not same or after_changes != _breaks(database, books.slug):
                differing.append((seed, step))
    assert differing == []
    assert partial >= SEEDS


def test_an_incremental_run_compares_few_rows_and_says_so(
    database: str, engine: Engine
) -> None:
    books = BusyBooks(database, engine, 1)
    books.change(DAY.start + timedelta(minutes=100), rounds=60)
    first = _run(database, books.slug, 300, CHANGES)
    second = _run(database, books.slug, 400, CHANGES)
    assert first.inputs["whole"] is True
    assert second.inputs["whole"] is False
    assert second.ours.source.rows < first.ours.source.rows
    assert _rows(database, "SELECT whole FROM runs ORDER BY finished_at") == [(True,), (False,)]


def test_another_request_is_a_reason_to_scan_everything(database: str, engine: Engine) -> None:
    books = BusyBooks(database, engine, 2)
    books.change(DAY.start + timedelta(minutes=100))
    _run(database, books.slug, 300, CHANGES)
    result = reconcile(
        database,
        RunRequest(
            provider=books.slug,
            window=DAY,
            maturity=AGES,
            open_after=timedelta(minutes=71),
        ),
        clock=FrozenClock(DAY.start + timedelta(minutes=400)),
        options=CHANGES,
    )
    assert result.inputs["whole"] is True
