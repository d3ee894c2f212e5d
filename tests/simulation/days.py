"""Run many seeds' days on one database, or one seed's day on a database of its own."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import Engine
from structlog.testing import capture_logs

from storage.engine import open_engine
from tests.harness.auditor.comparison import broken_promises
from tests.harness.auditor.concurrent_day import run_concurrent_day
from tests.harness.auditor.day import DayResult, open_books, run_day
from tests.harness.auditor.receivers import ConnectionPool
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import DayStep, day
from tests.simulation.engines import Template

#: Every fourth day runs receivers concurrently.
CONCURRENT_EVERY = 4
_numbers = count()


@dataclass(slots=True)
class DaysResult:
    """The result of consecutive days.

    Attributes:
        failed: the first seed that differed, or None.
        first: its first difference.
    """

    seeds: int = 0
    operations: int = 0
    failed: int | None = None
    first: str | None = None
    situations: Counter[Situation] = field(default_factory=Counter)


def is_concurrent(seed: int) -> bool:
    """Whether receivers run concurrently on this day."""
    return seed % CONCURRENT_EVERY == CONCURRENT_EVERY - 1


def run_days(template: Template, seeds: Sequence[int]) -> DaysResult:
    """Run days one after another on one database, up to the first that differs."""
    result = DaysResult()
    with template.copy(_fresh_name()) as url:
        day_result = _run_on(url, [(seed, day(seed)) for seed in seeds], result)
        broken = [] if day_result is not None else broken_promises(url)
    if day_result is None and broken:
        result.failed, result.first = _broken_seed(template, seeds) or (seeds[0], broken[0])
    return result


def run_day_alone(template: Template, seed: int, steps: Sequence[DayStep]) -> str | None:
    """Run one day on a database of its own; returns its first difference."""
    result = DaysResult()
    with template.copy(_fresh_name()) as url:
        _run_on(url, [(seed, steps)], result)
        broken = broken_promises(url)
    return result.first or next(iter(broken), None)


def _broken_seed(template: Template, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The seed whose day alone fails a check of ``verify``, with its first difference."""
    for seed in seeds:
        difference = run_day_alone(template, seed, day(seed))
        if difference is not None:
            return seed, difference
    return None


def _fresh_name() -> str:
    return f"days_{os.getpid()}_{next(_numbers)}"


def _run_on(
    url: str, days: Sequence[tuple[int, Sequence[DayStep]]], result: DaysResult
) -> DayResult | None:
    engine = open_engine(url)
    try:
        return asyncio.run(_run_all(url, engine, days, result))
    finally:
        engine.dispose()


async def _run_all(
    url: str, engine: Engine, days: Sequence[tuple[int, Sequence[DayStep]]], result: DaysResult
) -> DayResult | None:
    pool = ConnectionPool(url)
    try:
        for seed, steps in days:
            open_books(engine, seed)
            day_result = await _run_one(pool, engine, seed, steps, url)
            result.seeds += 1
            result.operations += day_result.operations
            result.situations += day_result.situations
            if day_result.differences:
                result.failed, result.first = seed, day_result.differences[0]
                return day_result
        return None
    finally:
        await pool.close()


async def _run_one(
    pool: ConnectionPool, engine: Engine, seed: int, steps: Sequence[DayStep], url: str
) -> DayResult:
    run = run_concurrent_day if is_concurrent(seed) else run_day
    try:
        with capture_logs():
            return await run(pool, engine, seed, steps, url)
    except Exception as error:  # noqa: BLE001 - whatever the ledger raises is a difference
        return DayResult([f"it raised {type(error).__name__}: {error}"])
