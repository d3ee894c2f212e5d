"""Verify, replay and audit find tampering: which of them finds which kind, by row."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.checks.check import WalletScope
from ledger.checks.run import CHECKS, CheckResult, checks_for, verify
from ledger.seal.compare import compare
from ledger.seal.seal import recheck
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.tampering.replay import copy_books, replayed, restore_books, tamper
from tests.harness.tampering.sealed_day import DECODERS, a_sealed_day, quiet
from tests.harness.tampering.surroundings import TAMPERINGS

#: Verifies the books of a URL where numpy is not installed.
WITHOUT_NUMPY = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numpy":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
from ledger.checks.run import verify
from storage.engine import open_engine
for result in verify(open_engine(sys.argv[1])):
    print(result.name, result.checked, result.wrong)
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The URL of the books, and the file of their day."""

    database: str
    file: Path


@pytest.fixture(scope="module")
def sealed(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Books of a sealed day, and the day as a file."""
    file: Path = tmp_path_factory.mktemp("audit") / "day.jsonl.gz"
    postgres.clone("sealed_day")
    database = postgres.url("sealed_day")
    a_sealed_day(database, file)
    copy_books(database)
    return Sealed(database, file)


@pytest.fixture
def day(sealed: Sealed) -> Iterator[str]:
    """The URL of the sealed day's books, which are restored afterwards."""
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
    """The findings of the file comparison, or else of the recheck."""
    engine = open_engine(database)
    try:
        findings = compare(engine, file, progress=quiet).findings
        changed = [day for day in recheck(engine, None, progress=quiet) if day.wrong]
    finally:
        engine.dispose()
    assert changed or not findings, "a change found by the file changes the seal too"
    return findings or [f"sealed day {day.seal.day}: {day.wrong[0]}" for day in changed]


def test_untouched_books_pass_and_every_check_covers_some_rows(
    day: str, day_file: Path
) -> None:
    results = findings(day)

    assert list(results) == [check.name for check in CHECKS]
    assert [(x.name, x.first) for x in results.values() if x.wrong] == []
    assert all(result.checked > 0 for result in results.values())
    assert audited(day, day_file) == []


def test_an_installation_without_numpy_verifies_the_same(day: str) -> None:
    expected = [f"{x.name} {x.checked} {x.wrong}" for x in findings(day).values()]

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMPY, day], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == expected


def test_the_untouched_day_replayed_equals_the_books(day: str) -> None:
    result = replayed(day, DECODERS)

    assert result.differences == []
    assert (result.wallets, result.operations, result.deliveries) == (2, 14, 3)
    assert sum(result.told.values()) == 2  # the opening balances


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_by_the_expected_commands(
    day: str, day_file: Path, name: str
) -> None:
    expected = TAMPERINGS[name]

    tamper(day, expected.statement)

    wrong = frozenset(check for check, result in findings(day).items() if result.wrong)
    rows = [difference.row for difference in replayed(day, DECODERS).differences]
    lines = audited(day, day_file)
    assert (wrong, rows[:1], [line.split(":")[0] for line in lines][:1]) == (
        expected.checks,
        [expected.replay] if expected.replay else [],
        [expected.audit] if expected.audit else [],
    )


def test_every_check_finds_some_tampering() -> None:
    finding_checks = {name for tampering in TAMPERINGS.values() for name in tampering.checks}

    assert finding_checks == {check.name for check in CHECKS}


def test_every_tampering_is_found_by_some_command() -> None:
    unnoticed = [
        name for name, x in TAMPERINGS.items() if not (x.checks or x.replay or x.audit)
    ]

    assert unnoticed == []


@pytest.mark.parametrize(
    ("name", "check", "first"),
    [
        ("an entry's amount", "entries_sum_to_zero", "txn-1-2"),
        ("an operation's balance", "chains_have_no_gap", "txn-1-2"),
        ("a wallet's balance", "wallets_end_their_chain", "ann EUR"),
        ("a round's stake", "rounds_equal_operations", "lottery r2"),
        ("a round ended by hand", "ended_rounds_are_clear", "lottery r2"),
        ("the reply of a repeat", "deliveries_are_answered", "delivery 1"),
        ("parked work", "nothing_is_parked", "j s: c"),
    ],
)
def test_a_finding_names_the_first_wrong_row(
    day: str, name: str, check: str, first: str
) -> None:
    tamper(day, TAMPERINGS[name].statement)

    assert findings(day)[check].first == first


@pytest.mark.parametrize(
    ("scope", "wrong"),
    [
        (WalletScope(wallets=(1, 1)), {"wallets_equal_entries", "wallets_end_their_chain"}),
        (WalletScope(wallets=(2, 9)), set()),
    ],
)
def test_a_partial_proof_checks_the_wallets_of_its_scope(
    day: str, scope: WalletScope, wrong: set[str]
) -> None:
    tamper(day, TAMPERINGS["a wallet's balance"].statement)

    results = findings(day, scope)

    checks, left_out = checks_for(scope)
    assert {name for name, result in results.items() if result.wrong} == wrong
    assert list(results) == [check.name for check in checks]
    assert {*results, *left_out} == {check.name for check in CHECKS}
