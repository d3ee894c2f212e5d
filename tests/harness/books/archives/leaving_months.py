"""Random months in real archives, whose bytes, entries and rows leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sqlalchemy import Engine

from benchmarks.archive.letting_go import Archivists
from ledger.archive.row_release import RowsGone
from ledger.seal.seal import seal_day
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.random_months import PLAYERS, Fact, last_of, play
from tests.harness.books.ledger import open_wallets
from tests.harness.tampering.sealed_day import quiet


@dataclass(frozen=True, slots=True)
class MonthsTwice:
    """Books of random months whose bytes left, and a copy whose rows may leave, too."""

    whole: str
    gone: str
    played: list[Fact]
    chance: Random


def months_twice(
    postgres: PostgresServer, name: str, first_days: Sequence[date], place: str, *, seed: int
) -> MonthsTwice:
    """Play months, each from its first day on, and let their bytes and entries go.

    The databases are ``name`` and ``name_gone``.
    """
    chance = Random(seed)
    database = postgres.clone(name)
    open_wallets(database, *((player, 20_000) for player in PLAYERS))
    played = [
        fact
        for number, first_day in enumerate(first_days)
        for fact in play(database, chance, first_day, number)
    ]
    engine = open_engine(database)
    day = first_days[0]
    while day <= last_of(first_days[-1]):
        seal_day(engine, day, progress=quiet)
        day += timedelta(days=1)
    people = _people(engine, place)
    for first_day in first_days:
        month = first_day.replace(day=1)
        people.export(month)
        people.let_bytes_go(month)
    engine.dispose()
    return MonthsTwice(database, postgres.clone(f"{name}_gone", name), played, chance)


def let_rows_of_month_go(engine: Engine, month: date) -> RowsGone:
    """Let the rows of a month go whose bytes and entries left; its archive names its place."""
    return _people(engine).let_rows_go(month)


def _people(engine: Engine, place: str = "") -> Archivists:
    """The people of the tests who archive; ``place`` is where new archives go."""
    return Archivists(engine, place, ("maria", "jonas"))
