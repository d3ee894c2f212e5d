"""Importing players: an error names its line, and importing again changes nothing."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from feeds.statements.reading.file_format import FileRules
from ledger.checks.run import verify
from ledger.players.handles import store_handle
from ledger.players.importer import ImportCounts, import_players, read_players
from ledger.posting.posting import post_all_at
from ledger.queries.balances import balance_of, statement_of, trial_balance
from ops.commands.players.importing import PlayersUnreadable, read_players_file
from storage.engine import open_engine
from tests.harness.books.ledger import (
    accept,
    acceptors,
    balance_query,
    bet,
    request,
    win,
)
from vocabulary.currencies import ISO_ONLY
from vocabulary.errors import Contradiction, Malformed, Unavailable

HEAD = "player,currency,balance,handle:lottery\n"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    opened = open_engine(database)
    yield opened
    opened.dispose()


def imported(engine: Engine, text: str) -> ImportCounts:
    return import_players(engine, read_players(io.StringIO(text, newline=""), ISO_ONLY))


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: a column named player is expected"),
        ("player,currency\n", "line 1: a column named balance is expected"),
        ("player,currency,balance,shoe\n", "line 1: the column 'shoe' is unknown"),
        ("player,currency,balance,balance\n", "line 1: every column is expected once"),
        (HEAD + "ann,EUR,1,\nbob,EUR\n", "line 3: as many values as columns are expected"),
        (HEAD + "ann,EUR,1,a,more\n", "line 2: as many values as columns are expected"),
        (HEAD + ",EUR,1,\n", "line 2: a player of 1 to 128 printable characters is expected"),
        (
            HEAD + "a" * 129 + ",EUR,1,\n",
            "line 2: a player of 1 to 128 printable characters is expected",
        ),
        (HEAD + "ann,eur,1,\n", "line 2: a currency code such as USD is expected"),
        (HEAD + "ann,EUR,1.001,\n", "line 2, balance: at most 2 digits after the point"),
        (HEAD + "ann,EUR,1e3,\n", "line 2, balance: a plain decimal amount is expected"),
        (HEAD + "ann,EUR,-1,\n", "line 2, balance: an opening balance is not negative"),
        (HEAD + 'ann,"EUR"x,1,\n', "line 2: comma-separated values are expected"),
        (HEAD + 'ann,EUR,1,"open', "line 2: comma-separated values are expected"),
        (HEAD + "a\0nn,EUR,1,\n", "line 2: a player of 1 to 128 printable characters"),
        (HEAD + "ann,EUR,1,a\0\n", "line 2: handles of 1 to 128 printable characters"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(Malformed) as refused:
        list(read_players(io.StringIO(text, newline=""), ISO_ONLY))

    assert str(refused.value).startswith(message)


def test_players_are_imported_with_wallets_and_handles(database: str, engine: Engine) -> None:
    result = imported(engine, HEAD + "ann,EUR,10.50,a-1\nann,JPY,7,a-1\nbob,EUR,0,\n")

    assert result == ImportCounts(opened=3, known=0)
    assert rows(
        database, "SELECT player, currency, balance, seq FROM wallets ORDER BY 1, 2"
    ) == [
        ("ann", "EUR", 1050, 1),
        ("ann", "JPY", 7, 1),
        ("bob", "EUR", 0, 0),
    ]
    assert rows(database, "SELECT * FROM handles") == [("lottery", "a-1", "ann")]


def test_importing_again_changes_no_balance(database: str, engine: Engine) -> None:
    imported(engine, HEAD + "ann,EUR,10,a-1\n")
    accept(database, bet("b1", 400, handle="a-1"))

    again = imported(engine, HEAD + "ann,EUR,99,a-1\ncleo,EUR,1,\n")

    assert again == ImportCounts(opened=1, known=1)
    assert rows(database, "SELECT player, balance, seq FROM wallets ORDER BY 1") == [
        ("ann", 600, 2),
        ("cleo", 100, 1),
    ]


def test_a_file_with_a_wallet_twice_is_refused_and_nothing_is_imported(
    database: str, engine: Engine
) -> None:
    with pytest.raises(Malformed, match="line 4: this wallet is also on line 2"):
        imported(engine, HEAD + "ann,EUR,1,\nbob,EUR,1,\nann,EUR,2,\n")

    assert rows(database, "SELECT player FROM players") == []


def test_a_file_with_an_error_in_its_last_line_changes_nothing(
    database: str, engine: Engine
) -> None:
    content = (HEAD + "ann,EUR,1,a-1\nbob,EUR,1,\ncleo,EUR,x,\n").encode()
    players = read_players_file(
        io.BytesIO(content), "p.csv", FileRules(final_newline=False), None, ISO_ONLY
    )

    with pytest.raises(PlayersUnreadable, match=r'p\.csv:4: balance: .*; found "x"'):
        import_players(engine, players)

    assert rows(database, "SELECT player FROM players") == []
    assert rows(database, "SELECT * FROM handles") == []


def test_a_handle_of_another_player_is_refused_and_nothing_is_imported(
    database: str, engine: Engine
) -> None:
    imported(engine, HEAD + "ann,EUR,1,a-1\n")

    with pytest.raises(Malformed, match="handle:lottery: 'a-1' already names another player"):
        imported(engine, HEAD + "cleo,EUR,1,\nbob,EUR,1,a-1\n")

    assert rows(database, "SELECT player FROM players") == [("ann",)]


def test_a_handle_of_two_players_in_one_file_is_refused(database: str, engine: Engine) -> None:
    """Otherwise one of them would receive the other's wins."""
    with pytest.raises(Malformed, match="handle:lottery: 'x-1' already names another player"):
        imported(engine, HEAD + "ann,EUR,1,x-1\nbob,EUR,1,x-1\n")

    assert rows(database, "SELECT handle FROM handles") == []


def test_a_name_that_a_player_plays_under_becomes_nobody_elses_handle(
    database: str, engine: Engine
) -> None:
    """Otherwise the win of her bet would be his, or hers at receivers that know her."""
    imported(engine, HEAD + "ann,EUR,10,\nbob,EUR,0,\n")
    accept(database, bet("b1", 400))
    rest = "carl,EUR,0,c-1\n"

    for players in ("bob,EUR,0,ann\n", "bob,EUR,0,ann\nann,EUR,0,a-9\n"):
        with pytest.raises(Malformed, match="handle:lottery: 'ann' already names another"):
            imported(engine, HEAD + players + rest)
    with engine.begin() as connection, pytest.raises(Contradiction, match="another player"):
        store_handle(connection, "lottery", "bob", "ann")

    assert rows(database, "SELECT * FROM handles") == []
    assert accept(database, win("w1", 50))[0].operations[0].wallet_id == 1


def test_a_name_that_nobody_plays_under_may_be_another_players_handle(
    database: str, engine: Engine
) -> None:
    """A provider's own numbers may look like ours."""
    imported(engine, HEAD + "1,EUR,10,2\n2,EUR,10,1\n3,EUR,10,\n")
    accept(database, bet("b1", 400, handle="1"))

    imported(engine, HEAD + "4,EUR,0,3\n")
    with engine.begin() as connection:
        store_handle(connection, "lottery", "3", "4")

    assert len(rows(database, "SELECT * FROM handles")) == 4
    assert rows(database, "SELECT player, balance FROM wallets WHERE balance < 1000") == [
        *(("2", 600), ("4", 0))
    ]


def test_a_name_that_was_only_asked_about_may_become_a_handle_while_receivers_run(
    database: str, engine: Engine
) -> None:
    """The receiver that answered must not book the other player's bet in the old wallet."""
    imported(engine, HEAD + "ann,EUR,10,\n")

    async def day() -> list[str | None]:
        async with acceptors(database, 1) as (receiver,):
            await receiver.accept([request(balance_query())])
            await receiver.accept([request(win("w0", 5, bet_key="nobody's"))])
            imported(engine, HEAD + "carl,EUR,10,ann\n")
            facts = bet("b1", 400), win("w1", 50, bet_key="b1")
            accepted = [await receiver.accept([request(fact)]) for fact in facts]
        wallets = [each.decisions[0].wallet for each in accepted]
        return [None if wallet is None else wallet.player for wallet in wallets]

    assert asyncio.run(day()) == ["carl", "carl"]


def test_an_opening_balance_is_posted_and_proven_like_any_deposit(
    database: str, engine: Engine
) -> None:
    imported(engine, HEAD + "ann,EUR,10,\nbob,EUR,0,\n")
    post_all_at(database)

    assert [finding.name for finding in verify(engine) if finding.wrong] == []
    assert {x.account: (x.amount, x.entries) for x in trial_balance(engine)} == {
        "player_wallet": (1000, 1),
        "funding": (-1000, 1),
    }


def test_a_statement_follows_the_chain_from_the_opening_deposit(
    database: str, engine: Engine
) -> None:
    imported(engine, HEAD + "ann,EUR,10,\n")
    accept(database, bet("b1", 400), bet("b2", 700), win("w1", 50))

    lines = statement_of(engine, player="ann", currency="EUR", after_seq=0, limit=3)
    last_lines = statement_of(engine, player="ann", currency="EUR", after_seq=3, limit=3)

    operations = [
        (x.transaction, x.kind, x.decision, x.amount, x.balance_after)
        for x in lines + last_lines
    ]
    assert operations == [
        ("txn-1-1", "deposit", "accepted", 1000, 1000),
        ("txn-1-2", "bet", "accepted", -400, 600),
        ("txn-1-3", "bet", "declined", 0, 600),
        ("txn-1-4", "win", "accepted", 50, 650),
    ]
    assert [x.posted_at for x in last_lines] == [None]


def test_a_balance_is_that_of_one_wallet_or_none(database: str, engine: Engine) -> None:
    imported(engine, HEAD + "ann,EUR,10,\n")

    wallet = balance_of(engine, player="ann", currency="EUR")

    assert wallet is not None
    assert (wallet.player, wallet.currency, wallet.balance, wallet.seq, wallet.blocked) == (
        ("ann", "EUR", 1000, 1, False)
    )
    assert balance_of(engine, player="ann", currency="JPY") is None


def test_reading_a_database_out_of_reach_is_unavailable() -> None:
    engine = open_engine("postgresql://tieout@/tieout?host=/nonexistent")

    with pytest.raises(Unavailable, match="the database is out of reach"):
        balance_of(engine, player="ann", currency="EUR")
