"""Where every wallet stood when a month was let go, and proofs that begin there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import RestrictViolation

from ledger.archive.release import take_month_end
from ledger.checks.check import MonthEnd, WalletScope
from ledger.checks.run import CHECKS, checks_for, verify
from ledger.posting.posting import post_all_at
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.ledger import accept, bet, rollback, win
from tests.harness.tampering.replay import copy_books, restore_books, tamper
from vocabulary.errors import Contradiction

LATER = WalletScope(month_end=MonthEnd(datetime(2020, 7, 1, tzinfo=UTC), 7))
#: Beside what is open from June: a late rollback of b2, repeats of June, and a whole round.
JULY = (
    bet("b1", 300),
    rollback("u2", "b2", round_id="r2"),
    bet("j1", 30, handle="bob", round_id="j"),
    win("j2", 10, bet_key="j1", handle="bob", round_id="j"),
    bet("j3", 20, handle="bob", round_id="k"),
    rollback("u3", "j3", handle="bob", round_id="k"),
)
#: The clock of the tests is years after June 2020.
DATED = (
    (
        "UPDATE operations o SET received_at = b.committed_at FROM batches b"
        " WHERE b.batch_id = o.batch_id AND b.batch_id < 7"
    ),
    (
        "UPDATE rounds r SET first_at = o.first_at, last_at = o.last_at FROM ("
        "   SELECT match_key, wallet_id, min(received_at) AS first_at,"
        "          max(received_at) AS last_at"
        "     FROM operations WHERE decision = 'accepted' GROUP BY match_key, wallet_id) o"
        " WHERE r.match_key = o.match_key AND r.wallet_id = o.wallet_id"
    ),
)
NAMED = {
    "UPDATE operations SET balance_after = balance_after + 1 WHERE op_key = 'u3'": {
        "chains_have_no_gap",
        "wallets_end_their_chain",
    },
    "UPDATE operations SET stake = stake + 1, amount = amount - 1 WHERE op_key = 'j1'": {
        *("chains_have_no_gap", "wallets_count_their_chain", "operations_posted_once"),
        "rounds_equal_operations",
    },
    "DELETE FROM entries WHERE leg = 1": {
        *("entries_sum_to_zero", "wallets_equal_entries", "operations_posted_once"),
    },
    "DELETE FROM rounds WHERE round_id = 'j'": {"rounds_equal_operations"},
    "UPDATE rounds SET stake = 99 WHERE round_id = 'j'": {
        *("rounds_equal_operations", "ended_rounds_are_clear"),
    },
    "UPDATE deliveries SET reply = '{}' WHERE verdict = 'repeated'": {
        "deliveries_are_answered"
    },
    "UPDATE month_end_wallets SET balance = balance + 1 WHERE wallet_id = 1": {
        *("month_ends_are_tied", "chains_have_no_gap", "wallets_equal_entries"),
        "archived_totals_are_tied",
    },
    "UPDATE month_end_wallets SET turnover = 0, blocked = NOT blocked": {
        *("month_ends_are_tied", "wallets_count_their_chain"),
    },
    "DELETE FROM month_end_wallets WHERE wallet_id = 2": {
        *("month_ends_are_tied", "chains_have_no_gap", "wallets_equal_entries"),
        "archived_totals_are_tied",
    },
    "UPDATE month_ends SET seal = repeat('0', 64)": {"month_ends_are_tied"},
    "UPDATE operations SET stake = 99, amount = -99 WHERE op_key = 'b1'": set(),
}


@pytest.fixture(scope="module")
def july(postgres: PostgresServer, released: Archivist) -> Iterator[str]:
    """Books whose June is let go and that went on in July."""
    assert released.folder.exists()
    postgres.execute("CREATE DATABASE month_july TEMPLATE month_released")
    database = postgres.url("month_july")
    for statement in DATED:
        tamper(database, statement)
    accept(database, *JULY)
    post_all_at(database)
    copy_books(database)
    yield database
    postgres.execute("DROP DATABASE month_july WITH (FORCE)")


@pytest.fixture
def books(july: str) -> Iterator[str]:
    """Its URL; the books are restored afterwards."""
    yield july
    restore_books(july)


def wrong_checks(database: str, scope: WalletScope | None = None) -> set[str]:
    """The checks that find something, but for the work that the books have parked."""
    engine = open_engine(database)
    try:
        wrong = {result.name for result in verify(engine, scope=scope) if result.wrong}
        return wrong - {"nothing_is_parked"}
    finally:
        engine.dispose()


def test_the_month_end_is_where_the_chains_were(released: Archivist) -> None:
    rows = released.rows(
        "SELECT m.wallet_id, m.wallet_seq, m.balance = o.balance_after"
        "  FROM month_end_wallets m JOIN operations o USING (wallet_id, wallet_seq)"
        " ORDER BY m.wallet_id"
    )
    last = released.rows(
        "SELECT wallet_id, max(wallet_seq), true FROM operations WHERE batch_id < 7"
        " GROUP BY wallet_id ORDER BY wallet_id"
    )
    assert rows == last
    noted = "SELECT subject, actor, detail FROM audit WHERE action = 'archive.month_end'"
    [(subject, actor, detail)] = released.rows(noted)
    digest = released.rows("SELECT encode(month_end_digest(), 'hex') FROM month_ends")
    assert (subject, actor, detail["wallets"]) == (ARCHIVE, "jonas", 2)
    assert [(detail["digest"],)] == digest


def test_a_proof_from_the_month_end_covers_less_and_holds(books: str) -> None:
    engine = open_engine(books)
    try:
        whole = {result.name: result for result in verify(engine)}
        later = {result.name: result for result in verify(engine, scope=LATER)}
    finally:
        engine.dispose()
    assert wrong_checks(books) == wrong_checks(books, LATER) == set()
    checks, left_out = checks_for(LATER)
    assert list(later) == [check.name for check in checks]
    assert {*later, *left_out} == {check.name for check in CHECKS}
    assert whole["chains_have_no_gap"].checked - later["chains_have_no_gap"].checked == 13
    assert later["chains_have_no_gap"].checked == 6
    assert later["rounds_equal_operations"].checked == 3
    for scope in (
        WalletScope(wallets=(1, 1), month_end=LATER.month_end),
        WalletScope(wallets=(2, 9), month_end=LATER.month_end),
        WalletScope(since=datetime(2020, 7, 1, tzinfo=UTC), month_end=LATER.month_end),
    ):
        assert wrong_checks(books, scope) == set()


@pytest.mark.parametrize("statement", NAMED)
def test_tampering_after_the_month_end_is_found_from_there(books: str, statement: str) -> None:
    tamper(books, statement)
    assert wrong_checks(books, LATER) == NAMED[statement]
    assert wrong_checks(books), "the whole proof finds all of it"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE month_end_wallets SET balance = 5, wallet_seq = wallet_seq + 1",
        "SET tieout.taking_month_end = 'yes'; UPDATE month_end_wallets SET balance = 5",
        (
            "SET tieout.taking_month_end = 'yes'; INSERT INTO month_end_wallets"
            " VALUES (9, 1, 1, 0, false)"
        ),
        "DELETE FROM month_end_wallets",
        "TRUNCATE month_end_wallets",
        "UPDATE month_ends SET wallets = 3",
        "DELETE FROM month_ends",
        (
            "INSERT INTO month_ends SELECT '2020-07-01', '2020-08-01 00:00+00', wallets,"
            " digest, seal, manifest_hash, taken_at FROM month_ends"
        ),
    ],
)
def test_even_the_owner_changes_nothing_about_a_month_end(books: str, statement: str) -> None:
    with psycopg.connect(books) as connection:
        refused = pytest.raises((RestrictViolation, psycopg.errors.ForeignKeyViolation))
        with refused:
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("DELETE FROM operations WHERE op_key = 'w1'", "has not the balance"),
        (
            "UPDATE operations SET stake = 1, amount = -1 WHERE op_key = 'b1'",
            "has not the balance",
        ),
        (
            "UPDATE batches SET committed_at = '2020-08-01' WHERE batch_id = 2",
            "has not the balance|is not the last of its wallet",
        ),
    ],
)
def test_a_chain_that_does_not_add_up_refuses_the_month_end(
    books: str, statement: str, cause: str
) -> None:
    tamper(books, "DELETE FROM month_ends")
    tamper(books, "DELETE FROM month_end_wallets")
    tamper(books, statement)
    engine = open_engine(books)
    try:
        with pytest.raises(Contradiction, match=cause):
            take_month_end(engine, by="jonas")
    finally:
        engine.dispose()
    with psycopg.connect(books) as connection:
        counted = connection.execute("SELECT count(*) FROM month_end_wallets").fetchone()
    assert counted == (0,), "nothing is taken of it"


def test_a_month_end_waits_for_entries_that_stay(books: str) -> None:
    engine = open_engine(books)
    try:
        assert take_month_end(engine, by="jonas") is None, "it is taken already"
        tamper(books, "DELETE FROM month_ends")
        tamper(books, "UPDATE batches SET entries_at = NULL WHERE batch_id = 3")
        assert take_month_end(engine, by="jonas") is None
    finally:
        engine.dispose()


def test_the_command_says_from_where_it_proved(
    exported: Archivist, released: Archivist, books: str, tmp_path: Path
) -> None:
    archivist = Archivist(tmp_path, books)
    document = json.loads(archivist.run("ledger", "verify", "--from-month-end", "--json"))
    assert (document["clean"], document["partial"]) == (True, True)
    assert document["scope"] == "from the month end of 2020-07-01T00:00:00+00:00 on"
    assert "month_ends_equal_chains" in document["left_out"]
    refused = exported.run("ledger", "verify", "--from-month-end", code=1)
    assert "there is no month end yet" in refused
    tamper(books, "DELETE FROM month_ends")
    tamper(books, "DELETE FROM month_end_wallets")
    tamper(books, "UPDATE operations SET stake = 1, amount = -1 WHERE op_key = 'b1'")
    refused = archivist.run("archive", "approve", ARCHIVE, "--by", "jonas", code=1)
    assert "the month end is not taken: txn-" in refused
    again = released.run("archive", "approve", ARCHIVE, "--by", "jonas")
    assert "begins after 2020-06" not in again, "the month end is taken already"
