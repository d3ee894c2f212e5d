"""The ranges of wallets that a replay reads hold many wallets each."""

from ledger.proofs.wallet_ranges import ALL_WALLETS
from ledger.replay.reader import Reader
from ledger.replay.report import ReplayWindow
from storage.engine import open_engine
from tests.harness.books.ledger import open_wallets


def test_wallets_with_few_operations_share_a_range(database: str) -> None:
    open_wallets(database, ("ann", 100), ("bob", 200), ("eve", 300))

    engine = open_engine(database)
    with engine.connect() as connection:
        ranges = Reader(connection, ReplayWindow()).ranges()
    engine.dispose()

    first, rest = ranges
    assert first.first == ALL_WALLETS.first
    assert rest == (first.last + 1, ALL_WALLETS.last)
