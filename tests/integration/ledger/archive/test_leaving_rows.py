"""Rows of archived months leave by two people, their keys stay, and they come back whole."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import RestrictViolation, UniqueViolation

from ledger.archive.demands import NotAway, demand
from ledger.archive.recall import Recalled, recall_wanted
from storage.engine import open_engine
from storage.rights import APPLICATION_ROLE
from storage.roles import url_of_login
from tests.conftest import PostgresServer
from tests.harness.books.archives.archived import ARCHIVE, Archivist
from tests.harness.books.ledger import SLUG
from tests.harness.tampering.replay import tamper
from vocabulary.ids import RowKind

OPERATIONS = "SELECT * FROM operations ORDER BY wallet_id, wallet_seq"
ROUNDS = "SELECT * FROM rounds ORDER BY match_key, provider, round_id, wallet_id"
ENTRIES = "SELECT * FROM booked_entries ORDER BY wallet_id, wallet_seq, leg"
KEYS = "SELECT op_key FROM operations ORDER BY wallet_id, wallet_seq"
ROUND_IDS = "SELECT round_id FROM rounds ORDER BY round_id"
#: Our own operations, and a bet of a later month that is not posted.
STAY = ["opening:1", "k1", "opening:2", "d1", "b4"]
BREAK = """
INSERT INTO breaks (break_id, run_id, provider, kind, impact, currency, round_id, match_key,
                    difference, explanation, first_seen, last_seen)
SELECT 'brk-r2', b.run_id, r.provider, 'stake_mismatch', 'none', 'EUR', r.round_id, r.match_key,
       1, 'x', now(), now() FROM rounds r, breaks b WHERE r.round_id = 'r2'
"""
NEW_MONTH = """
INSERT INTO archived_row_months (month, at) VALUES ('2020-06-01', '2020-07-01 00:00+00')
"""
INSERT_AGAIN = """
INSERT INTO operations (wallet_id, wallet_seq, batch_id, provider, op_key, kind, decision,
                        currency, stake, payout, amount, balance_after, round_id, match_key,
                        reverses, ends_round, fingerprint, route, headers, body, reply_status,
                        reply, received_at)
SELECT wallet_id, 9001, batch_id, provider, %(key)s, kind, 'accepted', currency, 0, 0, 0,
       balance_after, %(round)s, %(match_key)s, %(reverses)s, false, '', '', '', '', 200, '',
       now()
  FROM operations WHERE op_key = 'b4'
"""


@pytest.fixture
def archivist(
    postgres: PostgresServer, dated: Archivist, tmp_path: Path
) -> Iterator[Archivist]:
    """People at a copy of the books whose bytes and entries left."""
    assert dated.folder.exists()
    postgres.execute("CREATE DATABASE rows_copy TEMPLATE month_dated")
    yield Archivist(tmp_path, postgres.url("rows_copy"))
    postgres.execute("DROP DATABASE rows_copy WITH (FORCE)")


def recalled(archivist: Archivist, *names: tuple[RowKind, str]) -> Recalled:
    """Demand operations and rounds of the provider, and bring them back, as a worker does."""
    engine = open_engine(url_of_login(archivist.database, APPLICATION_ROLE))
    try:
        with engine.begin() as connection:
            for kind, name in names:
                demand(connection, kind, SLUG, name, by="jonas")
        return recall_wanted(engine)
    finally:
        engine.dispose()


def column(archivist: Archivist, query: str) -> list[str]:
    return [row[0] for row in archivist.rows(query)]


def test_rows_leave_by_two_people_and_come_back_as_they_were(archivist: Archivist) -> None:
    before = [archivist.rows(query) for query in (OPERATIONS, ROUNDS, ENTRIES)]
    match_keys = dict(archivist.rows("SELECT round_id, match_key FROM operations"))

    assert "9 operations and 4 rows of rounds" in archivist.let_rows_go()
    [archive] = json.loads(archivist.run("archive", "list", "--json"))
    assert archive["state"] == "let go, rows let go"
    assert archive["rows_approved_by"] == "jonas"
    assert column(archivist, KEYS) == STAY
    assert column(archivist, ROUND_IDS) == []
    assert archivist.rows("SELECT rows_begin_at() = '2020-07-01 00:00+00'") == [(True,)]
    left = "SELECT operations, rounds, let_go_at IS NOT NULL FROM archived_row_months"
    assert archivist.rows(left) == [(9, 4, True)]
    assert archivist.rows("SELECT count(*) FROM archived_keys, unnest(hashes)") == [(13,)]

    for key, round_id, reverses in (("b1", "new", None), ("n1", "r1", None), ("n2", "", "s1")):
        values = {"key": key, "round": round_id, "reverses": reverses}
        values["match_key"] = match_keys.get(round_id, 5)
        with (
            psycopg.connect(archivist.database) as connection,
            pytest.raises(UniqueViolation, match="its round or what it undoes left"),
        ):
            connection.execute(INSERT_AGAIN.encode(), values)

    assert recalled(archivist, (RowKind.OPERATION, "b1")) == Recalled(1, 3)
    assert column(archivist, ROUND_IDS) == ["r1"]
    assert set(column(archivist, KEYS)) == {*STAY, "b1", "w1", "e1"}
    with pytest.raises(NotAway, match="the operation w1 of lottery is in no archive only"):
        recalled(archivist, (RowKind.OPERATION, "w1"))
    others: list[tuple[RowKind, str]] = [
        (RowKind.ROUND, "r2"),
        (RowKind.OPERATION, "b3"),
        (RowKind.OPERATION, "u1"),
    ]
    assert recalled(archivist, *others, (RowKind.OPERATION, "gone")) == Recalled(4, 6)
    assert [archivist.rows(query) for query in (OPERATIONS, ROUNDS, ENTRIES)] == before


def test_rows_that_somebody_still_decides_about_stay(archivist: Archivist) -> None:
    with psycopg.connect(archivist.database) as connection:
        connection.execute(BREAK.encode())
    tamper(archivist.database, "UPDATE rounds SET bets = bets + 1 WHERE round_id = 'r1'")

    refused = archivist.let_rows_go(code=1)

    assert "1 round kept (lottery r1): their operations add up to others" in refused
    assert column(archivist, ROUND_IDS) == ["r1", "r2"]
    assert {"b1", "w1", "e1", "b2"} < set(column(archivist, KEYS))
    tamper(archivist.database, "UPDATE rounds SET bets = bets - 1 WHERE round_id = 'r1'")
    tamper(archivist.database, "UPDATE breaks SET cleared_at = now() WHERE break_id = 'brk-r2'")
    again = archivist.run("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
    assert "4 operations and 2 rows of rounds" in again
    assert column(archivist, KEYS) == STAY


INVOICE = """
INSERT INTO invoices (invoice_id, provider, number, number_key, currency, fee, first_day,
                      last_day, claims, file_name, digest, file)
VALUES ('inv-' || repeat('0', 32), 'lottery', '2020/17', '2020/17', 'EUR', 5, '2020-06-30',
        '2020-07-29', '[]', 'june.csv', '\\x00', '\\x00');
INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, reason, clean, checked)
VALUES ('inv-' || repeat('0', 32), 1, 'received', 'maria', '{}', '', true, '{}')
"""
DISPUTED = """
INSERT INTO invoice_steps (invoice_id, number, action, by_name, eyes, reason)
VALUES ('inv-' || repeat('0', 32), 2, 'disputed', 'maria', '{}', 'the fee is another one')
"""


def test_rows_stay_while_an_invoice_that_needs_them_waits(archivist: Archivist) -> None:
    tamper(archivist.database, INVOICE)

    refused = archivist.let_rows_go(code=1)

    assert "neither approved nor disputed: 2020/17 of lottery" in refused
    assert column(archivist, ROUND_IDS) != []
    tamper(archivist.database, DISPUTED)
    again = archivist.run("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
    assert "9 operations and 4 rows of rounds" in again


def test_rows_leave_last_and_only_through_their_guards(archivist: Archivist) -> None:
    rows_again = ("archive", "approve", ARCHIVE, "--rows", "--by", "jonas")
    assert "nobody requested to let its rows go" in archivist.run(*rows_again, code=1)
    request = ("archive", "request", ARCHIVE, "--rows", "--reason", "old", "--by", "jonas")
    archivist.run(*request)
    assert "another person decides" in archivist.run(*rows_again, code=1)
    for guarded in (
        "DELETE FROM operations WHERE op_key = 'b1'",
        "DELETE FROM rounds WHERE round_id = 'r1'",
        NEW_MONTH,
    ):
        for setting in ("", "SET tieout.letting_go = 'yes';"):
            with (
                psycopg.connect(archivist.database) as connection,
                pytest.raises(RestrictViolation, match="append-only"),
            ):
                connection.execute(f"{setting}{guarded}".encode())
    tamper(
        archivist.database,
        "UPDATE month_ends SET month = '2020-05-01', at = '2020-06-01 00:00+00'",
    )
    tamper(archivist.database, "DELETE FROM archive_releases WHERE what = 'rows'")
    assert "no month end is taken of it" in archivist.run(*request, code=1)


def test_a_name_the_archive_lacks_is_absent_and_a_damaged_archive_brings_nothing(
    archivist: Archivist, dated: Archivist
) -> None:
    archivist.let_rows_go()
    tamper(
        archivist.database,
        "UPDATE archived_keys SET hashes = hashes || h, days = days || 18417::smallint"
        " FROM (SELECT operation_hash('lottery', 'ghost')) g (h)",
    )
    assert recalled(archivist, (RowKind.OPERATION, "ghost")) == Recalled(1, 0)
    with pytest.raises(NotAway, match="the operation ghost"):
        recalled(archivist, (RowKind.OPERATION, "ghost"))

    file = dated.folder / "data" / "archive" / ARCHIVE / "2020-06-04" / "operations.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-10] + bytes(10))
    try:
        (why,) = recalled(archivist, (RowKind.ROUND, "r1")).waiting
    finally:
        file.write_bytes(whole)
    assert "its bytes have changed" in why
    assert recalled(archivist) == Recalled(1, 3)


def test_a_demand_that_its_archive_contradicts_waits_for_itself(archivist: Archivist) -> None:
    archivist.let_rows_go()
    tamper(
        archivist.database,
        "UPDATE archived_keys SET days[array_position(hashes, h)] = 1"
        " FROM (SELECT operation_hash('lottery', 'w1')) g (h)",
    )

    came = recalled(
        archivist, (RowKind.OPERATION, "w1"), (RowKind.ROUND, "r1"), (RowKind.ROUND, "r2")
    )

    assert (came.demands, came.operations) == (1, 1)
    nowhere, differs = came.waiting
    assert nowhere == "1970-01-02: rows of this day left, and no archive has it"
    assert "the round r1 of lottery is not recalled: operation w1 of lottery did not" in differs
    assert column(archivist, ROUND_IDS) == ["r2"]
    assert recalled(archivist) == Recalled(0, 0, came.waiting)


def test_a_person_recalls_a_round_at_the_command_line(archivist: Archivist) -> None:
    archivist.let_rows_go()
    words = ("archive", "recall", "--provider", SLUG, "--by", "jonas")

    assert "either --operation or --round" in archivist.run(*words, code=2)
    assert "1 operation came back" in archivist.run(*words, "--round", "r2")
    assert "the operation b2 of lottery is in no archive only" in archivist.run(
        *words, "--operation", "b2", code=1
    )
    trail = "SELECT actor, subject FROM audit WHERE action = 'archive.recalled'"
    assert archivist.rows(trail) == [("jonas", "r2")]
