"""Live many seeds' days on one database, or one seed's day on a database of its own."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import Engine
from structlog.testing import capture_logs

from storage.engine import open_engine
from tests.harness.auditor.crowd import live_at_once
from tests.harness.auditor.day import Lived, live, open_books
from tests.harness.auditor.reading import broken_promises
from tests.harness.auditor.situations import Situation
from tests.harness.auditor.workload import Step, day
from tests.harness.servers.parallel_receivers import ConnectionPool
from tests.simulation.engines import Template

#: Every fourth day nobody knows the order of.
AT_ONCE_EVERY = 4
_numbers = count()


@dataclass(slots=True)
class Stretch:
    """What came of consecutive days.

    Attributes:
        failed: the first seed that differed, or None.
        first: its first difference.
    """

    seeds: int = 0
    operations: int = 0
    failed: int | None = None
    first: str | None = None
    saw: Counter[Situation] = field(default_factory=Counter)


def is_at_once(seed: int) -> bool:
    """Whether receivers really run at once on this day."""
    return seed % AT_ONCE_EVERY == AT_ONCE_EVERY - 1


def live_stretch(template: Template, seeds: Sequence[int]) -> Stretch:
    """Live days one after another on one database; ends with the first that differs."""
    told = Stretch()
    with template.copy(_fresh_name()) as url:
        lived = _on(url, [(seed, day(seed)) for seed in seeds], told)
        broken = [] if lived is not None else broken_promises(url)
    if lived is None and broken:
        told.failed, told.first = _whose(template, seeds) or (seeds[0], broken[0])
    return told


def live_alone(template: Template, seed: int, steps: Sequence[Step]) -> str | None:
    """One day on a database of its own; its first difference."""
    told = Stretch()
    with template.copy(_fresh_name()) as url:
        _on(url, [(seed, steps)], told)
        broken = broken_promises(url)
    return told.first or next(iter(broken), None)


def _whose(template: Template, seeds: Iterable[int]) -> tuple[int, str] | None:
    """Whose day it is that breaks a promise nobody noticed while living it."""
    for seed in seeds:
        found = live_alone(template, seed, day(seed))
        if found is not None:
            return seed, found
    return None


def _fresh_name() -> str:
    return f"days_{os.getpid()}_{next(_numbers)}"


def _on(url: str, days: Sequence[tuple[int, Sequence[Step]]], told: Stretch) -> Lived | None:
    engine = open_engine(url)
    try:
        return asyncio.run(_all(url, engine, days, told))
    finally:
        engine.dispose()


async def _all(
    url: str, engine: Engine, days: Sequence[tuple[int, Sequence[Step]]], told: Stretch
) -> Lived | None:
    pool = ConnectionPool(url)
    try:
        for seed, steps in days:
            open_books(engine, seed)
            lived = await _one(pool, engine, seed, steps, url)
            told.seeds += 1
            told.operations += lived.operations
            told.saw += lived.saw
            if lived.differences:
                told.failed, told.first = seed, lived.differences[0]
                return lived
        return None
    finally:
        await pool.close()


async def _one(
    pool: ConnectionPool, engine: Engine, seed: int, steps: Sequence[Step], url: str
) -> Lived:
    how = live_at_once if is_at_once(seed) else live
    try:
        with capture_logs():
            return await how(pool, engine, seed, steps, url)
    except Exception as error:  # noqa: BLE001 - whatever the ledger raises is a difference
        return Lived([f"it raised {type(error).__name__}: {error}"])
