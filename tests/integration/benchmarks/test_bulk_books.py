"""Books that a benchmark fills in bulk are books: posted, proven, and fit for more."""

from sqlalchemy import text

from benchmarks.loads.bulk_books import fill, operations_in
from ledger.checks.run import verify
from ledger.players.importer import PlayerRow, import_players
from storage.transactions import engine_at
from vocabulary.money import Money

_FIGURES = """
SELECT (SELECT count(*) FROM operations), (SELECT count(*) FROM rounds WHERE swept <> 0),
       (SELECT count(*) FROM batches WHERE posted_at IS NULL),
       (SELECT sum(balance)::bigint FROM wallets), (SELECT sum(amount)::bigint FROM entries)
"""


def test_bulk_books_are_posted_and_proven_and_can_be_filled_further(database: str) -> None:
    with engine_at(database) as engine:
        players = (PlayerRow(line=n, player=f"p{n}", opening=Money(1000, "USD"), handles={})
                   for n in range(3))  # fmt: skip
        import_players(engine, players)

        assert list(fill(engine, 27)) == [27]
        assert list(fill(engine, 40)) == [45]

        assert operations_in(engine) == 45
        with engine.connect() as connection:
            figures = connection.execute(text(_FIGURES)).one()
        # 21 bets of 1.25 and as many results of 1.50, each a round of its own.
        assert tuple(figures) == (45, 42, 0, 3 * 1000 + 21 * 25, 0)
        assert [check.name for check in verify(engine) if check.wrong] == []
