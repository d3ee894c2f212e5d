"""Verify, replay and audit are shown to find: who finds which kind of tampering, by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.checks.check import WalletScope
from ledger.checks.run import CHECKS, CheckResult, checks_for, verify
from ledger.seal.compare import compare
from ledger.seal.seal import recheck
from storage.engine import open_engine
from tests.conftest import TEMPLATE, PostgresServer
from tests.harness.tampering.replay import copy_books, replayed, restore_books, tamper
from tests.harness.tampering.sealed_day import VOICES, a_sealed_day, quiet
from tests.harness.tampering.surroundings import TAMPERINGS


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where the books are, and the file of their day."""

    database: str
    file: Path


@pytest.fixture(scope="module")
def sealed(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Books of a sealed day, and the day as a file."""
    file: Path = tmp_path_factory.mktemp("audit") / "day.jsonl.gz"
    postgres.execute(f"CREATE DATABASE sealed_day TEMPLATE {TEMPLATE}")
    database = postgres.url("sealed_day")
    a_sealed_day(database, file)
    copy_books(database)
    return Sealed(database, file)


@pytest.fixture
def day(sealed: Sealed) -> Iterator[str]:
    """The books of the sealed day, put back afterwards; their URL."""
    yield sealed.database
    restore_books(sealed.database)


@pytest.fixture
def day_file(sealed: Sealed) -> Path:
    """The sealed day as a file."""
    return sealed.file


def findings(database: str, scope: WalletScope | None = None) -> dict[str, CheckResult]:
    engine = open_engine(database)
    try:
        return {finding.name: finding for finding in verify(engine, scope=scope)}
    finally:
        engine.dispose()


def audited(database: str, file: Path) -> list[str]:
    """What a file of the day says of the books, and the sealed day itself."""
    engine = open_engine(database)
    try:
        told = compare(engine, file, progress=quiet).findings
        changed = [one for one in recheck(engine, None, progress=quiet) if one.wrong]
    finally:
        engine.dispose()
    assert changed or not told, "what a file tells, the seal tells too"
    sealed = [f"sealed day {one.seal.day}: {one.wrong[0]}" for one in changed]
    return told or sealed


def test_untouched_books_hold_and_every_check_looked_at_something(
    day: str, day_file: Path
) -> None:
    told = findings(day)

    assert list(told) == [check.name for check in CHECKS]
    assert [(x.name, x.first) for x in told.values() if x.wrong] == []
    assert all(finding.checked > 0 for finding in told.values())
    assert audited(day, day_file) == []


def test_the_untouched_day_replayed_equals_the_books(day: str) -> None:
    seen = replayed(day, VOICES)

    assert seen.differences == []
    assert (seen.wallets, seen.operations, seen.deliveries) == (2, 14, 3)
    assert sum(seen.told.values()) == 2  # the opening balances


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_by_whom_it_concerns(day: str, day_file: Path, what: str) -> None:
    expected = TAMPERINGS[what]

    tamper(day, expected.statement)

    wrong = frozenset(name for name, found in findings(day).items() if found.wrong)
    rows = [one.row for one in replayed(day, VOICES).differences]
    lines = audited(day, day_file)
    assert (wrong, rows[:1], [line.split(":")[0] for line in lines][:1]) == (
        expected.checks,
        [expected.replay] if expected.replay else [],
        [expected.audit] if expected.audit else [],
    )


def test_each_check_is_shown_to_find_something() -> None:
    found = {name for tampering in TAMPERINGS.values() for name in tampering.checks}

    assert found == {check.name for check in CHECKS}


def test_each_tampering_is_found_and_named_by_somebody() -> None:
    unnoticed = [
        what for what, one in TAMPERINGS.items() if not (one.checks or one.replay or one.audit)
    ]

    assert unnoticed == []


@pytest.mark.parametrize(
    ("what", "check", "first"),
    [
        ("an entry's amount", "entries_sum_to_zero", "txn-1-2"),
        ("an operation's balance", "chains_have_no_gap", "txn-1-2"),
        ("a wallet's balance", "wallets_end_their_chain", "ann EUR"),
        ("a round's stake", "rounds_equal_operations", "lottery r2"),
        ("a round ended by hand", "ended_rounds_are_clear", "lottery r2"),
        ("the reply of a repeat", "deliveries_are_answered", "delivery 1"),
        ("something parked", "nothing_is_parked", "j s: c"),
    ],
)
def test_a_finding_names_the_first_row_that_is_wrong(
    day: str, what: str, check: str, first: str
) -> None:
    tamper(day, TAMPERINGS[what].statement)

    assert findings(day)[check].first == first


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (WalletScope(wallets=(1, 1)), {"wallets_equal_entries", "wallets_end_their_chain"}),
        (WalletScope(wallets=(2, 9)), set()),
    ],
)
def test_a_partial_proof_looks_at_the_wallets_it_says(
    day: str, scope: WalletScope, found: set[str]
) -> None:
    tamper(day, TAMPERINGS["a wallet's balance"].statement)

    told = findings(day, scope)

    asked, left_out = checks_for(scope)
    assert {name for name, finding in told.items() if finding.wrong} == found
    assert list(told) == [check.name for check in asked]
    assert {*told, *left_out} == {check.name for check in CHECKS}
