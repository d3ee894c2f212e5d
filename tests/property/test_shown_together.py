"""What is shown together holds by its single check too, whatever is changed in the books."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given, settings
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from ledger.checks.check import MonthEnd, WalletScope
from ledger.checks.parts import CheckedPart, CheckTask, check_part
from ledger.checks.proven import TOGETHER
from ledger.checks.run import CHECKS, checks_for
from ledger.checks.together.prove import Proven, ReadSizes, prove
from ledger.posting.posting import post
from ledger.proofs.wallet_ranges import WalletRange
from storage.engine import open_engine, url_of
from storage.transactions import shared_snapshot
from tests.conftest import PostgresServer
from tests.harness.books.traffic import book_an_hour
from tests.harness.tampering.any_row import corruptions
from vocabulary.errors import Unavailable

#: Batches that stay unposted, so that some operations have no entries yet.
UNPOSTED = 2
#: The tables are read in many blocks, and in several passes.
SMALL = ReadSizes(
    block_pages=3,
    pass_operations=120,
    spooled_operations=120,
    batches=7,
    folder_for=lambda _: None,
)
#: The same, and read once: the rows of each pass wait in files.
SPOOLED = replace(SMALL, folder_for=lambda _: Path(gettempdir()))
WHOLE = WalletScope()


@pytest.fixture(scope="module")
def hour(postgres: PostgresServer) -> Iterator[Engine]:
    """Books with simulated traffic of all providers, the last batches unposted."""
    name = "shown_together"
    postgres.clone(name)
    book_an_hour(postgres.url(name), seed=4, callbacks=300, players=12)
    engine = open_engine(postgres.url(name))
    while post(engine, limit=1).batches and unposted(engine) > UNPOSTED:
        pass
    yield engine
    engine.dispose()
    postgres.drop(name)


def unposted(engine: Engine) -> int:
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM batches WHERE posted_at IS NULL")
        return int(connection.execute(query).scalar_one())


@contextmanager
def unguarded(engine: Engine) -> Iterator[Connection]:
    """A transaction without guards, rolled back at the end."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column in (("wallets", "wallet_id"), ("batches", "batch_id")):
            connection.execute(text(f"ALTER TABLE {table} ALTER {column} DROP IDENTITY"))
        yield connection
        transaction.rollback()


def changed(connection: Connection, statements: list[str]) -> bool:
    """Run statements; whether constraints that no administrator evades let them pass."""
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.execute(text(statement))
    except DBAPIError:
        return False
    return True


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Files take no more bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def files_left(count: int) -> Iterator[None]:
    """This process may open so many files more."""
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    for descriptor in free:
        os.close(descriptor)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def with_month_end(connection: Connection) -> WalletScope:
    """Write a month end in the middle of the books down; the scope of what comes after it."""
    batch_id, at = connection.execute(
        text("SELECT batch_id, committed_at FROM batches ORDER BY 1 OFFSET 3 LIMIT 1")
    ).one()
    connection.execute(
        text("""
INSERT INTO month_end_wallets
SELECT DISTINCT ON (wallet_id) wallet_id, wallet_seq, balance_after,
       sum(CASE WHEN decision = 'accepted' THEN stake ELSE 0 END)
         OVER (PARTITION BY wallet_id), false
  FROM operations WHERE batch_id < :batch_id ORDER BY wallet_id, wallet_seq DESC"""),
        {"batch_id": batch_id},
    )
    return WalletScope(month_end=MonthEnd(at, batch_id))


def proven(connection: Connection, scope: WalletScope) -> Proven:
    """What is shown in passes that read the tables, which is what spooled passes show."""
    shown, spooled = (
        prove(connection, connection.engine, "", scope, jobs=1, sizes=sizes)
        for sizes in (SMALL, SPOOLED)
    )
    assert all(
        shown.figure(check, wallets) == spooled.figure(check, wallets)
        for check in TOGETHER
        for wallets in (None, WalletRange(2, 5))
    )
    return shown


def checked(connection: Connection, scope: WalletScope) -> dict[str, CheckedPart]:
    """The results of the single checks."""
    parts = {}
    for check in checks_for(scope)[0]:
        if check.name in TOGETHER:
            task = CheckTask(
                name=check.name,
                check=check,
                scope=scope,
                reads_most=True,
                database_url=url_of(connection.engine),
                snapshot="",
            )
            parts[check.name] = check_part(connection, task)
    return parts


def compared(connection: Connection, scope: WalletScope) -> None:
    """Require that what is shown is what the single checks find."""
    shown, parts = proven(connection, scope), checked(connection, scope)
    figures = {name: shown.figure(name, None) for name in parts}
    for name, figure in figures.items():
        assert figure in (None, parts[name].checked), name
        assert figure is None or not parts[name].wrong, name
    if not any(part.wrong for part in parts.values()) and scope == WHOLE:
        assert [name for name, figure in figures.items() if figure is None] == []


def test_all_promises_of_untouched_books_are_shown(hour: Engine) -> None:
    with unguarded(hour) as connection:
        shown = proven(connection, WHOLE)

    assert {*shown.counts, *shown.totals} == TOGETHER <= {check.name for check in CHECKS}


def test_books_of_too_many_passes_are_left_to_the_single_checks(hour: Engine) -> None:
    sizes = replace(SMALL, passes=1)

    with unguarded(hour) as connection:
        shown = prove(connection, hour, "", WHOLE, jobs=1, sizes=sizes)

    assert not shown.counts
    assert not shown.totals


def test_a_folder_that_takes_no_files_is_named(hour: Engine, tmp_path: Path) -> None:
    sizes = replace(SMALL, folder_for=lambda _: tmp_path / "none")

    with unguarded(hour) as connection, pytest.raises(Unavailable, match=r"none.*TMPDIR"):
        prove(connection, hour, "", WHOLE, jobs=1, sizes=sizes)


def test_no_rows_wait_of_a_wallet_that_is_too_long_to_be_shown(
    hour: Engine, tmp_path: Path
) -> None:
    sizes = replace(SMALL, folder_for=lambda _: tmp_path / "none")

    with unguarded(hour) as connection:
        connection.execute(text(f"UPDATE wallets SET seq = {2**23}"))
        shown = prove(connection, hour, "", WHOLE, jobs=1, sizes=sizes)

    assert not shown.counts


@pytest.mark.parametrize("operations", [120, 5], ids=["blocks", "last bytes"])
def test_a_disk_that_is_full_is_named(hour: Engine, operations: int) -> None:
    sizes = replace(SPOOLED, spooled_operations=operations)
    is_named = pytest.raises(Unavailable, match=r"cannot write .*: File too large .*TMPDIR")

    with unguarded(hour) as connection, is_named, files_up_to(100):
        prove(connection, hour, "", WHOLE, jobs=1, sizes=sizes)


def test_rows_of_many_parts_wait_in_few_files(hour: Engine) -> None:
    sizes = replace(SPOOLED, spooled_operations=5)

    with unguarded(hour) as connection, files_left(6):
        shown = prove(connection, hour, "", WHOLE, jobs=1, sizes=sizes)

    assert {*shown.counts, *shown.totals} == TOGETHER


def test_too_many_open_files_are_named_with_what_helps(hour: Engine) -> None:
    is_named = pytest.raises(Unavailable, match=r"Too many open files \(.*`ulimit -n`\)")

    with unguarded(hour) as connection, is_named, files_left(2):
        prove(connection, hour, "", WHOLE, jobs=1, sizes=SPOOLED)


@pytest.mark.parametrize("sizes", [SMALL, SPOOLED], ids=["tables", "spooled"])
def test_several_connections_show_the_same(hour: Engine, sizes: ReadSizes) -> None:
    with shared_snapshot(hour, "verify") as (connection, name):
        shown = prove(connection, hour, name, WHOLE, jobs=3, sizes=sizes)

        assert {check: shown.figure(check, None) for check in TOGETHER} == {
            check: part.checked for check, part in checked(connection, WHOLE).items()
        }


ORDINARY = "SELECT wallet_id FROM wallets WHERE seq > 0 ORDER BY wallet_id LIMIT 1 OFFSET"


def test_wallets_with_the_first_and_the_last_id_are_shown(hour: Engine) -> None:
    with unguarded(hour) as connection:
        ids = [connection.execute(text(f"{ORDINARY} {n}")).scalar_one() for n in (1, 2)]
        for wallet_id, end in zip(ids, (-(2**63), 2**63 - 1), strict=True):
            for table in ("wallets", "operations", "entries", "rounds"):
                of_wallet = f"{table} SET wallet_id = {end} WHERE wallet_id = {wallet_id}"
                connection.execute(text(f"UPDATE {of_wallet}"))

        compared(connection, WHOLE)


def test_wallets_without_operations_are_shown(hour: Engine) -> None:
    unmoved = "INSERT INTO wallets (wallet_id, player, currency, balance, seq)"
    with unguarded(hour) as connection:
        for first in (-1000, 1_000_000):
            ids = f"generate_series({first}, {first} + 400)"
            connection.execute(text(f"{unmoved} SELECT id, id, 'EUR', 0, 0 FROM {ids} id"))

        compared(connection, WHOLE)


@pytest.mark.parametrize("round_id", ["", "%s :round {wallets} \\'", "ü" * 1000])
def test_rounds_of_any_name_are_shown(hour: Engine, round_id: str) -> None:
    with unguarded(hour) as connection:
        rename_a_round(connection, round_id)

        compared(connection, WHOLE)


def test_a_name_that_looks_like_two_is_left_to_its_check(hour: Engine) -> None:
    with unguarded(hour) as connection:
        rename_a_round(connection, "a\x01b")

        assert proven(connection, WHOLE).figure("rounds_equal_operations", None) is None


def rename_a_round(connection: Connection, round_id: str) -> None:
    key = connection.execute(text("SELECT min(match_key) FROM rounds")).scalar_one()
    for table in ("operations", "rounds"):
        rename = f"UPDATE {table} SET round_id = :round_id WHERE match_key = :key"
        connection.execute(text(rename), {"round_id": round_id, "key": key})


def test_no_position_is_too_large_to_be_refuted(hour: Engine) -> None:
    with unguarded(hour) as connection:
        connection.execute(text(f"UPDATE wallets SET seq = {2**63 - 1}"))

        compared(connection, WHOLE)


def test_a_turnover_beyond_64_bits_is_not_shown(hour: Engine) -> None:
    with unguarded(hour) as connection:
        scope = with_month_end(connection)
        before, after = "month_end_wallets SET turnover", "wallets w SET turnover"
        connection.execute(text(f"UPDATE {before} = {2**63 - 1}"))
        connection.execute(
            text(f"""
UPDATE {after} = CASE WHEN later > 0 THEN later - 1 + CAST({-(2**63)} AS numeric)
                      ELSE {2**63 - 1} END
  FROM (SELECT p.wallet_id, coalesce(sum(o.stake), 0) AS later
          FROM month_end_wallets p LEFT JOIN operations o
            ON o.wallet_id = p.wallet_id AND o.wallet_seq > p.wallet_seq
           AND o.decision = 'accepted' GROUP BY 1) p WHERE p.wallet_id = w.wallet_id""")
        )

        compared(connection, scope)


def test_chains_and_entries_from_a_month_end_on_are_shown(hour: Engine) -> None:
    with unguarded(hour) as connection:
        scope = with_month_end(connection)
        shown = proven(connection, scope)

        compared(connection, scope)
    assert {"chains_have_no_gap", "operations_posted_once"} <= set(shown.counts)


@given(corruption=corruptions)
@settings(max_examples=120)
def test_nothing_is_shown_that_a_single_check_refutes(
    hour: Engine, corruption: list[str]
) -> None:
    with unguarded(hour) as connection:
        if changed(connection, corruption):
            compared(connection, WHOLE)


@given(corruption=corruptions)
@settings(max_examples=60)
def test_nothing_after_a_month_end_is_shown_that_a_single_check_refutes(
    hour: Engine, corruption: list[str]
) -> None:
    with unguarded(hour) as connection:
        scope = with_month_end(connection)
        if changed(connection, corruption):
            compared(connection, scope)
