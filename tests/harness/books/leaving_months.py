"""Random months in real archives, whose bytes, entries and rows leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from sqlalchemy import Engine

from ledger.archive.export import export_month
from ledger.archive.release import let_entries_go, let_go, take_month_end
from ledger.archive.row_release import RowsGone, let_rows_go
from ledger.seal.seal import seal_day
from storage.archive.archives import (
    Archive,
    Leaving,
    archive_name,
    decide_release,
    finish_release,
    get_archive,
    request_release,
    store_archive,
)
from storage.archive.files import ArchiveFolder
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import open_wallets
from tests.harness.books.random_months import PLAYERS, Fact, last_of, play
from tests.harness.tampering.sealed_day import quiet

#: After every month that leaves.
LATER = datetime(2021, 3, 5, tzinfo=UTC)


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
    for first_day in first_days:
        _let_bytes_go(engine, first_day.replace(day=1), place)
    engine.dispose()
    return MonthsTwice(database, postgres.clone(f"{name}_gone", name), played, chance)


def let_rows_of_month_go(engine: Engine, month: date) -> RowsGone:
    """Let the rows of a month go whose bytes and entries left."""
    archive = _approved(engine, month, Leaving.ROWS)
    gone = let_rows_go(engine, archive, progress=quiet)
    with engine.begin() as connection:
        finish_release(connection, archive, Leaving.ROWS, by="jonas")
    return gone


def _approved(engine: Engine, month: date, what: Leaving) -> Archive:
    """The archive of a month that two people let go."""
    name = archive_name(month)
    with engine.begin() as connection:
        archive = get_archive(connection, name)
        request_release(connection, archive, what, reason="old", by="maria", now=LATER)
        archive = get_archive(connection, name)
        decide_release(connection, archive, "approved", what, by="jonas", now=LATER)
    return archive


def _let_bytes_go(engine: Engine, month: date, place: str) -> None:
    """Export a month, and let its bytes and entries go."""
    exported = export_month(engine, month, place, progress=quiet)
    with engine.begin() as connection:
        store_archive(
            connection,
            month=month,
            location=place,
            manifest_hash=exported.manifest_hash,
            rows=1,
            bytes_=1,
            by="maria",
        )
    archive = _approved(engine, month, Leaving.BYTES)
    folder = ArchiveFolder(place, archive.archive_id)
    let_go(engine, folder, exported.manifest, progress=quiet)
    let_entries_go(engine, exported.manifest, progress=quiet)
    assert take_month_end(engine, by="jonas") == month
    with engine.begin() as connection:
        finish_release(connection, archive, by="jonas")
