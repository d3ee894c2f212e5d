"""``make drill``: restore and recover, restart receivers under load, archive: one table.

Exits 1 if anything was lost, doubled, given one id twice, or reset, or if the archive does not
give back what left for it.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from ops.engines import postgres_server, valkey_server
from ops.engines.data_directory import DataDirectory, locked, open_data_directory
from storage.engine import open_engine
from storage.migrate import migrate
from tests.harness.drill.archive_drill import ArchiveDrill, ArchiveDrillResult
from tests.harness.drill.restore_drill import DrillResult, RestoreDrill
from tests.harness.people import register_people
from tests.harness.servers.balanced import Traffic
from tests.harness.servers.receiver import LedgerDatabase
from tests.harness.servers.rolling import restart_in_turn


def main() -> int:
    """Run the drills and print what they showed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callbacks", type=int, default=100, help="of each stretch")
    parser.add_argument("--restarts", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1000.0, help="callbacks per second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drill-") as name, _servers(Path(name)) as home:
        folder = Path(name)
        restore = RestoreDrill(
            home, _database(home, "drill"), _new(folder), batch=options.callbacks // 2
        ).run()
        database = _database(home, "rolling")
        archive = ArchiveDrill(database, _new(folder))
        books = LedgerDatabase(database)
        books.player("ann", balance="100000.00")
        traffic = restart_in_turn(
            _new(folder),
            database,
            valkey_server.url(home),
            player="ann",
            restarts=options.restarts,
            rate=options.rate,
        )
        books.close()
        archived = archive.run()
    rows = [
        *_restore_rows(restore),
        *_traffic_rows(traffic, options.restarts),
        *_archive_rows(archived),
    ]
    width = max(len(label) for label, _, _ in rows)
    for label, value, holds in rows:
        print(f"{label:{width}}  {value}{'' if holds else '   <- WRONG'}")
    return 0 if all(holds for _, _, holds in rows) else 1


def _restore_rows(result: DrillResult) -> Iterator[tuple[str, object, bool]]:
    yield "backup age at the crash", f"{result.backup_age_s:.1f} s", True
    yield "restored to", result.restored_to, True
    yield "acknowledged", result.acknowledged, True
    yield "taken back by the restore", result.lost, result.lost > 0
    yield "recovered", result.recovered, result.recovered == result.lost
    yield "lost", result.still_lost, result.still_lost == 0
    yield "doubled", result.doubled, result.doubled == 0
    yield "ids given twice", result.reissued, result.reissued == 0
    yield "other answers to late repeats", result.changed_answers, result.changed_answers == 0
    yield "wrong balances", result.wrong_balances, result.wrong_balances == 0
    yield "differences with the history", result.differences, result.differences == 0
    for proof, words in result.proofs.items():
        yield proof, words, result.is_clean
    yield "begin to finish", f"{result.seconds:.1f} s", True


def _traffic_rows(traffic: Traffic, restarts: int) -> Iterator[tuple[str, object, bool]]:
    answered = sum(traffic.answered.values())
    yield "receivers restarted under load", f"{restarts} times, {answered} answered", True
    yield "resets", traffic.resets, traffic.resets == 0
    yield "refused", traffic.refused, traffic.refused == 0


def _archive_rows(result: ArchiveDrillResult) -> Iterator[tuple[str, object, bool]]:
    yield "archived", f"{result.callbacks} callbacks", result.callbacks > 0
    yield "bytes a callback, hot", result.hot_bytes, True
    yield "in the archive", result.archived_bytes, True
    yield "left in the database", result.kept_bytes, result.kept_bytes < result.hot_bytes
    yield "archive read back", result.faults[0] if result.faults else "whole", not result.faults
    yield "recalled as it left", "yes" if result.came_back else "no", result.came_back


@contextmanager
def _servers(folder: Path) -> Iterator[DataDirectory]:
    home = open_data_directory(folder / "data")
    with locked(home):
        postgres_server.start(home)
        valkey_server.start(home)
    try:
        yield home
    finally:
        with locked(home):
            valkey_server.stop(home)
            postgres_server.stop(home)


def _database(home: DataDirectory, name: str) -> str:
    """A migrated database with the people of the tests."""
    with psycopg.connect(postgres_server.url(home, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = postgres_server.url(home, name)
    engine = open_engine(url)
    migrate(engine)
    register_people(engine)
    engine.dispose()
    return url


_numbers = count(1)


def _new(folder: Path) -> Path:
    path = folder / f"part-{next(_numbers)}"
    path.mkdir()
    return path


if __name__ == "__main__":
    sys.exit(main())
