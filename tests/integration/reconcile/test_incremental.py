"""A pass over what changed finds what a look at everything finds, whatever changed.

``TIEOUT_INCREMENTAL_SEEDS`` asks for more seeds: ``python -m pytest --timeout=0`` with 200 is
the campaign.
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


def _run(url: str, slug: str, minutes: int, mode: RunOptions) -> RunResult:
    return reconcile(
        url,
        RunRequest(
            provider=slug,
            window=DAY,
            maturity=AGES,
            open_after=timedelta(minutes=70),
        ),
        clock=FrozenClock(DAY.start + timedelta(minutes=minutes)),
        options=mode,
    )


def _rows(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def _breaks(url: str, slug: str) -> list[tuple[object, ...]]:
    """Everything that is stored of the provider's breaks, open and cleared."""
    return _rows(url, "SELECT b.* FROM breaks b WHERE provider = %s ORDER BY break_id", slug)


def _told(result: RunResult) -> object:
    return result.run_id, result.to_json()["breaks"]


def test_over_seeds_a_pass_over_changes_equals_a_look_at_everything(
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
            same = _told(changes) == _told(whole)
            if not same or after_changes != _breaks(database, books.slug):
                differing.append((seed, step))
    assert differing == []
    assert partial >= SEEDS


def test_a_pass_over_changes_looks_at_few_rows_and_says_so(
    database: str, engine: Engine
) -> None:
    books = BusyBooks(database, engine, 1)
    books.change(DAY.start + timedelta(minutes=100), rounds=60)
    first = _run(database, books.slug, 300, CHANGES)
    again = _run(database, books.slug, 400, CHANGES)
    assert first.inputs["whole"] is True
    assert again.inputs["whole"] is False
    assert again.ours.source.rows < first.ours.source.rows
    assert _rows(database, "SELECT whole FROM runs ORDER BY finished_at") == [(True,), (False,)]


def test_other_terms_are_a_reason_to_look_at_everything(database: str, engine: Engine) -> None:
    books = BusyBooks(database, engine, 2)
    books.change(DAY.start + timedelta(minutes=100))
    _run(database, books.slug, 300, CHANGES)
    other = reconcile(
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
    assert other.inputs["whole"] is True
