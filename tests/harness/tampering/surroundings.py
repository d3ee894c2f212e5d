"""Tampering with wallets, rounds, batches, deliveries, parked work and seals."""

from tests.harness.tampering.orders import OF_ORDERS
from tests.harness.tampering.residuals import OF_RESIDUALS
from tests.harness.tampering.rows import OF_THE_BOOKS, Tampering, found_by

AROUND: dict[str, Tampering] = {
    "a wallet's balance": found_by(
        "UPDATE wallets SET balance = balance + 100 WHERE player = 'ann'",
        "wallets_equal_entries",
        "wallets_end_their_chain",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet's position, ahead": found_by(
        "UPDATE wallets SET seq = seq + 1 WHERE player = 'ann'",
        "wallets_end_their_chain",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet's position, behind": found_by(
        "UPDATE wallets SET seq = 5 WHERE player = 'ann'",
        "wallets_end_their_chain",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet's turnover": found_by(
        "UPDATE wallets SET turnover = turnover + 1 WHERE player = 'ann'",
        "wallets_count_their_chain",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet's block": found_by(
        "UPDATE wallets SET blocked = false WHERE player = 'ann'",
        "wallets_count_their_chain",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet's stakes of the day": found_by(
        "UPDATE wallets SET day_stake = 0 WHERE player = 'ann'",
        replay="wallet 1 (ann EUR)",
        audit=None,
    ),
    "a wallet removed": found_by(
        "DELETE FROM wallets WHERE player = 'bob'",
        "operations_fit_their_wallet",
        "orders_name_who_gave_them",
        replay="txn-2-1",
        audit=None,
    ),
    "a round's stake": found_by(
        "UPDATE rounds SET stake = stake + 1 WHERE round_id = 'r2'",
        "rounds_equal_operations",
        "ended_rounds_are_clear",
        replay=None,
        audit=None,
    ),
    "a round's counters": found_by(
        "UPDATE rounds SET wins = wins + 1 WHERE round_id = 'r2'",
        "rounds_equal_operations",
        replay=None,
        audit=None,
    ),
    "a round's control total": found_by(
        "UPDATE rounds SET declared_payout = 0 WHERE round_id = 'r1'",
        "rounds_equal_operations",
        replay=None,
        audit=None,
    ),
    "a round's sweep": found_by(
        "UPDATE rounds SET swept = swept - 1 WHERE round_id = 'r1'",
        "ended_rounds_are_clear",
        replay=None,
        audit=None,
    ),
    "a round ended by hand": found_by(
        "UPDATE rounds SET ended = true WHERE round_id = 'r2'",
        "rounds_equal_operations",
        "ended_rounds_are_clear",
        replay=None,
        audit=None,
    ),
    "a round removed": found_by(
        "DELETE FROM rounds WHERE round_id = 'r2'",
        "rounds_equal_operations",
        replay=None,
        audit=None,
    ),
    "an unposted batch marked as posted": found_by(
        "UPDATE batches SET posted_at = now() WHERE posted_at IS NULL",
        "wallets_equal_entries",
        "operations_posted_once",
        "rounds_equal_operations",
        replay=None,
        audit=None,
    ),
    "a posted batch marked as unposted": found_by(
        "UPDATE batches SET posted_at = NULL WHERE batch_id = 2",
        "wallets_equal_entries",
        "operations_posted_once",
        "sweeps_are_whole",
        "rounds_equal_operations",
        replay=None,
        audit="batch 2",
    ),
    "a batch's count": found_by(
        "UPDATE batches SET operations = operations + 1 WHERE batch_id = 2",
        "batches_are_whole",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="batch 2",
    ),
    "a batch moved to another day": found_by(
        "UPDATE batches SET committed_at = committed_at + interval '1 day' WHERE batch_id = 2",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="batch 2",
    ),
    "a batch added to a sealed day": found_by(
        "INSERT INTO batches (operations, committed_at, posted_at) VALUES (0, "
        "'2020-06-04 13:00+00', '2020-06-04 13:00+00')",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="batch 8",
    ),
    "the reply of a repeat": found_by(
        "UPDATE deliveries SET reply = '{}' WHERE verdict = 'repeated'",
        "deliveries_are_answered",
        replay="delivery 1",
        audit="delivery 1",
    ),
    "the bytes of a repeat": found_by(
        "UPDATE deliveries SET body = 'something else' WHERE verdict = 'repeated'",
        replay="delivery 1",
        audit="delivery 1",
    ),
    "the reply of a conflict": found_by(
        "UPDATE deliveries SET reply = '{}' WHERE verdict = 'conflict'",
        replay="delivery 2",
        audit="delivery 2",
    ),
    "a conflict marked as a repeat": found_by(
        "UPDATE deliveries SET verdict = 'repeated' WHERE verdict = 'conflict'",
        "deliveries_are_answered",
        replay="delivery 2",
        audit="delivery 2",
    ),
    "a delivery's headers": found_by(
        "UPDATE deliveries SET headers = 'x: y' WHERE verdict = 'conflict'",
        replay=None,
        audit="delivery 2",
    ),
    "a delivery's batch": found_by(
        "UPDATE deliveries SET batch_id = 999 WHERE verdict = 'conflict'",
        "deliveries_are_answered",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="delivery 2",
    ),
    "a delivery removed": found_by(
        "DELETE FROM deliveries WHERE verdict = 'conflict'",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="delivery 2",
    ),
    "entries marked as archived": found_by(
        "UPDATE batches SET entries_at = posted_at WHERE batch_id = 2",
        "operations_posted_once",
        "archived_entries_keep_their_totals",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "entries marked as archived where others are": found_by(
        "UPDATE batches SET entries_at = posted_at WHERE batch_id = 2;"
        " INSERT INTO archived_totals VALUES ('2020-05-01', 'ggr', 'lottery', 'EUR', 5, 1)",
        "wallets_equal_entries",
        "operations_posted_once",
        "ended_rounds_are_clear",
        "archived_entries_keep_their_totals",
        "archived_totals_are_tied",
        replay=None,
        audit="entry 1 of txn-1-2",
    ),
    "a total of archived entries": found_by(
        "INSERT INTO archived_totals VALUES ('2020-05-01', 'ggr', 'lottery', 'EUR', 5, 1)",
        "archived_entries_keep_their_totals",
        "archived_totals_are_tied",
        replay=None,
        audit=None,
    ),
    "a hash of what left for an archive": found_by(
        "INSERT INTO archived_keys VALUES (5, '{5}', '{1}')",
        "packed_hashes_are_whole",
        replay=None,
        audit=None,
    ),
    "a wallet at a month end": found_by(
        "INSERT INTO month_end_wallets VALUES (1, 1, 1000, 0, false)",
        "month_ends_equal_chains",
        "month_ends_are_tied",
        "archived_totals_are_tied",
        replay=None,
        audit=None,
    ),
    "parked work": found_by(
        "INSERT INTO parked (job, subject, cause, detail) VALUES ('j', 's', 'c', 'd')",
        "nothing_is_parked",
        replay=None,
        audit=None,
    ),
    "a seal": found_by(
        "UPDATE seals SET previous = repeat('1', 64)",
        "seals_are_chained",
        replay=None,
        audit="sealed day 2020-06-04",
    ),
    "a seal moved to another day": found_by(
        "UPDATE seals SET day = day - 1",
        "sealed_days_keep_their_rows",
        replay=None,
        audit="sealed day 2020-06-03",
    ),
    "a listed break": found_by(
        "UPDATE listed_breaks SET state = 'open', words = 'nothing'",
        "breaks_are_listed",
        replay=None,
        audit=None,
    ),
    "a listed break removed": found_by(
        "DELETE FROM listed_breaks",
        "breaks_are_listed",
        replay=None,
        audit=None,
    ),
}
#: All of them.
TAMPERINGS = {**OF_THE_BOOKS, **AROUND, **OF_ORDERS, **OF_RESIDUALS}
