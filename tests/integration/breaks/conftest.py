"""Books that differ in several ways, for the commands of ``tieout breaks``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engine import open_engine
from tests.harness.books.differences.break_commands import BreakCommands
from tests.harness.books.differences.breaks import BreakBooks
from tests.harness.books.differences.dispute_commands import Disputes
from tests.harness.books.ledger import open_wallets


@pytest.fixture
def daily(database: str, tmp_path: Path) -> Iterator[BreakCommands]:
    """Three rounds with other payouts, one we never booked, and one of an unknown player."""
    open_wallets(database, ("ann", 10_000))
    engine = open_engine(database)
    books = BreakBooks(database, engine)
    for name, paid in (("r1", 250), ("r2", 30), ("r3", 40)):
        books.ours(name, 100, 0)
        books.theirs(name, 100, paid)
    books.theirs("lost", 70, 0)
    books.theirs("foreign", 20, 0)
    books.change_record("foreign", handle="stranger")
    books.change_record("r1", game="plinko")
    books.run()
    yield BreakCommands(books, tmp_path)
    engine.dispose()


@pytest.fixture
def disputes(daily: BreakCommands, tmp_path: Path) -> Disputes:
    """The disputes over those books."""
    return Disputes(daily, tmp_path)
