"""Books whose old bytes are in an archive: decided, proven and shown as if they were not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, text

from breaks.sources import sources_of_round
from ledger.checks.run import verify
from ledger.enums import OWN_SLUG
from ledger.posting.posting import post_all_at
from ledger.queries.account_movements import account_movements
from ledger.queries.balances import trial_balance
from ledger.queries.checkpoints import (
    BalanceClock,
    balance_at,
    prove_checkpoints,
    take_checkpoint,
)
from ledger.queries.daily_figures import daily_figures
from ledger.queries.operations import (
    entries_of,
    operation_at,
    operation_bytes,
    repeats_of,
    request_bytes,
)
from ledger.queries.provider_days import provider_days
from ledger.queries.round_parts import operations_of_round
from ledger.seal.compare import compare
from reports.statement.bridge import bridges, reported_ggr
from storage.archive.restore import restored_versions
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.ledger import SLUG, accept, bet, rollback
from tests.harness.tampering.replay import copy_books, replayed, restore_books, tamper
from tests.harness.tampering.sealed_day import DECODERS, FIRST, REPEATS, SECOND, quiet
from vocabulary.clock import SystemClock
from vocabulary.errors import Contradiction
from vocabulary.ids import TransactionPosition
from vocabulary.outcomes import Verdict
from vocabulary.window import parse_window

BOOKED = """
SELECT wallet_id, wallet_seq, leg, account::text, provider, match_key, currency, amount
  FROM booked_entries ORDER BY wallet_id, wallet_seq, leg
"""
TOTALS = "archived_entries_keep_their_totals"
FORGED_ENTRIES = """
INSERT INTO entries (wallet_id, wallet_seq, leg, account, provider, match_key, currency, amount)
SELECT wallet_id, wallet_seq, leg + 20, account, provider, match_key, currency, amount
  FROM archived_entries WHERE wallet_id = 1 AND wallet_seq = 2
"""


@pytest.fixture
def copies(
    postgres: PostgresServer, exported: Archivist, released: Archivist, tmp_path: Path
) -> Iterator[tuple[Archivist, Archivist]]:
    """A copy of the books with their bytes and one without, to be changed."""
    pair = []
    for archivist in (exported, released):
        name = archivist.database.partition("?")[0].rpartition("/")[2]
        postgres.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        folder = tmp_path / name
        folder.mkdir()
        pair.append(Archivist(folder, postgres.url(f"{name}_copy")))
    yield pair[0], pair[1]
    for name in ("month_exported_copy", "month_released_copy"):
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def read(archivist: Archivist, query: Callable[[Connection], Any]) -> Any:
    engine = open_engine(archivist.database)
    try:
        with engine.connect() as connection:
            return query(connection)
    finally:
        engine.dispose()


def test_a_late_repeat_and_a_late_rollback_are_answered_as_before(
    copies: tuple[Archivist, Archivist],
) -> None:
    facts = (
        *(bet("b1", 300), bet("b1", 301), bet("b3", 9000, round_id="r3")),
        *(rollback("u2", "b2", round_id="r2"), rollback("u3", "s1", round_id="s1")),
        *(bet("gone", 5, round_id="s9"), rollback("u1", "s1", round_id="s1")),
    )
    before, after = (accept(archivist.database, *facts) for archivist in copies)

    assert [decision.verdict for decision in after][:3] == [
        Verdict.REPEATED,
        Verdict.CONFLICT,
        Verdict.REPEATED,
    ]
    assert [(d.verdict, d.reply) for d in before] == [(d.verdict, d.reply) for d in after]
    assert books_after_posting(copies[0]) == books_after_posting(copies[1])
    assert copies[1].rows("SELECT count(*) > 0 FROM entries") == [(True,)]


def books_after_posting(archivist: Archivist) -> list[Any]:
    """All entries and a checkpoint, which hold."""
    post_all_at(archivist.database)
    assert wrong_checks(archivist.database) == set()
    engine = open_engine(archivist.database)
    take_checkpoint(engine, at=SystemClock().now())
    assert prove_checkpoints(engine).wrong == 0
    engine.dispose()
    checkpoints = "SELECT wallet_id, wallet_seq, balance FROM checkpoints ORDER BY wallet_id"
    return [archivist.rows(BOOKED), archivist.rows(checkpoints)]


def wrong_checks(database: str) -> set[str]:
    """The checks of verify that find something."""
    engine = open_engine(database)
    try:
        return {result.name for result in verify(engine) if result.wrong}
    finally:
        engine.dispose()


def test_no_archived_key_position_or_reversal_is_taken_twice(
    copies: tuple[Archivist, Archivist],
) -> None:
    _, released = copies
    columns = released.rows(
        "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'operations'::regclass AND attnum > 0"
    )[0][0]
    for changed, constraint in (
        ({"wallet_seq": "9001"}, "operations_one_movement_per_key"),
        ({"op_key": "'new'"}, "operations_pkey"),
        ({"wallet_seq": "9001", "op_key": "'new'"}, "operations_one_reversal_per_original"),
    ):
        values = ", ".join(changed.get(name, name) for name in columns.split(", "))
        with psycopg.connect(released.database) as connection:
            refused = pytest.raises(UniqueViolation, match=constraint)
            with refused:
                connection.execute(
                    f"INSERT INTO operations ({columns}) SELECT {values} FROM operations"
                    f" WHERE op_key = 'u1'".encode()
                )


def test_the_seal_is_proven_from_books_and_archive_together(
    exported: Archivist, released: Archivist
) -> None:
    checked = released.run("ledger", "audit", "recheck", "--day", "2020-06-04", "--json")
    assert json.loads(checked)["clean"]
    files = []
    for archivist in (exported, released):
        file = archivist.folder / "again.jsonl"
        archivist.run("ledger", "audit", "export", "2020-06-04", "--out", str(file))
        files.append(file.read_bytes())
    assert files[0] == files[1]


def test_what_is_changed_after_letting_go_is_named(
    exported: Archivist, copies: tuple[Archivist, Archivist]
) -> None:
    _, released = copies
    file = str(exported.folder / "day.jsonl.gz")
    tamper(released.database, "UPDATE operations SET balance_after = 1 WHERE op_key = 'b1'")
    tamper(released.database, "UPDATE deliveries SET headers = 'x: y' WHERE delivery_id = 1")
    changed = released.run("ledger", "audit", "compare", file, code=1)
    assert "operation txn-1-2: balance_after was 700 and is 1" in changed
    assert "delivery 1: headers was" in changed

    tamper(
        released.database,
        "UPDATE operations SET body = digest_of_bytes('', 'other') WHERE op_key = 'b2'",
    )
    with pytest.raises(Contradiction, match="no archive has the bytes that left"):
        read(
            released, lambda connection: operation_bytes(connection, TransactionPosition(1, 5))
        )
    with pytest.raises(Contradiction, match="its archive does not have the bytes"):
        replayed(released.database, DECODERS)


def test_a_replay_decides_every_chain_again_from_the_archive(
    exported: Archivist, released: Archivist
) -> None:
    before = replayed(exported.database, DECODERS)
    after = replayed(released.database, DECODERS)
    assert after == before
    assert after.decided >= len(FIRST) + len(SECOND)
    assert after.deliveries >= len(REPEATS)


def test_evidence_is_shown_from_the_archive(exported: Archivist, released: Archivist) -> None:
    queries: tuple[Callable[[Connection], Any], ...] = (
        lambda connection: operation_at(connection, TransactionPosition(1, 2)),
        lambda connection: repeats_of(connection, SLUG, "b1"),
        lambda connection: request_bytes(connection, 1),
    )
    for query in queries:
        assert read(released, query) == read(exported, query)
    lines = "SELECT version_id, raw FROM feed_versions ORDER BY version_id LIMIT 2"
    restored = read(
        released,
        lambda connection: restored_versions(
            connection, connection.execute(text(lines)).mappings().all()
        ),
    )
    assert [(row["version_id"], row["raw"]) for row in restored] == exported.rows(lines)
    sources = []
    for archivist in (exported, released):
        engine = open_engine(archivist.database)
        sources.append(sources_of_round(engine, SLUG, "r1", {}))
        engine.dispose()
    assert sources[0] == sources[1]
    assert all(source.received for source in sources[1] if source.source == "callback")


def test_every_figure_of_accounts_is_as_before_the_entries_left(
    exported: Archivist, released: Archivist
) -> None:
    assert figures_of(released) == figures_of(exported)


def figures_of(archivist: Archivist) -> list[Any]:
    """What every reader of entries says about June 2020."""
    june = parse_window("2020-06-01", "2020-07-01", zone="UTC")
    days = {"first": june.start.date(), "last": june.end.date()}
    clocks: tuple[BalanceClock, ...] = ("received", "posted")
    engine = open_engine(archivist.database)
    with engine.connect() as connection:
        figures: list[Any] = [
            daily_figures(connection, days["first"], days["last"], ZoneInfo("UTC")),
            bridges(connection, SLUG, june, reported_ggr(connection, SLUG, june)),
            [entries_of(connection, wallet, seq) for wallet in (1, 2) for seq in range(12)],
            operations_of_round(connection, SLUG, "r1", after=None, limit=9),
            *(account_movements(connection, slug, june, "UTC") for slug in (SLUG, OWN_SLUG)),
        ]
    figures += [
        trial_balance(engine),
        *(provider_days(engine, provider=SLUG, **days, zone="UTC", by=by) for by in clocks),
        *(
            balance_at(engine, player="ann", currency="EUR", at=SystemClock().now(), by=by)
            for by in clocks
        ),
    ]
    engine.dispose()
    assert all(figures)
    return figures


@pytest.fixture(scope="module")
def books_to_tamper_with(postgres: PostgresServer, released: Archivist) -> Iterator[str]:
    """A copy of the released books."""
    assert released.folder.exists()
    postgres.execute("CREATE DATABASE month_tampered TEMPLATE month_released")
    database = postgres.url("month_tampered")
    copy_books(database)
    yield database
    postgres.execute("DROP DATABASE month_tampered WITH (FORCE)")


@pytest.fixture
def tampered(books_to_tamper_with: str) -> Iterator[str]:
    """The URL of the copy, which is restored afterwards."""
    yield books_to_tamper_with
    restore_books(books_to_tamper_with)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE operations SET swept = swept + 1 WHERE swept > 0", TOTALS),
        ("UPDATE operations SET fund = 'bonus' WHERE op_key = 'b2'", TOTALS),
        ("UPDATE batches SET entries_at = NULL WHERE batch_id = 2", "operations_posted_once"),
        ("UPDATE batches SET entries_at = entries_at + interval '1 h'", "entry 7 of txn-1-1"),
        ("UPDATE archived_totals SET amount = amount + 1 WHERE account = 'ggr'", TOTALS),
        (FORGED_ENTRIES, "operations_posted_once"),
    ],
)
def test_what_is_changed_about_entries_that_left_is_found(
    exported: Archivist, tampered: str, statement: str, finding: str
) -> None:
    tamper(tampered, statement)
    wrong = wrong_checks(tampered)
    engine = open_engine(tampered)
    changes = compare(engine, exported.folder / "day.jsonl.gz", progress=quiet).findings
    engine.dispose()
    assert finding in {*wrong, *(change.partition(":")[0] for change in changes)}


def test_an_archive_out_of_reach_is_named_and_not_taken_for_a_change(
    exported: Archivist, released: Archivist
) -> None:
    folder = exported.folder / "data" / "archive" / ARCHIVE
    away = folder.with_name("away")
    folder.rename(away)
    try:
        refused = released.run("ledger", "audit", "recheck", code=3)
        assert f"{ARCHIVE} cannot be read" in refused
        assert json.loads(released.run("ledger", "verify", "--json"))["clean"]
    finally:
        away.rename(folder)
