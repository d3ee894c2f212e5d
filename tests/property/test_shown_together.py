"""What is shown together holds by its single check too, whatever is changed in the books."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from vocabulary.errors import Unavailable

#: Batches that stay unposted, so that some operations have no entries yet.
UNPOSTED = 2
#: The tables are read in many blocks, and in several passes.
SMALL = ReadSizes(
    block_pages=3, pass_operations=120, spooled_operations=120, folder_for=lambda _: None
)
#: The same, and read once: the rows of each pass wait in files.
SPOOLED = replace(SMALL, folder_for=lambda _: Path(gettempdir()))
WHOLE = WalletScope()
#: Columns that hold an amount, a count, an id or an instant, and texts and flags, by table.
NUMBERS = {
    "operations": "wallet_id wallet_seq batch_id stake payout amount balance_after match_key"
    " declared_stake declared_payout",
    "entries": "wallet_id wallet_seq leg match_key amount",
    "rounds": "wallet_id match_key stake payout swept bets wins rollbacks declared_stake"
    " declared_payout",
    "wallets": "seq balance turnover",
    "batches": "operations",
}
VALUES = {
    "operations": {
        "kind": "bet win bet_and_win rollback round_end tombstone deposit block unblock",
        "decision": "accepted declined",
        "currency": "USD EUR XXX",
        "provider": "aggregator sportsbook xigs elsewhere tieout",
        "fund": "cash bonus promo suspense",
        "ends_round": "true false",
        "round_id": "x y",
        "declared_stake": "0 5",
        "received_at": "2026-01-01 infinity",
    },
    "entries": {
        "account": "player_wallet provider_clearing ggr funding player_receivable bonus",
        "currency": "USD EUR",
        "provider": "aggregator sportsbook elsewhere",
        "leg": "1 2 5 6 16 -7",
    },
    "rounds": {
        "ended": "true false",
        "currency": "USD EUR",
        "provider": "aggregator sportsbook elsewhere",
        "round_id": "x y",
        "declared_payout": "0 5",
        "last_at": "2026-01-01 infinity",
        "first_at": "2026-01-01",
    },
    "wallets": {"blocked": "true false", "currency": "USD EUR"},
    "batches": {
        "posted_at": "2026-01-01",
        "parked_at": "2026-01-01",
        "entries_at": "2026-01-01",
    },
}


def row_of(table: str, place: int) -> str:
    """A condition for one row of a table, by its place modulo their number."""
    return (
        f"ctid = (SELECT ctid FROM {table} ORDER BY ctid"
        f" OFFSET {place} % (SELECT count(*) FROM {table}) LIMIT 1)"
    )


places = st.integers(0, 100_000)
deltas = st.sampled_from([1, -1, 7, -100, 2**31, 2**61])


@st.composite
def numbers_changed(draw: st.DrawFn) -> list[str]:
    """A number of one row changed, or moved from one row to another."""
    table = draw(st.sampled_from(sorted(NUMBERS)))
    column, delta = draw(st.sampled_from(NUMBERS[table].split())), draw(deltas)
    changes = [(draw(places), delta)]
    if draw(st.booleans()):
        changes.append((draw(places), -delta))
    return [
        f"UPDATE {table} SET {column} = {column} + {by} WHERE {row_of(table, place)}"
        for place, by in changes
    ]


@st.composite
def values_set(draw: st.DrawFn) -> list[str]:
    """A value of one row set, which may have been the same."""
    table = draw(st.sampled_from(sorted(VALUES)))
    column = draw(st.sampled_from(sorted(VALUES[table])))
    value = draw(st.sampled_from(VALUES[table][column].split()))
    return [f"UPDATE {table} SET {column} = '{value}' WHERE {row_of(table, draw(places))}"]


@st.composite
def rows_removed(draw: st.DrawFn) -> list[str]:
    table = draw(st.sampled_from(sorted(NUMBERS)))
    return [f"DELETE FROM {table} WHERE {row_of(table, draw(places))}"]


@st.composite
def entries_copied(draw: st.DrawFn) -> list[str]:
    """An entry once more, on another leg."""
    leg = draw(st.sampled_from([1, 2, 5, 6, 9, 11, 30_000]))
    columns = f"wallet_id, wallet_seq, {leg}, account, provider, match_key, currency, amount"
    entry = row_of("entries", draw(places))
    return [f"INSERT INTO entries SELECT {columns} FROM entries WHERE {entry}"]


@st.composite
def batches_not_posted(draw: st.DrawFn) -> list[str]:
    """A batch that lost its mark of having been posted."""
    return [f"UPDATE batches SET posted_at = NULL WHERE {row_of('batches', draw(places))}"]


corruptions = st.one_of(
    numbers_changed(), values_set(), rows_removed(), entries_copied(), batches_not_posted()
)


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


@pytest.mark.parametrize("sizes", [SMALL, SPOOLED], ids=["tables", "spooled"])
def test_several_connections_show_the_same(hour: Engine, sizes: ReadSizes) -> None:
    with shared_snapshot(hour, "verify") as (connection, name):
        shown = prove(connection, hour, name, WHOLE, jobs=3, sizes=sizes)

        assert {check: shown.figure(check, None) for check in TOGETHER} == {
            check: part.checked for check, part in checked(connection, WHOLE).items()
        }


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
