"""The second witness: each guard of the schema refuses the violation that is planted for it.

The rules in Python do not produce these rows. If a mistake ever does, the database must say no.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

Database = psycopg.Connection[tuple[Any, ...]]

OPERATION: dict[str, Any] = {
    "wallet_id": 1,
    "wallet_seq": 1,
    "batch_id": 1,
    "provider": "aggregator",
    "op_key": "bet:1",
    "kind": "bet",
    "decision": "accepted",
    "currency": "EUR",
    "stake": 500,
    "payout": 0,
    "amount": -500,
    "balance_after": 500,
    "round_id": "1",
    "match_key": 1,
    "reverses": None,
    "ends_round": False,
    "fingerprint": b"\0" * 16,
    "route": "/bet",
    "headers": "",
    "body": b"{}",
    "reply_status": 200,
    "reply": b"{}",
    "received_at": "2025-03-01T00:00:00Z",
}
ENTRY: dict[str, Any] = {
    "wallet_id": 1,
    "wallet_seq": 1,
    "leg": 1,
    "account": "player_wallet",
    "provider": "aggregator",
    "match_key": 1,
    "currency": "EUR",
    "amount": -500,
}
CLEARING = {**ENTRY, "leg": 2, "account": "provider_clearing", "amount": 500}


def insert(database: Database, table: str, *rows: dict[str, Any]) -> None:
    """Write rows in one statement."""
    columns = ", ".join(rows[0])
    values = ", ".join("(" + ", ".join(["%s"] * len(row)) + ")" for row in rows)
    given = [value for row in rows for value in row.values()]
    with database.transaction():
        database.execute(f"INSERT INTO {table} ({columns}) VALUES {values}".encode(), given)


@pytest.fixture
def books(database: str) -> Iterator[Database]:
    """Books with one accepted bet, posted."""
    with psycopg.connect(database, autocommit=True) as connection:
        insert(connection, "operations", OPERATION)
        insert(connection, "entries", ENTRY, CLEARING)
        yield connection


@pytest.mark.parametrize(
    ("guard", "change"),
    [
        ("operations_pkey", {"op_key": "bet:2"}),
        ("operations_one_movement_per_key", {"wallet_seq": 2}),
        (
            "operations_declined_moves_nothing",
            {"wallet_seq": 2, "op_key": "bet:2", "decision": "declined"},
        ),
        (
            "operations_amount_is_payout_less_stake",
            {"wallet_seq": 2, "op_key": "bet:2", "amount": 500},
        ),
        (
            "operations_funding_has_no_stake",
            {"wallet_seq": 2, "op_key": "dep:1", "kind": "deposit"},
        ),
        ("operations_seq_positive", {"wallet_seq": 0, "op_key": "bet:2"}),
    ],
)
def test_an_operation_that_breaks_an_invariant_is_refused(
    books: Database, guard: str, change: dict[str, Any]
) -> None:
    with pytest.raises(errors.IntegrityError) as refused:
        insert(books, "operations", {**OPERATION, **change})

    assert refused.value.diag.constraint_name == guard


def test_an_original_is_reversed_once(books: Database) -> None:
    undo = {
        **OPERATION,
        "wallet_seq": 2,
        "op_key": "rollback:1",
        "kind": "rollback",
        "stake": -500,
        "amount": 500,
        "reverses": "bet:1",
    }
    insert(books, "operations", undo)

    with pytest.raises(errors.UniqueViolation) as refused:
        insert(books, "operations", {**undo, "wallet_seq": 3, "op_key": "rollback:2"})

    assert refused.value.diag.constraint_name == "operations_one_reversal_per_original"


@pytest.mark.parametrize(
    "rows",
    [
        [{**ENTRY, "wallet_seq": 2}],
        [{**ENTRY, "wallet_seq": 2}, {**CLEARING, "wallet_seq": 2, "amount": 499}],
        [{**ENTRY, "wallet_seq": 2}, {**CLEARING, "wallet_seq": 2, "currency": "USD"}],
        [{**ENTRY, "wallet_seq": 2}, {**CLEARING, "wallet_seq": 3}],
    ],
    ids=["one leg", "a cent short", "two currencies", "two transactions"],
)
def test_entries_that_do_not_sum_to_zero_are_refused(
    books: Database, rows: list[dict[str, Any]]
) -> None:
    with pytest.raises(errors.CheckViolation) as refused:
        insert(books, "entries", *rows)

    assert refused.value.diag.constraint_name == "entries_sum_to_zero"
    assert books.execute("SELECT count(*) FROM entries").fetchone() == (2,)


def test_an_operation_is_posted_once(books: Database) -> None:
    with pytest.raises(errors.UniqueViolation) as refused:
        insert(books, "entries", ENTRY, CLEARING)

    assert refused.value.diag.constraint_name == "entries_pkey"


def test_an_entry_of_nothing_is_refused(books: Database) -> None:
    nothing = {**ENTRY, "wallet_seq": 2, "amount": 0}

    with pytest.raises(errors.CheckViolation) as refused:
        insert(books, "entries", nothing)

    assert refused.value.diag.constraint_name == "entries_amount_not_zero"


@pytest.mark.parametrize("table", ["operations", "entries", "feed_versions"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET provider = 'other'",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
    ],
)
def test_what_is_written_is_never_changed_or_removed(
    books: Database, table: str, statement: str
) -> None:
    with pytest.raises(errors.RestrictViolation, match="append-only") as refused:
        books.execute(statement.format(table=table).encode())

    assert refused.value.diag.constraint_name == f"{table}_append_only"


#: A column of each table that never changes once it is written, beside which others may.
KEPT = {
    "batches": "committed_at",
    "breaks": "first_seen",
    "day_closes": "business_day",
    "deliveries": "body",
    "feed_files": "digest",
    "feed_findings": "first_seen",
    "feed_pulls": "received",
    "handles": "player",
    "players": "created_at",
    "provider_deliveries": "delivery_id",
    "receiver_sessions": "opened_at",
    "runs": "started_at",
    "wallets": "player",
}


def test_evidence_is_never_rewritten_or_removed(books: Database) -> None:
    for table, column in KEPT.items():
        for statement in (
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
        ):
            with pytest.raises(errors.RestrictViolation, match="append-only"):
                books.execute(statement.encode())
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        books.execute("TRUNCATE feed_records")


def test_the_state_of_work_beside_evidence_moves_on(books: Database) -> None:
    for change in (
        "batches SET posted_at = now()",
        "deliveries SET ingested_at = now()",
        "wallets SET balance = balance",
        "feed_findings SET resolved_at = now()",
    ):
        books.execute(f"UPDATE {change}".encode())


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_who_did_what_is_never_changed_or_removed(books: Database, statement: str) -> None:
    books.execute(
        "INSERT INTO audit (actor, action, subject, detail) VALUES ('ann', 'test', 'x', '{}')"
    )

    with pytest.raises(errors.RestrictViolation, match="append-only") as refused:
        books.execute(statement.encode())

    assert refused.value.diag.constraint_name == "audit_append_only"


def test_a_run_that_is_not_conserved_is_refused(books: Database) -> None:
    run = {
        "run_id": "r",
        "provider": "aggregator",
        "window_from": "2025-03-01T00:00:00Z",
        "window_to": "2025-03-02T00:00:00Z",
        "started_at": "2025-03-02T00:00:00Z",
        "finished_at": "2025-03-02T00:00:01Z",
        "result": "{}",
        "manifest": "{}",
        "conserved": False,
    }

    with pytest.raises(errors.CheckViolation) as refused:
        insert(books, "runs", run)

    assert refused.value.diag.constraint_name == "runs_are_conserved"


@pytest.mark.parametrize("table", ["archived_keys", "archived_records"])
def test_packed_hashes_are_merged_only_by_what_counts_them(books: Database, table: str) -> None:
    """A function of an earlier revision would let them go uncounted, even of an empty table."""
    books.execute("SELECT set_config('tieout.letting_go', 'yes', false)")

    with pytest.raises(errors.RestrictViolation, match="merged and counted at once: repeat"):
        books.execute(f"DELETE FROM {table}".encode())
