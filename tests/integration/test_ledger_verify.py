"""Verify is shown to find: each kind of tampering is named by the check that promises it."""

from contextlib import closing

import psycopg
import pytest

from ledger.posting import drain
from ledger.verify import CHECKS, Finding, verify
from storage.engine import open_engine
from tests.harness.ledger import (
    LENIENT,
    accept,
    bet,
    open_wallets,
    rollback,
    round_end,
    win,
)


def findings(database: str) -> dict[str, Finding]:
    engine = open_engine(database)
    try:
        return {finding.name: finding for finding in verify(engine)}
    finally:
        engine.dispose()


def tamper(database: str, statement: str) -> None:
    """Change what the guards would refuse, as someone with the keys to the server could."""
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement.encode()).rowcount > 0


def a_day(database: str) -> None:
    """ann has wallet 1. r1 has ended, r2 is open; bob's bet is accepted and not posted."""
    open_wallets(database, ("ann", 1000), ("bob", 500))
    accept(
        database,
        bet("b1", 300),
        win("w1", 120, bet_key="b1"),
        round_end("e1", of="b1", staked=300, paid=120),
        bet("b2", 50, round_id="r2"),
        bet("b3", 9000, round_id="r3"),
    )
    accept(database, bet("s1", 40, round_id="s1"), rollback("u1", "s1"), policy=LENIENT)
    drain(database)
    accept(database, bet("b4", 60, handle="bob", round_id="r4"))


def planted(wallet_id: int, seq: int) -> str:
    """Entries that sum to zero, where none belong."""
    return (
        "INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key,"
        f" currency, amount) VALUES ({wallet_id}, {seq}, 1, 'ggr', 'lottery', 5, 'EUR', -5),"
        f" ({wallet_id}, {seq}, 2, 'funding', 'lottery', 5, 'EUR', 5)"
    )


TAMPERINGS = {
    "an entry's amount": (
        "UPDATE entries SET amount = amount + 1 WHERE wallet_seq = 2 AND leg = 1",
        {"entries_sum_to_zero", "wallets_equal_entries", "operations_posted_once"},
    ),
    "both entries of a bet": (
        "UPDATE entries SET amount = amount * 2 WHERE wallet_seq = 2 AND provider <> 'tieout'",
        {"wallets_equal_entries", "operations_posted_once", "ended_rounds_are_clear"},
    ),
    "entries moved to another account": (
        "UPDATE entries SET account = 'suspense' WHERE wallet_seq = 2 AND leg = 1",
        {"wallets_equal_entries", "operations_posted_once"},
    ),
    "clearing renamed to ggr": (
        "UPDATE entries SET account = 'ggr' WHERE wallet_seq = 5 AND leg = 2",
        {"ended_rounds_are_clear"},
    ),
    "entries removed": (
        "DELETE FROM entries WHERE wallet_id = 1 AND wallet_seq = 3",
        {"wallets_equal_entries", "operations_posted_once", "ended_rounds_are_clear"},
    ),
    "entries of no operation": (
        planted(77, 1),
        {"operations_posted_once"},
    ),
    "entries of an operation that is not posted": (
        planted(2, 2),
        {"operations_posted_once"},
    ),
    "entries of a declined operation": (
        planted(1, 6),
        {"operations_posted_once"},
    ),
    "an operation's amount": (
        "UPDATE operations SET stake = 200, amount = -200 WHERE op_key = 'b1'",
        {"chains_have_no_gap", "operations_posted_once", "rounds_equal_operations"},
    ),
    "an operation's balance": (
        "UPDATE operations SET balance_after = balance_after + 1 WHERE op_key = 'b1'",
        {"chains_have_no_gap"},
    ),
    "an operation's two sides": (
        "UPDATE operations SET stake = stake + 1, payout = payout + 1 WHERE op_key = 'b1'",
        {"rounds_equal_operations"},
    ),
    "an operation's round": (
        "UPDATE operations SET round_id = 'elsewhere' WHERE op_key = 'b2'",
        {"rounds_equal_operations"},
    ),
    "an operation removed from a chain": (
        "DELETE FROM operations WHERE op_key = 'b3'",
        {"chains_have_no_gap"},
    ),
    "the last operation removed": (
        "DELETE FROM operations WHERE op_key = 'u1'",
        {"operations_posted_once", "rounds_equal_operations", "wallets_end_their_chain"},
    ),
    "an operation that waits removed": (
        "DELETE FROM operations WHERE op_key = 'b4'",
        {"wallets_equal_entries", "wallets_end_their_chain"},
    ),
    "a wallet's balance": (
        "UPDATE wallets SET balance = balance + 100 WHERE player = 'ann'",
        {"wallets_equal_entries", "wallets_end_their_chain"},
    ),
    "a wallet's place, ahead": (
        "UPDATE wallets SET seq = seq + 1 WHERE player = 'ann'",
        {"wallets_end_their_chain"},
    ),
    "a wallet's place, behind": (
        "UPDATE wallets SET seq = 5 WHERE player = 'ann'",
        {"wallets_end_their_chain"},
    ),
    "a round's stake": (
        "UPDATE rounds SET stake = stake + 1 WHERE round_id = 'r2'",
        {"rounds_equal_operations", "ended_rounds_are_clear"},
    ),
    "a round's sweep": (
        "UPDATE rounds SET swept = swept - 1 WHERE round_id = 'r1'",
        {"ended_rounds_are_clear"},
    ),
    "a round ended by hand": (
        "UPDATE rounds SET ended = true WHERE round_id = 'r2'",
        {"ended_rounds_are_clear"},
    ),
    "a round removed": (
        "DELETE FROM rounds WHERE round_id = 'r2'",
        {"rounds_equal_operations"},
    ),
    "a batch marked although it is not posted": (
        "UPDATE batches SET posted_at = now() WHERE posted_at IS NULL",
        {"wallets_equal_entries", "operations_posted_once", "rounds_equal_operations"},
    ),
    "a batch unmarked although it is posted": (
        "UPDATE batches SET posted_at = NULL WHERE batch_id = 2",
        {"wallets_equal_entries", "operations_posted_once", "rounds_equal_operations"},
    ),
    "something parked": (
        "INSERT INTO parked (job, subject, cause, detail) VALUES ('j', 's', 'c', 'd')",
        {"nothing_is_parked"},
    ),
}


def test_untouched_books_hold_and_every_check_looked_at_something(database: str) -> None:
    a_day(database)

    told = findings(database)

    assert list(told) == [check.name for check in CHECKS]
    assert [(x.name, x.first) for x in told.values() if x.wrong] == []
    assert all(finding.checked > 0 for finding in told.values())


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_by_the_checks_that_promise_it(database: str, what: str) -> None:
    statement, expected = TAMPERINGS[what]
    a_day(database)

    tamper(database, statement)

    wrong = {name for name, finding in findings(database).items() if finding.wrong}
    assert wrong == expected


def test_each_check_is_shown_to_find_something() -> None:
    found = {name for _, expected in TAMPERINGS.values() for name in expected}

    assert found == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("what", "check", "first"),
    [
        ("an entry's amount", "entries_sum_to_zero", "txn-1-2"),
        ("an operation's balance", "chains_have_no_gap", "txn-1-2"),
        ("a wallet's balance", "wallets_end_their_chain", "ann EUR"),
        ("a round's stake", "rounds_equal_operations", "lottery r2"),
        ("a round ended by hand", "ended_rounds_are_clear", "lottery r2"),
        ("something parked", "nothing_is_parked", "j s: c"),
    ],
)
def test_a_finding_names_the_first_row_that_is_wrong(
    database: str, what: str, check: str, first: str
) -> None:
    a_day(database)

    tamper(database, TAMPERINGS[what][0])

    assert findings(database)[check].first == first
