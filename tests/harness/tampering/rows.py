"""One row changed with the guards switched off, and which commands must find it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tampering:
    """One change.

    Attributes:
        statement: the SQL of the change.
        checks: the checks of verify that find it.
        replay: the first row that replay names, or None if it finds nothing.
        audit: the row that the file of the sealed day names, or None if it is not in the file.
    """

    statement: str
    checks: frozenset[str]
    replay: str | None
    audit: str | None


def found_by(statement: str, *checks: str, replay: str | None, audit: str | None) -> Tampering:
    return Tampering(statement, frozenset(checks), replay, audit)


def planted(wallet_id: int, seq: int) -> str:
    """SQL that adds two entries which sum to zero."""
    return (
        "INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key,"
        f" currency, amount) VALUES ({wallet_id}, {seq}, 1, 'ggr', 'lottery', 5, 'EUR', -5),"
        f" ({wallet_id}, {seq}, 2, 'funding', 'lottery', 5, 'EUR', 5)"
    )


#: Entries and operations.
OF_THE_BOOKS: dict[str, Tampering] = {
    "an entry's amount": found_by(
        "UPDATE entries SET amount = amount + 1 WHERE wallet_id = 1 AND wallet_seq = 2 "
        "AND leg = 1",
        "entries_sum_to_zero",
        "wallets_equal_entries",
        "operations_posted_once",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "both entries of a bet": found_by(
        "UPDATE entries SET amount = amount * 2 WHERE wallet_id = 1 AND wallet_seq = 2",
        "wallets_equal_entries",
        "operations_posted_once",
        "ended_rounds_are_clear",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "an entry moved to another account": found_by(
        "UPDATE entries SET account = 'suspense' WHERE wallet_id = 1 AND wallet_seq = 2 "
        "AND leg = 1",
        "wallets_equal_entries",
        "operations_posted_once",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "an entry moved from ggr to adjustment": found_by(
        "UPDATE entries SET account = 'adjustment' WHERE wallet_id = 1 AND account = 'ggr'",
        "sweeps_are_whole",
        replay=None,
        audit="entry 6 of txn-1-4",
    ),
    "clearing renamed to ggr": found_by(
        "UPDATE entries SET account = 'ggr' WHERE wallet_id = 1 AND wallet_seq = 5 AND leg = 2",
        "operations_posted_once",
        "ended_rounds_are_clear",
        replay=None,
        audit="entry 2 of txn-1-5",
    ),
    "an entry's provider": found_by(
        "UPDATE entries SET provider = 'other' WHERE wallet_id = 1 AND wallet_seq = 2 "
        "AND leg = 1",
        "operations_posted_once",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "an entry's round": found_by(
        "UPDATE entries SET match_key = match_key + 1 WHERE wallet_id = 1 AND "
        "wallet_seq = 5 AND leg = 2",
        "operations_posted_once",
        "ended_rounds_are_clear",
        replay=None,
        audit="entry 2 of txn-1-5",
    ),
    "an entry's currency": found_by(
        "UPDATE entries SET currency = 'USD' WHERE wallet_id = 1 AND wallet_seq = 5",
        "operations_posted_once",
        replay=None,
        audit="entry 1 of txn-1-5",
    ),
    "an entry's instant": found_by(
        "UPDATE entries SET posted_at = posted_at - interval '1 hour' WHERE wallet_id = "
        "1 AND wallet_seq = 5 AND leg = 2",
        replay=None,
        audit="entry 2 of txn-1-5",
    ),
    "entries removed": found_by(
        "DELETE FROM entries WHERE wallet_id = 1 AND wallet_seq = 3",
        "wallets_equal_entries",
        "operations_posted_once",
        "ended_rounds_are_clear",
        replay=None,
        audit="entry 3 of txn-1-3",
    ),
    "a sweep removed": found_by(
        "DELETE FROM entries WHERE wallet_id = 1 AND leg IN (5, 6)",
        "ended_rounds_are_clear",
        replay=None,
        audit="entry 5 of txn-1-4",
    ),
    "entries of no operation": found_by(
        planted(77, 1),
        "operations_posted_once",
        replay=None,
        audit=None,
    ),
    "entries of an operation that is not posted": found_by(
        planted(2, 3),
        "operations_posted_once",
        replay=None,
        audit=None,
    ),
    "entries of a declined operation": found_by(
        planted(1, 6),
        "operations_posted_once",
        replay=None,
        audit="entry 1 of txn-1-6",
    ),
    "an operation's amount": found_by(
        "UPDATE operations SET stake = 200, amount = -200 WHERE op_key = 'b1'",
        "operations_posted_once",
        "chains_have_no_gap",
        "wallets_count_their_chain",
        "rounds_equal_operations",
        replay="txn-1-2",
        audit="operation txn-1-2",
    ),
    "an operation's balance": found_by(
        "UPDATE operations SET balance_after = balance_after + 1 WHERE op_key = 'b1'",
        "chains_have_no_gap",
        replay="txn-1-2",
        audit="operation txn-1-2",
    ),
    "an operation's two sides": found_by(
        "UPDATE operations SET stake = stake + 1, payout = payout + 1 WHERE op_key = 'b1'",
        "operations_posted_once",
        "wallets_count_their_chain",
        "rounds_equal_operations",
        replay="txn-1-2",
        audit="operation txn-1-2",
    ),
    "an operation's round": found_by(
        "UPDATE operations SET round_id = 'elsewhere' WHERE op_key = 'b2'",
        "rounds_equal_operations",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "an operation's kind": found_by(
        "UPDATE operations SET kind = 'win' WHERE op_key = 'b2'",
        "rounds_equal_operations",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "an operation's key": found_by(
        "UPDATE operations SET op_key = 'b2x' WHERE op_key = 'b2'",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "an operation's currency": found_by(
        "UPDATE operations SET currency = 'USD' WHERE op_key = 'b3'",
        "operations_fit_their_wallet",
        replay="txn-1-6",
        audit="operation txn-1-6",
    ),
    "an operation's bytes": found_by(
        "UPDATE operations SET body = 'something else' WHERE op_key = 'b2'",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "the bytes of an own operation": found_by(
        "UPDATE operations SET body = 'something else' WHERE op_key = 'k1'",
        replay="txn-1-11",
        audit="operation txn-1-11",
    ),
    "an operation's fund": found_by(
        "UPDATE operations SET fund = 'bonus' WHERE op_key = 'w1'",
        "operations_posted_once",
        replay="txn-1-3",
        audit="operation txn-1-3",
    ),
    "an operation's reply": found_by(
        "UPDATE operations SET reply = '{}' WHERE op_key = 'b2'",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "an operation's fingerprint": found_by(
        "UPDATE operations SET fingerprint = repeat('x', 16)::bytea WHERE op_key = 'b2'",
        replay="txn-1-5",
        audit="operation txn-1-5",
    ),
    "an operation's instant": found_by(
        "UPDATE operations SET received_at = received_at + interval '1 second' WHERE "
        "op_key = 'b3'",
        replay=None,
        audit="operation txn-1-6",
    ),
    "an operation's batch": found_by(
        "UPDATE operations SET batch_id = 999 WHERE op_key = 'b3'",
        "operations_fit_their_wallet",
        "batches_are_whole",
        replay="txn-1-7",
        audit="operation txn-1-6",
    ),
    "a declined bet made accepted": found_by(
        "UPDATE operations SET decision = 'accepted', reason = NULL WHERE op_key = 'b3'",
        "rounds_equal_operations",
        replay="txn-1-6",
        audit="operation txn-1-6",
    ),
    "a rollback's original": found_by(
        "UPDATE operations SET reverses = 'b2' WHERE op_key = 'u1'",
        "reversals_undo_their_original",
        replay="txn-1-8",
        audit="operation txn-1-8",
    ),
    "a tombstone's origin": found_by(
        "UPDATE operations SET refers_to = 'u1' WHERE op_key = 'gone'",
        "tombstones_move_nothing",
        replay="txn-1-10",
        audit="operation txn-1-10",
    ),
    "an operation removed from a chain": found_by(
        "DELETE FROM operations WHERE op_key = 'b3'",
        "chains_have_no_gap",
        "batches_are_whole",
        replay="txn-1-7",
        audit="operation txn-1-6",
    ),
    "the last operation removed": found_by(
        "DELETE FROM operations WHERE op_key = 'k1'",
        "wallets_end_their_chain",
        "wallets_count_their_chain",
        "batches_are_whole",
        replay="wallet 1 (ann EUR)",
        audit="operation txn-1-11",
    ),
    "an unposted operation removed": found_by(
        "DELETE FROM operations WHERE op_key = 'b4'",
        "wallets_equal_entries",
        "wallets_end_their_chain",
        "wallets_count_their_chain",
        "batches_are_whole",
        replay="wallet 2 (bob EUR)",
        audit=None,
    ),
    "a deposit's amount": found_by(
        "UPDATE operations SET amount = 71, balance_after = 571 WHERE op_key = 'd1'",
        "operations_posted_once",
        "chains_have_no_gap",
        "orders_name_who_gave_them",
        replay="txn-2-2",
        audit="operation txn-2-2",
    ),
}
