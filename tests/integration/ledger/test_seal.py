"""Seals and the files of sealed days: refusals, checks and findings."""

import gzip
import json
import os
import subprocess
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from ledger.checks.run import verify
from ledger.posting.posting import post_all_at
from ledger.seal.canonical_lines import current_layout, day_lines, header_line
from ledger.seal.check_files import Auditor, AuditResult
from ledger.seal.files import read_lines, write_lines
from ledger.seal.seal import (
    GENESIS,
    Seal,
    exported_lines,
    open_seal_snapshot,
    recheck,
    seal_day,
)
from storage.engine import open_engine
from tests.conftest import PostgresServer
from tests.harness.books.ledger import open_wallets
from tests.harness.servers.forked_commands import run_command
from tests.harness.tampering.replay import tamper
from tests.harness.tampering.sealed_day import DAY, a_sealed_day, quiet
from tests.meta.tree import ROOT
from vocabulary.errors import Contradiction, Malformed

#: A URL on which nothing answers.
NO_BROKER = "redis://127.0.0.1:1/0"
NEXT = date(2020, 6, 5)


@pytest.fixture(scope="module")
def day_file(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed day as a file; its books are in the database ``exported``."""
    file: Path = tmp_path_factory.mktemp("audit") / "day.jsonl.gz"
    postgres.clone("exported")
    a_sealed_day(postgres.url("exported"), file)
    return file


def seal(database: str, day: date) -> Seal:
    engine = open_engine(database)
    try:
        return seal_day(engine, day, progress=quiet)
    finally:
        engine.dispose()


def checked(*files: Path, expected: str | None = None) -> AuditResult:
    auditor = Auditor()
    for file in files:
        auditor.read_day(file.name, read_lines(file))
    if expected is not None:
        auditor.expect_seal(expected)
    return auditor.result


def changed(file: Path, folder: Path, change: Callable[[list[str]], list[str]]) -> Path:
    """A copy of the file with its lines changed."""
    lines = gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)
    copy = folder / "changed.jsonl"
    copy.write_text("".join(change(lines)))
    return copy


def replaced(old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        assert any(old in line for line in lines)
        return [line.replace(old, new) for line in lines]

    return change


def without(text: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [line for line in lines if text not in line]


def test_days_are_sealed_in_order_and_each_seal_names_the_one_before(
    postgres: PostgresServer, database: str, tmp_path: Path
) -> None:
    a_sealed_day(database, tmp_path / "day.jsonl")
    next_noon = "timestamptz '2020-06-05 12:00+00'"
    with pytest.raises(Malformed, match="next is 2020-06-05"):
        seal(database, date(2020, 6, 7))
    tamper(database, f"UPDATE batches SET committed_at = {next_noon} WHERE posted_at IS NULL")
    with pytest.raises(Contradiction, match=r"1 of its batches are not posted: 7 \(not posted"):
        seal(database, NEXT)
    post_all_at(database)

    sealed = seal(database, NEXT)

    assert sealed.counts == {
        "batches": 1,
        "operations": 1,
        "entries": 2,
        "deliveries": 0,
        "residuals": 0,
        "residual_entries": 0,
    }
    engine = open_engine(database)
    again = list(recheck(engine, None, progress=quiet))
    engine.dispose()
    assert [(result.seal.day, result.wrong) for result in again] == [(DAY, ()), (NEXT, ())]
    assert (again[0].seal.previous, sealed.previous) == (GENESIS, again[0].seal.hash)
    assert seal(database, date(2020, 6, 6)).counts["batches"] == 0  # an empty day has one too


def test_a_day_with_a_parked_batch_cannot_be_sealed(database: str, tmp_path: Path) -> None:
    a_sealed_day(database, tmp_path / "day.jsonl")
    tamper(
        database,
        "UPDATE batches SET committed_at = '2020-06-05 12:00+00', parked_at = now()"
        " WHERE posted_at IS NULL",
    )

    with pytest.raises(Contradiction, match=r"7 \(parked\)"):
        seal(database, NEXT)


def test_a_day_that_is_not_over_cannot_be_sealed(database: str) -> None:
    with pytest.raises(Malformed, match="there is nothing to seal yet"):
        seal(database, DAY)
    open_wallets(database, ("ann", 10))
    tamper(database, "UPDATE batches SET committed_at = committed_at + interval '1 day'")
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT (committed_at AT TIME ZONE 'UTC')::date FROM batches"
        ).fetchone()
    assert row is not None

    with pytest.raises(Malformed, match="the day is not over"):
        seal(database, row[0])


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE seals SET batches = 0", "append-only: UPDATE on seals"),
        ("DELETE FROM seals", "append-only: DELETE on seals"),
        (
            "INSERT INTO seals SELECT day + 2, hash, previous, 0, 0, 0, 0, layout FROM seals",
            "does not follow",
        ),
        (
            "INSERT INTO seals SELECT day + 1, previous, hash, 0, 0, 0, 0, layout FROM seals",
            "does not follow",
        ),
    ],
)
def test_the_database_refuses_to_change_or_misplace_a_seal(
    postgres: PostgresServer, day_file: Path, statement: str, constraint: str
) -> None:
    with (
        psycopg.connect(postgres.url("exported")) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match=constraint),
    ):
        connection.execute(statement.encode())


def test_a_day_sealed_before_residuals_existed_keeps_its_seal(
    database: str, tmp_path: Path
) -> None:
    a_sealed_day(database, tmp_path / "new.jsonl")
    engine = open_engine(database)
    with open_seal_snapshot(engine) as connection:
        layout = current_layout(connection)
        older = {table: layout[table] for table in layout if not table.startswith("residual")}
        lines = [header_line(DAY, GENESIS, older)]
        lines += [line for _, line in day_lines(connection, DAY, older)]
    tamper(
        database,
        f"UPDATE seals SET hash = '{sha256(b''.join(lines)).hexdigest()}', residuals = 0,"
        " residual_entries = 0, layout = layout - ARRAY['residuals', 'residual_entries']",
    )

    (again,) = recheck(engine, DAY, progress=quiet)
    write_lines(tmp_path / "old.jsonl", exported_lines(engine, again.seal, progress=quiet))
    results = {result.name: result.wrong for result in verify(engine)}
    engine.dispose()

    assert (again.wrong, results["sealed_days_keep_their_rows"]) == ((), 0)
    assert b"residual" not in b"".join(lines)
    assert checked(tmp_path / "old.jsonl", expected=again.seal.hash).findings == []


def test_a_file_is_checked_without_books(day_file: Path) -> None:
    result = checked(day_file)

    assert result.findings == []
    assert result.counts["operation"] == 13
    assert checked(day_file, expected=result.seal).wrong == 0
    assert "expected is 0000" in checked(day_file, expected="0" * 64).findings[0]


FILE_CHANGES: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "an amount": (replaced('"leg":1,', '"leg":1 ,'), "the lines give the seal"),
    "an entry": (replaced('"amount":-300,"posted', '"amount":-299,"posted'), "sum to 1 EUR"),
    "a balance": (replaced('"balance_after":700', '"balance_after":701'), "does not follow"),
    "an operation left out": (
        without('"op_key":"b3"'),
        "the wallet's last operation is number 5",
    ),
    "a batch left out": (
        without('{"batch":{"batch_id":2,'),
        "it is not among the rows of its batch",
    ),
    "a delivery twice": (
        lambda lines: [x for line in lines for x in [line] * (1 + ("delivery_id" in line))],
        "out of order or there twice",
    ),
    "a residual": (
        replaced('"before":3,"after":0', '"before":2,"after":0'),
        "it does not follow residual 2",
    ),
    "a residual's leg": (
        replaced('"account":"ggr","provider":"lottery","match', '"account":"promo","match'),
        "a column is missing",
    ),
    "a residual's amount": (
        replaced('"sequence":1,"before":0,"after":2', '"sequence":1,"before":0,"after":1'),
        "its account or amount is not what its residual moves",
    ),
    "the entry of a residual left out": (
        without('{"residual_entry":{"residual_id":3,"leg":2'),
        "residual 3 has 1 entry, 2 are expected",
    ),
    "a residual left out": (
        without('{"residual":{"residual_id":2,'),
        "it does not follow its residual",
    ),
    "a residual twice": (
        lambda lines: [x for line in lines for x in [line] * (1 + ('"corrects":2' in line))],
        "out of order or there twice",
    ),
    "the end cut off": (lambda lines: lines[:-1], "it ends without its seal"),
    "the beginning cut off": (lambda lines: lines[1:], "the header is the first line"),
    "a column renamed": (replaced('"wallet_seq"', '"place"'), "a column is missing"),
}


@pytest.mark.parametrize("name", FILE_CHANGES)
def test_a_changed_file_is_found_and_the_change_is_named(
    day_file: Path, tmp_path: Path, name: str
) -> None:
    change, expected = FILE_CHANGES[name]

    result = checked(changed(day_file, tmp_path, change))

    assert any(expected in finding for finding in result.findings), result.findings


@pytest.mark.parametrize("text", ["{", '{"other":{}}\n', '["batch"]\n', '{"batch":1}\n'])
def test_a_file_that_is_no_day_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(text)

    with pytest.raises(Malformed, match=r"day.jsonl, line 1"):
        checked(file)


def test_a_truncated_archive_is_refused(day_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl.gz"
    file.write_bytes(day_file.read_bytes()[:-20])

    with pytest.raises(Malformed, match="a readable file is expected"):
        checked(file)


def command(folder: Path, database: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``tieout ledger`` on a database; it needs no broker, and must not start one."""
    servers = {"TIEOUT_DATABASE__URL": database, "TIEOUT_BROKER__URL": NO_BROKER}
    return run_command(
        ["ledger", *words],
        cwd=folder,
        env={**os.environ, **servers, "PYTHONPATH": str(ROOT)},
        timeout=150,
    )


def test_the_commands_export_check_compare_and_recheck(
    postgres: PostgresServer, tmp_path: Path, day_file: Path
) -> None:
    """``check`` needs neither settings nor a reachable database."""
    books, nowhere = postgres.url("exported"), "postgresql://nobody@127.0.0.1:1/none"
    out = str(tmp_path / "out.jsonl.gz")

    written = command(tmp_path, books, "audit", "export", DAY.isoformat(), "--out", out)
    printed_seal = written.stdout.split()[-1]
    check = command(tmp_path, nowhere, "audit", "check", out, "--seal", printed_seal, "--json")
    compared = command(tmp_path, books, "audit", "compare", out, "--json")
    again = command(tmp_path, books, "audit", "recheck", "--json")
    early = command(tmp_path, books, "seal", "2020-06-07")

    assert (written.returncode, check.returncode) == (0, 0), written.stderr + check.stderr
    assert json.loads(check.stdout)["seal"] == printed_seal
    assert (compared.returncode, again.returncode) == (0, 0), compared.stderr
    assert json.loads(again.stdout)["days"][0]["seal"] == printed_seal
    assert early.returncode == 2
    assert "the day to seal next is 2020-06-05" in early.stderr


def test_the_commands_verify_and_replay_report_what_they_left_out(
    postgres: PostgresServer, tmp_path: Path, day_file: Path
) -> None:
    books = postgres.url("exported")

    proven = command(tmp_path, books, "verify", "--wallets", "1", "--json")
    replayed = command(tmp_path, books, "replay", "--json")

    verified = json.loads(proven.stdout)
    assert (proven.returncode, verified["clean"], verified["partial"]) == (0, True, True)
    assert "batches_are_whole" in verified["left_out"]
    assert "ended_rounds_are_clear" not in verified["left_out"]
    result = json.loads(replayed.stdout)
    assert (result["equal"], result["differing"]) == (True, 0)
    assert result["told"]["the provider is not configured"] > 0


def test_replay_exits_1_when_it_had_to_believe_a_row(
    postgres: PostgresServer, tmp_path: Path, day_file: Path
) -> None:
    books = postgres.url("exported")

    as_json = command(tmp_path, books, "replay", "--json")
    printed = command(tmp_path, books, "replay")

    unproven = json.loads(as_json.stdout)["unproven"]["the provider is not configured"]
    assert (as_json.returncode, printed.returncode) == (1, 1)
    assert (
        f"NOT PROVEN {unproven} rows: the provider is not configured; configure the provider"
        in printed.stdout
    )


def test_recheck_exits_1_when_no_day_is_sealed(database: str, tmp_path: Path) -> None:
    again = command(tmp_path, database, "audit", "recheck", "--json")

    assert (again.returncode, json.loads(again.stdout)) == (1, {"clean": False, "days": []})
    assert "no day is sealed, so nothing is proven" in again.stderr
